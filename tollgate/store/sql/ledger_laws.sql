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
-- The legs of a plan and the holds of its call are in the same order.
SELECT wallet.id AS wallet_id, wallet.held_micros, COALESCE(sum(hold.micros), 0) AS holds_micros
FROM wallet
LEFT JOIN (
  SELECT (leg.line ->> 'wallet')::bigint AS wallet_id, call.held_micros[leg.place] AS micros
  FROM call
  CROSS JOIN LATERAL jsonb_array_elements(call.plan::jsonb -> 'legs') WITH ORDINALITY AS leg (line, place)
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
-- Below the highest limit it ever had (people may lower one below the debt) only after a named overrun or a correction.
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
    SELECT FROM entry WHERE entry.wallet_id = wallet.id AND entry.kind IN ('overrun', 'adjustment')
  )

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
  SELECT (record.detail -> 'carrier' ->> 'wallet')::bigint, (record.detail -> 'carrier' ->> 'cost')::bigint
  WHERE jsonb_typeof(record.detail -> 'carrier') = 'object'
) AS said
LEFT JOIN LATERAL (
  SELECT sum(entry.amount_micros) AS micros
  FROM entry
  WHERE entry.call_id = cdr.id AND entry.wallet_id = said.wallet_id AND entry.kind IN ('call', 'overrun')
) AS posted ON true
WHERE cdr.state IN ('charged', 'failed', 'unresolved') AND said.micros <> COALESCE(posted.micros, 0)

-- name: an_entry_has_its_record
SELECT entry.account_id, entry.id AS entry_id, entry.call_id
FROM entry
WHERE entry.call_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM cdr WHERE cdr.account_id = entry.account_id AND cdr.id = entry.call_id)

-- name: no_call_outlives_its_grant
SELECT call.account_id, call.id AS call_id, call.granted_until, call.last_seen_at
FROM call
JOIN account ON account.id = call.account_id
WHERE call.granted_until < now() - make_interval(secs => 2 * account.validity_s + 90)
  AND call.last_seen_at < now() - make_interval(secs => 2 * account.validity_s + 90)
