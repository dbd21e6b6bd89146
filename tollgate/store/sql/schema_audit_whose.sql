-- Whose record an audited row is also where it is told by another record, and who acts for statements that note by themselves.

-- The capacity of who acts, the id and the address, as the process has set them for the transaction.
CREATE FUNCTION audit_acting(OUT kind text, OUT id bigint, OUT ip inet) LANGUAGE sql STABLE AS $$
  SELECT NULLIF(current_setting('audit.actor_kind', true), ''), NULLIF(current_setting('audit.actor_id', true), '')::bigint,
         NULLIF(current_setting('audit.ip', true), '')::inet
$$;

-- The customer of a row: its own, or that of its contact, route or endpoint.
CREATE FUNCTION audit_customer(table_name text, audited jsonb) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN table_name = 'customer' THEN (audited ->> 'id')::bigint
    WHEN audited ->> 'customer_id' IS NOT NULL THEN (audited ->> 'customer_id')::bigint
    WHEN audited ->> 'contact_id' IS NOT NULL
      THEN (SELECT customer_id FROM contact WHERE id = (audited ->> 'contact_id')::bigint)
    WHEN audited ->> 'ingress_route_id' IS NOT NULL
      THEN (SELECT customer_id FROM ingress_route WHERE id = (audited ->> 'ingress_route_id')::bigint)
    WHEN audited ->> 'endpoint_id' IS NOT NULL
      THEN (SELECT customer_id FROM endpoint WHERE id = (audited ->> 'endpoint_id')::bigint)
  END
$$;

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
  SELECT current_setting('audit.actor', true), current_setting('audit.act', true), current_setting('audit.reason', true),
         TG_TABLE_NAME, (whole ->> 'id')::bigint, TG_OP, was, becomes, acting.kind, acting.id, acting.ip,
         CASE WHEN TG_TABLE_NAME = 'account' THEN (whole ->> 'id')::bigint ELSE (whole ->> 'account_id')::bigint END,
         audit_customer(TG_TABLE_NAME, whole)
  FROM audit_acting() AS acting;
  PERFORM pg_notify('changed', TG_TABLE_NAME || ':' || (whole ->> 'id'));
  RETURN NULL;
END $$;

-- Who published a version of the agreement, and from where. Its text never changes and stands in its own row.
CREATE TRIGGER audit AFTER INSERT ON agreement FOR EACH ROW EXECUTE FUNCTION audit_row('text');
