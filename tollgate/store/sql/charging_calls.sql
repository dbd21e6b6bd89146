-- Looking after live calls: the questions of the timers and of reconciliation. What changes money goes through the desk.

-- name: ending_calls
-- Answered calls whose grant is nearly used up and may be renewed: those which somebody has proven to be alive lately,
-- at an edge that can be told of more time (by RPC, or because it asks for its grants).
SELECT edge, edge_call_id, dialog, granted_until
FROM call
WHERE account_id = $1 AND state = 'answered' AND granted_until <= $2 AND granted_until > $3 AND granted_s < max_s
  AND hangup_at IS NULL AND last_seen_at >= $4
  AND (edge = ANY($5::text[]) OR last_seen_at > answered_at + interval '2 seconds')
ORDER BY granted_until
LIMIT 5000

-- name: stopping_calls
-- Calls that somebody wants ended, and calls that outlived their grant: each half has its index.
(SELECT edge, edge_call_id, dialog
 FROM call
 WHERE account_id = $1 AND edge = ANY($2::text[]) AND hangup_at IS NOT NULL
 LIMIT 5000)
UNION
(SELECT edge, edge_call_id, dialog
 FROM call
 WHERE account_id = $1 AND edge = ANY($2::text[]) AND state = 'answered' AND granted_until BETWEEN $3 AND $4
 LIMIT 5000)

-- name: lost_calls
-- Calls nobody has spoken of since their grant ran out, and long enough after.
SELECT edge, edge_call_id
FROM call
WHERE account_id = $1 AND granted_until < $2 AND last_seen_at < $2
ORDER BY granted_until
LIMIT 5000

-- name: calls_of_edge
SELECT id, edge_call_id, dialog, customer_id, cli, cld, state, authorized_at, answered_at, granted_s, granted_until, hangup_at
FROM call
WHERE account_id = $1 AND edge = $2

-- name: seen_calls
-- The edge has just shown these calls. Those that a batch is writing at this moment are passed over and not returned: a
-- batch that waits here for a call, while this waits for another of its calls, would end in a deadlock.
-- The array is made once; a join (IN) planned when the table was empty locks the calls again for each call: a minute for 1000.
UPDATE call
SET last_seen_at = $3, missing_count = 0
WHERE account_id = $1 AND id = ANY(ARRAY(
  SELECT id FROM call WHERE account_id = $1 AND id = ANY($2::bigint[]) FOR NO KEY UPDATE SKIP LOCKED))
RETURNING id

-- name: missed_calls
-- The edge did not show these calls; the count tells how often in a row. One that a batch is writing is not missing.
UPDATE call
SET missing_count = missing_count + 1
WHERE account_id = $1 AND id = ANY(ARRAY(
  SELECT id FROM call WHERE account_id = $1 AND id = ANY($2::bigint[]) FOR NO KEY UPDATE SKIP LOCKED))
RETURNING edge_call_id, missing_count

-- name: request_hangup
UPDATE call
SET hangup_at = COALESCE(hangup_at, $3)
WHERE account_id = ANY($1::bigint[]) AND id = $2
RETURNING edge, edge_call_id

-- name: edge_seen
-- Written oftener than every 90 s (EDGE_SILENT_S in queries/dashboard.py), after which an edge is called silent.
UPDATE edge
SET last_seen_at = $2::timestamptz
WHERE id = $1 AND (last_seen_at IS NULL OR last_seen_at < $2::timestamptz - interval '15 seconds')

-- name: live_counts
SELECT state, count(*) AS count
FROM call
GROUP BY state

-- name: keep_alone
-- True for the one process that reconciles; the lock ends with its connection.
SELECT pg_try_advisory_lock(7700001)

-- name: wallets
-- For a decision that is only tried: read, not locked. Columns in the order of core.ledger.Purse.
SELECT id, account_id, kind, owner_id, parent_id, depth, currency, balance_micros, limit_micros, held_micros, channels,
       channels_max, cps_max_milli, cps_tokens_milli, cps_at, spent_micros, spent_on, spend_max_micros, first_used_at
FROM wallet
WHERE id = ANY($1::bigint[])
