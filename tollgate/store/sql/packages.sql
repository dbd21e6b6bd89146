-- What packages ask of the ledger.

-- name: used_in_period
-- What a wallet ($1 of account $2) was charged for calls that began in a period, corrections included: of a reseller's,
-- $3 is null, also for the calls of its customers, else for those of its own customer $3 alone.
SELECT COALESCE(-sum(entry.amount_micros), 0)::bigint AS used_micros
FROM entry
JOIN rated_call AS cdr ON cdr.account_id = entry.account_id AND cdr.id = entry.call_id
WHERE entry.wallet_id = $1::bigint AND entry.account_id = $2::bigint AND ($3::bigint IS NULL OR cdr.customer_id = $3::bigint)
  AND cdr.started_at >= $4::timestamptz AND cdr.started_at < $5::timestamptz
  AND entry.id >= (SELECT entries_from($1::bigint, $4::timestamptz))  -- none is charged before it begins
  AND entry.kind IN ('call', 'overrun', 'adjustment', 'correction')

-- name: talks_on
-- Whether a call that began before a moment ($3) still runs at the cost of a wallet ($2 of account $1).
SELECT EXISTS (
  SELECT FROM call WHERE account_id = $1::bigint AND $2::bigint = ANY (wallet_ids) AND authorized_at < $3::timestamptz
) AS talks

-- name: minutes_of_customer
-- Its bundles with what is left, newest first; `used_micros` is what calls have taken, the late ends of calls corrected.
SELECT bundle.id, bundle.customer_package_id, bundle.name, bundle.from_on, bundle.starts_at, bundle.ends_at, bundle.prefixes,
       bundle.granted_s, wallet.held_micros / 1000000 AS held_s, (wallet.balance_micros - wallet.held_micros) / 1000000 AS left_s,
       bundle.granted_s - wallet.balance_micros / 1000000 AS used_s
FROM bundle
JOIN wallet ON wallet.account_id = bundle.account_id AND wallet.kind = 'bundle' AND wallet.owner_id = bundle.id
WHERE bundle.customer_id = $1::bigint
ORDER BY bundle.starts_at DESC, bundle.id DESC
LIMIT $2::integer

-- name: newest_correction
-- The newest entry by which a call of a wallet ($1) was corrected; 0 without any.
SELECT COALESCE(max(id), 0)::bigint AS id
FROM entry
WHERE wallet_id = $1::bigint AND call_id IS NOT NULL AND kind IN ('adjustment', 'correction')

-- name: corrected_holders
-- Minimum spends (of customer $1, or of all) with charged periods and corrections of the wallet that nobody has looked at.
SELECT held.id, held.customer_id
FROM customer_package AS held
JOIN package ON package.id = held.package_id AND package.minimum_spend
JOIN customer ON customer.id = held.customer_id
JOIN wallet ON wallet.account_id = customer.account_id AND wallet.kind = 'customer' AND wallet.owner_id = customer.id
WHERE ($1::bigint IS NULL OR held.customer_id = $1::bigint)
  AND customer.deleted_at IS NULL AND customer.parked_at IS NULL AND customer.status <> 'pending'
  AND (SELECT max(entry.id) FROM entry
       WHERE entry.wallet_id = wallet.id AND entry.call_id IS NOT NULL AND entry.kind IN ('adjustment', 'correction'))
      > (SELECT max(spend_period.entry_id) FROM spend_period WHERE spend_period.customer_package_id = held.id)
ORDER BY held.customer_id, held.id

-- name: corrected_periods
-- The charged periods of a minimum spend ($1) that may have calls which a wallet ($3 of account $2) got corrections of
-- after one entry ($4), up to another ($5): those that share an hour with such a call.
WITH came AS MATERIALIZED (
  SELECT DISTINCT date_trunc('hour', cdr.started_at, 'UTC') AS hour_at
  FROM entry
  JOIN rated_call AS cdr ON cdr.account_id = $2::bigint AND cdr.id = entry.call_id
  WHERE entry.wallet_id = $3::bigint AND entry.call_id IS NOT NULL AND entry.kind IN ('adjustment', 'correction')
    AND entry.id > $4::bigint AND entry.id <= $5::bigint
)
SELECT period.id
FROM spend_period AS period
WHERE period.customer_package_id = $1::bigint AND EXISTS (
  SELECT FROM came WHERE came.hour_at < period.until_at AND came.hour_at > period.from_at - interval '1 hour'
)
