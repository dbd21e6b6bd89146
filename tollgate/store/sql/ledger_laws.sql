-- The laws of the books: each statement finds what breaks one of them, and nothing when the books are in order. Run in
-- one repeatable-read transaction, they may be asked at any time, with calls in progress.

-- name: lines_sum_to_zero
-- The wallets as they stand and the books as posted: what one gained, the other gave.
SELECT account_id, currency, sum(micros) AS sum_micros
FROM (
  SELECT account_id, currency, balance_micros AS micros FROM wallet WHERE currency IS NOT NULL
  UNION ALL
  SELECT account_id, currency, -amount_micros FROM entry
) AS line
GROUP BY account_id, currency
HAVING sum(micros) <> 0

-- name: balance_is_the_sum_of_entries
SELECT wallet.id AS wallet_id, wallet.balance_micros, COALESCE(sum(entry.amount_micros), 0) AS entries_micros
FROM wallet
LEFT JOIN entry ON entry.wallet_id = wallet.id
GROUP BY wallet.id, wallet.balance_micros
HAVING wallet.balance_micros <> COALESCE(sum(entry.amount_micros), 0)

-- name: kept_balances_are_the_sums_of_entries
-- Of each day up to the last that is kept: what was kept of a wallet is what its entries of that day and before it come to.
SELECT (SELECT account_id FROM wallet WHERE wallet.id = wallet_id) AS account_id, wallet_id, day_on, kept.balance_micros,
       posted.balance_micros AS entries_micros
FROM (
  SELECT entry.wallet_id, (entry.at AT TIME ZONE 'UTC')::date AS day_on, min(entry.id) AS first_id, max(entry.id) AS last_id,
         sum(sum(entry.amount_micros)) OVER (PARTITION BY entry.wallet_id ORDER BY (entry.at AT TIME ZONE 'UTC')::date)
           AS balance_micros
  FROM entry
  JOIN wallet ON wallet.id = entry.wallet_id AND wallet.kind = 'customer'
  WHERE entry.at < (SELECT (max(day_on) + 1)::timestamp AT TIME ZONE 'UTC' FROM wallet_day)
  GROUP BY 1, 2
) AS posted
FULL JOIN wallet_day AS kept USING (wallet_id, day_on)
WHERE (kept.first_id, kept.last_id, kept.balance_micros)
      IS DISTINCT FROM (posted.first_id, posted.last_id, posted.balance_micros::bigint)
ORDER BY day_on, wallet_id

-- name: entries_have_the_currency_of_their_wallet
SELECT entry.id AS entry_id, entry.wallet_id, entry.currency, wallet.currency AS wallet_currency
FROM entry
JOIN wallet ON wallet.id = entry.wallet_id
WHERE entry.currency IS DISTINCT FROM wallet.currency

-- name: held_is_the_sum_of_live_holds
-- The legs of a plan, then its bundles of minutes, and the holds of its call are in the same order.
SELECT wallet.id AS wallet_id, wallet.held_micros, COALESCE(sum(hold.micros), 0) AS holds_micros
FROM wallet
LEFT JOIN (
  SELECT (leg.line ->> 'wallet')::bigint AS wallet_id, call.held_micros[leg.place] AS micros
  FROM call
  CROSS JOIN LATERAL jsonb_array_elements(
    (call.plan::jsonb -> 'legs') || COALESCE(call.plan::jsonb -> 'bundles', '[]')
  ) WITH ORDINALITY AS leg (line, place)
) AS hold ON hold.wallet_id = wallet.id
GROUP BY wallet.id, wallet.held_micros
HAVING wallet.held_micros <> COALESCE(sum(hold.micros), 0)

-- name: channels_are_the_live_calls
SELECT wallet.id AS wallet_id, wallet.kind, wallet.channels, count(occupied.wallet_id) AS calls
FROM wallet
LEFT JOIN (
  SELECT unnest(call.wallet_ids || call.carrier_wallet_ids) AS wallet_id FROM call
) AS occupied ON occupied.wallet_id = wallet.id
GROUP BY wallet.id, wallet.kind, wallet.channels
HAVING wallet.channels <> count(occupied.wallet_id)

