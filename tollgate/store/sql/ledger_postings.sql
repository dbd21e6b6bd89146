-- Money that people move: top-ups and adjustments, one entry each, in the same statement as the balance.

-- name: lock_wallet
SELECT id, balance_micros, currency FROM wallet WHERE id = $1::bigint FOR UPDATE

-- name: post
-- The wallet gains the amount, the book gives it; the audit log says who did it. `ref` is the document it belongs to.
WITH posted AS (
  INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, note, key, ref, call_id)
  SELECT account_id, clock_timestamp(), id, $2::text, $3::text, $4::bigint, currency, $5::text, $6::text, $7::text, $8::bigint
  FROM wallet WHERE id = $1::bigint
  RETURNING *
), moved AS (
  UPDATE wallet SET balance_micros = wallet.balance_micros + posted.amount_micros
  FROM posted WHERE wallet.id = posted.wallet_id
), noted AS (
  INSERT INTO audit (actor, act, reason, table_name, row_id, verb, after, actor_kind, actor_id, ip, account_id, customer_id)
  SELECT current_setting('audit.actor', true), current_setting('audit.act', true), current_setting('audit.reason', true),
         'entry', posted.id, 'INSERT', to_jsonb(posted), acting.kind, acting.id, acting.ip, posted.account_id,
         CASE WHEN wallet.kind = 'customer' THEN wallet.owner_id END
  FROM posted JOIN wallet ON wallet.id = posted.wallet_id CROSS JOIN audit_acting() AS acting
)
SELECT id FROM posted

-- name: load_entries
-- A past that was played by the rules, brought in whole (demo data): one array per column.
INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, call_id, note)
SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[],
                     $8::bigint[], $9::text[])

-- name: load_wallets
-- What that past leaves in the wallets.
UPDATE wallet
SET balance_micros = left_over.balance_micros, spent_micros = left_over.spent_micros, spent_on = left_over.spent_on,
    first_used_at = left_over.first_used_at
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::date[], $5::timestamptz[])
  AS left_over (id, balance_micros, spent_micros, spent_on, first_used_at)
WHERE wallet.id = left_over.id
