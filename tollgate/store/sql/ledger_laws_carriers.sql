-- The laws of what is paid to carriers, asked like those of ledger_laws.sql.

-- name: carrier_payments_have_their_entries
-- What was paid to a carrier moved its wallet by just that, against the book of payments and so no cost; a reversal is the
-- opposite of what it undoes.
SELECT payment.id AS carrier_payment_id, payment.amount_micros, COALESCE(moved.micros, 0) AS entries_micros,
       undone.amount_micros AS undone_micros
FROM carrier_payment AS payment
JOIN wallet ON wallet.account_id = payment.account_id AND wallet.kind = 'carrier' AND wallet.owner_id = payment.carrier_id
LEFT JOIN carrier_payment AS undone ON undone.id = payment.reverses_id
LEFT JOIN LATERAL (
  SELECT sum(entry.amount_micros) AS micros
  FROM entry
  WHERE entry.ref = 'carrier_payment:' || payment.id AND entry.account_id = payment.account_id
    AND entry.wallet_id = wallet.id AND entry.book = 'payments'
) AS moved ON true
WHERE payment.amount_micros <> -COALESCE(moved.micros, 0) OR payment.amount_micros <> -undone.amount_micros

-- name: carriers_are_paid_by_payments
-- Nothing but such a payment moves a carrier's wallet against the book of payments.
SELECT entry.account_id, entry.id AS entry_id, entry.wallet_id, entry.amount_micros
FROM wallet
JOIN entry ON entry.wallet_id = wallet.id AND entry.book = 'payments'
WHERE wallet.kind = 'carrier' AND NOT EXISTS (
  SELECT FROM carrier_payment AS payment
  WHERE payment.account_id = entry.account_id AND 'carrier_payment:' || payment.id = entry.ref
)
