-- What has to be written to the lake, and what the database may forget.

-- name: last_corrections
-- The last correction of the calls of each UTC day. What charging corrects bears the time of its decision by its own
-- clock, which may be some time before it is posted.
SELECT (rated_call.started_at AT TIME ZONE 'UTC')::date AS day_on,
       max(entry.at + CASE entry.kind WHEN 'correction' THEN interval '5 minutes' ELSE interval '0' END) AS at
FROM entry
JOIN rated_call ON rated_call.account_id = entry.account_id AND rated_call.id = entry.call_id
WHERE entry.account_id = $1::bigint AND entry.call_id IS NOT NULL AND entry.kind IN ('adjustment', 'correction')
GROUP BY 1

-- name: posted_until
-- Before this instant no entry is posted any more: those of a transaction that is still open came after its beginning.
SELECT LEAST(statement_timestamp(), min(xact_start)) AS at
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'

-- name: first_start
-- When the oldest call began that the database still has.
SELECT min(started_at) AS started_at FROM cdr WHERE account_id = $1::bigint

-- name: has_calls
SELECT EXISTS (
  SELECT FROM cdr WHERE account_id = $1::bigint AND started_at >= $2::timestamptz AND started_at < $3::timestamptz
) AS found

-- name: calls_known
-- How many calls the database has of each UTC day of a period ($3 until $4): from the summaries as far as they have come
-- ($2), the others from the records.
SELECT day_on, sum(calls)::bigint AS calls, (SELECT reached FROM summary_progress) AS reached
FROM (
  SELECT (hour_at AT TIME ZONE 'UTC')::date AS day_on, attempts AS calls
  FROM summary
  WHERE account_id = $1::bigint AND hour_at >= $3::timestamptz AND hour_at < $4::timestamptz
  UNION ALL
  SELECT (started_at AT TIME ZONE 'UTC')::date, 1
  FROM cdr
  WHERE account_id = $1::bigint AND started_at >= $3::timestamptz AND started_at < $4::timestamptz AND written >= $2::bigint
    AND (written > $2::bigint OR started_at >= COALESCE((SELECT within_at FROM summary_progress), '-infinity'))
) AS known
GROUP BY day_on

-- name: calls_between
-- The calls of a day that the database has, which are few of one that it has forgotten.
SELECT id FROM cdr WHERE account_id = $1::bigint AND started_at >= $2::timestamptz AND started_at < $3::timestamptz

-- name: corrected_archived_days
-- The UTC days of corrected calls that only the lake still has.
SELECT DISTINCT (archived_call.started_at AT TIME ZONE 'UTC')::date AS day_on
FROM entry
JOIN archived_call ON archived_call.account_id = entry.account_id AND archived_call.id = entry.call_id
WHERE entry.account_id = $1::bigint AND entry.call_id IS NOT NULL AND entry.kind IN ('adjustment', 'correction')

-- name: live_calls_since
-- Calls that began before an instant and still go on.
SELECT count(*) AS calls FROM call WHERE authorized_at < $1::timestamptz

-- name: unresolved_calls
-- Calls of a day that were closed without news of their end.
SELECT count(*) AS calls
FROM cdr
WHERE started_at >= $1::timestamptz AND started_at < $2::timestamptz AND state = 'unresolved'

-- name: keep_skeletons
-- What stays of the calls of a day: those that entries name.
INSERT INTO archived_call (id, account_id, started_at, customer_id, ingress_route_id, destination, billed_s, cost_micros,
                           carrier_id, prefix, currency, carrier_currency, profit_known, seller_wallet_id)
SELECT cdr.id, cdr.account_id, cdr.started_at, cdr.customer_id, cdr.ingress_route_id, cdr.destination,
       cdr.billed_s, cdr.cost_micros, cdr.carrier_id, COALESCE(cdr.prefix, ''), cdr.currency, cdr.carrier_currency,
       cdr.profit_micros IS NOT NULL, (cdr.detail -> 'legs' -> -1 ->> 'wallet')::bigint
