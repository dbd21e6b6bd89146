-- The chain over the audit log (core/audit_chain.py): which rows may be sealed, and the text that a seal covers.

-- name: settled
-- The moment before which no row can still appear: the oldest transaction that runs, less a second for the order in
-- which a row takes its id and its time. It is asked before the rows are read, in a statement of its own.
SELECT LEAST(clock_timestamp(), min(xact_start)) - interval '1 second' AS until
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'

-- name: last
-- Where the chain ends now.
SELECT audit_id, hash FROM audit_seal ORDER BY audit_id DESC LIMIT 1

-- name: unsealed
-- The next rows in order of their ids after $1, up to the first that is not settled before $2, at most $3.
SELECT id, row FROM (
  SELECT id, at, jsonb_build_array(id, (extract(epoch FROM at) * 1000000)::bigint, actor, act, reason, table_name, row_id,
           verb, before, after, actor_kind, actor_id, host(ip), account_id, customer_id)::text AS row,
         bool_and(at < $2::timestamptz) OVER (ORDER BY id) AS settled
  FROM audit WHERE id > $1::bigint ORDER BY id LIMIT $3::integer
) AS next WHERE settled ORDER BY id

-- name: seal
-- Adds seals to the chain.
INSERT INTO audit_seal (audit_id, hash) SELECT * FROM unnest($1::bigint[], $2::bytea[])

-- name: chain
-- Every row with its seal, in order; the text is that of `unsealed`.
SELECT COALESCE(audit.id, audit_seal.audit_id) AS audit_id,
       CASE WHEN audit.id IS NOT NULL THEN
         jsonb_build_array(id, (extract(epoch FROM at) * 1000000)::bigint, actor, act, reason, table_name, row_id,
           verb, before, after, actor_kind, actor_id, host(ip), account_id, customer_id)::text END AS row,
       hash
FROM audit FULL JOIN audit_seal ON audit_seal.audit_id = audit.id
ORDER BY 1

-- name: erase_person
-- Takes a contact ($1) of a customer ($5) out of the log: the personal columns ($2) of its own rows, what was noted of its
-- logins, its name and address where it acted or was acted for, by its emails ($3) and what it is called from now on
-- ($4). Who was let in by a sign-in provider acted before it had a number: it is known by its email within its customer.
-- Of delayed saves ($6) the values and what is said of them ($7) go too.
-- What was sealed of an erasure stays. Gives each row with the text of what is left of it, as `unsealed` does.
UPDATE audit SET
  actor = CASE WHEN actor_kind = 'contact' AND (actor_id = $1::bigint OR actor_id IS NULL AND customer_id = $5::bigint
                                                AND lower(actor) = ANY ($3::text[])) THEN $4::text
               WHEN customer_id = $5::bigint AND lower(split_part(actor, ' as ', 2)) = ANY ($3::text[])
                 THEN split_part(actor, ' as ', 1) || ' as ' || $4::text
               ELSE actor END,
  ip = CASE WHEN actor_kind = 'contact' AND (actor_id = $1::bigint OR actor_id IS NULL AND customer_id = $5::bigint
                                             AND lower(actor) = ANY ($3::text[]))
              OR table_name = 'contact' AND row_id = $1::bigint AND verb NOT IN ('INSERT', 'UPDATE', 'DELETE') THEN NULL ELSE ip END,
  before = CASE WHEN table_name = 'contact' AND row_id = $1::bigint THEN without_person(before, $2::text[])
                WHEN table_name = 'delayed_save' AND row_id = ANY ($6::bigint[]) THEN without_person(before, $7::text[])
                ELSE before END,
  after = CASE WHEN table_name = 'contact' AND row_id = $1::bigint AND verb IN ('INSERT', 'UPDATE', 'DELETE')
               THEN without_person(after, $2::text[])
               WHEN table_name = 'contact' AND row_id = $1::bigint AND after IS NOT NULL THEN '{"erased": true}'
               WHEN table_name = 'delayed_save' AND row_id = ANY ($6::bigint[]) THEN without_person(after, $7::text[])
               ELSE after END
WHERE verb <> 'ERASE' AND (
  table_name = 'contact' AND row_id = $1::bigint
  OR table_name = 'delayed_save' AND row_id = ANY ($6::bigint[])
  OR actor_kind = 'contact' AND actor_id = $1::bigint
  OR customer_id = $5::bigint AND actor_kind = 'contact' AND actor_id IS NULL AND lower(actor) = ANY ($3::text[])
  OR customer_id = $5::bigint AND lower(split_part(actor, ' as ', 2)) = ANY ($3::text[]))
RETURNING id, jsonb_build_array(id, (extract(epoch FROM at) * 1000000)::bigint, actor, act, reason, table_name, row_id,
  verb, before, after, actor_kind, actor_id, host(ip), account_id, customer_id)::text AS row
