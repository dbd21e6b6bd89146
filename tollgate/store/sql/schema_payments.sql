-- What gateways and vouchers need beside their columns. Run whole by a migration.

-- A completed payment stays as it is; what was given back of it is counted beside it.
CREATE OR REPLACE FUNCTION freeze_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE may_change text[] := '{allocated_micros,refunded_micros,public_note,private_note,version}';
BEGIN
  IF OLD.status = 'completed' AND OLD.customer_id IS NOT NULL
     AND (TG_OP = 'DELETE' OR to_jsonb(NEW) - may_change IS DISTINCT FROM to_jsonb(OLD) - may_change) THEN
    RAISE EXCEPTION 'a completed payment is never changed: refund it' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN COALESCE(NEW, OLD);
END $$;

-- What a gateway said stays as it was said.
CREATE FUNCTION freeze_payment_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE said text[] := '{id,account_id,gateway_id,at,ip,headers,body}';
BEGIN
  IF TG_OP = 'DELETE' OR (SELECT jsonb_object_agg(name, to_jsonb(NEW) -> name) FROM unnest(said) AS name)
     IS DISTINCT FROM (SELECT jsonb_object_agg(name, to_jsonb(OLD) -> name) FROM unnest(said) AS name) THEN
    RAISE EXCEPTION 'what a gateway said is never changed' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payment_event_frozen BEFORE UPDATE OR DELETE ON payment_event
  FOR EACH ROW EXECUTE FUNCTION freeze_payment_event();

-- A voucher is used once, whatever happens at the same moment.
CREATE FUNCTION freeze_voucher() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR OLD.state = 'used' THEN
    RAISE EXCEPTION 'a used voucher is never changed' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER voucher_frozen BEFORE UPDATE OR DELETE ON voucher FOR EACH ROW EXECUTE FUNCTION freeze_voucher();
