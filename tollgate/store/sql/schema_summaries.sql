-- Summaries: what calls and their corrections add up to, by UTC hour and whom they belong to. Run whole by a migration.
-- A new measure: its column in `summary`, its line in `call_line`, its sum in `summed`, its addition in `roll_up`, and the law that compares them.

-- Which transaction wrote a row, as one number that only grows. What is below the oldest transaction still at work is
-- complete: it will never get another row. Rows that were there before count as written by the first.
ALTER TABLE cdr ADD COLUMN written bigint NOT NULL DEFAULT 0;
ALTER TABLE cdr ALTER written SET DEFAULT pg_current_xact_id()::text::bigint;
CREATE INDEX cdr_written ON cdr (written);
ALTER TABLE entry ADD COLUMN written bigint NOT NULL DEFAULT 0;
ALTER TABLE entry ALTER written SET DEFAULT pg_current_xact_id()::text::bigint;
CREATE INDEX entry_correction_written ON entry (written) WHERE call_id IS NOT NULL AND kind IN ('adjustment', 'correction');

CREATE TABLE summary (
  account_id                   bigint NOT NULL,
  hour_at                      timestamptz NOT NULL,
  customer_id                  bigint,
  carrier_id                   bigint,
  ingress_route_id             bigint,
  prefix                       text NOT NULL,
  destination                  text NOT NULL,
  currency                     char(3),
  carrier_currency             char(3),
  attempts                     bigint NOT NULL,
  refused                      bigint NOT NULL,
  connected                    bigint NOT NULL,
  duration_ms                  bigint NOT NULL,
  billed_s                     bigint NOT NULL,
  carrier_billed_s             bigint NOT NULL,
  cost_micros                  bigint NOT NULL,
  carrier_cost_micros          bigint NOT NULL,
  profit_micros                bigint NOT NULL,
  profitable_micros            bigint NOT NULL,
  correction_micros            bigint NOT NULL,
  carrier_correction_micros    bigint NOT NULL,
  profit_correction_micros     bigint NOT NULL,
  profitable_correction_micros bigint NOT NULL,
  CONSTRAINT summary_once UNIQUE NULLS NOT DISTINCT
    (account_id, customer_id, hour_at, carrier_id, ingress_route_id, prefix, destination, currency, carrier_currency)
) WITH (fillfactor = 80);
CREATE INDEX summary_hour ON summary (account_id, hour_at);

-- How far the summaries have come: everything written below `reached` is in them. `shift` is added to the numbers of
-- transactions, which begin anew where a backup is restored.
CREATE TABLE summary_progress (
  id        smallint PRIMARY KEY CHECK (id = 1),
  reached   bigint NOT NULL,
  shift     bigint NOT NULL,
  rolled_at timestamptz NOT NULL
);
INSERT INTO summary_progress VALUES (1, 0, 0, clock_timestamp());

-- Records and corrections as lines that may be added. A correction counts when its call began. What a call earned the
-- account itself is the price of its last leg, so only a correction of that leg and of the carrier moves the profit;
-- `profitable` is what callers paid for calls whose profit is known.
CREATE VIEW call_line AS
  SELECT account_id, written, started_at, date_trunc('hour', started_at, 'UTC') AS hour_at, customer_id, carrier_id,
         ingress_route_id, COALESCE(prefix, '') AS prefix, destination, number, cli, currency, carrier_currency,
         1::bigint AS attempts, (state = 'refused')::int::bigint AS refused, (answered_at IS NOT NULL)::int::bigint AS connected,
         duration_ms, billed_s::bigint AS billed_s, COALESCE(carrier_billed_s, 0)::bigint AS carrier_billed_s, cost_micros,
         COALESCE(carrier_cost_micros, 0) AS carrier_cost_micros, COALESCE(profit_micros, 0) AS profit_micros,
         CASE WHEN profit_micros IS NULL THEN 0 ELSE cost_micros END AS profitable_micros, 0::bigint AS correction_micros,
         0::bigint AS carrier_correction_micros, 0::bigint AS profit_correction_micros,
         0::bigint AS profitable_correction_micros
  FROM cdr
  UNION ALL
  SELECT cdr.account_id, entry.written, cdr.started_at, date_trunc('hour', cdr.started_at, 'UTC'), cdr.customer_id,
         cdr.carrier_id, cdr.ingress_route_id, COALESCE(cdr.prefix, ''), cdr.destination, cdr.number, cdr.cli, cdr.currency,
         cdr.carrier_currency, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
         CASE WHEN caller THEN -entry.amount_micros ELSE 0 END,
         CASE WHEN wallet.kind = 'carrier' THEN entry.amount_micros ELSE 0 END,
         CASE WHEN cdr.profit_micros IS NOT NULL AND (wallet.kind = 'carrier' OR seller) THEN -entry.amount_micros ELSE 0 END,
         CASE WHEN cdr.profit_micros IS NOT NULL AND caller THEN -entry.amount_micros ELSE 0 END
  FROM entry
  JOIN cdr ON cdr.account_id = entry.account_id AND cdr.id = entry.call_id
  JOIN wallet ON wallet.id = entry.wallet_id
  CROSS JOIN LATERAL (
    SELECT wallet.kind = 'customer' AND wallet.owner_id = cdr.customer_id AS caller,
           wallet.kind = 'customer' AND (
             wallet.id = (cdr.detail -> 'legs' -> -1 ->> 'wallet')::bigint
             OR cdr.detail -> 'legs' IS NULL AND wallet.owner_id = cdr.customer_id) AS seller
  ) AS payer
  WHERE entry.call_id IS NOT NULL AND entry.kind IN ('adjustment', 'correction');

