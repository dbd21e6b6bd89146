-- What a batch of the charging desk does to the tables, in one statement: first that what it decided on is still so, in
-- the order of locks that all keep (calls, then wallets deepest first), then all that it writes. Run whole by migrations.
-- A new column of a call or CDR: its attribute here, its place in the INSERT, and in charging/rows.py.

-- With the types goes the function of them. Arrays within rows travel as text: drivers are slow to write one by one.
DROP TYPE IF EXISTS new_call, changed_call, changed_wallet, new_entry, new_cdr CASCADE;
DROP FUNCTION IF EXISTS decided_on_the_past;

CREATE TYPE new_call AS (
  id bigint, account_id bigint, edge text, edge_call_id text, dialog text, customer_id bigint, endpoint_id bigint,
  ingress_route_id bigint, cli text, cld text, number text, destination text, authorized_at timestamptz, granted_s integer,
  granted_until timestamptz, max_s integer, carrier_wallet_ids text, wallet_ids text, held_micros text, currency text, plan text
);
CREATE TYPE changed_call AS (
  account_id bigint, id bigint, turn integer, state text, answered_at timestamptz, granted_s integer,
  granted_until timestamptz, extended_count integer, route_index integer, carrier_wallet_ids text,
  held_micros text, last_seen_at timestamptz, attempts text
);
CREATE TYPE changed_wallet AS (
  id bigint, turn bigint, balance_micros bigint, held_micros bigint, channels integer, cps_tokens_milli bigint,
  cps_at timestamptz, spent_micros bigint, spent_on date, first_used_at timestamptz
);
CREATE TYPE new_entry AS (
  account_id bigint, at timestamptz, wallet_id bigint, book text, kind text, amount_micros bigint, currency text,
  call_id bigint, note text
);
CREATE TYPE new_cdr AS (
  id bigint, account_id bigint, edge text, edge_call_id text, customer_id bigint, endpoint_id bigint,
  ingress_route_id bigint, carrier_id bigint, gateway_id bigint, state text, started_at timestamptz,
  answered_at timestamptz, ended_at timestamptz, cli text, cld text, number text, prefix text, destination text,
  duration_ms bigint, billed_s integer, currency text, price_nanos bigint, cost_micros bigint, held_micros bigint,
  customer_card_id bigint, customer_revision_id bigint, carrier_billed_s integer, carrier_currency text,
  carrier_price_nanos bigint, carrier_cost_micros bigint, carrier_card_id bigint, carrier_revision_id bigint,
  profit_micros bigint, refusal text, sip_sent smallint, sip_received smallint, q850 smallint, released_by text,
  pdd_ms integer, ring_ms integer, source_ip inet, detail json
);

CREATE FUNCTION decided_on_the_past() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  RAISE 'what the batch was decided on is not so any more' USING ERRCODE = 'serialization_failure';
END $$;

