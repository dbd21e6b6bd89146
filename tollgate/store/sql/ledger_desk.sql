-- One batch of the charging desk: read calls and wallets (locked by a batch that must be careful), look for calls that are
-- over, then `charge`, which is a function of the database (ledger_charge.sql). Every statement works on many rows at once.

-- name: lock_calls
-- The live calls among some keys (the caller sorts out what the three lists meet by chance), locked in one order for every
-- process. Columns in the order of core.calls.LiveCall; the plan, which never changes, is read apart and once.
-- Terms with + 0 hide columns from the planner: with sequential scans off, only the index on the switch's own id can
-- serve, whatever is believed about a table that was empty at night.
SELECT id, account_id, edge, edge_call_id, customer_id, endpoint_id, ingress_route_id, cli, cld, number, destination, state,
       authorized_at, answered_at, granted_s, granted_until, max_s, extended_count, route_index, carrier_wallet_ids,
       wallet_ids, held_micros, currency, last_seen_at, hangup_at, attempts, dialog, turn
FROM call
WHERE account_id + 0 = ANY($1::bigint[]) AND edge = ANY($2::text[]) AND edge_call_id = ANY($3::text[])
ORDER BY id + 0
FOR UPDATE

-- name: find_calls
-- The same, not locked: for a batch whose decision is verified when it is written.
SELECT id, account_id, edge, edge_call_id, customer_id, endpoint_id, ingress_route_id, cli, cld, number, destination, state,
       authorized_at, answered_at, granted_s, granted_until, max_s, extended_count, route_index, carrier_wallet_ids,
       wallet_ids, held_micros, currency, last_seen_at, hangup_at, attempts, dialog, turn
FROM call
WHERE account_id + 0 = ANY($1::bigint[]) AND edge = ANY($2::text[]) AND edge_call_id = ANY($3::text[])

-- name: call_plans
SELECT id, plan
FROM call
WHERE account_id = ANY($1::bigint[]) AND id = ANY($2::bigint[])

-- name: lock_wallets
-- Deepest first, then by id: the one order in which wallets are ever locked.
SELECT id, account_id, kind, owner_id, parent_id, depth, currency, balance_micros, limit_micros, held_micros, channels,
       channels_max, cps_max_milli, cps_tokens_milli, cps_at, spent_micros, spent_on, spend_max_micros, first_used_at, turn
FROM wallet
WHERE id = ANY($1::bigint[])
ORDER BY depth DESC, id
FOR UPDATE

-- name: find_wallets
-- The same, not locked.
SELECT id, account_id, kind, owner_id, parent_id, depth, currency, balance_micros, limit_micros, held_micros, channels,
       channels_max, cps_max_milli, cps_tokens_milli, cps_at, spent_micros, spent_on, spend_max_micros, first_used_at, turn
FROM wallet
WHERE id = ANY($1::bigint[])

-- name: past_calls
-- The CDRs of some keys since a moment, newest first, for messages that come again. Read after the calls (and, where they
-- are locked, after the wallets); planned as lock_calls is.
SELECT id, account_id, edge, edge_call_id, customer_id, state, started_at, answered_at, cost_micros, currency, refusal,
       detail::text AS detail
FROM cdr
WHERE account_id + 0 = ANY($1::bigint[]) AND edge = ANY($2::text[]) AND edge_call_id = ANY($3::text[])
  AND started_at >= $4 AND (refusal IS NULL OR refusal NOT IN ('digest_failed', 'ip_unknown'))
ORDER BY started_at DESC, id DESC

-- name: corrected_calls
-- Calls that already had their late end, with what it changed for the customer who made them.
SELECT entry.call_id,
       COALESCE(sum(entry.amount_micros) FILTER (WHERE wallet.owner_id = cdr.customer_id AND wallet.kind = 'customer'), 0)
         ::bigint AS amount_micros
FROM entry
JOIN wallet ON wallet.id = entry.wallet_id
JOIN cdr ON cdr.account_id = entry.account_id AND cdr.id = entry.call_id
WHERE entry.call_id = ANY($1::bigint[]) AND entry.kind = 'adjustment'
GROUP BY entry.call_id

-- name: charge
-- All that a batch writes, in a transaction of its own unless one is open. Rows in the order of their types.
SELECT charge($1::bigint, $2::bigint, $3::timestamptz, $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::integer[],
              $9::bigint[], $10::integer[], $11::changed_call[], $12::changed_wallet[], $13::new_call[], $14::new_cdr[],
              $15::new_entry[])
