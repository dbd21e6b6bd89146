-- What is paid to carriers, payments that contacts began, and the list of a customer's payments. Run whole by a migration.

-- Not validated: no entry has the new kind, and the ledger may be long.
ALTER TABLE entry DROP CONSTRAINT entry_kind_check;
ALTER TABLE entry ADD CONSTRAINT entry_kind_check
  CHECK (kind IN ('call', 'overrun', 'topup', 'adjustment', 'platform', 'package', 'fee', 'invoice', 'rounding', 'tax',
                  'credit_note', 'debit_note', 'refund', 'reversal', 'bonus', 'surcharge', 'correction', 'payment')) NOT VALID;

-- What was paid to a carrier stays as it was booked: only its note and which statement it is for may be said anew.
CREATE FUNCTION freeze_carrier_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE may_change text[] := '{note,statement_id,version}';
BEGIN
  IF TG_OP = 'DELETE' OR to_jsonb(NEW) - may_change IS DISTINCT FROM to_jsonb(OLD) - may_change THEN
    RAISE EXCEPTION 'a payment to a carrier is never changed: undo it' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER carrier_payment_frozen BEFORE UPDATE OR DELETE ON carrier_payment
  FOR EACH ROW EXECUTE FUNCTION freeze_carrier_payment();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON carrier_payment FOR EACH ROW EXECUTE FUNCTION audit_row();
CREATE TRIGGER next_version BEFORE UPDATE ON carrier_payment FOR EACH ROW EXECUTE FUNCTION next_version();

-- The words of a completed payment may be said anew, its payer among them; what it has moved never.
CREATE OR REPLACE FUNCTION freeze_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE may_change text[] :=
  '{allocated_micros,refunded_micros,leaving_micros,noticed_as,public_note,private_note,payer,version}';
BEGIN
  IF OLD.fee_micros = 0 THEN may_change := may_change || '{fee_micros,reached_micros}'; END IF;
  IF OLD.status = 'completed' AND OLD.customer_id IS NOT NULL
     AND (TG_OP = 'DELETE' OR to_jsonb(NEW) - may_change IS DISTINCT FROM to_jsonb(OLD) - may_change) THEN
    RAISE EXCEPTION 'a completed payment is never changed: refund it' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN COALESCE(NEW, OLD);
END $$;

-- What contacts have begun before this and still waits: it counts, and they may take it back.
UPDATE payment SET by_contact = true
WHERE status = 'pending' AND EXISTS (
  SELECT FROM audit
  WHERE audit.table_name = 'payment' AND audit.row_id = payment.id AND audit.verb = 'INSERT'
    AND audit.act IN ('start_checkout', 'tell_bank_transfer')
);

-- The payments of customers, and below zero what packages took from their balances by themselves (auto decrement): these
-- charges are no payments and are in no sum of them. What an invoice asks for is not among them.
CREATE VIEW payment_row AS
SELECT payment.id * 2 AS id, payment.account_id, payment.customer_id, payment.id AS payment_id, NULL::bigint AS charge_id,
       NULL::bigint AS customer_package_id, payment.received_at, payment.status, payment.kind, payment.currency,
       payment.amount_micros, payment.public_note
FROM payment
WHERE payment.customer_id IS NOT NULL
UNION ALL
SELECT charge.id * 2 + 1, charge.account_id, charge.customer_id, NULL, charge.id,
       (charge.detail ->> 'customer_package')::bigint, charge.at, 'completed', 'package', charge.currency,
       -charge.amount_micros, charge.description
FROM charge
JOIN entry ON entry.account_id = charge.account_id AND entry.id = charge.entry_id AND entry.ref = 'charge:' || charge.id
WHERE charge.kind IN ('package', 'setup', 'minimum_spend');
