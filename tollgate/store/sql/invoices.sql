-- What documents are made of: what the ledger charged for the calls of some stretches of time, and numbers without gaps.
-- Stretches come as two arrays, $6 their beginnings and $7 their ends; $8 and $9 are the first and the last of these, so
-- that only the partitions between are looked at.

-- name: usage_of_calls
-- A customer who is no reseller: its wallet is charged for its own calls alone. $1 account, $2 customer, $3 wallet,
-- $4 zone, $5 grouping.
SELECT stretch.place - 1 AS piece, CASE $5::text WHEN 'day' THEN (cdr.started_at AT TIME ZONE $4::text)::date END AS "on",
       CASE $5::text WHEN 'destination' THEN cdr.destination ELSE '' END AS destination,
       CASE $5::text WHEN 'route' THEN cdr.ingress_route_id END AS ingress_route_id,
       count(posted.micros) AS calls_count,
       COALESCE(sum(cdr.billed_s) FILTER (WHERE posted.micros IS NOT NULL), 0)::bigint AS billed_s,
       COALESCE(sum(posted.micros), 0)::bigint AS charged_micros,
       sum(cdr.cost_micros - COALESCE(posted.call_micros, 0))::bigint AS difference_micros
FROM unnest($6::timestamptz[], $7::timestamptz[]) WITH ORDINALITY AS stretch (from_at, until_at, place)
JOIN rated_call AS cdr ON cdr.account_id = $1::bigint AND cdr.customer_id = $2::bigint AND cdr.started_at >= stretch.from_at
        AND cdr.started_at < stretch.until_at AND cdr.started_at >= $8::timestamptz AND cdr.started_at < $9::timestamptz
LEFT JOIN LATERAL (
  SELECT -sum(entry.amount_micros) AS micros,
         -sum(entry.amount_micros) FILTER (WHERE entry.kind IN ('call', 'overrun')) AS call_micros
  FROM entry
  WHERE entry.call_id = cdr.id AND entry.account_id = $1::bigint AND entry.wallet_id = $3::bigint
    AND entry.kind IN ('call', 'overrun', 'adjustment', 'correction')
) AS posted ON true
WHERE posted.micros IS NOT NULL OR cdr.cost_micros <> 0
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4

-- name: usage_of_entries
-- A reseller: its wallet is charged for the calls of its customers too, those that were below it then. The same parameters.
SELECT stretch.place - 1 AS piece, CASE $5::text WHEN 'day' THEN (cdr.started_at AT TIME ZONE $4::text)::date END AS "on",
       CASE $5::text WHEN 'destination' THEN cdr.destination ELSE '' END AS destination,
       CASE $5::text WHEN 'route' THEN cdr.ingress_route_id END AS ingress_route_id,
       count(*) AS calls_count, sum(cdr.billed_s)::bigint AS billed_s, sum(posted.micros)::bigint AS charged_micros,
       sum(CASE WHEN cdr.customer_id = $2::bigint THEN cdr.cost_micros - COALESCE(posted.call_micros, 0) ELSE 0 END)::bigint
         AS difference_micros
FROM unnest($6::timestamptz[], $7::timestamptz[]) WITH ORDINALITY AS stretch (from_at, until_at, place)
CROSS JOIN (
  SELECT $2::bigint AS id UNION SELECT customer_id FROM resold_customer WHERE reseller_id = $2::bigint
) AS caller
JOIN rated_call AS cdr ON cdr.account_id = $1::bigint AND cdr.customer_id = caller.id AND cdr.started_at >= stretch.from_at
        AND cdr.started_at < stretch.until_at AND cdr.started_at >= $8::timestamptz AND cdr.started_at < $9::timestamptz
CROSS JOIN LATERAL (
  SELECT -sum(entry.amount_micros) AS micros,
         -sum(entry.amount_micros) FILTER (WHERE entry.kind IN ('call', 'overrun')) AS call_micros
  FROM entry
  WHERE entry.call_id = cdr.id AND entry.account_id = $1::bigint AND entry.wallet_id = $3::bigint
    AND entry.kind IN ('call', 'overrun', 'adjustment', 'correction')
) AS posted
WHERE posted.micros IS NOT NULL
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4

-- name: billed
-- What documents have billed of each stretch of usage of a customer ($1), those of one document ($2) left aside.
SELECT line.usage_from_at AS from_at, line.usage_until_at AS until_at, min(line.from_on) AS from_on,
       max(line.until_on) AS until_on, sum(line.exact_micros)::bigint AS micros
FROM invoice_line AS line
JOIN invoice ON invoice.id = line.invoice_id
WHERE invoice.customer_id = $1::bigint AND invoice.state <> 'void' AND invoice.id <> $2::bigint
  AND line.kind IN ('usage', 'correction')
GROUP BY line.usage_from_at, line.usage_until_at

-- name: corrected_calls
-- When the calls of a wallet ($2 of account $1) began whose charge was corrected.
SELECT DISTINCT cdr.started_at
FROM entry
JOIN rated_call AS cdr ON cdr.account_id = $1::bigint AND cdr.id = entry.call_id
WHERE entry.wallet_id = $2::bigint AND entry.call_id IS NOT NULL AND entry.kind IN ('adjustment', 'correction')

-- name: first_call
-- When the first call of a customer ($2 of account $1) began, or its wallet ($3) was first charged for one.
SELECT LEAST((SELECT min(started_at) FROM rated_call WHERE account_id = $1::bigint AND customer_id = $2::bigint),
             (SELECT at FROM entry WHERE wallet_id = $3::bigint AND kind IN ('call', 'overrun') ORDER BY id LIMIT 1)) AS at

-- name: billing_types
-- When a customer was made prepaid or postpaid, and what it had been until then.
SELECT at, before ->> 'billing_type' AS was
FROM audit
WHERE table_name = 'customer' AND row_id = $1::bigint AND verb = 'UPDATE' AND before ->> 'billing_type' IS NOT NULL
ORDER BY id

-- name: was_reseller
-- Whether a customer that is no reseller now has been one.
SELECT EXISTS (
  SELECT FROM audit
  WHERE table_name = 'customer' AND row_id = $1::bigint AND verb = 'UPDATE' AND before ->> 'is_reseller' = 'true'
) AS was

-- name: next_number
-- The next number of a series ($1) in a year ($2; 0 where a series does not begin anew), $3 the first. Whoever asks holds
-- the counter until its transaction ends, so a number is given once, and one that is rolled back is given again.
INSERT INTO series_counter (series_id, year, last) VALUES ($1::bigint, $2::integer, $3::bigint)
ON CONFLICT (series_id, year) DO UPDATE SET last = series_counter.last + 1
RETURNING last
