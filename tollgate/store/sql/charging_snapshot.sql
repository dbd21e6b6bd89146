-- What the charging process knows of the accounts: read whole at the start, and by id after a notice.
-- Every statement takes the ids wanted, or NULL for all rows.

-- name: accounts
SELECT account.id, account.name, account.currency, account.status, account.challenge_unknown, account.slice_s,
       account.validity_s, account.recording, account.valid_from_creation, account.sip_rewrites::text AS sip_rewrites,
       account.auth_failure_count, account.zone, wallet.id AS wallet_id
FROM account
JOIN wallet ON wallet.account_id = account.id AND wallet.kind = 'account' AND wallet.owner_id = account.id
WHERE $1::bigint[] IS NULL OR account.id = ANY($1)

-- name: edges
SELECT id, account_id, name, kind, rpc_url, enabled
FROM edge
WHERE $1::bigint[] IS NULL OR id = ANY($1)

-- name: customers
-- A verification counts as done when one contact has done it. Verified CLIs are read with their customer, and so are the
-- DIDs that calls may show where it has a CLI pool.
SELECT customer.id, customer.account_id, customer.parent_id, customer.name, customer.currency, customer.status,
       customer.status_until, customer.expires_at, customer.valid_days, customer.created_at,
       customer.hours::text AS hours, customer.hours_hang_up, customer.cli_selection, customer.max_duration_s, customer.recording, customer.pai_mode,
       customer.approved_clis_only, customer.first_reply_s, customer.pdd_s, customer.ring_s, customer.rtp_firewall,
       customer.local_calls, customer.local_price_nanos, customer.local_increment_s, customer.loss_making_calls,
       customer.localization_id, customer.vars_toml,
       COALESCE(NULLIF(customer.billing_zone, ''), customer.zone) AS billing_zone, customer.cli_pool, customer.non_cli_card_id, wallet.id AS wallet_id, wallet.depth,
       CASE WHEN customer.cli_pool <> 'disabled'
            THEN ARRAY(SELECT number FROM did WHERE did.customer_id = customer.id AND did.enabled) ELSE '{}' END AS own_dids,
       ARRAY(SELECT number FROM verified_cli WHERE verified_cli.customer_id = customer.id ORDER BY id) AS approved_clis,
       ARRAY(SELECT attestation FROM verified_cli WHERE verified_cli.customer_id = customer.id ORDER BY id) AS attestations,
       ARRAY(SELECT tag_id FROM customer_tag WHERE customer_tag.customer_id = customer.id) AS tag_ids,
       NOT customer.email_verification OR EXISTS (
         SELECT FROM contact WHERE contact.customer_id = customer.id AND contact.email_verified_at IS NOT NULL) AS email_ok,
       NOT customer.mobile_verification OR EXISTS (
         SELECT FROM contact WHERE contact.customer_id = customer.id AND contact.mobile_verified_at IS NOT NULL) AS mobile_ok
FROM customer
JOIN wallet ON wallet.account_id = customer.account_id AND wallet.kind = 'customer' AND wallet.owner_id = customer.id
WHERE customer.deleted_at IS NULL AND ($1::bigint[] IS NULL OR customer.id = ANY($1))

-- name: contacts
SELECT id, customer_id
FROM contact
WHERE $1::bigint[] IS NULL OR id = ANY($1)

-- name: verified_clis
SELECT id, customer_id
FROM verified_cli
WHERE $1::bigint[] IS NULL OR id = ANY($1)

-- name: cli_rules
-- In the order of asking within each owner.
SELECT id, account_id, customer_id, tag_id, position, cli, pai, dialed, rewrite_cli, rewrite_pai, forced, weight, attestation,
       certificate_id, signature_required, signature_replaced
FROM cli_rule
WHERE $1::bigint[] IS NULL OR id = ANY($1)

-- name: stir_certificates
-- One that is disabled is as one that is gone.
SELECT id, account_id, name, url, key_sealed, is_default, starts_at, expires_at
FROM stir_certificate
WHERE enabled AND ($1::bigint[] IS NULL OR id = ANY($1))

-- name: aliases
-- In the order of asking within each owner; one that is disabled is as one that is gone.
SELECT id, account_id, customer_id, position, current, new
FROM alias
WHERE enabled AND ($1::bigint[] IS NULL OR id = ANY($1))

-- name: tags
SELECT id, name
FROM tag
WHERE $1::bigint[] IS NULL OR id = ANY($1)

-- name: customer_tags
SELECT id, customer_id
FROM customer_tag
WHERE $1::bigint[] IS NULL OR id = ANY($1)

