-- The lake's side of the database. Run whole by a migration.

-- Calls whose CDR only the lake still has, so that each entry keeps its call: when it was, whose, and what a line of an
-- invoice groups by. Only calls that have entries are here.
CREATE TABLE archived_call (
  id               bigint NOT NULL,
  account_id       bigint NOT NULL,
  started_at       timestamptz NOT NULL,
  customer_id      bigint,
  ingress_route_id bigint,
  destination      text NOT NULL,
  billed_s         integer NOT NULL,
  cost_micros      bigint NOT NULL,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX archived_call_started_at ON archived_call (account_id, started_at);
CREATE INDEX archived_call_customer ON archived_call (account_id, customer_id, started_at);
CREATE TRIGGER archived_call_append_only BEFORE UPDATE OR DELETE ON archived_call
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Every call that has entries, whether its CDR is still here or not: what the truth of a period is joined by.
CREATE VIEW rated_call AS
  SELECT account_id, id, started_at, customer_id, ingress_route_id, destination, billed_s, cost_micros FROM cdr
  UNION ALL
  SELECT account_id, id, started_at, customer_id, ingress_route_id, destination, billed_s, cost_micros FROM archived_call;

-- CDRs and the entries of calls with the columns of the lake's files, so that one question fits both. Instants are
-- microseconds since 1970 in UTC there, which every engine counts alike; `started_at` is for the partitions.
CREATE VIEW lake_call AS
SELECT id, account_id, edge, edge_call_id, customer_id, endpoint_id, ingress_route_id, carrier_id, gateway_id, state,
       (extract(epoch FROM started_at) * 1000000)::bigint AS started_us,
       (extract(epoch FROM answered_at) * 1000000)::bigint AS answered_us,
       (extract(epoch FROM ended_at) * 1000000)::bigint AS ended_us,
       cli, cld, number, prefix, destination, duration_ms, billed_s::bigint AS billed_s, currency::text AS currency, price_nanos,
       cost_micros, held_micros, customer_card_id, customer_revision_id, carrier_billed_s::bigint AS carrier_billed_s,
       carrier_currency::text AS carrier_currency, carrier_price_nanos, carrier_cost_micros, carrier_card_id,
       carrier_revision_id, profit_micros, refusal, sip_sent::bigint AS sip_sent, sip_received::bigint AS sip_received,
       q850::bigint AS q850, released_by, pdd_ms::bigint AS pdd_ms, ring_ms::bigint AS ring_ms, host(source_ip) AS source_ip,
       detail::text AS detail, started_at
FROM cdr;

CREATE VIEW lake_entry AS
SELECT entry.id, entry.account_id, (extract(epoch FROM entry.at) * 1000000)::bigint AS posted_us, entry.wallet_id,
       wallet.kind AS owner_kind, wallet.owner_id, entry.book, entry.kind, entry.amount_micros, entry.currency::text AS currency,
       entry.call_id, rated_call.customer_id, (extract(epoch FROM rated_call.started_at) * 1000000)::bigint AS started_us,
       entry.note, rated_call.started_at
FROM rated_call
JOIN entry ON entry.call_id = rated_call.id AND entry.account_id = rated_call.account_id
LEFT JOIN wallet ON wallet.id = entry.wallet_id;