-- name: available_is_never_negative_without_a_name
-- Below the highest limit it ever had (people may lower one below the debt) a wallet is by no more than named overruns and
-- corrections, and what documents, taxes, packages and payments taken back have cost, took from it since it was last not
-- below: those are owed whatever the limit is. What they took in the 25 hours before counts too, for a call that was let
-- through by then may have ended after it.
SELECT wallet.account_id, wallet.id AS wallet_id,
       wallet.balance_micros + wallet.limit_micros - wallet.held_micros AS available_micros,
       explained.micros AS explained_micros
FROM wallet
CROSS JOIN LATERAL (
  SELECT GREATEST(wallet.limit_micros, (
    SELECT max((audit.before ->> 'debit_limit_micros')::bigint)
    FROM audit
    WHERE audit.table_name = 'customer' AND audit.row_id = wallet.owner_id AND audit.verb = 'UPDATE'
  )) AS micros
) AS highest
CROSS JOIN LATERAL (
  -- at no moment was more explained than the debt, and what others had taken in the hours before it
  SELECT COALESCE(sum(taken_micros), 0) + LEAST(
           0, min(debt_before_micros - taken_before_micros),
           (array_agg(debt_micros ORDER BY at DESC, id DESC))[1]
             - COALESCE(sum(taken_micros) FILTER (WHERE at <= now() - interval '25 hours'), 0)
         ) AS micros
  FROM (
    SELECT standing.*, lag(debt_micros, 1, 0::numeric) OVER (ORDER BY at, id) AS debt_before_micros
    FROM (
      SELECT id, at, taken_micros, GREATEST(0, -highest.micros - sum(amount_micros) OVER (ORDER BY at, id)) AS debt_micros,
             COALESCE(sum(taken_micros) OVER (
               ORDER BY at RANGE BETWEEN UNBOUNDED PRECEDING AND interval '25 hours' PRECEDING
             ), 0) AS taken_before_micros
      FROM (
        SELECT id, at, amount_micros,
               CASE WHEN amount_micros < 0 AND kind NOT IN ('call', 'topup', 'surcharge') THEN -amount_micros ELSE 0 END
                 AS taken_micros
        FROM entry
        WHERE entry.wallet_id = wallet.id
      ) AS posted
    ) AS standing
  ) AS line
) AS explained
WHERE wallet.kind = 'customer' AND wallet.limit_micros >= 0
  AND wallet.balance_micros + wallet.limit_micros - wallet.held_micros < 0
  AND wallet.balance_micros - wallet.held_micros + highest.micros < 0
  AND explained.micros < wallet.held_micros - wallet.balance_micros - highest.micros

-- name: minutes_are_never_overdrawn
SELECT bundle.id AS bundle_id, wallet.balance_micros, wallet.held_micros
FROM bundle
JOIN wallet ON wallet.account_id = bundle.account_id AND wallet.kind = 'bundle' AND wallet.owner_id = bundle.id
WHERE wallet.balance_micros < wallet.held_micros

-- name: minutes_left_held_and_used_are_those_granted
SELECT bundle.id AS bundle_id, bundle.granted_s, wallet.balance_micros,
       COALESCE(-sum(entry.amount_micros) FILTER (WHERE entry.kind <> 'package'), 0) AS used_micros
FROM bundle
JOIN wallet ON wallet.account_id = bundle.account_id AND wallet.kind = 'bundle' AND wallet.owner_id = bundle.id
LEFT JOIN entry ON entry.wallet_id = wallet.id
GROUP BY bundle.id, bundle.granted_s, wallet.balance_micros
HAVING bundle.granted_s * 1000000
       <> wallet.balance_micros + COALESCE(-sum(entry.amount_micros) FILTER (WHERE entry.kind <> 'package'), 0)

-- name: a_call_has_one_record
SELECT account_id, id AS call_id, count(*) AS cdrs
FROM cdr
GROUP BY account_id, id
HAVING count(*) > 1

