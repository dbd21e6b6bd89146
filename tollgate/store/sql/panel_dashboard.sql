-- What the dashboard shows of one account. All moments are given by the caller.

-- name: live
-- Live calls, and how many calls began since a moment ($2).
SELECT (SELECT count(*) FROM call WHERE account_id = $1::bigint) AS live,
       (SELECT count(*) FROM call WHERE account_id = $1::bigint AND state = 'answered') AS talking,
       (SELECT channels_max FROM wallet WHERE account_id = $1::bigint AND kind = 'account') AS channels_max,
       (SELECT cps_max_milli FROM wallet WHERE account_id = $1::bigint AND kind = 'account') AS cps_max_milli,
       (SELECT count(*) FROM call WHERE account_id = $1::bigint AND authorized_at >= $2::timestamptz)
       + (SELECT count(*) FROM cdr WHERE account_id = $1::bigint AND started_at >= $2::timestamptz) AS begun

-- name: today
-- The CDRs since a moment ($2), once as a whole, once by currency, by refusal and by carrier (`part` says which). A carrier that
-- brings a call to a DID carries none.
SELECT CASE grouping(currency, refusal, carrier_id)
         WHEN 7 THEN 'all' WHEN 3 THEN 'currency' WHEN 5 THEN 'refusal' ELSE 'carrier' END AS part,
       currency, refusal, carrier_id,
       count(*) AS attempts,
       count(*) FILTER (WHERE state = 'refused') AS refused,
       count(answered_at) AS answered,
       COALESCE(sum(duration_ms), 0)::bigint AS duration_ms,
       COALESCE(sum(cost_micros), 0)::bigint AS cost_micros,
       COALESCE(sum(carrier_cost_micros) FILTER (WHERE carrier_currency = currency), 0)::bigint AS carrier_cost_micros,
       COALESCE(sum(profit_micros), 0)::bigint AS profit_micros,
       COALESCE(sum(cost_micros - carrier_cost_micros - profit_micros) FILTER (WHERE carrier_currency = currency), 0)::bigint
         AS resale_micros,
       avg(pdd_ms)::integer AS pdd_ms
FROM (
  SELECT currency, refusal, CASE WHEN ingress_route_id IS NOT NULL THEN carrier_id END AS carrier_id, state, answered_at,
         duration_ms, cost_micros, carrier_cost_micros, carrier_currency, profit_micros, pdd_ms
  FROM cdr
  WHERE account_id = $1::bigint AND started_at >= $2::timestamptz
) AS begun
GROUP BY GROUPING SETS ((), (currency), (refusal), (carrier_id))

-- name: series
-- Attempts and answered calls per five minutes since a moment ($2), those still live included.
SELECT date_bin('5 minutes', begun_at, 'epoch'::timestamptz) AS at, count(*) AS attempts, count(answered_at) AS answered
FROM (SELECT started_at AS begun_at, answered_at FROM cdr WHERE account_id = $1::bigint AND started_at >= $2::timestamptz
      UNION ALL
      SELECT authorized_at, answered_at FROM call WHERE account_id = $1::bigint AND authorized_at >= $2::timestamptz) begun
GROUP BY 1
ORDER BY 1

-- name: carriers
-- Every carrier with the channels it carries now.
SELECT carrier.id, carrier.name, carrier.status, wallet.channels, wallet.channels_max,
       (SELECT count(*) FROM gateway WHERE gateway.carrier_id = carrier.id AND enabled) AS gateways
FROM carrier
JOIN wallet ON wallet.account_id = carrier.account_id AND wallet.kind = 'carrier' AND wallet.owner_id = carrier.id
WHERE carrier.account_id = $1::bigint
ORDER BY carrier.name

-- name: waiting
-- What waits for a person: customers whose billing rests, payments to approve, money of unknown payers, notices of
-- gateways that could not be booked and delayed saves that met a conflict since a moment ($2).
SELECT (SELECT count(*) FROM customer
        WHERE account_id = $1::bigint AND parked_at IS NOT NULL AND deleted_at IS NULL) AS parked,
       (SELECT count(*) FROM payment WHERE account_id = $1::bigint AND status = 'pending' AND customer_id IS NOT NULL
          AND gateway IN ('manual', 'bank_transfer')) AS payments,
       (SELECT count(*) FROM payment
        WHERE account_id = $1::bigint AND status = 'pending' AND customer_id IS NULL) AS suspense,
       (SELECT count(*) FROM payment_event
        WHERE account_id = $1::bigint AND state = 'failed' AND at >= $2::timestamptz) AS notices,
       (SELECT count(*) FROM delayed_save
        WHERE account_id = $1::bigint AND state = 'conflict' AND due_at >= $2::timestamptz) AS conflicts
