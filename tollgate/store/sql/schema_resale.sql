-- What resellers are charged for the calls of their customers, by UTC hour: with the summaries of their own calls it is what
-- their documents bill. Run whole by a migration; functions replace those of the same name in schema_bulk.sql.

-- Who is, or ever was, below which resellers, at whatever depth: the calls of no others are charged to a reseller.
CREATE TABLE resold_customer (
  customer_id bigint NOT NULL,
  reseller_id bigint NOT NULL,
  PRIMARY KEY (reseller_id, customer_id)
);
CREATE INDEX resold_customer_customer ON resold_customer (customer_id);

-- Keeps that everybody from a customer downwards has everybody from a reseller upwards above it.
CREATE FUNCTION note_resold(moved_id bigint, parent_id bigint) RETURNS void LANGUAGE sql AS $$
  WITH RECURSIVE under AS (
    SELECT moved_id AS id UNION SELECT customer.id FROM customer JOIN under ON customer.parent_id = under.id
  ), above AS (
    SELECT note_resold.parent_id AS id
    UNION
    SELECT customer.parent_id FROM customer JOIN above ON customer.id = above.id WHERE customer.parent_id IS NOT NULL
  )
  INSERT INTO resold_customer SELECT under.id, above.id FROM under, above ON CONFLICT DO NOTHING
$$;
CREATE FUNCTION note_resold_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM note_resold(NEW.id, NEW.parent_id);
  RETURN NULL;
END $$;
CREATE TRIGGER customer_is_resold AFTER INSERT OR UPDATE OF parent_id ON customer
  FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL) EXECUTE FUNCTION note_resold_customer();

-- Those of today, and those whose calls a reseller was charged for.
DO $$
BEGIN
  PERFORM note_resold(id, parent_id) FROM customer WHERE parent_id IS NOT NULL;
  INSERT INTO resold_customer
  SELECT DISTINCT called.customer_id, wallet.owner_id
  FROM wallet
  JOIN entry ON entry.wallet_id = wallet.id AND entry.call_id IS NOT NULL
  JOIN rated_call AS called ON called.account_id = entry.account_id AND called.id = entry.call_id
  WHERE wallet.kind = 'customer' AND called.customer_id <> wallet.owner_id
    AND wallet.owner_id IN (
      SELECT id FROM customer WHERE is_reseller
      UNION SELECT parent_id FROM customer WHERE parent_id IS NOT NULL
      UNION SELECT row_id FROM audit WHERE table_name = 'customer' AND before ->> 'is_reseller' = 'true'
    )
  ON CONFLICT DO NOTHING;
END $$;

CREATE TABLE resale_summary (
  account_id        bigint NOT NULL,
  customer_id       bigint NOT NULL,  -- the reseller that pays
  hour_at           timestamptz NOT NULL,
  calls             bigint NOT NULL,
  billed_s          bigint NOT NULL,
  charge_micros     bigint NOT NULL,
  correction_micros bigint NOT NULL,
  PRIMARY KEY (account_id, customer_id, hour_at)
) WITH (fillfactor = 80);

-- What a wallet was charged for a call of somebody else; its corrections count when the call began, whether its record is
-- still here or not. The charges of a call are written with its record.
CREATE VIEW resale_line AS
  SELECT cdr.account_id, payer.customer_id, date_trunc('hour', cdr.started_at, 'UTC') AS hour_at, cdr.written, cdr.started_at,
         1::bigint AS calls, cdr.billed_s::bigint AS billed_s, payer.charge_micros, 0::bigint AS correction_micros
  FROM cdr
  CROSS JOIN LATERAL (
    SELECT wallet.owner_id AS customer_id, -whole_sum(entry.amount_micros) AS charge_micros
    FROM entry
    JOIN wallet ON wallet.id = entry.wallet_id AND wallet.kind = 'customer' AND wallet.owner_id <> cdr.customer_id
    WHERE entry.call_id = cdr.id AND entry.account_id = cdr.account_id AND entry.kind IN ('call', 'overrun')
    GROUP BY wallet.owner_id
  ) AS payer
  WHERE cdr.customer_id IN (SELECT customer_id FROM resold_customer)
  UNION ALL
  SELECT called.account_id, wallet.owner_id, date_trunc('hour', called.started_at, 'UTC'), entry.written, called.started_at, 0, 0, 0,
         -entry.amount_micros
  FROM entry
  JOIN rated_call AS called ON called.account_id = entry.account_id AND called.id = entry.call_id
  JOIN wallet ON wallet.id = entry.wallet_id AND wallet.kind = 'customer' AND wallet.owner_id <> called.customer_id
  WHERE entry.call_id IS NOT NULL AND entry.kind IN ('adjustment', 'correction');

-- As `summed` and `summarized` are for the summaries.
CREATE FUNCTION resold(written_from bigint, written_until bigint, from_at timestamptz, until_at timestamptz)
RETURNS SETOF resale_summary LANGUAGE sql STABLE AS $$
  SELECT account_id, customer_id, hour_at, whole_sum(calls), whole_sum(billed_s), whole_sum(charge_micros),
         whole_sum(correction_micros)
  FROM resale_line
  WHERE written >= written_from AND written < written_until AND started_at >= from_at AND started_at < until_at
  GROUP BY 1, 2, 3