-- name: a_live_call_has_no_record
SELECT call.account_id, call.id AS call_id
FROM call
JOIN cdr ON cdr.account_id = call.account_id AND cdr.id = call.id

-- name: a_record_has_its_entries
-- What the CDR says the call cost each wallet is what was posted for it, corrections left aside.
SELECT cdr.account_id, cdr.id AS call_id, said.wallet_id, said.micros AS cdr_micros, COALESCE(posted.micros, 0) AS entry_micros
FROM cdr
CROSS JOIN LATERAL (SELECT cdr.detail::jsonb AS detail) AS record
CROSS JOIN LATERAL (
  SELECT (leg ->> 'wallet')::bigint AS wallet_id, -(leg ->> 'cost')::bigint AS micros
  FROM jsonb_array_elements(record.detail -> 'legs') AS leg
  UNION ALL
  SELECT (bundle ->> 'wallet')::bigint, -(bundle ->> 'used_s')::bigint * 1000000
  FROM jsonb_array_elements(record.detail -> 'minutes') AS bundle
  UNION ALL
  SELECT (record.detail -> 'carrier' ->> 'wallet')::bigint, (record.detail -> 'carrier' ->> 'cost')::bigint
  WHERE jsonb_typeof(record.detail -> 'carrier') = 'object'
) AS said
LEFT JOIN (
  SELECT call_id, wallet_id, sum(amount_micros) AS micros
  FROM entry
  WHERE call_id IS NOT NULL AND kind IN ('call', 'overrun')
  GROUP BY call_id, wallet_id
) AS posted ON posted.call_id = cdr.id AND posted.wallet_id = said.wallet_id
WHERE cdr.state IN ('charged', 'failed', 'unresolved') AND said.micros <> COALESCE(posted.micros, 0)

-- name: an_entry_has_its_record
-- In the database, or in the lake.
SELECT entry.account_id, entry.id AS entry_id, entry.call_id
FROM entry
WHERE entry.call_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM cdr WHERE cdr.account_id = entry.account_id AND cdr.id = entry.call_id)
  AND NOT EXISTS (SELECT FROM archived_call AS gone WHERE gone.account_id = entry.account_id AND gone.id = entry.call_id)

-- name: documents_have_their_entries
-- What a document moved when it was issued is its total less what the ledger had charged before; a receipt moved only
-- lines added by hand, a note its total less the corrections that it tells, a note on a receipt and a void document nothing.
-- Charges move by entries of their own.
SELECT invoice.id AS invoice_id, invoice.number, invoice.kind, COALESCE(moved.micros, 0) AS entries_micros
FROM invoice
LEFT JOIN LATERAL (
  SELECT sum(entry.amount_micros) AS micros
  FROM entry
  WHERE entry.ref = 'invoice:' || invoice.id AND entry.account_id = invoice.account_id AND NOT starts_with(entry.key, 'charge ')
) AS moved ON true
LEFT JOIN LATERAL (
  SELECT COALESCE(sum(line.exact_micros), 0) AS micros
  FROM invoice_line AS line
  WHERE line.invoice_id = invoice.id AND (line.posted OR line.charge_id IS NOT NULL)
) AS charged ON true
WHERE invoice.state <> 'draft' AND COALESCE(moved.micros, 0) <> CASE
  WHEN invoice.state = 'void' OR invoice.kind <> 'receipt' AND invoice.payment_id IS NOT NULL THEN 0
  WHEN invoice.kind = 'credit_note' THEN invoice.total_micros - charged.micros
  WHEN invoice.kind = 'debit_note' THEN charged.micros - invoice.total_micros
  WHEN invoice.kind = 'receipt' THEN charged.micros - invoice.exact_micros
  ELSE charged.micros - invoice.total_micros
END

