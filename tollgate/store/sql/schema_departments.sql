-- Departments of contacts: who names one names one that is there. Run whole by a migration.

CREATE FUNCTION is_built_in_department(key text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT key IN ('general', 'billing', 'technical', 'sales', 'legal', 'noc')
$$;

-- A department that is being named is not deleted meanwhile: its row is held until the end of the transaction.
CREATE FUNCTION contact_department() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM department JOIN customer USING (account_id)
  WHERE customer.id = NEW.customer_id AND department.key = NEW.kind
  FOR KEY SHARE OF department;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'kind: there is no department %', NEW.kind USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER department BEFORE INSERT OR UPDATE OF kind, customer_id ON contact
  FOR EACH ROW WHEN (NOT is_built_in_department(NEW.kind)) EXECUTE FUNCTION contact_department();

CREATE FUNCTION notice_departments() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  missing text;
BEGIN
  PERFORM FROM department
  WHERE department.account_id = NEW.account_id AND department.key = ANY (NEW.notification_departments)
  ORDER BY department.id FOR KEY SHARE;
  SELECT named.key INTO missing FROM unnest(NEW.notification_departments) AS named (key)
  WHERE NOT is_built_in_department(named.key) AND NOT EXISTS (
    SELECT FROM department WHERE department.account_id = NEW.account_id AND department.key = named.key)
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'notification_departments: there is no department %', missing
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER departments BEFORE INSERT OR UPDATE OF notification_departments, account_id ON customer
  FOR EACH ROW WHEN (NEW.notification_departments <> '{}') EXECUTE FUNCTION notice_departments();

-- Its key stays, and it stays while somebody names it.
CREATE FUNCTION keep_department() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    RAISE EXCEPTION 'key: it stays what it is' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF EXISTS (SELECT FROM contact JOIN customer ON customer.id = contact.customer_id
             WHERE contact.kind = OLD.key AND customer.account_id = OLD.account_id)
     OR EXISTS (SELECT FROM customer
                WHERE customer.account_id = OLD.account_id AND OLD.key = ANY (customer.notification_departments)) THEN
    RAISE EXCEPTION 'department_id: somebody has just been put into this department: look again'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER keep_key BEFORE UPDATE ON department FOR EACH ROW
  WHEN ((OLD.account_id, OLD.key) IS DISTINCT FROM (NEW.account_id, NEW.key)) EXECUTE FUNCTION keep_department();
CREATE TRIGGER keep_used BEFORE DELETE ON department FOR EACH ROW EXECUTE FUNCTION keep_department();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON department FOR EACH ROW EXECUTE FUNCTION audit_row();
CREATE TRIGGER next_version BEFORE UPDATE ON department FOR EACH ROW EXECUTE FUNCTION next_version();
