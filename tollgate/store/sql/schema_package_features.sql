-- What packages of DIDs, and minimum spends whose calls are corrected, need beside their columns. Run whole by a migration.

-- The newest correction of a wallet is asked for every minute.
DROP INDEX entry_correction;
CREATE INDEX entry_correction ON entry (wallet_id, id) WHERE call_id IS NOT NULL AND kind IN ('adjustment', 'correction');

-- Periods that were charged before are looked at again from now on. Of one that nothing was missing to, the least is not
-- known any more.
INSERT INTO spend_period (customer_package_id, from_on, until_on, from_at, until_at, least_micros, used_micros, charged_micros, entry_id)
SELECT held.id, charge.from_on, charge.until_on, charge.from_on::timestamp AT TIME ZONE billing.zone,
       charge.until_on::timestamp AT TIME ZONE billing.zone, used.micros + charge.amount_micros, used.micros,
       charge.amount_micros, COALESCE(newest.id, 0)
FROM charge
JOIN customer_package AS held ON held.id = (charge.detail ->> 'customer_package')::bigint
JOIN customer ON customer.id = held.customer_id
JOIN account ON account.id = customer.account_id
JOIN wallet ON wallet.account_id = account.id AND wallet.kind = 'customer' AND wallet.owner_id = customer.id
CROSS JOIN LATERAL (
  SELECT COALESCE(NULLIF(customer.billing_zone, ''), NULLIF(customer.zone, ''), account.zone) AS zone
) AS billing
CROSS JOIN LATERAL (SELECT (charge.detail ->> 'used_micros')::bigint AS micros) AS used
LEFT JOIN LATERAL (
  SELECT max(entry.id) AS id FROM entry
  WHERE entry.wallet_id = wallet.id AND entry.call_id IS NOT NULL AND entry.kind IN ('adjustment', 'correction')
) AS newest ON true
WHERE charge.kind = 'minimum_spend' AND charge.amount_micros > 0 AND used.micros IS NOT NULL;
