-- What packages and their free minutes need beside their columns. Run whole by a migration.

-- Minutes are kept like money: a wallet beside every bundle, whose unit is the second, and entries in a book of their own.
ALTER TABLE wallet DROP CONSTRAINT wallet_kind_check;
ALTER TABLE wallet ADD CONSTRAINT wallet_kind_check
  CHECK (kind IN ('account', 'customer', 'carrier', 'endpoint', 'ingress_route', 'gateway', 'bundle'));
ALTER TABLE entry DROP CONSTRAINT entry_book_check;
ALTER TABLE entry ADD CONSTRAINT entry_book_check
  CHECK (book IN ('revenue', 'resale', 'carrier_cost', 'payments', 'payment_fees', 'adjustments', 'tax', 'platform', 'exchange',
                  'minutes'));
ALTER TABLE entry ADD CONSTRAINT entry_minutes_apart CHECK ((book = 'minutes') = (currency = 'SEC'));

CREATE FUNCTION keep_bundle_wallet() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO wallet (account_id, kind, owner_id, depth, currency) VALUES (NEW.account_id, 'bundle', NEW.id, 98, 'SEC');
  RETURN NULL;
END $$;
CREATE TRIGGER bundle_wallet AFTER INSERT ON bundle FOR EACH ROW EXECUTE FUNCTION keep_bundle_wallet();

-- What a bundle was made with is what was paid for: only its end may come earlier.
CREATE FUNCTION freeze_bundle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR to_jsonb(NEW) - 'ends_at' IS DISTINCT FROM to_jsonb(OLD) - 'ends_at'
     OR NEW.ends_at IS NULL OR NEW.ends_at > OLD.ends_at THEN
    RAISE EXCEPTION 'a bundle of minutes is never changed: only its end may come earlier'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER bundle_frozen BEFORE UPDATE OR DELETE ON bundle FOR EACH ROW EXECUTE FUNCTION freeze_bundle();
