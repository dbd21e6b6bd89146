-- What people do to live calls.

-- name: recorded
-- How many live calls of an account are being recorded: those with this gate in their trace, as it is written there.
SELECT count(*) AS calls FROM call WHERE account_id = $1::bigint AND strpos(plan, '"gate":"recorded"') > 0

-- name: ask_recorded_to_end
-- Marks those calls and wakes the charging service for each.
WITH asked AS (
  UPDATE call SET hangup_at = COALESCE(hangup_at, clock_timestamp())
  WHERE account_id = $1::bigint AND strpos(plan, '"gate":"recorded"') > 0
  RETURNING id, account_id, edge, edge_call_id, customer_id, hangup_at
), noted AS (
  INSERT INTO audit (actor, act, reason, table_name, row_id, verb, after, actor_kind, actor_id, ip, account_id, customer_id)
  SELECT current_setting('audit.actor', true), current_setting('audit.act', true), current_setting('audit.reason', true),
         'call', asked.id, 'UPDATE', to_jsonb(asked), acting.kind, acting.id, acting.ip, asked.account_id, asked.customer_id
  FROM asked CROSS JOIN audit_acting() AS acting
)
SELECT id, pg_notify('changed', 'call:' || id)::text AS told FROM asked

-- name: ask_to_end
-- Marks the call and wakes the charging service, which tells the edge to hang up.
WITH asked AS (
  UPDATE call SET hangup_at = COALESCE(hangup_at, clock_timestamp()) WHERE id = $1::bigint
  RETURNING id, account_id, edge, edge_call_id, customer_id, hangup_at
), noted AS (
  INSERT INTO audit (actor, act, reason, table_name, row_id, verb, after, actor_kind, actor_id, ip, account_id, customer_id)
  SELECT current_setting('audit.actor', true), current_setting('audit.act', true), current_setting('audit.reason', true),
         'call', asked.id, 'UPDATE', to_jsonb(asked), acting.kind, acting.id, acting.ip, asked.account_id, asked.customer_id
  FROM asked CROSS JOIN audit_acting() AS acting
)
SELECT id, pg_notify('changed', 'call:' || id)::text AS told FROM asked