-- name: bundles
-- Free minutes that may still be used.
SELECT bundle.id, bundle.customer_id, bundle.name, bundle.starts_at, bundle.ends_at, bundle.prefixes, wallet.id AS wallet_id
FROM bundle
JOIN wallet ON wallet.account_id = bundle.account_id AND wallet.kind = 'bundle' AND wallet.owner_id = bundle.id
WHERE (bundle.ends_at IS NULL OR bundle.ends_at > now()) AND ($1::bigint[] IS NULL OR bundle.id = ANY($1))

-- name: recorders
-- Packages with call recording that are held now or will be, of a customer or for one of its DIDs.
SELECT held.id, held.customer_id, held.did_id, held.did_number, held.starts_on, held.ends_on, package.name
FROM customer_package AS held
JOIN package ON package.id = held.package_id
WHERE package.feature = 'recording' AND (held.ends_on IS NULL OR held.ends_on >= GREATEST(held.starts_on, now()::date - 2))
  AND ($1::bigint[] IS NULL OR held.id = ANY($1))

-- name: localizations
SELECT id, name, originate_cli_in, originate_cli_out, originate_cld, terminate_cli_in, terminate_cli_out, terminate_cld
FROM localization
WHERE $1::bigint[] IS NULL OR id = ANY($1)

-- name: endpoints
-- Disabled ones too, and rooms as well: their extensions are called by nobody, but are no numbers of the public network.
SELECT endpoint.id, endpoint.account_id, endpoint.customer_id, endpoint.kind, endpoint.name, endpoint.network,
       endpoint.tech_prefix, lower(endpoint.username) AS username, endpoint.realm, endpoint.ha1, endpoint.allowed_networks,
       endpoint.cli_authentication, endpoint.shared, endpoint.sends_calls, endpoint.presents_pins, endpoint.rewrites::text AS rewrites,
       endpoint.extensions, endpoint.delivery_host, endpoint.delivery_port, endpoint.delivery_transport, endpoint.enabled,
       endpoint.channels > 0 OR endpoint.cps_milli > 0 AS limited, wallet.id AS wallet_id
FROM endpoint
JOIN wallet ON wallet.account_id = endpoint.account_id AND wallet.kind = 'endpoint' AND wallet.owner_id = endpoint.id
WHERE $1::bigint[] IS NULL OR endpoint.id = ANY($1)

-- name: conference_rooms
SELECT room.id, room.account_id, room.customer_id, room.name, room.extension, room.host, room.port, room.transport,
       room.shared, room.enabled, wallet.id AS wallet_id
FROM conference_room AS room
JOIN wallet ON wallet.account_id = room.account_id AND wallet.kind = 'conference_room' AND wallet.owner_id = room.id
WHERE $1::bigint[] IS NULL OR room.id = ANY($1)

-- name: dids
-- Disabled ones and those of nobody too: their calls are refused by name. Prices of resellers are read with their DID.
SELECT did.id, did.account_id, did.number, did.customer_id, did.card_id, did.carrier_id, did.carrier_card_id, did.destinations,
       did.order, did.recording, did.pai_mode, did.max_duration_s, did.enabled,
       ARRAY(SELECT reseller_id FROM did_price WHERE did_price.did_id = did.id ORDER BY id) AS reseller_ids,
       ARRAY(SELECT did_price.card_id FROM did_price WHERE did_price.did_id = did.id ORDER BY id) AS reseller_card_ids,
       did.channels > 0 OR did.cps_milli > 0 AS limited, wallet.id AS wallet_id
FROM did
JOIN wallet ON wallet.account_id = did.account_id AND wallet.kind = 'did' AND wallet.owner_id = did.id
WHERE $1::bigint[] IS NULL OR did.id = ANY($1)

-- name: did_prices
SELECT id, did_id
FROM did_price
WHERE $1::bigint[] IS NULL OR id = ANY($1)

-- name: ingress_routes
SELECT ingress_route.id, COALESCE(customer.account_id, tag.account_id) AS account_id, ingress_route.customer_id,
       ingress_route.tag_id, ingress_route.name, ingress_route.tech_prefix,
       ingress_route.dial_patterns, ingress_route.card_id, ingress_route.strategy, ingress_route.max_duration_s,
       ingress_route.media, ingress_route.recording, ingress_route.profit_assurance, ingress_route.capped_price_nanos,
       ingress_route.block_connect_fee, ingress_route.channels > 0 OR ingress_route.cps_milli > 0 AS limited,
       wallet.id AS wallet_id
FROM ingress_route
LEFT JOIN customer ON customer.id = ingress_route.customer_id
LEFT JOIN tag ON tag.id = ingress_route.tag_id
JOIN wallet ON wallet.account_id = COALESCE(customer.account_id, tag.account_id) AND wallet.kind = 'ingress_route'
           AND wallet.owner_id = ingress_route.id
WHERE ingress_route.enabled AND ($1::bigint[] IS NULL OR ingress_route.id = ANY($1))

