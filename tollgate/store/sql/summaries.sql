-- What is done to the summaries, beside the functions in schema_summaries.sql.

-- name: roll_up
-- Adds about that many new records; `more` says whether there are others, `within_at` how far they had come before of what
-- one transaction wrote.
SELECT roll_up($1::integer) AS more, (SELECT within_at FROM summary_progress) AS within_at

-- name: rebuild
-- Makes the hours between two instants anew.
SELECT rebuild_summaries($1::timestamptz, $2::timestamptz)::text AS done

-- name: moved
-- After a backup was restored on another server.
SELECT summaries_moved()::text AS done

-- name: of_customer
-- One customer's calls by hour, day, week or month ($5) of a period, corrections included.
SELECT date_trunc($5::text, hour_at, 'UTC') AS begun_at,
       sum(attempts)::bigint AS attempts, sum(refused)::bigint AS refused, sum(connected)::bigint AS connected,
       sum(duration_ms)::bigint AS duration_ms, sum(billed_s)::bigint AS billed_s,
       sum(carrier_billed_s)::bigint AS carrier_billed_s,
       sum(cost_micros + correction_micros)::bigint AS cost_micros,
       sum(carrier_cost_micros + carrier_correction_micros)::bigint AS carrier_cost_micros,
       sum(profit_micros + profit_correction_micros)::bigint AS profit_micros,
       sum(profitable_micros + profitable_correction_micros)::bigint AS profitable_micros,
       sum(correction_micros)::bigint AS correction_micros
FROM summary
WHERE account_id = $1::bigint AND customer_id = $2::bigint AND hour_at >= $3::timestamptz AND hour_at < $4::timestamptz
GROUP BY 1

-- name: of_reseller
-- What a reseller was charged for the calls of its customers. The same parameters.
SELECT date_trunc($5::text, hour_at, 'UTC') AS begun_at, sum(calls)::bigint AS calls, sum(billed_s)::bigint AS billed_s,
       sum(charge_micros + correction_micros)::bigint AS charge_micros, sum(correction_micros)::bigint AS correction_micros
FROM resale_summary
WHERE account_id = $1::bigint AND customer_id = $2::bigint AND hour_at >= $3::timestamptz AND hour_at < $4::timestamptz
GROUP BY 1

-- name: has_resold
SELECT EXISTS (SELECT FROM resale_summary WHERE account_id = $1::bigint AND customer_id = $2::bigint) AS has

-- name: sums_of_calls
-- The sums of the CDRs of a period ($3 until $6): its whole hours ($4 until $5) from the summaries as far as they have come
-- ($2), the rest from the records. Corrections are left aside: a list of CDRs shows what each call cost when it ended.
SELECT line.currency, line.carrier_currency, sum(line.attempts) AS attempts, sum(line.connected) AS connected,
       sum(line.duration_ms) AS duration_total, sum(line.billed_s) AS billed_total, sum(line.cost_micros) AS cost_total,
       sum(line.carrier_cost_micros) AS carrier_cost_total, sum(line.profit_micros) AS profit_total,
       (SELECT reached FROM summary_progress) AS reached
FROM (
  SELECT customer_id, carrier_id, ingress_route_id, destination, currency, carrier_currency, attempts, connected,
         duration_ms, billed_s, cost_micros, carrier_cost_micros, profit_micros
  FROM summary
  WHERE account_id = $1::bigint AND hour_at >= $4::timestamptz AND hour_at < $5::timestamptz
  UNION ALL
  SELECT customer_id, carrier_id, ingress_route_id, destination, currency, carrier_currency, 1, (answered_at IS NOT NULL)::int,
         duration_ms, billed_s, cost_micros, COALESCE(carrier_cost_micros, 0), COALESCE(profit_micros, 0)
  FROM cdr
  WHERE account_id = $1::bigint AND started_at >= $4::timestamptz AND started_at < $5::timestamptz AND written >= $2::bigint
    AND (written > $2::bigint OR started_at >= COALESCE((SELECT within_at FROM summary_progress), '-infinity'))
  UNION ALL
  SELECT customer_id, carrier_id, ingress_route_id, destination, currency, carrier_currency, 1, (answered_at IS NOT NULL)::int,
         duration_ms, billed_s, cost_micros, COALESCE(carrier_cost_micros, 0), COALESCE(profit_micros, 0)
  FROM cdr
  WHERE account_id = $1::bigint AND started_at >= $3::timestamptz AND started_at < $4::timestamptz
  UNION ALL
  SELECT customer_id, carrier_id, ingress_route_id, destination, currency, carrier_currency, 1, (answered_at IS NOT NULL)::int,
         duration_ms, billed_s, cost_micros, COALESCE(carrier_cost_micros, 0), COALESCE(profit_micros, 0)
  FROM cdr
  WHERE account_id = $1::bigint AND started_at >= $5::timestamptz AND started_at < $6::timestamptz
) AS line
LEFT JOIN customer ON customer.id = line.customer_id
LEFT JOIN carrier ON carrier.id = line.carrier_id
WHERE ($7::text IS NULL OR strpos(upper(customer.name), upper($7::text)) > 0)
  AND ($8::text IS NULL OR strpos(upper(carrier.name), upper($8::text)) > 0)
  AND ($9::text IS NULL OR strpos(upper(line.destination), upper($9::text)) > 0)
  AND ($10::bigint IS NULL OR line.ingress_route_id = $10::bigint)
  AND ($11::bigint[] IS NULL OR line.customer_id = ANY($11::bigint[]))