-- name: documents_bill_what_calls_cost
-- Of each stretch that an issued document bears, documents have billed what the ledger charged for its calls. What came an
-- hour before its issue or later may wait for another document: a charge until one was issued after it (and none was voided
-- since), what was given back for as long as documents have no room for it.
WITH stretch AS MATERIALIZED (
  SELECT invoice.account_id, invoice.customer_id, array_agg(usage_from_at ORDER BY usage_from_at) AS begins,
         array_agg(usage_until_at ORDER BY usage_from_at) AS ends, array_agg(invoice.id ORDER BY usage_from_at) AS invoice_ids,
         array_agg(issued_at - interval '1 hour' ORDER BY usage_from_at) AS known,
         max(issued_at - interval '1 hour') FILTER (
           WHERE issued_at > COALESCE(gone.at, '-infinity')
         ) AS last_known
  FROM invoice
  LEFT JOIN (
    SELECT customer_id, max(voided_at) AS at FROM invoice WHERE state = 'void' GROUP BY customer_id
  ) AS gone ON gone.customer_id = invoice.customer_id
  WHERE state = 'issued' AND usage_from_at IS NOT NULL
  GROUP BY invoice.account_id, invoice.customer_id
), charged AS (
  SELECT told.customer_id, told.place, -sum(told.amount_micros) AS micros,
         COALESCE(sum(told.amount_micros) FILTER (WHERE told.is_after AND told.amount_micros > 0), 0) AS given_back_micros,
         COALESCE(-sum(told.amount_micros) FILTER (WHERE told.is_late AND told.amount_micros < 0), 0) AS late_micros
  FROM (
    SELECT placed.customer_id, placed.place, placed.amount_micros, placed.at >= placed.known[placed.place] AS is_after,
           placed.at >= GREATEST(placed.known[placed.place], placed.last_known) AS is_late
    FROM (
      SELECT called.*, stretch.ends, stretch.known, stretch.last_known,
             width_bucket(called.started_at, stretch.begins) AS place
      FROM (
        SELECT wallet.owner_id AS customer_id, entry.amount_micros, entry.at, cdr.started_at
        FROM wallet
        JOIN entry ON entry.wallet_id = wallet.id AND entry.call_id IS NOT NULL
                  AND entry.kind IN ('call', 'overrun', 'adjustment', 'correction')
        JOIN rated_call AS cdr ON cdr.account_id = entry.account_id AND cdr.id = entry.call_id
        WHERE wallet.kind = 'customer' AND wallet.owner_id IN (SELECT customer_id FROM stretch)
        OFFSET 0  -- here and below: so that no join or sort carries the lists of stretches with each call
      ) AS called
      JOIN stretch ON stretch.customer_id = called.customer_id
      OFFSET 0
    ) AS placed
    WHERE placed.place > 0 AND placed.started_at < placed.ends[placed.place]
    OFFSET 0
  ) AS told
  GROUP BY told.customer_id, told.place
), billed AS (
  SELECT told.customer_id, told.place, sum(told.micros) AS micros
  FROM (
    SELECT stretch.customer_id, stretch.ends, line.usage_from_at, width_bucket(line.usage_from_at, stretch.begins) AS place,
           CASE invoice.kind WHEN 'credit_note' THEN -line.exact_micros ELSE line.exact_micros END AS micros
    FROM stretch
    JOIN invoice ON invoice.customer_id = stretch.customer_id AND invoice.state <> 'void'
    JOIN invoice_line AS line ON line.invoice_id = invoice.id AND line.kind IN ('usage', 'correction')
  ) AS told
  WHERE told.place > 0 AND told.usage_from_at < told.ends[told.place]
  GROUP BY told.customer_id, told.place
)
SELECT stretch.account_id, borne.invoice_id, stretch.customer_id, COALESCE(billed.micros, 0) AS billed_micros,
       COALESCE(charged.micros, 0) AS charged_micros
FROM stretch
CROSS JOIN LATERAL unnest(stretch.invoice_ids) WITH ORDINALITY AS borne (invoice_id, place)
LEFT JOIN charged ON charged.customer_id = stretch.customer_id AND charged.place = borne.place
LEFT JOIN billed ON billed.customer_id = stretch.customer_id AND billed.place = borne.place
WHERE COALESCE(charged.micros, 0) - COALESCE(billed.micros, 0)
      NOT BETWEEN -COALESCE(charged.given_back_micros, 0) AND COALESCE(charged.late_micros, 0)

