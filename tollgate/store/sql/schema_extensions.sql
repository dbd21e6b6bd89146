-- What extensions and conference rooms need beside their columns. Run whole by a migration.

-- No two extensions of one account share a number: each account has its own stretch of one long line.
ALTER TABLE extension ADD COLUMN line int8range NOT NULL GENERATED ALWAYS AS
  (int8range(account_id * 10000000000000 + first, account_id * 10000000000000 + last, '[]')) STORED;
ALTER TABLE extension ADD CONSTRAINT extension_apart EXCLUDE USING gist (line WITH &&);

-- The registry follows whatever has extensions. A SIP user's name is one where it is a number without a zero before it.
CREATE FUNCTION keep_endpoint_extensions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM extension WHERE endpoint_id = NEW.id;
  INSERT INTO extension (account_id, customer_id, endpoint_id, first, last)
  SELECT NEW.account_id, NEW.customer_id, NEW.id, split_part(span, '-', 1)::bigint, split_part(span, '-', -1)::bigint
  FROM regexp_split_to_table(NEW.extensions, ', ') AS span WHERE span <> '';
  IF NEW.username ~ '^(0|[1-9][0-9]{0,11})$' THEN
    INSERT INTO extension (account_id, customer_id, endpoint_id, first, last)
    VALUES (NEW.account_id, NEW.customer_id, NEW.id, NEW.username::bigint, NEW.username::bigint);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER endpoint_extensions AFTER INSERT OR UPDATE OF username, extensions, account_id, customer_id ON endpoint
  FOR EACH ROW EXECUTE FUNCTION keep_endpoint_extensions();
CREATE FUNCTION keep_room_extension() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM extension WHERE conference_room_id = NEW.id;
  INSERT INTO extension (account_id, customer_id, conference_room_id, first, last)
  VALUES (NEW.account_id, NEW.customer_id, NEW.id, NEW.extension, NEW.extension);
  RETURN NULL;
END $$;
CREATE TRIGGER conference_room_extension AFTER INSERT OR UPDATE OF extension, account_id, customer_id ON conference_room
  FOR EACH ROW EXECUTE FUNCTION keep_room_extension();
CREATE FUNCTION forget_extensions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_TABLE_NAME = 'endpoint' THEN
    DELETE FROM extension WHERE endpoint_id = OLD.id;
  ELSE
    DELETE FROM extension WHERE conference_room_id = OLD.id;
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER endpoint_extensions_gone BEFORE DELETE ON endpoint FOR EACH ROW EXECUTE FUNCTION forget_extensions();
CREATE TRIGGER conference_room_extension_gone BEFORE DELETE ON conference_room
  FOR EACH ROW EXECUTE FUNCTION forget_extensions();

-- Calls to extensions need one address to go to, not a network.
ALTER TABLE endpoint ADD CONSTRAINT endpoint_reachable CHECK (
  extensions = '' OR delivery_host <> '' OR masklen(network) = CASE family(network) WHEN 4 THEN 32 ELSE 128 END);

-- A room holds no money: its wallet only counts who is in it.
ALTER TABLE wallet DROP CONSTRAINT wallet_kind_check;
ALTER TABLE wallet ADD CONSTRAINT wallet_kind_check
  CHECK (kind IN ('account', 'customer', 'carrier', 'endpoint', 'ingress_route', 'gateway', 'bundle', 'conference_room'));
CREATE FUNCTION keep_room_meter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO wallet (account_id, kind, owner_id, depth, channels_max)
  VALUES (NEW.account_id, 'conference_room', NEW.id, 97, NEW.channels)
  ON CONFLICT (account_id, kind, owner_id) DO UPDATE
    SET channels_max = EXCLUDED.channels_max
    WHERE wallet.channels_max IS DISTINCT FROM EXCLUDED.channels_max;
  RETURN NULL;
END $$;
CREATE TRIGGER conference_room_wallet AFTER INSERT OR UPDATE ON conference_room
  FOR EACH ROW EXECUTE FUNCTION keep_room_meter();

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON conference_room FOR EACH ROW EXECUTE FUNCTION audit_row();
CREATE TRIGGER next_version BEFORE UPDATE ON conference_room FOR EACH ROW EXECUTE FUNCTION next_version();

-- The extensions that are there already.
INSERT INTO extension (account_id, customer_id, endpoint_id, first, last)
SELECT account_id, customer_id, id, username::bigint, username::bigint
FROM endpoint WHERE username ~ '^(0|[1-9][0-9]{0,11})$';
