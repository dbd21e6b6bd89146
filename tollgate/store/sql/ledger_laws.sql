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
-- Below the highest limit it ever had (people may lower one below the debt) only after a named overrun, a correction, or
-- what documents, packages and payments taken back have cost: those are owed whatever the limit is.
SELECT wallet.id AS wallet_id, wallet.balance_micros + wallet.limit_micros - wallet.held_micros AS available_micros
FROM wallet
WHERE wallet.kind = 'customer' AND wallet.limit_micros >= 0
  AND wallet.balance_micros + wallet.limit_micros - wallet.held_micros < 0
  AND wallet.balance_micros - wallet.held_micros + GREATEST(wallet.limit_micros, (
    SELECT max((audit.before ->> 'debit_limit_micros')::bigint)
    FROM audit
    WHERE audit.table_name = 'customer' AND audit.row_id = wallet.owner_id AND audit.verb = 'UPDATE'
  )) < 0
  AND NOT EXISTS (
    SELECT FROM entry WHERE entry.wallet_id = wallet.id AND entry.amount_micros < 0 AND entry.kind NOT IN ('call', 'topup', 'surcharge')
  )

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
-- A completed one moved its amount and took its tax back; any other moved nothing.
SELECT payment.id AS payment_id, payment.status, payment.amount_micros, COALESCE(moved.micros, 0) AS entries_micros
FROM payment
LEFT JOIN LATERAL (
  SELECT sum(amount_micros) AS micros
  FROM entry
  WHERE entry.ref = 'payment:' || payment.id AND entry.account_id = payment.account_id
) AS moved ON true
WHERE COALESCE(moved.micros, 0) <> CASE
  WHEN payment.status = 'completed' THEN payment.amount_micros - sign(payment.amount_micros) * payment.tax_micros
  ELSE 0
END

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