-- name: documents_are_their_lines_and_taxes
SELECT invoice.id AS invoice_id, invoice.number, invoice.total_micros, line.net_micros, tax.micros AS tax_micros
FROM invoice
CROSS JOIN LATERAL (
  SELECT COALESCE(sum(net_micros), 0) AS net_micros, COALESCE(sum(exact_micros), 0) AS exact_micros
  FROM invoice_line WHERE invoice_id = invoice.id
) AS line
CROSS JOIN LATERAL (SELECT COALESCE(sum(amount_micros), 0) AS micros FROM invoice_tax WHERE invoice_id = invoice.id) AS tax
WHERE (invoice.net_micros, invoice.exact_micros, invoice.tax_micros, invoice.total_micros)
      <> (line.net_micros, line.exact_micros, tax.micros, line.net_micros + tax.micros)

-- name: settled_is_what_was_allocated
-- Of an invoice what payments and credit notes give it, of a credit note what it gives; never more than the total. A
-- receipt, and a note on one, is settled by the payment it is for.
SELECT invoice.id AS invoice_id, invoice.number, invoice.settled_micros, COALESCE(given.micros, 0) AS allocations_micros
FROM invoice
LEFT JOIN LATERAL (
  SELECT sum(amount_micros) AS micros
  FROM allocation
  WHERE CASE invoice.kind WHEN 'credit_note' THEN allocation.credit_note_id ELSE allocation.invoice_id END = invoice.id
) AS given ON true
WHERE invoice.kind <> 'receipt' AND invoice.payment_id IS NULL
  AND (invoice.settled_micros <> COALESCE(given.micros, 0) OR invoice.settled_micros NOT BETWEEN 0 AND invoice.total_micros)

-- name: notes_on_receipts_are_what_was_given_back
-- The tax of a note on a receipt is what moved with the payment that gave it back, and its total no more than that was; by
-- a coin at most, where what was paid is finer than the coins of its receipt.
SELECT note.id AS invoice_id, note.number, note.tax_micros, payment.tax_micros AS payment_tax_micros
FROM invoice AS note
JOIN payment ON payment.id = note.payment_id
LEFT JOIN payment AS original ON original.id = payment.reverses_id
CROSS JOIN LATERAL (
  SELECT CASE
    WHEN note.currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV', 'XAF', 'XOF', 'XPF') THEN 1000000
    WHEN note.currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 1000
    WHEN note.currency IN ('CLF', 'UYW') THEN 100
    ELSE 10000
  END AS micros
) AS coin
WHERE note.kind IN ('credit_note', 'debit_note') AND note.state = 'issued'
  AND (note.tax_micros <> payment.tax_micros
       OR note.total_micros > abs(payment.amount_micros) + sign(mod(original.amount_micros, coin.micros)) * coin.micros
       OR note.settled_micros <> note.total_micros OR (payment.amount_micros < 0) <> (note.kind = 'credit_note'))

-- name: corrections_are_told_by_one_note
-- Of the notes on an invoice for one recalculation each tells entries that come after those of the notes before it.
SELECT note.id AS invoice_id, note.number, before.number AS before_number
FROM invoice AS note
JOIN invoice AS before ON before.corrects_id = note.corrects_id AND before.recalculation_id = note.recalculation_id
                      AND before.id < note.id AND before.state <> 'void'
WHERE note.state <> 'void' AND note.corrections_after_id < before.corrections_until_id

-- name: a_payment_settles_no_more_than_it_is
SELECT payment.id AS payment_id, payment.allocated_micros, COALESCE(given.micros, 0) AS allocations_micros
FROM payment
LEFT JOIN (
  SELECT payment_id, sum(amount_micros) AS micros FROM allocation WHERE payment_id IS NOT NULL GROUP BY payment_id
) AS given ON given.payment_id = payment.id
WHERE payment.allocated_micros <> COALESCE(given.micros, 0)
   OR payment.allocated_micros > GREATEST(0, payment.amount_micros - payment.refunded_micros)

