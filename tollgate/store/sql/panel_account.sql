-- How much of the platform an account used on one UTC day. Calls count on the day they end; the partitions of that day
-- and the one before hold every call that is not longer than a day.

-- name: seconds
SELECT COALESCE(sum(duration_ms), 0) / 1000
FROM cdr
WHERE account_id = %(account_id)s AND ended_at >= %(begins)s AND ended_at < %(ends)s
  AND started_at >= %(begins)s - interval '1 day' AND started_at < %(ends)s

-- name: recorded_seconds
-- Those whose trace has the gate `recorded` as it is written (core/calls_decide.py): an index (cdr_recorded) has them alone.
-- Within a text of the detail the quotes would be escaped.
SELECT COALESCE(sum(duration_ms), 0) / 1000
FROM cdr
WHERE account_id = %(account_id)s AND ended_at >= %(begins)s AND ended_at < %(ends)s
  AND strpos(detail::text, '"gate":"recorded"') > 0
  AND started_at >= %(begins)s - interval '1 day' AND started_at < %(ends)s

-- name: channels
-- The most calls at once: each adds one when it is answered and takes it back when it ends.
SELECT COALESCE(max(at_once), 0)
FROM (
  SELECT sum(step) OVER (ORDER BY at, step) AS at_once
  FROM (
    SELECT GREATEST(answered_at, %(begins)s) AS at, 1 AS step FROM cdr
    WHERE account_id = %(account_id)s AND answered_at < %(ends)s AND ended_at >= %(begins)s
      AND started_at >= %(begins)s - interval '1 day' AND started_at < %(ends)s
    UNION ALL
    SELECT ended_at, -1 FROM cdr
    WHERE account_id = %(account_id)s AND answered_at < %(ends)s AND ended_at >= %(begins)s
      AND started_at >= %(begins)s - interval '1 day' AND started_at < %(ends)s
  ) AS event
) AS running
