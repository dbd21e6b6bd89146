-- What documents are made of: what the ledger charged for the calls of some stretches of time, and numbers without gaps.
-- Stretches come as two arrays, $6 their beginnings and $7 their ends; $8 and $9 are the first and the last of these, so
-- that only the partitions between are looked at. What was charged since a moment ($10; null: nothing) is told beside it.

-- name: usage_of_calls
-- A customer who is no reseller: its wallet is charged for its own calls alone. $1 account, $2 customer, $3 wallet,
-- $4 zone, $5 grouping.
SELECT stretch.place - 1 AS piece, CASE $5::text WHEN 'day' THEN (cdr.started_at AT TIME ZONE $4::text)::date END AS "on",
       CASE $5::text WHEN 'destination' THEN cdr.destination ELSE '' END AS destination,
       CASE $5::text WHEN 'route' THEN cdr.ingress_route_id END AS ingress_route_id,
       count(posted.micros) AS calls_count,
       COALESCE(sum(cdr.billed_s) FILTER (WHERE posted.micros IS NOT NULL), 0)::bigint AS billed_s,
       COALESCE(sum(posted.micros), 0)::bigint AS charged_micros,
       COALESCE(sum(posted.since_micros), 0)::bigint AS since_micros,
       sum(cdr.cost_micros - COALESCE(posted.call_micros, 0))::bigint AS difference_micros
FROM unnest($6::timestamptz[], $7::timestamptz[]) WITH ORDINALITY AS stretch (from_at, until_at, place)
JOIN rated_call AS cdr ON cdr.account_id = $1::bigint AND cdr.customer_id = $2::bigint AND cdr.started_at >= stretch.from_at
        AND cdr.started_at < stretch.until_at AND cdr.started_at >= $8::timestamptz AND cdr.started_at < $9::timestamptz
LEFT JOIN LATERAL (
  SELECT -sum(entry.amount_micros) AS micros,
         -sum(entry.amount_micros) FILTER (WHERE entry.kind IN ('call', 'overrun')) AS call_micros,
         -sum(entry.amount_micros) FILTER (WHERE entry.at >= $10::timestamptz) AS since_micros
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
       COALESCE(sum(posted.since_micros), 0)::bigint AS since_micros,
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
         -sum(entry.amount_micros) FILTER (WHERE entry.kind IN ('call', 'overrun')) AS call_micros,
         -sum(entry.amount_micros) FILTER (WHERE entry.at >= $10::timestamptz) AS since_micros
  FROM entry
  WHERE entry.call_id = cdr.id AND entry.account_id = $1::bigint AND entry.wallet_id = $3::bigint
    AND entry.kind IN ('call', 'overrun', 'adjustment', 'correction')
) AS posted
WHERE posted.micros IS NOT NULL
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4

-- name: billed
-- What documents have billed of each stretch of usage of a customer ($1), those of one document ($2) left aside. What a
-- credit note tells of corrected calls is above zero there.
SELECT line.usage_from_at AS from_at, line.usage_until_at AS until_at, min(line.from_on) AS from_on,
       max(line.until_on) AS until_on,
       sum(CASE invoice.kind WHEN 'credit_note' THEN -line.exact_micros ELSE line.exact_micros END)::bigint AS micros,
       COALESCE(sum(line.exact_micros) FILTER (WHERE invoice.kind = 'receipt'), 0)::bigint AS receipts_micros
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

-- name: newest_entry
-- The newest entry of a wallet.
SELECT id FROM entry WHERE wallet_id = $1::bigint ORDER BY id DESC LIMIT 1

-- name: early_calls
-- The calls of which a wallet ($2 of account $1) got entries after one ($3), up to another ($4), and that began before a
-- moment ($5). Nearly all of them began after it: each is looked for there, by its key, in the few partitions since.
WITH moved AS MATERIALIZED (
  SELECT DISTINCT call_id
  FROM entry
  WHERE wallet_id = $2::bigint AND id > $3::bigint AND id <= $4::bigint AND call_id IS NOT NULL
    AND kind IN ('call', 'overrun', 'adjustment', 'correction')
)
SELECT call_id
FROM moved
WHERE (
  SELECT true FROM rated_call AS cdr
  WHERE cdr.account_id = $1::bigint AND cdr.id = moved.call_id AND cdr.started_at >= $5::timestamptz
  LIMIT 1
) IS NULL

-- name: begins_of_calls
-- When some calls ($2 of account $1) began.
SELECT DISTINCT cdr.started_at AS at
FROM unnest($2::bigint[]) AS early (id)
JOIN rated_call AS cdr ON cdr.account_id = $1::bigint AND cdr.id = early.id
ORDER BY 1