-- name: what_is_given_back_was_paid
SELECT payment.id AS payment_id, payment.amount_micros, payment.refunded_micros
FROM payment
WHERE payment.refunded_micros NOT BETWEEN 0 AND GREATEST(0, payment.amount_micros)

-- name: payments_have_their_entries
-- A completed one moved its amount and took its tax back, which was earned by its calls where their prices include it; a
-- payout that waits for the bank has left the wallet; any other moved nothing.
SELECT payment.id AS payment_id, payment.status, payment.amount_micros, COALESCE(moved.micros, 0) AS entries_micros
FROM payment
LEFT JOIN LATERAL (
  SELECT sum(amount_micros) AS micros,
         COALESCE(sum(amount_micros) FILTER (WHERE book IN ('revenue', 'resale') AND kind = 'tax'), 0) AS within_micros
  FROM entry
  WHERE entry.ref = 'payment:' || payment.id AND entry.account_id = payment.account_id
) AS moved ON true
WHERE moved.within_micros NOT IN (0, sign(payment.amount_micros) * payment.tax_micros)
   OR COALESCE(moved.micros, 0) - moved.within_micros <> CASE
  WHEN payment.status = 'completed' THEN payment.amount_micros - sign(payment.amount_micros) * payment.tax_micros
  WHEN payment.status = 'pending' AND payment.kind = 'refund'
    AND EXISTS (SELECT FROM bank_line WHERE bank_line.payment_id = payment.id) THEN payment.amount_micros
  ELSE 0
END

-- name: what_is_in_transit_waits_for_the_bank
-- The book of what is on its way is what payouts that wait come to, and each payment knows what of it is leaving: never more
-- than is left.
SELECT payment.account_id, payment.id AS payment_id, payment.leaving_micros, COALESCE(going.micros, 0) AS payouts_micros,
       COALESCE(going.in_transit_micros, 0) AS in_transit_micros
FROM payment
LEFT JOIN (
  SELECT back.reverses_id, -sum(back.amount_micros) FILTER (WHERE back.status = 'pending') AS micros,
         -sum(entry.micros) AS in_transit_micros
  FROM payment AS back
  JOIN bank_line ON bank_line.payment_id = back.id AND back.kind = 'refund'
  LEFT JOIN LATERAL (
    SELECT sum(amount_micros) AS micros
    FROM entry
    WHERE entry.ref = 'payment:' || back.id AND entry.account_id = back.account_id AND entry.book = 'in_transit'
  ) AS entry ON true
  GROUP BY back.reverses_id
) AS going ON going.reverses_id = payment.id
WHERE payment.leaving_micros <> COALESCE(going.micros, 0)
   OR COALESCE(going.micros, 0) <> COALESCE(going.in_transit_micros, 0)
   OR payment.leaving_micros > 0 AND payment.leaving_micros > payment.amount_micros - payment.refunded_micros

-- name: payments_say_what_reached_the_account
-- What a completed payment took from the book of payments is what its gateway was paid less what it kept; where the wallet
-- has another currency, what that was worth. A bonus takes nothing from it: nobody paid it.
SELECT payment.id AS payment_id, payment.reached_micros, COALESCE(moved.micros, 0) AS entries_micros
FROM payment
LEFT JOIN LATERAL (
  SELECT sum(amount_micros) AS micros
  FROM entry
  WHERE entry.ref = 'payment:' || payment.id AND entry.account_id = payment.account_id AND entry.book = 'payments'
) AS moved ON true
WHERE payment.status = 'completed' AND payment.reached_micros IS NOT NULL
  AND (payment.reached_micros <> COALESCE(moved.micros, 0)
       OR payment.kind = 'bonus' AND payment.reached_micros <> 0
       OR payment.kind = 'payment' AND COALESCE(NULLIF(payment.received_currency, ''), payment.currency) = payment.currency
          AND payment.reached_micros <> COALESCE(payment.received_micros, payment.amount_micros) - payment.fee_micros)

