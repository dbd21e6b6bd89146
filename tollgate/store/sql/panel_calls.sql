-- What people do to live calls.

-- name: ask_to_end
-- Marks the call and wakes the charging service, which tells the edge to hang up.
WITH asked AS (
  UPDATE call SET hangup_at = COALESCE(hangup_at, clock_timestamp()) WHERE id = $1::bigint
  RETURNING id, account_id, edge, edge_call_id, customer_id, hangup_at
), noted AS (
  INSERT INTO audit (actor, act, reason, table_name, row_id, verb, after)
  SELECT current_setting('audit.actor', true), current_setting('audit.act', true), current_setting('audit.reason', true),
         'call', asked.id, 'UPDATE', to_jsonb(asked)
  FROM asked
)
SELECT id, pg_notify('changed', 'call:' || id)::text AS told FROM asked
