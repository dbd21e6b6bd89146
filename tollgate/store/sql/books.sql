-- What books tell: what moved a customer's wallet, who owes what since when, the journal of a period.

-- name: movements
-- What moved a wallet ($1 of account $2) in the days from $3 to the one before $4, told in zone $5: the calls of a day
-- together, what a document moved together, everything else by itself. A gateway's fee that is told on another day than its
-- payment moved nothing here; nor did a payout that has left the wallet before, when the bank has paid it.
SELECT (entry.at AT TIME ZONE $5::text)::date AS "on",
       CASE WHEN entry.call_id IS NOT NULL AND entry.kind IN ('call', 'overrun') THEN 'calls'
            WHEN entry.call_id IS NOT NULL THEN 'corrections'
            WHEN entry.ref IS NOT NULL THEN entry.ref
            ELSE 'entry:' || entry.id END AS what,
       COALESCE(entry.key LIKE 'void %', false) AS voided, min(entry.kind) AS kind,
       count(DISTINCT entry.call_id) AS calls_count, sum(entry.amount_micros)::bigint AS amount_micros
FROM entry
WHERE entry.wallet_id = $1::bigint AND entry.account_id = $2::bigint
  AND entry.at >= ($3::date)::timestamp AT TIME ZONE $5::text AND entry.at < ($4::date)::timestamp AT TIME ZONE $5::text
  AND entry.id >= (SELECT entries_from($1::bigint, ($3::date)::timestamp AT TIME ZONE $5::text))
  AND entry.id <= (SELECT entries_until($1::bigint, ($4::date)::timestamp AT TIME ZONE $5::text))
GROUP BY 1, 2, 3
HAVING bool_or(entry.kind <> 'fee') AND NOT bool_or(entry.book = 'in_transit') OR sum(entry.amount_micros) <> 0
ORDER BY 1, min(entry.id)

-- name: balance_before
-- What a wallet ($1 of account $2) held when the day $3 began in zone $4: what was kept of the last UTC day before, and what
-- has moved it since.
WITH asked AS (
  SELECT ($3::date)::timestamp AT TIME ZONE $4::text AS at
), kept AS (
  SELECT (day_on + 1)::timestamp AT TIME ZONE 'UTC' AS until_at, balance_micros
  FROM wallet_day
  WHERE wallet_id = $1::bigint AND day_on < (SELECT (at AT TIME ZONE 'UTC')::date FROM asked)
  ORDER BY day_on DESC
  LIMIT 1
)
SELECT (COALESCE((SELECT balance_micros FROM kept), 0) + COALESCE(sum(entry.amount_micros), 0))::bigint AS balance_micros
FROM entry
WHERE entry.wallet_id = $1::bigint AND entry.account_id = $2::bigint AND entry.at < (SELECT at FROM asked)
  AND entry.at >= COALESCE((SELECT until_at FROM kept), '-infinity')
  AND entry.id >= (SELECT entries_from($1::bigint, until_at) FROM (SELECT COALESCE((SELECT until_at FROM kept), '-infinity'::timestamptz) AS until_at) AS since)
  AND entry.id <= (SELECT entries_until($1::bigint, at) FROM asked)

-- name: keep_balances
-- Keeps what customers' wallets held when each day ended, of the days up to the one before $1, where it is not kept yet. A
-- day is over for that when nothing is posted with an instant of it any more.
INSERT INTO wallet_day (wallet_id, day_on, first_id, last_id, amount_micros, balance_micros)
SELECT day.wallet_id, day.day_on, day.first_id, day.last_id, day.amount_micros,
       COALESCE(kept.balance_micros, 0) + sum(day.amount_micros) OVER (PARTITION BY day.wallet_id ORDER BY day.day_on)
FROM (
  SELECT entry.wallet_id, (entry.at AT TIME ZONE 'UTC')::date AS day_on, min(entry.id) AS first_id, max(entry.id) AS last_id,
         sum(entry.amount_micros) AS amount_micros
  FROM entry
  JOIN wallet ON wallet.id = entry.wallet_id AND wallet.kind = 'customer'
  WHERE entry.at < ($1::date)::timestamp AT TIME ZONE 'UTC'
    AND entry.at >= COALESCE((SELECT (max(day_on) + 1)::timestamp AT TIME ZONE 'UTC' FROM wallet_day), '-infinity')
  GROUP BY 1, 2
) AS day
LEFT JOIN LATERAL (
  SELECT balance_micros FROM wallet_day WHERE wallet_day.wallet_id = day.wallet_id ORDER BY day_on DESC LIMIT 1
) AS kept ON true

