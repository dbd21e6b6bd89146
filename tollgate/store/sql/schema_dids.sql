-- What DIDs need beside their columns. Run whole by a migration.

-- A DID holds no money: its wallet only counts channels and calls per second.
ALTER TABLE wallet DROP CONSTRAINT wallet_kind_check;
ALTER TABLE wallet ADD CONSTRAINT wallet_kind_check CHECK (kind IN (
  'account', 'customer', 'carrier', 'endpoint', 'ingress_route', 'gateway', 'bundle', 'conference_room', 'did'));
CREATE FUNCTION keep_did_meter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO wallet (account_id, kind, owner_id, depth, channels_max, cps_max_milli)
  VALUES (NEW.account_id, 'did', NEW.id, 96, NEW.channels, NEW.cps_milli)
  ON CONFLICT (account_id, kind, owner_id) DO UPDATE
    SET channels_max = EXCLUDED.channels_max, cps_max_milli = EXCLUDED.cps_max_milli
    WHERE (wallet.channels_max, wallet.cps_max_milli) IS DISTINCT FROM (EXCLUDED.channels_max, EXCLUDED.cps_max_milli);
  RETURN NULL;
END $$;
CREATE TRIGGER did_wallet AFTER INSERT OR UPDATE ON did FOR EACH ROW EXECUTE FUNCTION keep_did_meter();

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON did FOR EACH ROW EXECUTE FUNCTION audit_row();
CREATE TRIGGER next_version BEFORE UPDATE ON did FOR EACH ROW EXECUTE FUNCTION next_version();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON did_price FOR EACH ROW EXECUTE FUNCTION audit_row();

-- For rows that are written without Django.
ALTER TABLE card ALTER COLUMN direction SET DEFAULT 'termination';
ALTER TABLE carrier ALTER COLUMN networks SET DEFAULT '{}';
