-- What a gateway said is never changed, but it is forgotten: as a whole, once nobody waits for it. Run whole by a migration;
-- the function replaces that of schema_payments.sql.
CREATE OR REPLACE FUNCTION freeze_payment_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE said text[] := '{id,account_id,gateway_id,at,ip,headers,body}';
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.state NOT IN ('queued', 'failed') AND NEW.body = '' AND NEW.headers = '{}' AND NEW.ip IS NULL THEN
    said := '{id,account_id,gateway_id,at}';
  END IF;
  IF TG_OP = 'DELETE' OR (SELECT jsonb_object_agg(name, to_jsonb(NEW) -> name) FROM unnest(said) AS name)
     IS DISTINCT FROM (SELECT jsonb_object_agg(name, to_jsonb(OLD) -> name) FROM unnest(said) AS name) THEN
    RAISE EXCEPTION 'what a gateway said is never changed' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