FROM cdr
WHERE cdr.started_at >= $1::timestamptz AND cdr.started_at < $2::timestamptz
  AND EXISTS (SELECT FROM entry WHERE entry.call_id = cdr.id AND entry.account_id = cdr.account_id)

-- name: held_customers
-- Those under a legal hold, and those that are, or ever were, below one of them: their calls are the reseller's too.
SELECT customer_id FROM legal_hold WHERE released_at IS NULL
UNION
SELECT resold_customer.customer_id
FROM legal_hold
JOIN resold_customer ON resold_customer.reseller_id = legal_hold.customer_id
WHERE legal_hold.released_at IS NULL
ORDER BY 1

-- name: resellers_of
-- Who is, or ever was, above a customer ($1): who places a hold locks one of them.
SELECT reseller_id FROM resold_customer WHERE customer_id = $1::bigint

-- name: keep_files
-- Nothing of the lake is erased until this connection ends: a backup packs the files that its dump knows.
SELECT pg_advisory_lock_shared(1880220837)

-- name: begin_erasing
SELECT pg_try_advisory_lock(1880220837) AS begun

-- name: end_erasing
SELECT pg_advisory_unlock(1880220837) AS ended

-- name: partitions
-- The UTC days that have a partition of their own.
SELECT to_date(substr(relname, 5), 'YYYYMMDD') AS day_on
FROM pg_class
JOIN pg_inherits ON pg_inherits.inhrelid = pg_class.oid AND pg_inherits.inhparent = 'cdr'::regclass
WHERE relname ~ '^cdr_[0-9]{8}$'
ORDER BY 1

-- name: unbilled_customers
-- Customers with charged calls on that day, and the resellers above them, that are to get documents and have not yet got
-- one for the first or the last of these calls; and those whose billing rests. Who was given back all that it was charged
-- for each destination and route of the day gets no document for it.
WITH RECURSIVE caller AS (
  SELECT customer_id, min(started_at) AS first_at, max(started_at) AS last_at
  FROM cdr
  WHERE started_at >= $1::timestamptz AND started_at < $2::timestamptz AND cost_micros <> 0
  GROUP BY customer_id
), payer AS (
  SELECT customer_id, first_at, last_at FROM caller
  UNION ALL
  SELECT customer.parent_id, first_at, last_at FROM payer JOIN customer ON customer.id = payer.customer_id
  WHERE customer.parent_id IS NOT NULL
)
SELECT DISTINCT payer.customer_id
FROM payer
JOIN customer ON customer.id = payer.customer_id
CROSS JOIN LATERAL (VALUES (first_at), (last_at)) AS called (at)
WHERE customer.generate_invoices
  AND (customer.invoice_schedule <> 'none' OR customer.billing_type = 'prepaid' AND customer.daily_receipts)
  AND (customer.parked_at IS NOT NULL OR NOT EXISTS (
    SELECT FROM invoice
    WHERE invoice.customer_id = payer.customer_id AND invoice.state = 'issued'
      AND called.at >= invoice.usage_from_at AND called.at < invoice.usage_until_at
  ))
  AND (EXISTS (
    SELECT
    FROM cdr
    JOIN entry ON entry.call_id = cdr.id AND entry.account_id = cdr.account_id
    JOIN wallet ON wallet.id = entry.wallet_id AND wallet.kind = 'customer' AND wallet.owner_id = payer.customer_id
    WHERE cdr.started_at >= $1::timestamptz AND cdr.started_at < $2::timestamptz
      AND entry.kind IN ('call', 'overrun', 'adjustment', 'correction')
    GROUP BY cdr.destination, cdr.ingress_route_id
    HAVING sum(entry.amount_micros) <> 0
  ) OR EXISTS (
    SELECT
    FROM cdr
    WHERE cdr.started_at >= $1::timestamptz AND cdr.started_at < $2::timestamptz AND cdr.cost_micros <> 0
      AND cdr.customer_id = payer.customer_id
      AND NOT EXISTS (SELECT FROM entry WHERE entry.call_id = cdr.id AND entry.account_id = cdr.account_id)
  ))
ORDER BY 1
