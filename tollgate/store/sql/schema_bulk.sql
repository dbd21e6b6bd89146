-- Summaries made faster, and piece by piece where one transaction wrote more than a batch. Run whole by a migration; what
-- stands here replaces the functions of the same name in schema_summaries.sql. A new measure has its place in `summed`,
-- `add_to_summaries` and `rebuild_summaries`.

-- A sum of BIGINT that stays one, and fails beyond its range. The usual sum counts in NUMERIC, which takes ten times the
-- memory for each group.
CREATE AGGREGATE whole_sum (bigint) (SFUNC = int8pl, STYPE = bigint, COMBINEFUNC = int8pl, PARALLEL = SAFE);

-- Of what `reached` itself wrote, calls that began before `within_at` are in the summaries too. All that was there before
-- there were summaries counts as written by one transaction.
ALTER TABLE summary_progress ADD COLUMN within_at timestamptz;

CREATE OR REPLACE FUNCTION summed(written_from bigint, written_until bigint, from_at timestamptz, until_at timestamptz)
RETURNS SETOF summary LANGUAGE sql STABLE AS $$
  SELECT account_id, hour_at, customer_id, carrier_id, ingress_route_id, prefix, destination, currency, carrier_currency,
         whole_sum(attempts), whole_sum(refused), whole_sum(connected), whole_sum(duration_ms), whole_sum(billed_s),
         whole_sum(carrier_billed_s), whole_sum(cost_micros), whole_sum(carrier_cost_micros), whole_sum(profit_micros),
         whole_sum(profitable_micros), whole_sum(correction_micros), whole_sum(carrier_correction_micros),
         whole_sum(profit_correction_micros), whole_sum(profitable_correction_micros)
  FROM call_line
  WHERE written >= written_from AND written < written_until AND started_at >= from_at AND started_at < until_at
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
$$;

-- Since when the database has all records: the beginning of the oldest day with a partition. What it holds of days before
-- came late, after they had left for the lake, and says nothing of those days.
CREATE FUNCTION records_since() RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT COALESCE(min(to_date(substr(relname, 5), 'YYYYMMDD'))::timestamp AT TIME ZONE 'UTC', '-infinity')
  FROM pg_class
  JOIN pg_inherits ON pg_inherits.inhrelid = pg_class.oid AND pg_inherits.inhparent = 'cdr'::regclass
  WHERE relname ~ '^cdr_[0-9]{8}$'
$$;

-- What the summaries should hold of calls that began between two instants, as far as they have come.
CREATE FUNCTION summarized(from_at timestamptz, until_at timestamptz) RETURNS SETOF summary LANGUAGE plpgsql STABLE AS $$
DECLARE progress summary_progress;
BEGIN
  SELECT * INTO STRICT progress FROM summary_progress;
  RETURN QUERY SELECT * FROM summed(0, progress.reached, from_at, until_at);
  IF progress.within_at IS NOT NULL THEN
    RETURN QUERY SELECT * FROM summed(progress.reached, progress.reached + 1, from_at, LEAST(until_at, progress.within_at));
  END IF;
END $$;

-- Adds what was written between two numbers, of calls that began between two instants. Sorted as its rows are found, a
-- batch touches each page of the index once.
CREATE FUNCTION add_to_summaries(written_from bigint, written_until bigint, from_at timestamptz, until_at timestamptz)
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
    profitable_correction_micros = known.profitable_correction_micros + EXCLUDED.profitable_correction_micros
$$;

-- Where the next piece ends: at the end of the next day after an instant that has records, or after an hour of it while it
-- has more than five batches; null when there is no such day.
CREATE FUNCTION next_piece(after_at timestamptz, batch integer) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE day date; begin_at timestamptz; end_at timestamptz; most bigint := batch * 5::bigint;
BEGIN
  SELECT min(day_on) INTO day
  FROM (
    SELECT to_date(substr(relname, 5), 'YYYYMMDD') AS day_on
    FROM pg_class
    JOIN pg_inherits ON pg_inherits.inhrelid = pg_class.oid AND pg_inherits.inhparent = 'cdr'::regclass
    WHERE relname ~ '^cdr_[0-9]{8}$'
    UNION ALL
    SELECT (started_at AT TIME ZONE 'UTC')::date FROM cdr_default
  ) AS known
  WHERE after_at IS NULL OR day_on >= (after_at AT TIME ZONE 'UTC')::date;
  begin_at := GREATEST(day::timestamp AT TIME ZONE 'UTC', after_at);
  end_at := (day + 1)::timestamp AT TIME ZONE 'UTC';
  IF (SELECT count(*) FROM (SELECT FROM cdr WHERE started_at >= begin_at AND started_at < end_at LIMIT most + 1) AS one) > most THEN
    end_at := begin_at + interval '1 hour';
  END IF;
  RETURN end_at;
END $$;

-- Adds what is complete and not yet in the summaries, about `batch` records at a time; returns whether there is more.
-- Whoever is at it locks the progress, and the statements after the lock see all that those before have left.
CREATE OR REPLACE FUNCTION roll_up(batch integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE progress summary_progress; complete bigint; upto bigint; end_at timestamptz;
BEGIN
  SELECT * INTO STRICT progress FROM summary_progress FOR UPDATE;
  complete := pg_snapshot_xmin(pg_current_snapshot())::text::bigint + progress.shift;
  IF complete < progress.reached OR complete = progress.reached AND progress.within_at IS NOT NULL THEN RETURN false; END IF;
  SELECT written INTO upto FROM cdr WHERE written >= progress.reached AND written < complete ORDER BY written OFFSET batch LIMIT 1;
  IF progress.within_at IS NOT NULL OR upto = progress.reached THEN
    end_at := next_piece(progress.within_at, batch);
    PERFORM add_to_summaries(progress.reached, progress.reached + 1, COALESCE(progress.within_at, '-infinity'),
                             COALESCE(end_at, 'infinity'));
    IF end_at IS NULL THEN
      UPDATE summary_progress SET reached = progress.reached + 1, within_at = NULL, rolled_at = clock_timestamp();
    ELSE
      UPDATE summary_progress SET within_at = end_at;
    END IF;
    RETURN true;
  END IF;
  upto := LEAST(complete, COALESCE(upto, complete));
  PERFORM add_to_summaries(progress.reached, upto, '-infinity', 'infinity');
  UPDATE summary_progress SET reached = upto, rolled_at = clock_timestamp();
  RETURN upto < complete;
END $$;

-- Makes the hours between two instants anew from records and corrections, as far as the summaries have come. Hours whose
-- records have left the database are known by their summaries alone: those are refused.
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
END $$;
