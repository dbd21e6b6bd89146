-- Fees that gateways tell after a payment, and the books as they are posted to. Run whole by a migration.

-- A completed payment says later what its gateway kept, and so what reached the account: once.
CREATE OR REPLACE FUNCTION freeze_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE may_change text[] := '{allocated_micros,refunded_micros,noticed_as,public_note,private_note,version}';
BEGIN
  IF OLD.fee_micros = 0 THEN may_change := may_change || '{fee_micros,reached_micros}'; END IF;
  IF OLD.status = 'completed' AND OLD.customer_id IS NOT NULL
     AND (TG_OP = 'DELETE' OR to_jsonb(NEW) - may_change IS DISTINCT FROM to_jsonb(OLD) - may_change) THEN
    RAISE EXCEPTION 'a completed payment is never changed: refund it' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN COALESCE(NEW, OLD);
END $$;

-- Nothing was ever posted to `exchange`: payments are booked in the wallet's currency, by a rate that stays with them.
DELETE FROM journal_code WHERE place = 'exchange';
-- Not validated: no entry names it, and the ledger may be long.
ALTER TABLE entry DROP CONSTRAINT entry_book_check;
ALTER TABLE entry ADD CONSTRAINT entry_book_check
  CHECK (book IN ('revenue', 'resale', 'carrier_cost', 'payments', 'payment_fees', 'adjustments', 'tax', 'platform',
                  'minutes')) NOT VALID;