-- name: borne_since
-- The stretches of usage of a customer ($1) that documents bear and that end after a moment ($2), in their order.
SELECT usage_from_at AS from_at, usage_until_at AS until_at
FROM invoice
WHERE state <> 'void' AND usage_from_at IS NOT NULL AND usage_until_at > $2::timestamptz AND usage_line && int8range(
  $1::bigint * 100000000000 + extract(epoch FROM $2::timestamptz)::bigint - 1, ($1::bigint + 1) * 100000000000
)
ORDER BY 1

-- name: closed_and_unbilled
-- A call of each customer that is billed by itself, whose period was over for longer than the account's lag and another day
-- at a moment ($1), that cost something, and that is on no document. Who is billed until then is asked nothing; what a run
-- has looked at and carries on, for it is less than a coin, is none.
WITH due AS (
  SELECT customer.id, customer.account_id, customer.name, customer.billing_day, place.zone,
         COALESCE(progress.looked_until_at, progress.until_at) AS until_at,
         CASE WHEN customer.billing_type = 'prepaid' AND customer.daily_receipts THEN 'daily' ELSE customer.invoice_schedule END
           AS frequency,
         (($1::timestamptz - account.invoice_lag_h * interval '1 hour' - interval '1 day') AT TIME ZONE place.zone)::date AS "on"
  FROM customer
  JOIN account ON account.id = customer.account_id
  LEFT JOIN billing_progress AS progress ON progress.customer_id = customer.id
  CROSS JOIN LATERAL (
    SELECT COALESCE(NULLIF(customer.billing_zone, ''), NULLIF(customer.zone, ''), account.zone) AS zone
  ) AS place
  WHERE customer.generate_invoices AND customer.parked_at IS NULL
    AND (customer.invoice_schedule <> 'none' OR customer.billing_type = 'prepaid' AND customer.daily_receipts)
), closed AS (
  SELECT due.*, CASE frequency
    WHEN 'daily' THEN due."on"::timestamp
    WHEN 'weekly' THEN due."on" - ((extract(isodow FROM due."on")::integer - due.billing_day + 7) % 7) * interval '1 day'
    ELSE (
      SELECT max(begin_on)
      FROM generate_series(0, 1) AS back (months)
      CROSS JOIN LATERAL (SELECT date_trunc('month', due."on"::timestamp) - back.months * interval '1 month' AS month) AS first
      CROSS JOIN LATERAL (
        SELECT LEAST(first.month + (due.billing_day - 1) * interval '1 day', first.month + interval '1 month -1 day') AS begin_on
      ) AS begun
      WHERE begin_on <= due."on"
    )
  END AT TIME ZONE zone AS closed_at
  FROM due
)
SELECT closed.account_id, closed.id AS customer_id, closed.name, called.id AS call_id, called.started_at
FROM closed
JOIN wallet ON wallet.account_id = closed.account_id AND wallet.kind = 'customer' AND wallet.owner_id = closed.id
CROSS JOIN LATERAL (
  SELECT cdr.id, cdr.started_at
  FROM (
    SELECT closed.id AS caller_id UNION SELECT customer_id FROM resold_customer WHERE reseller_id = closed.id
  ) AS caller
  JOIN rated_call AS cdr ON cdr.account_id = closed.account_id AND cdr.customer_id = caller.caller_id
  WHERE cdr.started_at >= COALESCE(closed.until_at, '-infinity') AND cdr.started_at < closed.closed_at
    AND NOT EXISTS (
      SELECT FROM invoice
      WHERE invoice.customer_id = closed.id AND invoice.state <> 'void'
        AND invoice.usage_from_at <= cdr.started_at AND invoice.usage_until_at > cdr.started_at
    )
    AND (
      SELECT sum(entry.amount_micros) FROM entry
      WHERE entry.call_id = cdr.id AND entry.account_id = closed.account_id AND entry.wallet_id = wallet.id
        AND entry.kind IN ('call', 'overrun', 'adjustment', 'correction')
    ) <> 0
  LIMIT 1
) AS called
WHERE closed.until_at IS NULL OR closed.until_at < closed.closed_at
ORDER BY closed.id

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
-- The next number of a series ($1) in a year ($2; 0 where a series does not begin anew), $3 the first, and its date: a day
-- ($4), or that of the number before where it is later. Whoever asks holds the counter until its transaction ends, so a
-- number is given once, and one that is rolled back is given again.
INSERT INTO series_counter (series_id, year, last, last_on) VALUES ($1::bigint, $2::integer, $3::bigint, $4::date)
ON CONFLICT (series_id, year) DO UPDATE
SET last = series_counter.last + 1, last_on = GREATEST(series_counter.last_on, EXCLUDED.last_on)
RETURNING last, last_on

