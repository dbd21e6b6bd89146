-- The figures that alerts watch, of one account ($1). All moments are given by the caller.

-- name: traffic
-- What began since a moment ($2), by customer and by carrier; `attempts` as everywhere, refused ones included, but of live
-- calls those that talk: of the others nobody knows yet what they come to. Those that carriers bring to
-- DIDs count for neither: who calls a number that is busy says nothing of its customer, and the carrier carries none.
WITH begun AS (
  SELECT customer_id, carrier_id, true AS told, answered_at IS NOT NULL AS answered,
         answered_at IS NOT NULL AS talked, duration_ms, pdd_ms
  FROM cdr
  WHERE account_id = $1::bigint AND started_at >= $2::timestamptz AND (ingress_route_id IS NOT NULL OR carrier_id IS NULL)
  UNION ALL
  SELECT customer_id, NULL, answered_at IS NOT NULL, answered_at IS NOT NULL, false, 0, NULL
  FROM call WHERE account_id = $1::bigint AND authorized_at >= $2::timestamptz
)
SELECT customer_id, carrier_id, count(*) AS begun, count(*) FILTER (WHERE told) AS attempts,
       count(*) FILTER (WHERE answered) AS answered, count(*) FILTER (WHERE talked) AS talked,
       COALESCE(sum(duration_ms) FILTER (WHERE talked), 0)::bigint AS duration_ms,
       count(pdd_ms) AS replied, COALESCE(sum(pdd_ms), 0)::bigint AS pdd_ms
FROM begun
GROUP BY GROUPING SETS ((customer_id), (carrier_id))

-- name: failovers
-- How often in a row each carrier has passed a call on to the next route since a moment ($2) and since its last answer: of
-- calls that go out, as destinations of DIDs are none of its doing.
WITH tried AS (
  SELECT carrier.id AS carrier_id, cdr.started_at, true AS failed
  FROM cdr
  CROSS JOIN jsonb_array_elements(COALESCE((cdr.detail -> 'attempts')::jsonb, '[]')) AS attempt
  JOIN carrier ON carrier.account_id = cdr.account_id AND carrier.name = attempt ->> 'carrier'
  WHERE cdr.account_id = $1::bigint AND cdr.started_at >= $2::timestamptz AND cdr.ingress_route_id IS NOT NULL
  UNION ALL
  SELECT carrier_id, started_at, false
  FROM cdr
  WHERE account_id = $1::bigint AND started_at >= $2::timestamptz AND answered_at IS NOT NULL AND ingress_route_id IS NOT NULL
), answered AS (
  SELECT carrier_id, max(started_at) AS at FROM tried WHERE NOT failed GROUP BY carrier_id
)
SELECT tried.carrier_id, count(*) FILTER (WHERE failed AND (answered.at IS NULL OR started_at > answered.at)) AS failed
FROM tried LEFT JOIN answered USING (carrier_id)
WHERE tried.carrier_id IS NOT NULL
GROUP BY tried.carrier_id

-- name: purses
-- What each customer and carrier has left (a carrier: what we have with it), and the calls that it carries now.
SELECT kind, owner_id, balance_micros, limit_micros, held_micros, channels
FROM wallet WHERE account_id = $1::bigint AND kind IN ('customer', 'carrier')

-- name: changes
-- Changes of endpoints since a row of the audit log ($2) and until a moment ($3), by customer.
SELECT customer_id, count(*) AS changes, max(id) AS newest, max(actor) AS actor
FROM audit
WHERE account_id = $1::bigint AND table_name = 'endpoint' AND id > $2::bigint AND at < $3::timestamptz
  AND customer_id IS NOT NULL
GROUP BY customer_id