$$;
CREATE FUNCTION resold_so_far(from_at timestamptz, until_at timestamptz) RETURNS SETOF resale_summary LANGUAGE plpgsql STABLE AS $$
DECLARE progress summary_progress;
BEGIN
  SELECT * INTO STRICT progress FROM summary_progress;
  RETURN QUERY SELECT * FROM resold(0, progress.reached, from_at, until_at);
  IF progress.within_at IS NOT NULL THEN
    RETURN QUERY SELECT * FROM resold(progress.reached, progress.reached + 1, from_at, LEAST(until_at, progress.within_at));
  END IF;
END $$;

CREATE OR REPLACE FUNCTION add_to_summaries(written_from bigint, written_until bigint, from_at timestamptz, until_at timestamptz)
RETURNS void LANGUAGE sql AS $$
  INSERT INTO summary AS known
  SELECT * FROM summed(written_from, written_until, from_at, until_at) ORDER BY account_id, customer_id, hour_at, carrier_id
  ON CONFLICT ON CONSTRAINT summary_once DO UPDATE SET
    attempts = known.attempts + EXCLUDED.attempts, refused = known.refused + EXCLUDED.refused,
    connected = known.connected + EXCLUDED.connected, duration_ms = known.duration_ms + EXCLUDED.duration_ms,
    billed_s = known.billed_s + EXCLUDED.billed_s, carrier_billed_s = known.carrier_billed_s + EXCLUDED.carrier_billed_s,
    cost_micros = known.cost_micros + EXCLUDED.cost_micros,
    carrier_cost_micros = known.carrier_cost_micros + EXCLUDED.carrier_cost_micros,
    profit_micros = known.profit_micros + EXCLUDED.profit_micros,
    profitable_micros = known.profitable_micros + EXCLUDED.profitable_micros,
    correction_micros = known.correction_micros + EXCLUDED.correction_micros,
    carrier_correction_micros = known.carrier_correction_micros + EXCLUDED.carrier_correction_micros,
    profit_correction_micros = known.profit_correction_micros + EXCLUDED.profit_correction_micros,
    profitable_correction_micros = known.profitable_correction_micros + EXCLUDED.profitable_correction_micros;
  INSERT INTO resale_summary AS known
  SELECT * FROM resold(written_from, written_until, from_at, until_at)
  ON CONFLICT (account_id, customer_id, hour_at) DO UPDATE SET
    calls = known.calls + EXCLUDED.calls, billed_s = known.billed_s + EXCLUDED.billed_s,
    charge_micros = known.charge_micros + EXCLUDED.charge_micros,
    correction_micros = known.correction_micros + EXCLUDED.correction_micros
$$;

CREATE OR REPLACE FUNCTION rebuild_summaries(from_at timestamptz, until_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF from_at < records_since() THEN RAISE EXCEPTION 'the records of % are in the lake: its summaries stay', from_at; END IF;
  PERFORM FROM summary_progress FOR UPDATE;
  DELETE FROM summary WHERE hour_at >= from_at AND hour_at < until_at;
  INSERT INTO summary
  SELECT account_id, hour_at, customer_id, carrier_id, ingress_route_id, prefix, destination, currency, carrier_currency,
         sum(attempts), sum(refused), sum(connected), sum(duration_ms), sum(billed_s), sum(carrier_billed_s),
         sum(cost_micros), sum(carrier_cost_micros), sum(profit_micros), sum(profitable_micros), sum(correction_micros),
         sum(carrier_correction_micros), sum(profit_correction_micros), sum(profitable_correction_micros)
  FROM summarized(from_at, until_at)
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
  ORDER BY account_id, customer_id, hour_at;
  DELETE FROM resale_summary WHERE hour_at >= from_at AND hour_at < until_at;
  INSERT INTO resale_summary
  SELECT account_id, customer_id, hour_at, sum(calls), sum(billed_s), sum(charge_micros), sum(correction_micros)
  FROM resold_so_far(from_at, until_at)
  GROUP BY 1, 2, 3;
END $$;

-- What the summaries have by now, and calls whose record only the lake still has: their entries are here.
DO $$
BEGIN
  PERFORM FROM summary_progress FOR UPDATE;
  INSERT INTO resale_summary
  SELECT account_id, customer_id, hour_at, sum(calls), sum(billed_s), sum(charge_micros), sum(correction_micros)
  FROM (
    SELECT * FROM resold_so_far('-infinity', 'infinity')
    UNION ALL
    SELECT gone.account_id, payer.customer_id, date_trunc('hour', gone.started_at, 'UTC'), 1, gone.billed_s, payer.charge_micros, 0
    FROM archived_call AS gone
    CROSS JOIN LATERAL (
      SELECT wallet.owner_id AS customer_id, -whole_sum(entry.amount_micros) AS charge_micros
      FROM entry
      JOIN wallet ON wallet.id = entry.wallet_id AND wallet.kind = 'customer' AND wallet.owner_id <> gone.customer_id
      WHERE entry.call_id = gone.id AND entry.account_id = gone.account_id AND entry.kind IN ('call', 'overrun')
      GROUP BY wallet.owner_id
    ) AS payer
    WHERE gone.customer_id IN (SELECT customer_id FROM resold_customer)
  ) AS line
  GROUP BY 1, 2, 3;
END $$;