-- Batches of one lane, that is of one process, go in the order in which they came: each was decided on what the one before
-- it leaves. Says so ('begun', by a notice, which is sent at once) when nothing of its lane can come before it any more: the
-- next one is sent then, however long this one still takes. Raises serialization_failure, and writes nothing, when a call or wallet has had another turn, when a call that
-- is asked for has a CDR since `past_since` (a repeated question), or when one that is refused is live.
--
-- No plan may depend on what is believed about a table that was empty at night. So rows are changed by inserts that always
-- meet them: these go by the primary key, in the order of the array. Others are found by arrays of keys; terms with + 0
-- hide a column from the planner. A row that was not met keeps the mark that it was inserted with.
CREATE FUNCTION charge(
  lane bigint, new_turn bigint, past_since timestamptz, accounts bigint[], asked text[], refused text[],
  known_ids bigint[], known_turns integer[], ended_ids bigint[], ended_turns integer[],
  changed_calls changed_call[], wallets changed_wallet[], new_calls new_call[], new_cdrs new_cdr[], new_entries new_entry[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE met bigint; turns integer[];
BEGIN
  PERFORM pg_advisory_xact_lock(lane);
  RAISE NOTICE 'begun';
  IF cardinality(changed_calls) > 0 THEN
    WITH written AS (
      INSERT INTO call (account_id, id, state, answered_at, granted_s, granted_until, extended_count, route_index,
                        carrier_wallet_ids, held_micros, last_seen_at, attempts, turn,
                        edge, edge_call_id, customer_id, authorized_at, max_s, plan)
      SELECT account_id, id, state, answered_at, granted_s, granted_until, extended_count, route_index,
             carrier_wallet_ids::bigint[], held_micros::bigint[], last_seen_at, attempts, -1 - turn,
             '', '', 0, last_seen_at, 0, ''
      FROM unnest(changed_calls)
      ON CONFLICT (account_id, id) DO UPDATE
      SET state = EXCLUDED.state, answered_at = EXCLUDED.answered_at, granted_s = EXCLUDED.granted_s,
          granted_until = EXCLUDED.granted_until, extended_count = EXCLUDED.extended_count,
          route_index = EXCLUDED.route_index, carrier_wallet_ids = EXCLUDED.carrier_wallet_ids,
          held_micros = EXCLUDED.held_micros, last_seen_at = GREATEST(call.last_seen_at, EXCLUDED.last_seen_at),
          attempts = EXCLUDED.attempts, missing_count = 0,
          turn = CASE call.turn WHEN -1 - EXCLUDED.turn THEN call.turn + 1 ELSE decided_on_the_past() END
      RETURNING turn
    )
    SELECT count(*) FILTER (WHERE turn > 0) INTO met FROM written;
    IF met <> cardinality(changed_calls) THEN PERFORM decided_on_the_past(); END IF;
  END IF;
  IF cardinality(ended_ids) > 0 THEN
    WITH gone AS (DELETE FROM call WHERE account_id = ANY(accounts) AND id = ANY(ended_ids) RETURNING id, turn)
    SELECT array_agg(turn ORDER BY id) INTO turns FROM gone;
    IF turns IS DISTINCT FROM ended_turns THEN PERFORM decided_on_the_past(); END IF;
  END IF;
  IF cardinality(wallets) > 0 THEN
    WITH written AS (
      INSERT INTO wallet (id, balance_micros, held_micros, channels, cps_tokens_milli, cps_at, spent_micros, spent_on,
                          first_used_at, turn, account_id, kind, owner_id, depth)
      SELECT id, balance_micros, held_micros, channels, cps_tokens_milli, cps_at, spent_micros, spent_on,
             first_used_at, turn, 0, 'account', 0, 0
      FROM unnest(wallets)
      ON CONFLICT (id) DO UPDATE
      SET balance_micros = EXCLUDED.balance_micros, held_micros = EXCLUDED.held_micros, channels = EXCLUDED.channels,
          cps_tokens_milli = EXCLUDED.cps_tokens_milli, cps_at = EXCLUDED.cps_at, spent_micros = EXCLUDED.spent_micros,
          spent_on = EXCLUDED.spent_on, first_used_at = EXCLUDED.first_used_at,
          turn = CASE wallet.turn WHEN EXCLUDED.turn THEN new_turn ELSE decided_on_the_past() END
      RETURNING turn
    )
    SELECT count(*) FILTER (WHERE turn = new_turn) INTO met FROM written;
    IF met <> cardinality(wallets) THEN PERFORM decided_on_the_past(); END IF;
  END IF;
  IF cardinality(known_ids) > 0 THEN
    SELECT array_agg(turn ORDER BY id) INTO turns FROM call WHERE account_id = ANY(accounts) AND id = ANY(known_ids);
    IF turns IS DISTINCT FROM known_turns THEN PERFORM decided_on_the_past(); END IF;
  END IF;
  IF cardinality(asked) > 0 AND EXISTS (
    SELECT FROM cdr
    WHERE account_id + 0 = ANY(accounts) AND edge_call_id = ANY(asked) AND started_at >= past_since
      AND (refusal IS NULL OR refusal NOT IN (
        'digest_failed', 'ip_unknown', 'pin_unknown', 'pin_locked', 'access_number_unknown'))
  ) THEN PERFORM decided_on_the_past(); END IF;
  IF cardinality(refused) > 0 AND EXISTS (
    SELECT FROM call WHERE account_id + 0 = ANY(accounts) AND edge_call_id = ANY(refused)
  ) THEN PERFORM decided_on_the_past(); END IF;
  IF cardinality(new_calls) > 0 THEN
    INSERT INTO call (id, account_id, edge, edge_call_id, dialog, customer_id, endpoint_id, ingress_route_id, cli, cld, number,
                      destination, state, authorized_at, granted_s, granted_until, max_s, route_index,
                      carrier_wallet_ids, wallet_ids, held_micros, currency, last_seen_at, plan)
    SELECT id, account_id, edge, edge_call_id, dialog, customer_id, endpoint_id, ingress_route_id, cli, cld, number,
           destination, 'authorized', authorized_at, granted_s, granted_until, max_s, 0,
           carrier_wallet_ids::bigint[], wallet_ids::bigint[], held_micros::bigint[], currency, authorized_at, plan
    FROM unnest(new_calls);
  END IF;
  IF cardinality(new_cdrs) > 0 THEN
    INSERT INTO cdr (id, account_id, edge, edge_call_id, customer_id, endpoint_id, ingress_route_id, carrier_id, gateway_id,
                     state, started_at, answered_at, ended_at, cli, cld, number, prefix, destination, duration_ms,
                     billed_s, currency, price_nanos, cost_micros, held_micros, customer_card_id, customer_revision_id,
                     carrier_billed_s, carrier_currency, carrier_price_nanos, carrier_cost_micros, carrier_card_id,
                     carrier_revision_id, profit_micros, refusal, sip_sent, sip_received, q850, released_by, pdd_ms,
                     ring_ms, source_ip, detail)
    SELECT id, account_id, edge, edge_call_id, customer_id, endpoint_id, ingress_route_id, carrier_id, gateway_id,
           state, started_at, answered_at, ended_at, cli, cld, number, prefix, destination, duration_ms,
           billed_s, currency, price_nanos, cost_micros, held_micros, customer_card_id, customer_revision_id,
           carrier_billed_s, carrier_currency, carrier_price_nanos, carrier_cost_micros, carrier_card_id,
           carrier_revision_id, profit_micros, refusal, sip_sent, sip_received, q850, released_by, pdd_ms,
           ring_ms, source_ip, detail
    FROM unnest(new_cdrs);
  END IF;
  IF cardinality(new_entries) > 0 THEN
    INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, call_id, note)
    SELECT account_id, at, wallet_id, book, kind, amount_micros, currency, call_id, note FROM unnest(new_entries);
  END IF;
END $$;