-- name: charges_move_and_are_billed_once
SELECT charge.id AS charge_id, charge.amount_micros, entry.amount_micros AS entry_micros, borne.count AS documents_count
FROM charge
LEFT JOIN entry ON entry.id = charge.entry_id AND entry.account_id = charge.account_id
CROSS JOIN LATERAL (
  SELECT count(*) AS count
  FROM invoice_line AS line
  JOIN invoice ON invoice.id = line.invoice_id
  WHERE line.charge_id = charge.id AND invoice.state <> 'void'
) AS borne
WHERE borne.count > 1 OR charge.entry_id IS NOT NULL AND entry.amount_micros IS DISTINCT FROM -charge.amount_micros

-- name: numbers_of_documents_have_no_gap
-- Within a series and year each number from the first to the last was given once, and the counter stands at the last.
SELECT invoice.account_id, invoice.kind, invoice.number_year, min(number_seq) AS first, max(number_seq) AS last,
       count(*) AS documents_count, min(counter.last) AS counted
FROM invoice
LEFT JOIN invoice_series AS series ON series.account_id = invoice.account_id AND series.kind = invoice.kind
LEFT JOIN series_counter AS counter ON counter.series_id = series.id AND counter.year = invoice.number_year
WHERE invoice.number_seq IS NOT NULL
GROUP BY invoice.account_id, invoice.kind, invoice.number_year
HAVING (max(number_seq) - min(number_seq) + 1, max(number_seq)) IS DISTINCT FROM (count(DISTINCT number_seq), min(counter.last))
    OR count(*) <> count(DISTINCT number_seq)

-- name: no_call_outlives_its_grant
SELECT call.account_id, call.id AS call_id, call.granted_until, call.last_seen_at
FROM call
JOIN account ON account.id = call.account_id
WHERE call.granted_until < now() - make_interval(secs => 2 * account.validity_s + 90)
  AND call.last_seen_at < now() - make_interval(secs => 2 * account.validity_s + 90)

-- name: summaries_are_the_records
-- As far as they have come, summaries are what records and corrections add up to; hours whose records have gone to the
-- lake are left aside. Each difference is the records' less the summary's.
SELECT account_id, hour_at, customer_id, carrier_id, prefix, destination, currency, sum(attempts) AS attempts,
       sum(cost_micros + correction_micros) AS cost_micros,
       sum(carrier_cost_micros + carrier_correction_micros) AS carrier_cost_micros
FROM (
  SELECT * FROM summarized((SELECT records_since()), 'infinity')
  UNION ALL
  SELECT summary.account_id, hour_at, customer_id, carrier_id, ingress_route_id, prefix, destination, summary.currency,
         carrier_currency, -attempts, -refused, -connected, -duration_ms, -billed_s, -carrier_billed_s, -cost_micros,
         -carrier_cost_micros, -profit_micros, -profitable_micros, -correction_micros, -carrier_correction_micros, -profit_correction_micros,
         -profitable_correction_micros
  FROM summary
  WHERE hour_at >= (SELECT records_since())
) AS line
GROUP BY account_id, hour_at, customer_id, carrier_id, ingress_route_id, prefix, destination, currency, carrier_currency
HAVING (sum(attempts), sum(refused), sum(connected), sum(duration_ms), sum(billed_s), sum(carrier_billed_s), sum(cost_micros),
        sum(carrier_cost_micros), sum(profit_micros), sum(profitable_micros), sum(correction_micros),
        sum(carrier_correction_micros), sum(profit_correction_micros), sum(profitable_correction_micros))
       <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)

