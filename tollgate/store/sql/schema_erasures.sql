-- What the audit log keeps of delayed saves tells of people too: an erasure takes their values out as it does a contact's.
-- Only what names the person may change there. Run whole by a migration; the rest is said in schema_corrections.sql.
CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE may_change text[] := '{actor,ip,before,after}'; of_person text[] := '{title,before,after,result}';
BEGIN
  IF TG_OP = 'UPDATE' AND current_setting('audit.erasing', true) = 'on' AND OLD.verb <> 'ERASE'
     AND to_jsonb(NEW) - may_change = to_jsonb(OLD) - may_change
     AND (NEW.ip IS NULL OR NEW.ip = OLD.ip)
     AND (NEW.actor IS NOT DISTINCT FROM OLD.actor
          OR OLD.actor_kind = 'contact' AND NEW.actor ~ '^contact [0-9]+$'
          OR OLD.actor LIKE '% as %' AND NEW.actor ~ ' as contact [0-9]+$'
             AND regexp_replace(NEW.actor, ' as contact [0-9]+$', '') = split_part(OLD.actor, ' as ', 1))
     AND (OLD.table_name = 'contact'
          OR OLD.table_name = 'delayed_save' AND NEW.before - of_person IS NOT DISTINCT FROM OLD.before - of_person
             AND NEW.after - of_person IS NOT DISTINCT FROM OLD.after - of_person
          OR NEW.before IS NOT DISTINCT FROM OLD.before AND NEW.after IS NOT DISTINCT FROM OLD.after) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '% rows are never changed or deleted: write a correcting row instead', TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $$;
