-- What is paid out by transfer is in transit from when it is asked for until the bank has paid it. Run whole by a migration.

-- Not validated: no entry names the new book, and the ledger may be long.
ALTER TABLE entry DROP CONSTRAINT entry_book_check;
ALTER TABLE entry ADD CONSTRAINT entry_book_check
  CHECK (book IN ('revenue', 'resale', 'carrier_cost', 'payments', 'payment_fees', 'adjustments', 'tax', 'platform',
                  'minutes', 'in_transit')) NOT VALID;

-- A completed payment says what of it is leaving, beside what has left.
CREATE OR REPLACE FUNCTION freeze_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE may_change text[] := '{allocated_micros,refunded_micros,leaving_micros,noticed_as,public_note,private_note,version}';
BEGIN
  IF OLD.fee_micros = 0 THEN may_change := may_change || '{fee_micros,reached_micros}'; END IF;
  IF OLD.status = 'completed' AND OLD.customer_id IS NOT NULL
     AND (TG_OP = 'DELETE' OR to_jsonb(NEW) - may_change IS DISTINCT FROM to_jsonb(OLD) - may_change) THEN
    RAISE EXCEPTION 'a completed payment is never changed: refund it' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN COALESCE(NEW, OLD);
END $$;

-- A file says when it was first fetched.
CREATE OR REPLACE FUNCTION freeze_bank_run() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE may_change text[] := '{state,fetched_at,sent_at,canceled_at,version}';
BEGIN
  IF TG_OP = 'DELETE' OR to_jsonb(NEW) - may_change IS DISTINCT FROM to_jsonb(OLD) - may_change THEN
    RAISE EXCEPTION 'a file for the bank is never changed' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

-- What waited for the bank until now leaves its wallet as well.
WITH waiting AS (
  SELECT payment.id, payment.account_id, payment.amount_micros, payment.currency, payment.reverses_id, wallet.id AS wallet_id
  FROM payment
  JOIN bank_line ON bank_line.payment_id = payment.id AND bank_line.state = 'waiting'
  JOIN wallet ON wallet.account_id = payment.account_id AND wallet.kind = 'customer' AND wallet.owner_id = payment.customer_id
  WHERE payment.status = 'pending' AND payment.kind = 'refund'
), posted AS (
  INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, note, key, ref)
  SELECT account_id, clock_timestamp(), wallet_id, 'in_transit', 'refund', amount_micros, currency,
         'Payout ' || id || ' is on its way', 'payment:' || id || ':sent', 'payment:' || id
  FROM waiting
  RETURNING wallet_id, amount_micros
), moved AS (
  UPDATE wallet SET balance_micros = wallet.balance_micros + gone.micros
  FROM (SELECT wallet_id, sum(amount_micros)::bigint AS micros FROM posted GROUP BY wallet_id) AS gone
  WHERE wallet.id = gone.wallet_id
)
UPDATE payment SET leaving_micros = going.micros
FROM (SELECT reverses_id, -sum(amount_micros)::bigint AS micros FROM waiting GROUP BY reverses_id) AS going
WHERE payment.id = going.reverses_id;
