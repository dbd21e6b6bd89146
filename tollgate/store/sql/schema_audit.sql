-- The audit log, written by one trigger so that no process can forget it, and the notices that keep snapshots fresh.

CREATE TABLE audit (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor      text,
  act        text,
  reason     text,
  table_name text NOT NULL,
  row_id     bigint NOT NULL,
  verb       text NOT NULL,
  before     jsonb,
  after      jsonb
);
CREATE INDEX audit_row ON audit (table_name, row_id, id DESC);
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Secrets never reach the log: their columns are named in the trigger's arguments and shown as changed, not as values.
CREATE FUNCTION audit_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE old_row jsonb := to_jsonb(OLD); new_row jsonb := to_jsonb(NEW); secret text;
        was jsonb; becomes jsonb;
BEGIN
  was := (SELECT jsonb_object_agg(key, value) FROM jsonb_each(old_row) WHERE new_row IS NULL OR value IS DISTINCT FROM new_row -> key);
  becomes := (SELECT jsonb_object_agg(key, value) FROM jsonb_each(new_row) WHERE old_row IS NULL OR value IS DISTINCT FROM old_row -> key);
  IF TG_OP = 'UPDATE' AND becomes IS NULL THEN RETURN NULL; END IF;
  FOREACH secret IN ARRAY COALESCE(TG_ARGV, '{}') LOOP
    IF was ? secret THEN was := was || jsonb_build_object(secret, '(hidden)'); END IF;
    IF becomes ? secret THEN becomes := becomes || jsonb_build_object(secret, '(hidden)'); END IF;
  END LOOP;
  INSERT INTO audit (actor, act, reason, table_name, row_id, verb, before, after)
  VALUES (current_setting('audit.actor', true), current_setting('audit.act', true), current_setting('audit.reason', true),
          TG_TABLE_NAME, COALESCE(NEW.id, OLD.id), TG_OP, was, becomes);
  PERFORM pg_notify('changed', TG_TABLE_NAME || ':' || COALESCE(NEW.id, OLD.id));
  RETURN NULL;
END $$;

-- The optimistic lock: every real change takes the next version, a save without a change leaves no trace.
CREATE FUNCTION next_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := OLD.version;
  IF NEW IS DISTINCT FROM OLD THEN NEW.version := OLD.version + 1; END IF;
  RETURN NEW;
END $$;
