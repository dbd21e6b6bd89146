-- What attempts came to, beside what they cost: by UTC hour, customer, carrier, ingress route and reason of a refusal, filled
-- with the summaries; and how many calls a customer had at once. Run whole by a migration.
-- A new measure of outcomes: its column in `outcome_summary`, its sum in `outcomes`, its addition in `add_outcomes`, its sum in
-- `rebuild_summaries`, and the law that compares them.

CREATE TABLE outcome_summary (
  account_id       bigint NOT NULL,
  hour_at          timestamptz NOT NULL,
  customer_id      bigint,
  carrier_id       bigint,
  ingress_route_id bigint,
  refusal          text NOT NULL,
  attempts         bigint NOT NULL,
  connected        bigint NOT NULL,
  reached          bigint NOT NULL,
  rang             bigint NOT NULL,
  pdd_ms           bigint NOT NULL,
  duration_ms      bigint NOT NULL,
  CONSTRAINT outcome_summary_once UNIQUE NULLS NOT DISTINCT
    (account_id, customer_id, hour_at, carrier_id, ingress_route_id, refusal)
) WITH (fillfactor = 80);

-- The most calls a customer had at once in an hour, and the most that began within one second: what the workers have seen.
CREATE TABLE traffic_peak (
  account_id  bigint NOT NULL,
  customer_id bigint NOT NULL,
  hour_at     timestamptz NOT NULL,
  channels    integer NOT NULL,
  cps         integer NOT NULL,
  PRIMARY KEY (account_id, customer_id, hour_at)
) WITH (fillfactor = 80);
CREATE INDEX traffic_peak_hour ON traffic_peak (hour_at);

-- As `summed` is for the summaries. A call reached whom it was for when it was answered or rang, or when they were busy, did
-- not respond or rejected it (the network effectiveness of ITU-T E.425; causes 17, 18, 19 and 21 of Q.850).
CREATE FUNCTION outcomes(written_from bigint, written_until bigint, from_at timestamptz, until_at timestamptz)
RETURNS SETOF outcome_summary LANGUAGE sql STABLE AS $$
  SELECT account_id, date_trunc('hour', started_at, 'UTC'), customer_id, carrier_id, ingress_route_id,
         CASE WHEN state = 'refused' THEN COALESCE(refusal, '') ELSE '' END, count(*), count(answered_at),
         count(*) FILTER (WHERE answered_at IS NOT NULL OR state <> 'refused' AND (
           pdd_ms IS NOT NULL OR q850 IN (17, 18, 19, 21) OR sip_received IN (486, 600, 603))),
         count(pdd_ms), COALESCE(whole_sum(pdd_ms::bigint), 0), whole_sum(duration_ms)
  FROM cdr
  WHERE written >= written_from AND written < written_until AND started_at >= from_at AND started_at < until_at
  GROUP BY 1, 2, 3, 4, 5, 6
$$;
CREATE FUNCTION outcomes_so_far(from_at timestamptz, until_at timestamptz)
RETURNS SETOF outcome_summary LANGUAGE plpgsql STABLE AS $$
DECLARE progress summary_progress;
BEGIN
  SELECT * INTO STRICT progress FROM summary_progress;
  RETURN QUERY SELECT * FROM outcomes(0, progress.reached, from_at, until_at);
  IF progress.within_at IS NOT NULL THEN
    RETURN QUERY SELECT * FROM outcomes(progress.reached, progress.reached + 1, from_at, LEAST(until_at, progress.within_at));
  END IF;
END $$;

CREATE FUNCTION add_outcomes(written_from bigint, written_until bigint, from_at timestamptz, until_at timestamptz)
RETURNS void LANGUAGE sql AS $$
  INSERT INTO outcome_summary AS known
  SELECT * FROM outcomes(written_from, written_until, from_at, until_at) ORDER BY account_id, customer_id, hour_at, carrier_id
  ON CONFLICT ON CONSTRAINT outcome_summary_once DO UPDATE SET
    attempts = known.attempts + EXCLUDED.attempts, connected = known.connected + EXCLUDED.connected,
    reached = known.reached + EXCLUDED.reached, rang = known.rang + EXCLUDED.rang,
    pdd_ms = known.pdd_ms + EXCLUDED.pdd_ms, duration_ms = known.duration_ms + EXCLUDED.duration_ms
$$;

-- What rolls up and what makes hours anew now do both.
ALTER FUNCTION add_to_summaries(bigint, bigint, timestamptz, timestamptz) RENAME TO add_sums;
CREATE FUNCTION add_to_summaries(written_from bigint, written_until bigint, from_at timestamptz, until_at timestamptz)
RETURNS void LANGUAGE sql AS $$
  SELECT add_sums(written_from, written_until, from_at, until_at);
  SELECT add_outcomes(written_from, written_until, from_at, until_at);
$$;
ALTER FUNCTION rebuild_summaries(timestamptz, timestamptz) RENAME TO rebuild_sums;
CREATE FUNCTION rebuild_summaries(from_at timestamptz, until_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM rebuild_sums(from_at, until_at);
  DELETE FROM outcome_summary WHERE hour_at >= from_at AND hour_at < until_at;
  INSERT INTO outcome_summary
  SELECT account_id, hour_at, customer_id, carrier_id, ingress_route_id, refusal, sum(attempts), sum(connected), sum(reached),
         sum(rang), sum(pdd_ms), sum(duration_ms)
  FROM outcomes_so_far(from_at, until_at)
  GROUP BY 1, 2, 3, 4, 5, 6
  ORDER BY account_id, customer_id, hour_at;
END $$;

-- What the summaries have by now, of the calls whose records are here.
DO $$
BEGIN
  PERFORM FROM summary_progress FOR UPDATE;
  INSERT INTO outcome_summary
  SELECT account_id, hour_at, customer_id, carrier_id, ingress_route_id, refusal, sum(attempts), sum(connected), sum(reached),
         sum(rang), sum(pdd_ms), sum(duration_ms)
  FROM outcomes_so_far('-infinity', 'infinity')
  GROUP BY 1, 2, 3, 4, 5, 6;
END $$;
