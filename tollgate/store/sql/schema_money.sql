-- What invoices, payments and charges need beside their columns. Run whole by a migration.

-- Whoever had credit was billed afterwards.
UPDATE customer SET billing_type = 'postpaid' WHERE debit_limit_micros > 0;
SET CONSTRAINTS ALL IMMEDIATE;

-- Documents move money through the same ledger, and an entry names the document it belongs to.
ALTER TABLE entry ADD COLUMN ref text;
ALTER TABLE entry DROP CONSTRAINT entry_book_check, DROP CONSTRAINT entry_kind_check;
ALTER TABLE entry
  ADD CONSTRAINT entry_book_check CHECK (book IN ('revenue', 'resale', 'carrier_cost', 'payments', 'payment_fees', 'adjustments',
                                                  'tax', 'platform', 'exchange')),
  ADD CONSTRAINT entry_kind_check CHECK (kind IN ('call', 'overrun', 'topup', 'adjustment', 'platform', 'package', 'fee', 'invoice',
                                                  'rounding', 'tax', 'credit_note', 'debit_note', 'refund', 'reversal', 'bonus',
                                                  'surcharge', 'correction'));
CREATE INDEX entry_ref ON entry (ref) WHERE ref IS NOT NULL;
-- Corrections of calls: few, and each may belong to a period that was billed long ago.
CREATE INDEX entry_correction ON entry (wallet_id) WHERE call_id IS NOT NULL AND kind IN ('adjustment', 'correction');

-- No period of a customer is billed twice: each customer has its own stretch of one long line of seconds.
ALTER TABLE invoice ADD COLUMN usage_line int8range GENERATED ALWAYS AS (
  int8range(customer_id * 100000000000 + extract(epoch FROM usage_from_at AT TIME ZONE 'UTC')::bigint,
            customer_id * 100000000000 + extract(epoch FROM usage_until_at AT TIME ZONE 'UTC')::bigint)
) STORED;
ALTER TABLE invoice ADD CONSTRAINT invoice_period_once EXCLUDE USING gist (usage_line WITH &&)
  WHERE (state <> 'void' AND usage_from_at IS NOT NULL);

-- What is issued is never changed: only that it was settled, sent or voided may still be written down.
CREATE FUNCTION freeze_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE may_change text[] := '{state,settled_micros,sent_at,voided_at,reason,version,usage_line}';  -- generated later
BEGIN
  IF OLD.state = 'draft' THEN RETURN COALESCE(NEW, OLD); END IF;
  IF TG_OP = 'DELETE' OR OLD.state = 'void' AND NEW.state <> 'void' OR NEW.state = 'draft'
     OR to_jsonb(NEW) - may_change IS DISTINCT FROM to_jsonb(OLD) - may_change THEN
    RAISE EXCEPTION 'an issued document is never changed: correct it by a credit or debit note'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER invoice_frozen BEFORE UPDATE OR DELETE ON invoice FOR EACH ROW EXECUTE FUNCTION freeze_invoice();
CREATE FUNCTION freeze_invoice_part() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM invoice WHERE id IN (NEW.invoice_id, OLD.invoice_id) AND state <> 'draft') THEN
    RAISE EXCEPTION 'the lines of an issued document are never changed: correct it by a credit or debit note'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER invoice_line_frozen BEFORE INSERT OR UPDATE OR DELETE ON invoice_line
  FOR EACH ROW EXECUTE FUNCTION freeze_invoice_part();
CREATE TRIGGER invoice_tax_frozen BEFORE INSERT OR UPDATE OR DELETE ON invoice_tax
  FOR EACH ROW EXECUTE FUNCTION freeze_invoice_part();

-- A charge is made once; later only the entry that moved its money is added.
CREATE FUNCTION freeze_charge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR OLD.entry_id IS NOT NULL OR to_jsonb(NEW) - 'entry_id' IS DISTINCT FROM to_jsonb(OLD) - 'entry_id' THEN
    RAISE EXCEPTION 'a charge is never changed: correct it by a credit note' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER charge_frozen BEFORE UPDATE OR DELETE ON charge FOR EACH ROW EXECUTE FUNCTION freeze_charge();
CREATE TRIGGER allocation_append_only BEFORE UPDATE OR DELETE ON allocation FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A completed payment stays as it is; refunds and reversals are payments of their own.
CREATE FUNCTION freeze_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE may_change text[] := '{allocated_micros,public_note,private_note,version}';
BEGIN
  IF OLD.status = 'completed' AND OLD.customer_id IS NOT NULL
     AND (TG_OP = 'DELETE' OR to_jsonb(NEW) - may_change IS DISTINCT FROM to_jsonb(OLD) - may_change) THEN
    RAISE EXCEPTION 'a completed payment is never changed: refund it' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER payment_frozen BEFORE UPDATE OR DELETE ON payment FOR EACH ROW EXECUTE FUNCTION freeze_payment();
