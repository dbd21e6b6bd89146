-- The account type that a charge is of: by it the documents of one kind bear it. It may change with the entry that moves the
-- charge's money, once: then it is of the document that did.
CREATE OR REPLACE FUNCTION freeze_charge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR OLD.entry_id IS NOT NULL
     OR to_jsonb(NEW) - '{entry_id,billing_type}'::text[] IS DISTINCT FROM to_jsonb(OLD) - '{entry_id,billing_type}'::text[]
     OR NEW.billing_type <> OLD.billing_type AND NEW.entry_id IS NULL THEN
    RAISE EXCEPTION 'a charge is never changed: correct it by a credit note' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

-- Charges that are there are of the document that moved their money, else of what their customer was when they were made.
ALTER TABLE charge DISABLE TRIGGER charge_frozen;
UPDATE charge
SET billing_type = COALESCE(
  (SELECT CASE invoice.kind WHEN 'receipt' THEN 'prepaid' ELSE 'postpaid' END
   FROM entry
   JOIN invoice ON entry.ref = 'invoice:' || invoice.id
   WHERE entry.account_id = charge.account_id AND entry.id = charge.entry_id),
  (SELECT audit.before ->> 'billing_type'
   FROM audit
   WHERE audit.table_name = 'customer' AND audit.row_id = charge.customer_id AND audit.verb = 'UPDATE'
     AND audit.before ->> 'billing_type' IS NOT NULL AND audit.at > charge.at
   ORDER BY audit.id
   LIMIT 1),
  (SELECT billing_type FROM customer WHERE customer.id = charge.customer_id)
);
ALTER TABLE charge ENABLE TRIGGER charge_frozen;