-- name: forget_balances
-- Has all days from $1 on kept anew.
DELETE FROM wallet_day WHERE day_on >= $1::date

-- name: standing
-- What every customer of an account ($1) holds, owes by open documents, and owes since before the day $2.
SELECT customer.id, customer.name, customer.number, customer.accounting_id, customer.currency, wallet.balance_micros,
       COALESCE(owed.open_micros, 0)::bigint AS open_micros, COALESCE(owed.overdue_micros, 0)::bigint AS overdue_micros
FROM customer
JOIN wallet ON wallet.account_id = customer.account_id AND wallet.kind = 'customer' AND wallet.owner_id = customer.id
LEFT JOIN (
  SELECT customer_id, sum(total_micros - settled_micros) AS open_micros,
         sum(total_micros - settled_micros) FILTER (WHERE due_on < $2::date) AS overdue_micros
  FROM invoice
  WHERE account_id = $1::bigint AND state = 'issued' AND kind IN ('invoice', 'debit_note') AND settled_micros < total_micros
  GROUP BY customer_id
) AS owed ON owed.customer_id = customer.id
WHERE customer.account_id = $1::bigint AND (customer.deleted_at IS NULL OR owed.open_micros IS NOT NULL)
ORDER BY customer.id

-- name: aged_debt
-- What customers of an account ($1) owe by issued documents on the day $2, by how long it is due; `unused` is what they
-- have paid or were credited that settles nothing yet; what was paid ahead, before the switch to postpaid, was for calls.
SELECT customer.id, customer.name, customer.accounting_id, debt.currency,
       (sum(debt.micros) FILTER (WHERE debt.late < 0))::bigint AS not_due_micros,
       (sum(debt.micros) FILTER (WHERE debt.late BETWEEN 0 AND 30))::bigint AS late_30_micros,
       (sum(debt.micros) FILTER (WHERE debt.late BETWEEN 31 AND 60))::bigint AS late_60_micros,
       (sum(debt.micros) FILTER (WHERE debt.late BETWEEN 61 AND 90))::bigint AS late_90_micros,
       (sum(debt.micros) FILTER (WHERE debt.late > 90))::bigint AS late_more_micros,
       (sum(debt.micros) FILTER (WHERE debt.late IS NOT NULL))::bigint AS open_micros,
       (sum(debt.micros) FILTER (WHERE debt.late IS NULL))::bigint AS unused_micros, min(debt.due_on) AS oldest_on
FROM (
  SELECT customer_id, currency, total_micros - settled_micros AS micros, $2::date - COALESCE(due_on, invoice_on) AS late, due_on
  FROM invoice
  WHERE account_id = $1::bigint AND state = 'issued' AND kind IN ('invoice', 'debit_note') AND settled_micros < total_micros
  UNION ALL
  SELECT customer_id, currency, total_micros - settled_micros, NULL, NULL
  FROM invoice
  WHERE account_id = $1::bigint AND state = 'issued' AND kind = 'credit_note' AND settled_micros < total_micros
  UNION ALL
  SELECT payment.customer_id, payment.currency, amount_micros - allocated_micros - refunded_micros - leaving_micros, NULL, NULL
  FROM payment
  JOIN customer AS payer ON payer.id = payment.customer_id
  WHERE payment.account_id = $1::bigint AND payment.status = 'completed' AND payment.kind IN ('payment', 'bonus')
    AND payer.billing_type = 'postpaid' AND amount_micros > allocated_micros + refunded_micros + leaving_micros
    AND NOT EXISTS (
      SELECT FROM audit
      WHERE audit.table_name = 'customer' AND audit.row_id = payer.id AND audit.verb = 'UPDATE'
        AND audit.before ->> 'billing_type' IS NOT NULL AND audit.at >= payment.completed_at
    )
) AS debt
JOIN customer ON customer.id = debt.customer_id
GROUP BY customer.id, customer.name, customer.accounting_id, debt.currency
HAVING bool_or(debt.late IS NOT NULL)
ORDER BY customer.name, customer.id, debt.currency