-- name: route_options
SELECT id, ingress_route_id, card_id, position, weight, excluded
FROM route_option
WHERE $1::bigint[] IS NULL OR id = ANY($1)

-- name: cards
SELECT id, account_id, kind, carrier_id, name, currency, precision, method, duration_method, increments, tech_prefix
FROM card
WHERE $1::bigint[] IS NULL OR id = ANY($1)

-- name: revisions
-- Published ones that are in force or will be: the newest of the past, and all of the future.
SELECT id, card_id, number, effective_at
FROM revision
WHERE published_at IS NOT NULL AND ($1::bigint[] IS NULL OR card_id = ANY($1))
  AND effective_at >= COALESCE((
    SELECT max(past.effective_at) FROM revision AS past
    WHERE past.card_id = revision.card_id AND past.published_at IS NOT NULL AND past.effective_at <= $2
  ), '-infinity')
ORDER BY card_id, effective_at DESC, number DESC

-- name: revision_card
SELECT id, card_id
FROM revision
WHERE $1::bigint[] IS NULL OR id = ANY($1)

-- name: rates
SELECT prefix, destination, blocked, price_nanos, connect_fee_nanos, initial_s, increment_s, grace_s, included_s,
       tariff::text AS tariff
FROM rate
WHERE revision_id = $1
ORDER BY prefix

-- name: carriers
SELECT carrier.id, carrier.account_id, carrier.name, carrier.currency, carrier.status, carrier.first_reply_s,
       carrier.pdd_s, carrier.ring_s, carrier.pai_mode, carrier.networks, carrier.channels > 0 OR carrier.cps_milli > 0 AS limited, wallet.id AS wallet_id
FROM carrier
JOIN wallet ON wallet.account_id = carrier.account_id AND wallet.kind = 'carrier' AND wallet.owner_id = carrier.id
WHERE $1::bigint[] IS NULL OR carrier.id = ANY($1)

-- name: gateways
SELECT gateway.id, gateway.carrier_id, gateway.name, gateway.host, gateway.port, gateway.transport, gateway.weight,
       gateway.strip_digits, gateway.prefix, gateway.channels > 0 OR gateway.cps_milli > 0 AS limited,
       wallet.id AS wallet_id
FROM gateway
JOIN carrier ON carrier.id = gateway.carrier_id
JOIN wallet ON wallet.account_id = carrier.account_id AND wallet.kind = 'gateway' AND wallet.owner_id = gateway.id
WHERE gateway.enabled AND ($1::bigint[] IS NULL OR gateway.id = ANY($1))

-- name: register_edge
-- A switch node heard for the first time, when there is only one account it can belong to.
INSERT INTO edge (account_id, name, kind, rpc_url, enabled, version, created_at)
SELECT min(account.id), $1, $2, '', true, 1, $3 FROM account HAVING count(*) = 1
ON CONFLICT (name) DO NOTHING

-- name: recent_changes
-- What the audit log saw lately: catches a notice that was missed. Newest first; the limit is the caller's sign to read all.
SELECT table_name, row_id
FROM (SELECT at, table_name, row_id FROM audit ORDER BY id DESC LIMIT $2) AS newest
WHERE at > $1

-- name: changes_since
-- What changed after a change ($1) among the records that calls obey ($2, tables), no more than $3 rows: a reading that says
-- it has the newest change has all of them, also those whose notice is still on its way.
SELECT table_name, row_id
FROM audit
WHERE id > $1 AND table_name = ANY ($2) AND verb IN ('INSERT', 'UPDATE', 'DELETE') AND row_id IS NOT NULL
ORDER BY id
LIMIT $3

-- name: newest_change
-- The newest change of the records that calls obey ($1, tables), among the newest 2000 rows of the audit log.
SELECT id, at
FROM (SELECT id, at, table_name, verb FROM audit ORDER BY id DESC LIMIT 2000) AS newest
WHERE table_name = ANY ($1) AND verb IN ('INSERT', 'UPDATE', 'DELETE')
ORDER BY id DESC
LIMIT 1

-- name: obey
-- A process ($1) says that it obeys this change ($2) and all before it, from $3 on. What was said first stays.
INSERT INTO charging_process (name, change_id, obeyed_at, seen_at)
VALUES ($1, $2, $3, $3)
ON CONFLICT (name) DO UPDATE SET
  obeyed_at = CASE WHEN excluded.change_id > charging_process.change_id THEN excluded.obeyed_at ELSE charging_process.obeyed_at END,
  change_id = GREATEST(excluded.change_id, charging_process.change_id),
  seen_at = excluded.seen_at

-- name: forget_process
-- A process ends ($1); those that have been silent since $2 are forgotten with it.
DELETE FROM charging_process WHERE name = $1 OR seen_at < $2