-- The truth in the shape of the summaries: what was written from one number until another, of calls that began between
-- two instants.
CREATE FUNCTION summed(written_from bigint, written_until bigint, from_at timestamptz, until_at timestamptz)
RETURNS SETOF summary LANGUAGE sql STABLE AS $$
  SELECT account_id, hour_at, customer_id, carrier_id, ingress_route_id, prefix, destination, currency, carrier_currency,
         sum(attempts)::bigint, sum(refused)::bigint, sum(connected)::bigint, sum(duration_ms)::bigint,
         sum(billed_s)::bigint, sum(carrier_billed_s)::bigint, sum(cost_micros)::bigint, sum(carrier_cost_micros)::bigint,
         sum(profit_micros)::bigint, sum(profitable_micros)::bigint, sum(correction_micros)::bigint,
         sum(carrier_correction_micros)::bigint, sum(profit_correction_micros)::bigint,
         sum(profitable_correction_micros)::bigint
  FROM call_line
  WHERE written >= written_from AND written < written_until AND started_at >= from_at AND started_at < until_at
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
$$;

-- Adds what is complete and not yet in the summaries, about `batch` records at a time; returns whether there is more.
-- Whoever is at it locks the progress, and the statements after the lock see all that those before have left.
CREATE FUNCTION roll_up(batch integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE progress summary_progress; complete bigint; upto bigint;
BEGIN
  SELECT * INTO STRICT progress FROM summary_progress FOR UPDATE;
  complete := pg_snapshot_xmin(pg_current_snapshot())::text::bigint + progress.shift;
  IF complete < progress.reached THEN RETURN false; END IF;
  SELECT written INTO upto FROM cdr WHERE written >= progress.reached AND written < complete ORDER BY written OFFSET batch LIMIT 1;
  upto := LEAST(complete, GREATEST(COALESCE(upto, complete), progress.reached + 1));
  INSERT INTO summary AS known SELECT * FROM summed(progress.reached, upto, '-infinity', 'infinity')
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
  UPDATE summary_progress SET reached = upto, rolled_at = clock_timestamp();
  RETURN upto < complete;
END $$;

-- Makes the hours between two instants anew from records and corrections, as far as the summaries have come.
CREATE FUNCTION rebuild_summaries(from_at timestamptz, until_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE progress summary_progress;
BEGIN
  SELECT * INTO STRICT progress FROM summary_progress FOR UPDATE;
  DELETE FROM summary WHERE hour_at >= from_at AND hour_at < until_at;
  INSERT INTO summary SELECT * FROM summed(0, progress.reached, from_at, until_at);
END $$;

-- After the tables have moved to another server, whose transactions are numbered otherwise: the next number is above all
-- that were ever given.
CREATE FUNCTION summaries_moved() RETURNS void LANGUAGE plpgsql AS $$
DECLARE highest bigint; shifted bigint;
BEGIN
  SELECT GREATEST((SELECT reached FROM summary_progress), (SELECT max(written) FROM cdr), (SELECT max(written) FROM entry))
    INTO highest;
  shifted := GREATEST(0, highest + 1 - pg_current_xact_id()::text::bigint);
  UPDATE summary_progress SET shift = shifted;
  EXECUTE format('ALTER TABLE cdr ALTER written SET DEFAULT pg_current_xact_id()::text::bigint + %s', shifted);
  EXECUTE format('ALTER TABLE entry ALTER written SET DEFAULT pg_current_xact_id()::text::bigint + %s', shifted);
END $$;