-- name: journal
-- What moved between wallets and books in the days from $2 to the one before $3 of account $1, told in zone $4: the calls
-- of a day and wallet together, what a document moved by each of its books. Whose customer somebody was on the day counts:
-- who goes to a reseller, or comes from one, changes nothing of the days before.
WITH moved AS MATERIALIZED (
  SELECT row_id AS customer_id, at AS until_at, lag(at, 1, '-infinity') OVER (PARTITION BY row_id ORDER BY id) AS from_at,
         before ->> 'parent_id' IS NOT NULL AS of_reseller
  FROM audit
  WHERE account_id = $1::bigint AND table_name = 'customer' AND verb = 'UPDATE' AND before ? 'parent_id'
)
SELECT (entry.at AT TIME ZONE $4::text)::date AS "on", entry.wallet_id, wallet.kind AS wallet_kind, wallet.owner_id,
       COALESCE(moved.of_reseller, customer.parent_id IS NOT NULL) AS of_reseller,
       COALESCE(customer.name, carrier.name, '') AS owner,
       COALESCE(customer.accounting_id, '') AS accounting_id, entry.book,
       CASE WHEN entry.call_id IS NOT NULL THEN '' ELSE COALESCE(entry.ref, 'entry:' || entry.id) END AS ref,
       CASE WHEN entry.call_id IS NOT NULL AND entry.kind IN ('call', 'overrun') THEN 'call' ELSE entry.kind END AS kind,
       entry.currency, sum(entry.amount_micros)::bigint AS amount_micros
FROM entry
JOIN wallet ON wallet.id = entry.wallet_id
LEFT JOIN customer ON wallet.kind = 'customer' AND customer.id = wallet.owner_id
LEFT JOIN carrier ON wallet.kind = 'carrier' AND carrier.id = wallet.owner_id
LEFT JOIN moved ON moved.customer_id = customer.id AND entry.at >= moved.from_at AND entry.at < moved.until_at
WHERE entry.account_id = $1::bigint AND wallet.kind <> 'bundle'
  AND entry.at >= ($2::date)::timestamp AT TIME ZONE $4::text AND entry.at < ($3::date)::timestamp AT TIME ZONE $4::text
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
HAVING sum(entry.amount_micros) <> 0
ORDER BY 1, min(entry.id)

-- name: earned
-- What the books of account $1 earned it (below zero: cost it) on each UTC day from $2 to the one before $3. What packages
-- cost the account on the day they were charged is in no wallet: their charges tell it. Of what is sold to customers of
-- resellers neither counts: the sale is on the book `resale`, and its cost is settled with it.
SELECT (entry.at AT TIME ZONE 'UTC')::date AS "on", entry.book, entry.currency::text AS currency,
       (-sum(entry.amount_micros))::bigint AS amount_micros
FROM entry
WHERE entry.account_id = $1::bigint AND entry.book IN ('revenue', 'carrier_cost', 'payment_fees', 'adjustments')
  AND entry.at >= ($2::date)::timestamp AT TIME ZONE 'UTC' AND entry.at < ($3::date)::timestamp AT TIME ZONE 'UTC'
GROUP BY 1, 2, 3
UNION ALL
SELECT (charge.at AT TIME ZONE 'UTC')::date, 'package_cost', charge.currency,
       (-sum((charge.detail ->> 'cost_nanos')::numeric) / 1000)::bigint
FROM charge
JOIN customer ON customer.id = charge.customer_id
LEFT JOIN entry ON entry.account_id = charge.account_id AND entry.id = charge.entry_id
WHERE charge.account_id = $1::bigint AND charge.kind IN ('package', 'setup', 'minimum_spend')
  AND COALESCE(entry.book = 'revenue', customer.parent_id IS NULL)
  AND charge.at >= ($2::date)::timestamp AT TIME ZONE 'UTC' AND charge.at < ($3::date)::timestamp AT TIME ZONE 'UTC'
GROUP BY 1, 2, 3
HAVING sum((charge.detail ->> 'cost_nanos')::numeric) <> 0
ORDER BY 1, 2, 3
