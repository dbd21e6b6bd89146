-- The looks at resellers' prices (actions/card_losses.py).

-- name: begin_looks
-- A look, not made yet, for every reseller with a card of its own.
INSERT INTO resale_look (reseller_id, revision_ids, found)
SELECT DISTINCT card.reseller_id, '{}'::bigint[], '[]'::jsonb
FROM card
WHERE card.reseller_id IS NOT NULL AND NOT EXISTS (SELECT FROM resale_look WHERE reseller_id = card.reseller_id)
ON CONFLICT DO NOTHING

-- name: stale_look
-- A reseller whose prices at a moment ($1) and after it are others than when they were looked at, with the revisions that
-- they are now: of its own cards and of those it buys by, what is in force and what is coming. Every one is looked at
-- once a day, too: numbers of routes and hours of prices count as well. One whose look has failed comes after the others
-- and not within a minute, after $2 tries not within a day. Whoever asks holds it until its transaction ends.
SELECT look.reseller_id, now.ids AS revision_ids
FROM resale_look AS look
JOIN customer AS reseller ON reseller.id = look.reseller_id
CROSS JOIN LATERAL (
  SELECT COALESCE(array_agg(revision.id ORDER BY revision.id), '{}') AS ids
  FROM card
  JOIN revision ON revision.card_id = card.id AND revision.published_at IS NOT NULL
  WHERE card.currency = reseller.currency
    AND (card.reseller_id = reseller.id
         OR card.id IN (SELECT card_id FROM ingress_route WHERE customer_id = reseller.id AND enabled)
         OR card.id IN (SELECT route.card_id FROM ingress_route AS route
                        JOIN customer_tag AS tagged ON tagged.tag_id = route.tag_id
                        WHERE tagged.customer_id = reseller.id AND route.enabled))
    AND revision.effective_at >= COALESCE(
      (SELECT max(past.effective_at) FROM revision AS past
       WHERE past.card_id = card.id AND past.published_at IS NOT NULL AND past.effective_at <= $1::timestamptz),
      '-infinity')
) AS now
WHERE (look.looked_at IS NULL OR look.looked_at < $1::timestamptz - interval '1 day' OR look.revision_ids <> now.ids)
  AND (look.tried_at IS NULL
       OR look.tried_at < $1::timestamptz - CASE WHEN look.tries_count < $2::integer THEN interval '1 minute' ELSE interval '1 day' END)
ORDER BY look.tries_count, look.looked_at NULLS FIRST, look.reseller_id
LIMIT 1
FOR UPDATE OF look SKIP LOCKED
