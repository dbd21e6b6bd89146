-- One batch of the charging desk: lock the calls, lock the wallets, look for calls that are over, write. Every statement
-- works on many rows at once; values arrive as one array per column. New calls, CDRs and entries are copied in.

-- name: lock_calls
-- The live calls among some keys (the caller sorts out what the three lists meet by chance), locked in one order for every
-- process. Columns in the order of core.calls.LiveCall; the plan, which never changes, is read apart and once.
-- Terms with + 0 hide columns from the planner: with sequential scans off, only the index on the switch's own id can
-- serve, whatever is believed about a table that was empty at night.
SELECT id, account_id, edge, edge_call_id, customer_id, endpoint_id, ingress_route_id, cli, cld, number, destination, state,
       authorized_at, answered_at, granted_s, granted_until, max_s, extended_count, route_index, carrier_wallet_ids,
       wallet_ids, held_micros, currency, last_seen_at, hangup_at, attempts, dialog
FROM call
WHERE account_id + 0 = ANY($1::bigint[]) AND edge = ANY($2::text[]) AND edge_call_id = ANY($3::text[])
ORDER BY id + 0
FOR UPDATE

-- name: call_plans
SELECT id, plan
FROM call
WHERE account_id = ANY($1::bigint[]) AND id = ANY($2::bigint[])

-- name: lock_wallets
-- Deepest first, then by id: the one order in which wallets are ever locked.
SELECT id, account_id, kind, owner_id, parent_id, depth, currency, balance_micros, limit_micros, held_micros, channels,
       channels_max, cps_max_milli, cps_tokens_milli, cps_at, spent_micros, spent_on, spend_max_micros, first_used_at
FROM wallet
WHERE id = ANY($1::bigint[])
ORDER BY depth DESC, id
FOR UPDATE

-- name: past_calls
-- The CDRs of some keys since a moment, newest first, for messages that come again. Read after the wallets
-- are locked; planned as lock_calls is.
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

-- name: update_calls
-- An insert that always meets its row: it goes by the primary key and cannot be planned wrong as a join can. What is not
-- said here stays as it is.
INSERT INTO call (account_id, id, state, answered_at, granted_s, granted_until, extended_count, route_index,
                  carrier_wallet_ids, held_micros, last_seen_at, attempts,
                  edge, edge_call_id, customer_id, authorized_at, max_s, plan)
SELECT account_id, id, state, answered_at, granted_s, granted_until, extended_count, route_index,
       carrier_wallet_ids::bigint[], held_micros::bigint[], last_seen_at, attempts,
       '', '', 0, last_seen_at, 0, ''
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[], $5::integer[], $6::timestamptz[],
            $7::integer[], $8::integer[], $9::text[], $10::text[], $11::timestamptz[], $12::text[])
  AS changed (account_id, id, state, answered_at, granted_s, granted_until, extended_count, route_index,
              carrier_wallet_ids, held_micros, last_seen_at, attempts)
ON CONFLICT (account_id, id) DO UPDATE
SET state = EXCLUDED.state, answered_at = EXCLUDED.answered_at, granted_s = EXCLUDED.granted_s,
    granted_until = EXCLUDED.granted_until, extended_count = EXCLUDED.extended_count,
    route_index = EXCLUDED.route_index, carrier_wallet_ids = EXCLUDED.carrier_wallet_ids,
    held_micros = EXCLUDED.held_micros, last_seen_at = EXCLUDED.last_seen_at, attempts = EXCLUDED.attempts,
    missing_count = 0

-- name: delete_calls
DELETE FROM call
WHERE account_id = ANY($1::bigint[]) AND id = ANY($2::bigint[])

-- name: update_wallets
UPDATE wallet
SET balance_micros = changed.balance_micros, held_micros = changed.held_micros, channels = changed.channels,
    cps_tokens_milli = changed.cps_tokens_milli, cps_at = changed.cps_at, spent_micros = changed.spent_micros,
    spent_on = changed.spent_on, first_used_at = changed.first_used_at
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::integer[], $5::bigint[], $6::timestamptz[], $7::bigint[],
            $8::date[], $9::timestamptz[])
  AS changed (id, balance_micros, held_micros, channels, cps_tokens_milli, cps_at, spent_micros, spent_on, first_used_at)
WHERE wallet.id = changed.id
