-- What the charging service asks about PINs.

-- name: try_pin
-- The verdict on a presented PIN ($3, its mark) of an account ($1) at an access number ($2) by a caller ($4), which
-- came with a call of an edge ($9, $10 and its dialog $11; $10 is empty before there is one): ok, pin_unknown, pin_locked,
-- access_number_unknown or call_id_in_use.
SELECT verdict, customer_id, place, burst
FROM try_pin($1::bigint, $2::text, $3::bigint, $4::text, $5::timestamptz, $6::integer, $7::interval, $8::interval,
             $9::text, $10::text, $11::text)

-- name: holder
-- What a voice may tell the holder of a PIN: a customer ($1), its money and its language.
SELECT customer.currency, customer.language, wallet.balance_micros,
       wallet.balance_micros + wallet.limit_micros - wallet.held_micros AS available_micros
FROM customer
JOIN wallet ON wallet.account_id = customer.account_id AND wallet.kind = 'customer' AND wallet.owner_id = customer.id
WHERE customer.id = $1
