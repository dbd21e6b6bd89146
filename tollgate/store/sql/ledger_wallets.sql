-- A wallet beside every owner, with the limits that a form changed already in the row that the next call locks.
-- Run whole by a migration.

CREATE FUNCTION keep_payer_wallet() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE mine_account bigint; above wallet; mine_depth smallint; lim bigint; spend bigint;
BEGIN
  IF TG_TABLE_NAME = 'account' THEN
    mine_account := NEW.id; mine_depth := 0; lim := 0;
  ELSIF TG_TABLE_NAME = 'customer' THEN
    mine_account := NEW.account_id; lim := NEW.debit_limit_micros; spend := NEW.daily_spend_limit_micros;
    SELECT * INTO STRICT above FROM wallet WHERE account_id = NEW.account_id
      AND kind = CASE WHEN NEW.parent_id IS NULL THEN 'account' ELSE 'customer' END
      AND owner_id = COALESCE(NEW.parent_id, NEW.account_id);
    mine_depth := above.depth + 1;
  ELSE
    mine_account := NEW.account_id; mine_depth := -1; lim := 0;
  END IF;
  INSERT INTO wallet (account_id, kind, owner_id, parent_id, depth, currency, limit_micros, channels_max, cps_max_milli, spend_max_micros)
  VALUES (mine_account, TG_TABLE_NAME, NEW.id, above.id, mine_depth, NEW.currency, lim, NEW.channels, NEW.cps_milli, spend)
  ON CONFLICT (account_id, kind, owner_id) DO UPDATE
    SET limit_micros = EXCLUDED.limit_micros, channels_max = EXCLUDED.channels_max, cps_max_milli = EXCLUDED.cps_max_milli,
        spend_max_micros = EXCLUDED.spend_max_micros, parent_id = EXCLUDED.parent_id, depth = EXCLUDED.depth
    WHERE (wallet.limit_micros, wallet.channels_max, wallet.cps_max_milli, wallet.spend_max_micros, wallet.parent_id, wallet.depth)
      IS DISTINCT FROM (EXCLUDED.limit_micros, EXCLUDED.channels_max, EXCLUDED.cps_max_milli, EXCLUDED.spend_max_micros, EXCLUDED.parent_id, EXCLUDED.depth);
  RETURN NULL;
END $$;
CREATE TRIGGER account_wallet AFTER INSERT OR UPDATE ON account FOR EACH ROW EXECUTE FUNCTION keep_payer_wallet();
CREATE TRIGGER customer_wallet AFTER INSERT OR UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION keep_payer_wallet();
CREATE TRIGGER carrier_wallet AFTER INSERT OR UPDATE ON carrier FOR EACH ROW EXECUTE FUNCTION keep_payer_wallet();

-- Endpoints, ingress routes and gateways hold no money: their wallet only counts channels and calls per second.
CREATE FUNCTION keep_meter() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE mine_account bigint; mine_depth smallint;
BEGIN
  IF TG_TABLE_NAME = 'endpoint' THEN
    mine_account := NEW.account_id; mine_depth := 100;
  ELSIF TG_TABLE_NAME = 'ingress_route' THEN
    SELECT account_id INTO STRICT mine_account FROM customer WHERE id = NEW.customer_id; mine_depth := 99;
  ELSE
    SELECT account_id INTO STRICT mine_account FROM carrier WHERE id = NEW.carrier_id; mine_depth := -2;
  END IF;
  INSERT INTO wallet (account_id, kind, owner_id, depth, channels_max, cps_max_milli)
  VALUES (mine_account, TG_TABLE_NAME, NEW.id, mine_depth, NEW.channels, NEW.cps_milli)
  ON CONFLICT (account_id, kind, owner_id) DO UPDATE
    SET channels_max = EXCLUDED.channels_max, cps_max_milli = EXCLUDED.cps_max_milli
    WHERE (wallet.channels_max, wallet.cps_max_milli) IS DISTINCT FROM (EXCLUDED.channels_max, EXCLUDED.cps_max_milli);
  RETURN NULL;
END $$;
CREATE TRIGGER endpoint_wallet AFTER INSERT OR UPDATE ON endpoint FOR EACH ROW EXECUTE FUNCTION keep_meter();
CREATE TRIGGER ingress_route_wallet AFTER INSERT OR UPDATE ON ingress_route FOR EACH ROW EXECUTE FUNCTION keep_meter();
CREATE TRIGGER gateway_wallet AFTER INSERT OR UPDATE ON gateway FOR EACH ROW EXECUTE FUNCTION keep_meter();

-- The tree of resellers has no loops: a parent must be a reseller of the same account, and not below its child.
CREATE FUNCTION check_parent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.parent_id IS NULL THEN RETURN NEW; END IF;
  IF NOT EXISTS (SELECT FROM customer WHERE id = NEW.parent_id AND account_id = NEW.account_id AND is_reseller) THEN
    RAISE EXCEPTION 'parent: it must be a reseller of the same account' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF EXISTS (WITH RECURSIVE above AS (
               SELECT id, parent_id FROM customer WHERE id = NEW.parent_id
               UNION SELECT customer.id, customer.parent_id FROM customer JOIN above ON customer.id = above.parent_id)
             SELECT FROM above WHERE id = NEW.id) THEN
    RAISE EXCEPTION 'parent: a reseller cannot be below its own customer' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER customer_parent BEFORE INSERT OR UPDATE OF parent_id ON customer FOR EACH ROW EXECUTE FUNCTION check_parent();
