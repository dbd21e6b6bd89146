-- What the records of customers, contacts and the account need beside their columns. Run whole by a migration.

-- Notes become rows with an author and a time.
INSERT INTO customer_note (customer_id, at, author, text)
SELECT id, created_at, 'before notes had authors', notes FROM customer WHERE notes <> '';
SET CONSTRAINTS ALL IMMEDIATE;

-- Whoever could read everything still can.
UPDATE user_group SET areas = '{*}';

-- Contacts log in at the portal domain of their customer: an email is unique there.
CREATE FUNCTION contact_login_domain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT COALESCE(customer.domain_id, 0) INTO NEW.login_domain FROM customer WHERE id = NEW.customer_id;
  RETURN NEW;
END $$;
CREATE TRIGGER a_login_domain BEFORE INSERT OR UPDATE ON contact FOR EACH ROW EXECUTE FUNCTION contact_login_domain();
CREATE FUNCTION contacts_follow_domain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE contact SET login_domain = COALESCE(NEW.domain_id, 0) WHERE customer_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER contacts_follow_domain AFTER UPDATE OF domain_id ON customer FOR EACH ROW
  WHEN (OLD.domain_id IS DISTINCT FROM NEW.domain_id) EXECUTE FUNCTION contacts_follow_domain();

-- Number blocks of one account never overlap: each account has its own stretch of one long line.
ALTER TABLE number_block ADD COLUMN line int8range NOT NULL GENERATED ALWAYS AS
  (int8range(account_id * 10000000000000 + first, account_id * 10000000000000 + last, '[]')) STORED;
ALTER TABLE number_block ADD CONSTRAINT number_block_apart EXCLUDE USING gist (line WITH &&);

-- The audit log tells who acted in what capacity, from where, and whose record it was.
ALTER TABLE audit ADD COLUMN actor_kind text, ADD COLUMN actor_id bigint, ADD COLUMN ip inet,
  ADD COLUMN account_id bigint, ADD COLUMN customer_id bigint;
CREATE INDEX audit_customer ON audit (customer_id, id DESC) WHERE customer_id IS NOT NULL;
CREATE INDEX audit_actor ON audit (actor, id DESC);
CREATE INDEX audit_at ON audit (at);

CREATE OR REPLACE FUNCTION audit_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE old_row jsonb := to_jsonb(OLD); new_row jsonb := to_jsonb(NEW); secret text;
        was jsonb; becomes jsonb; whole jsonb := COALESCE(to_jsonb(NEW), to_jsonb(OLD));
BEGIN
  was := (SELECT jsonb_object_agg(key, value) FROM jsonb_each(old_row) WHERE new_row IS NULL OR value IS DISTINCT FROM new_row -> key);
  becomes := (SELECT jsonb_object_agg(key, value) FROM jsonb_each(new_row) WHERE old_row IS NULL OR value IS DISTINCT FROM old_row -> key);
  IF TG_OP = 'UPDATE' AND becomes IS NULL THEN RETURN NULL; END IF;
  FOREACH secret IN ARRAY COALESCE(TG_ARGV, '{}') LOOP
    IF was ? secret THEN was := was || jsonb_build_object(secret, '(hidden)'); END IF;
    IF becomes ? secret THEN becomes := becomes || jsonb_build_object(secret, '(hidden)'); END IF;
  END LOOP;
  INSERT INTO audit (actor, act, reason, table_name, row_id, verb, before, after, actor_kind, actor_id, ip, account_id, customer_id)
  VALUES (current_setting('audit.actor', true), current_setting('audit.act', true), current_setting('audit.reason', true),
          TG_TABLE_NAME, (whole ->> 'id')::bigint, TG_OP, was, becomes,
          NULLIF(current_setting('audit.actor_kind', true), ''), NULLIF(current_setting('audit.actor_id', true), '')::bigint,
          NULLIF(current_setting('audit.ip', true), '')::inet,
          CASE WHEN TG_TABLE_NAME = 'account' THEN (whole ->> 'id')::bigint ELSE (whole ->> 'account_id')::bigint END,
          CASE WHEN TG_TABLE_NAME = 'customer' THEN (whole ->> 'id')::bigint ELSE (whole ->> 'customer_id')::bigint END);
  PERFORM pg_notify('changed', TG_TABLE_NAME || ':' || (whole ->> 'id'));
  RETURN NULL;
END $$;

-- The chain over the audit log. It is made beside the log by a job (actions.audit), so that no two saves wait for it.
CREATE TABLE audit_seal (
  audit_id  bigint PRIMARY KEY,
  hash      bytea NOT NULL,
  sealed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER audit_seal_append_only BEFORE UPDATE OR DELETE ON audit_seal FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The platform charges the account day by day through the same ledger.
ALTER TABLE entry DROP CONSTRAINT entry_book_check, DROP CONSTRAINT entry_kind_check;
ALTER TABLE entry
  ADD CONSTRAINT entry_book_check CHECK (book IN ('revenue', 'resale', 'carrier_cost', 'payments', 'adjustments', 'tax', 'platform')),
  ADD CONSTRAINT entry_kind_check CHECK (kind IN ('call', 'overrun', 'topup', 'adjustment', 'platform'));
CREATE TRIGGER account_charge_append_only BEFORE UPDATE OR DELETE ON account_charge FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER agreement_append_only BEFORE UPDATE OR DELETE ON agreement FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER agreement_acceptance_append_only BEFORE UPDATE OR DELETE ON agreement_acceptance
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The meter of a tag's route belongs to the tag's account.
CREATE OR REPLACE FUNCTION keep_meter() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE mine_account bigint; mine_depth smallint;
BEGIN
  IF TG_TABLE_NAME = 'endpoint' THEN
    mine_account := NEW.account_id; mine_depth := 100;
  ELSIF TG_TABLE_NAME = 'ingress_route' THEN
    SELECT account_id INTO STRICT mine_account FROM (
      SELECT account_id FROM customer WHERE id = NEW.customer_id UNION ALL SELECT account_id FROM tag WHERE id = NEW.tag_id
    ) AS owner;
    mine_depth := 99;
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

-- Workers that start at the same moment make the partition of a day in turn: the second finds it made.
CREATE OR REPLACE FUNCTION cdr_make_partition(day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE partition_name text := 'cdr_' || to_char(day, 'YYYYMMDD');
        day_from timestamptz := day::timestamp AT TIME ZONE 'UTC';
        day_until timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
  IF to_regclass(partition_name) IS NOT NULL THEN RETURN false; END IF;
  LOCK TABLE cdr IN SHARE UPDATE EXCLUSIVE MODE;  -- lets CDRs in; an advisory lock would not show what others have made
  IF to_regclass(partition_name) IS NOT NULL THEN RETURN false; END IF;
  IF EXISTS (SELECT FROM cdr_default WHERE started_at >= day_from AND started_at < day_until) THEN RETURN false; END IF;
  EXECUTE format('CREATE TABLE %I PARTITION OF cdr FOR VALUES FROM (%L) TO (%L)', partition_name, day_from, day_until);
  RETURN true;
END $$;