-- name: corrected_invoices
-- The invoices whose calls a recalculation ($2 its reference, $3 its id, of account $1) has corrected since its last note
-- on each that stands: only of customers who pay afterwards. $4 and $5 are the bounds of its calls.
SELECT invoice.id, invoice.number
FROM entry
JOIN wallet ON wallet.id = entry.wallet_id AND wallet.kind = 'customer'
JOIN customer ON customer.id = wallet.owner_id AND customer.billing_type = 'postpaid'
JOIN rated_call AS cdr ON cdr.account_id = entry.account_id AND cdr.id = entry.call_id
                      AND cdr.started_at >= $4::timestamptz AND cdr.started_at < $5::timestamptz
JOIN invoice ON invoice.customer_id = customer.id AND invoice.kind = 'invoice' AND invoice.state = 'issued'
            AND cdr.started_at >= invoice.usage_from_at AND cdr.started_at < invoice.usage_until_at
LEFT JOIN LATERAL (
  SELECT max(corrections_until_id) AS until_id FROM invoice AS note
  WHERE note.corrects_id = invoice.id AND note.recalculation_id = $3::bigint AND note.state <> 'void'
) AS noted ON true
WHERE entry.account_id = $1::bigint AND entry.ref = $2::text AND entry.kind = 'correction'
  AND entry.id > COALESCE(noted.until_id, 0)
GROUP BY invoice.id, invoice.number
HAVING sum(entry.amount_micros) <> 0
ORDER BY invoice.id

-- name: noted_corrections
-- What a recalculation ($2 its reference, of account $1) has corrected for a wallet ($3) of the calls of a stretch ($4 to
-- $5) by entries after one ($6), of how many calls, and the last of these entries.
SELECT COALESCE(sum(call.micros), 0)::bigint AS micros, count(*) FILTER (WHERE call.micros <> 0) AS calls_count,
       COALESCE(sum(call.billed_s) FILTER (WHERE call.micros <> 0), 0)::bigint AS billed_s, max(call.last_id) AS until_id
FROM (
  SELECT cdr.billed_s, -sum(entry.amount_micros) AS micros, max(entry.id) AS last_id
  FROM entry
  JOIN rated_call AS cdr ON cdr.account_id = entry.account_id AND cdr.id = entry.call_id
  WHERE entry.account_id = $1::bigint AND entry.ref = $2::text AND entry.wallet_id = $3::bigint
    AND entry.kind = 'correction' AND entry.call_id IS NOT NULL
    AND cdr.started_at >= $4::timestamptz AND cdr.started_at < $5::timestamptz
    AND entry.id > $6::bigint
  GROUP BY cdr.id, cdr.billed_s
) AS call

-- name: billed_again
-- Whether a document that is no note of a recalculation has billed a stretch ($2 to $3) of a customer ($1) since an
-- instant ($4), or may still: a draft. One bears the moment at which its transaction began, and may have waited since: so
-- those of the hour before count.
SELECT EXISTS (
  SELECT
  FROM invoice_line AS line
  JOIN invoice ON invoice.id = line.invoice_id
  WHERE invoice.customer_id = $1::bigint AND invoice.state <> 'void' AND invoice.recalculation_id IS NULL
    AND line.usage_from_at = $2::timestamptz AND line.usage_until_at = $3::timestamptz
    AND line.kind IN ('usage', 'correction')
    AND (invoice.state = 'draft'
         OR GREATEST(invoice.created_at, invoice.issued_at) >= $4::timestamptz - interval '1 hour')
) AS found

-- name: calls_of_notes
-- The calls whose corrections are told by notes of some numbers ($2, in small letters, of account $1), of some customers
-- ($3; null: of all); at most $4.
SELECT DISTINCT entry.call_id AS id
FROM invoice AS note
JOIN invoice AS corrected ON corrected.id = note.corrects_id
JOIN wallet ON wallet.account_id = note.account_id AND wallet.kind = 'customer' AND wallet.owner_id = note.customer_id
JOIN entry ON entry.account_id = note.account_id AND entry.ref = 'recalculation:' || note.recalculation_id
          AND entry.wallet_id = wallet.id AND entry.kind = 'correction' AND entry.call_id IS NOT NULL
          AND entry.id > note.corrections_after_id AND entry.id <= note.corrections_until_id
JOIN rated_call AS cdr ON cdr.account_id = entry.account_id AND cdr.id = entry.call_id
          AND cdr.started_at >= corrected.usage_from_at AND cdr.started_at < corrected.usage_until_at
WHERE note.account_id = $1::bigint AND lower(note.number) = ANY($2::text[]) AND note.recalculation_id IS NOT NULL
  AND ($3::bigint[] IS NULL OR note.customer_id = ANY($3::bigint[]))
GROUP BY note.id, entry.call_id
HAVING sum(entry.amount_micros) <> 0
ORDER BY 1
LIMIT $4::bigint
