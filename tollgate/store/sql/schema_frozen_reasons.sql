-- Why a document was issued stays as it was printed; why it was voided stands beside. Run whole by a migration.

CREATE OR REPLACE FUNCTION freeze_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE may_change text[] := '{state,settled_micros,sent_at,voided_at,void_reason,version,usage_line}';  -- generated later
BEGIN
  IF OLD.state = 'draft' THEN RETURN COALESCE(NEW, OLD); END IF;
  IF TG_OP = 'DELETE' OR OLD.state = 'void' AND NEW.state <> 'void' OR NEW.state = 'draft'
     OR to_jsonb(NEW) - may_change IS DISTINCT FROM to_jsonb(OLD) - may_change THEN
    RAISE EXCEPTION 'an issued document is never changed: correct it by a credit or debit note'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
