-- What corrections of payments and of archived calls need beside their columns. Run whole by a migration.

-- A completed payment stays as it is; what was given back of it, and the notice that told it again, stand beside it.
CREATE OR REPLACE FUNCTION freeze_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE may_change text[] := '{allocated_micros,refunded_micros,noticed_as,public_note,private_note,version}';
BEGIN
  IF OLD.status = 'completed' AND OLD.customer_id IS NOT NULL
     AND (TG_OP = 'DELETE' OR to_jsonb(NEW) - may_change IS DISTINCT FROM to_jsonb(OLD) - may_change) THEN
    RAISE EXCEPTION 'a completed payment is never changed: refund it' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN COALESCE(NEW, OLD);
END $$;

-- What a line of the summaries is known by, of calls that only the lake still has, so that their corrections count there.
-- Calls that were archived before have none of it (their currency is empty): their corrections stand by themselves, in the
-- currency of the wallet that they moved.
ALTER TABLE archived_call
  ADD COLUMN carrier_id bigint,
  ADD COLUMN prefix text NOT NULL DEFAULT '',
  ADD COLUMN currency char(3),
  ADD COLUMN carrier_currency char(3),
  ADD COLUMN profit_known boolean NOT NULL DEFAULT false,
  ADD COLUMN seller_wallet_id bigint;  -- whose price was the account's income; empty: the caller's own

-- As in schema_summaries.sql, and corrections of archived calls beside. Those calls themselves were added while the
-- database had them.
CREATE OR REPLACE VIEW call_line AS
  SELECT account_id, written, started_at, date_trunc('hour', started_at, 'UTC') AS hour_at, customer_id, carrier_id,
         ingress_route_id, COALESCE(prefix, '') AS prefix, destination, number, cli, currency, carrier_currency,
         1::bigint AS attempts, (state = 'refused')::int::bigint AS refused, (answered_at IS NOT NULL)::int::bigint AS connected,
         duration_ms, billed_s::bigint AS billed_s, COALESCE(carrier_billed_s, 0)::bigint AS carrier_billed_s, cost_micros,
         COALESCE(carrier_cost_micros, 0) AS carrier_cost_micros, COALESCE(profit_micros, 0) AS profit_micros,
         CASE WHEN profit_micros IS NULL THEN 0 ELSE cost_micros END AS profitable_micros, 0::bigint AS correction_micros,
         0::bigint AS carrier_correction_micros, 0::bigint AS profit_correction_micros,
         0::bigint AS profitable_correction_micros
  FROM cdr
  UNION ALL
  SELECT cdr.account_id, entry.written, cdr.started_at, date_trunc('hour', cdr.started_at, 'UTC'), cdr.customer_id,
         cdr.carrier_id, cdr.ingress_route_id, COALESCE(cdr.prefix, ''), cdr.destination, cdr.number, cdr.cli, cdr.currency,
         cdr.carrier_currency, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
         CASE WHEN caller THEN -entry.amount_micros ELSE 0 END,
         CASE WHEN wallet.kind = 'carrier' THEN entry.amount_micros ELSE 0 END,
         CASE WHEN cdr.profit_micros IS NOT NULL AND (wallet.kind = 'carrier' OR seller) THEN -entry.amount_micros ELSE 0 END,
         CASE WHEN cdr.profit_micros IS NOT NULL AND caller THEN -entry.amount_micros ELSE 0 END
  FROM entry
  JOIN cdr ON cdr.account_id = entry.account_id AND cdr.id = entry.call_id
  JOIN wallet ON wallet.id = entry.wallet_id
  CROSS JOIN LATERAL (
    SELECT wallet.kind = 'customer' AND wallet.owner_id = cdr.customer_id AS caller,
           wallet.kind = 'customer' AND (
             wallet.id = (cdr.detail -> 'legs' -> -1 ->> 'wallet')::bigint
             OR cdr.detail -> 'legs' IS NULL AND wallet.owner_id = cdr.customer_id) AS seller
  ) AS payer
  WHERE entry.call_id IS NOT NULL AND entry.kind IN ('adjustment', 'correction')
  UNION ALL
  SELECT gone.account_id, entry.written, gone.started_at, date_trunc('hour', gone.started_at, 'UTC'), gone.customer_id,
         gone.carrier_id, gone.ingress_route_id, gone.prefix, gone.destination, '', '',
         COALESCE(gone.currency, CASE WHEN caller THEN entry.currency END)::char(3),
         COALESCE(gone.carrier_currency, CASE WHEN wallet.kind = 'carrier' THEN entry.currency END)::char(3), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
         CASE WHEN caller THEN -entry.amount_micros ELSE 0 END,
         CASE WHEN wallet.kind = 'carrier' THEN entry.amount_micros ELSE 0 END,
         CASE WHEN gone.profit_known AND (wallet.kind = 'carrier' OR seller) THEN -entry.amount_micros ELSE 0 END,
         CASE WHEN gone.profit_known AND caller THEN -entry.amount_micros ELSE 0 END
  FROM entry
  JOIN archived_call AS gone ON gone.account_id = entry.account_id AND gone.id = entry.call_id
  JOIN wallet ON wallet.id = entry.wallet_id
  CROSS JOIN LATERAL (
    SELECT wallet.kind = 'customer' AND wallet.owner_id = gone.customer_id AS caller,
           wallet.kind = 'customer' AND (
             wallet.id = gone.seller_wallet_id
             OR gone.seller_wallet_id IS NULL AND wallet.owner_id = gone.customer_id) AS seller
  ) AS payer
  WHERE entry.call_id IS NOT NULL AND entry.kind IN ('adjustment', 'correction');

-- What the audit log knows of a person is erased on request: the row stays with its place in the chain, and the event of
-- the erasure has the hash of what is left of it. Only an erasure may change a row, only who it was, and no event of
-- another erasure.
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE may_change text[] := '{actor,ip,before,after}';
BEGIN
  IF TG_OP = 'UPDATE' AND current_setting('audit.erasing', true) = 'on' AND OLD.verb <> 'ERASE'
     AND to_jsonb(NEW) - may_change = to_jsonb(OLD) - may_change
     AND (NEW.ip IS NULL OR NEW.ip = OLD.ip)
     AND (NEW.actor IS NOT DISTINCT FROM OLD.actor
          OR OLD.actor_kind = 'contact' AND NEW.actor ~ '^contact [0-9]+$'
          OR OLD.actor LIKE '% as %' AND NEW.actor ~ ' as contact [0-9]+$'
             AND regexp_replace(NEW.actor, ' as contact [0-9]+$', '') = split_part(OLD.actor, ' as ', 1))
     AND (OLD.table_name = 'contact'
          OR NEW.before IS NOT DISTINCT FROM OLD.before AND NEW.after IS NOT DISTINCT FROM OLD.after) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '% rows are never changed or deleted: write a correcting row instead', TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $$;
DROP TRIGGER audit_append_only ON audit;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE INDEX audit_contact ON audit (actor_id) WHERE actor_kind = 'contact';
-- The values of some columns, told to have been there and no more.
CREATE FUNCTION without_person(told jsonb, personal text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT jsonb_object_agg(key, CASE WHEN key = ANY (personal) AND value NOT IN ('null', '""', '[]') THEN '"(erased)"' ELSE value END)
  FROM jsonb_each(told)
$$;