-- name: resellers_are_known_by_their_customers
-- Only calls of customers that are known to be, or to have been, below a reseller are on its documents and in its summary.
SELECT DISTINCT entry.account_id, wallet.owner_id AS reseller_id, called.customer_id
FROM wallet
JOIN entry ON entry.wallet_id = wallet.id AND entry.call_id IS NOT NULL
JOIN rated_call AS called ON called.account_id = entry.account_id AND called.id = entry.call_id
WHERE wallet.kind = 'customer' AND called.customer_id <> wallet.owner_id
  AND NOT EXISTS (
    SELECT FROM resold_customer AS known
    WHERE known.reseller_id = wallet.owner_id AND known.customer_id = called.customer_id
  )

-- name: resold_calls_are_in_the_summaries
-- What resellers are charged for the calls of their customers, as far as the summaries have come and as the records of those
-- calls are here.
SELECT account_id, hour_at, customer_id, sum(calls) AS calls, sum(charge_micros + correction_micros) AS charge_micros
FROM (
  SELECT * FROM resold_so_far((SELECT records_since()), 'infinity')
  UNION ALL
  SELECT account_id, customer_id, hour_at, -calls, -billed_s, -charge_micros, -correction_micros
  FROM resale_summary
  WHERE hour_at >= (SELECT records_since())
) AS line
GROUP BY account_id, hour_at, customer_id
HAVING (sum(calls), sum(billed_s), sum(charge_micros), sum(correction_micros)) <> (0, 0, 0, 0)

-- name: outcomes_are_the_records
-- As far as the summaries have come, what attempts came to is what their records say, as far as those are here.
SELECT account_id, hour_at, customer_id, carrier_id, ingress_route_id, refusal, sum(attempts) AS attempts
FROM (
  SELECT * FROM outcomes_so_far((SELECT records_since()), 'infinity')
  UNION ALL
  SELECT account_id, hour_at, customer_id, carrier_id, ingress_route_id, refusal, -attempts, -connected, -reached, -rang, -pdd_ms,
         -duration_ms
  FROM outcome_summary
  WHERE hour_at >= (SELECT records_since())
) AS line
GROUP BY account_id, hour_at, customer_id, carrier_id, ingress_route_id, refusal
HAVING (sum(attempts), sum(connected), sum(reached), sum(rang), sum(pdd_ms), sum(duration_ms)) <> (0, 0, 0, 0, 0, 0)

-- name: corrections_of_archived_calls_are_in_the_summaries
-- As far as the summaries have come, in hours whose records have gone to the lake. Hours with calls that were archived
-- before their carrier and currency were kept are left aside.
SELECT line.account_id, hour_at, customer_id, carrier_id, prefix, destination, currency,
       sum(correction_micros) AS correction_micros, sum(carrier_correction_micros) AS carrier_correction_micros
FROM (
  SELECT account_id, hour_at, customer_id, carrier_id, ingress_route_id, prefix, destination, currency, carrier_currency,
         correction_micros, carrier_correction_micros, profit_correction_micros, profitable_correction_micros
  FROM call_line
  WHERE attempts = 0 AND (written < (SELECT reached FROM summary_progress)
    OR written = (SELECT reached FROM summary_progress) AND started_at < (SELECT within_at FROM summary_progress))
  UNION ALL
  SELECT account_id, hour_at, customer_id, carrier_id, ingress_route_id, prefix, destination, currency, carrier_currency,
         -correction_micros, -carrier_correction_micros, -profit_correction_micros, -profitable_correction_micros
  FROM summary
) AS line
WHERE hour_at < (SELECT records_since())
  AND (correction_micros, carrier_correction_micros, profit_correction_micros, profitable_correction_micros) <> (0, 0, 0, 0)
  AND NOT EXISTS (
    SELECT FROM archived_call AS gone
    WHERE gone.account_id = line.account_id AND gone.started_at >= line.hour_at
      AND gone.started_at < line.hour_at + interval '1 hour' AND gone.currency IS NULL
  )
GROUP BY line.account_id, hour_at, customer_id, carrier_id, ingress_route_id, prefix, destination, currency, carrier_currency
HAVING (sum(correction_micros), sum(carrier_correction_micros), sum(profit_correction_micros), sum(profitable_correction_micros))
       <> (0, 0, 0, 0)