GROUP BY line.currency, line.carrier_currency

-- name: outcomes_of_customer
-- What one customer's attempts came to by hour and reason of a refusal, of a period.
SELECT hour_at, refusal, sum(attempts)::bigint AS attempts, sum(connected)::bigint AS connected, sum(reached)::bigint AS reached,
       sum(rang)::bigint AS rang, sum(pdd_ms)::bigint AS pdd_ms, sum(duration_ms)::bigint AS duration_ms
FROM outcome_summary
WHERE account_id = $1::bigint AND customer_id = $2::bigint AND hour_at >= $3::timestamptz AND hour_at < $4::timestamptz
GROUP BY 1, 2

-- name: outcomes_of_routes
-- The same by ingress route and carrier, of all hours together; by route alone where $5 is false.
SELECT ingress_route_id, CASE WHEN $5::boolean THEN carrier_id END AS carrier_id, sum(attempts)::bigint AS attempts,
       COALESCE(sum(attempts) FILTER (WHERE refusal <> ''), 0)::bigint AS refused, sum(connected)::bigint AS connected,
       sum(reached)::bigint AS reached, sum(rang)::bigint AS rang, sum(pdd_ms)::bigint AS pdd_ms,
       sum(duration_ms)::bigint AS duration_ms
FROM outcome_summary
WHERE account_id = $1::bigint AND customer_id = $2::bigint AND hour_at >= $3::timestamptz AND hour_at < $4::timestamptz
GROUP BY 1, 2

-- name: peaks_of_customer
-- The most calls at once and the most that began within a second, by hour of a period.
SELECT hour_at, channels, cps
FROM traffic_peak
WHERE account_id = $1::bigint AND customer_id = $2::bigint AND hour_at >= $3::timestamptz AND hour_at < $4::timestamptz

-- name: begun_by_customer
-- How many of one customer's calls began since a moment ($3), those that live included.
SELECT (SELECT count(*) FROM call WHERE account_id = $1::bigint AND customer_id = $2::bigint AND authorized_at >= $3::timestamptz)
       + (SELECT count(*) FROM cdr WHERE account_id = $1::bigint AND customer_id = $2::bigint AND started_at >= $3::timestamptz)
       AS begun

-- name: note_peaks
-- Keeps what is seen now ($1) of each customer with calls: its channels, and the most calls that began within a second since a
-- moment ($2), by the hour. Who has seen more before keeps that.
INSERT INTO traffic_peak AS known (account_id, customer_id, hour_at, channels, cps)
SELECT account_id, customer_id, hour_at, max(channels), max(cps)
FROM (
  SELECT account_id, owner_id AS customer_id, date_trunc('hour', $1::timestamptz, 'UTC') AS hour_at, channels, 0 AS cps
  FROM wallet
  WHERE kind = 'customer' AND channels > 0 AND id = ANY (ARRAY(SELECT DISTINCT unnest(wallet_ids) FROM call))
  UNION ALL
  SELECT account_id, customer_id, date_trunc('hour', begun_at, 'UTC'), 0, count(*)::integer
  FROM (SELECT account_id, customer_id, authorized_at AS begun_at FROM call WHERE authorized_at >= $2::timestamptz
        UNION ALL
        SELECT account_id, customer_id, started_at FROM cdr
        WHERE account_id = ANY (ARRAY(SELECT id FROM account)) AND started_at >= $2::timestamptz AND customer_id IS NOT NULL
       ) AS begun
  GROUP BY account_id, customer_id, date_trunc('hour', begun_at, 'UTC'), date_trunc('second', begun_at, 'UTC')
) AS seen
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
ON CONFLICT (account_id, customer_id, hour_at) DO UPDATE
SET channels = GREATEST(known.channels, EXCLUDED.channels), cps = GREATEST(known.cps, EXCLUDED.cps)
WHERE EXCLUDED.channels > known.channels OR EXCLUDED.cps > known.cps

-- name: forget_peaks
-- Those of hours before a moment ($1).
DELETE FROM traffic_peak WHERE hour_at < $1::timestamptz
