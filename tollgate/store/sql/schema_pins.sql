-- PINs of calling cards: none twice at one access number, and how a presented one is tried. Run whole by a migration.

-- A PIN without an access number holds at every number: int8range(NULL, NULL) has no ends and meets all others.
ALTER TABLE pin ADD CONSTRAINT pin_once
  EXCLUDE USING gist (int8range(mark, mark, '[]') WITH &&, int8range(access_number_id, access_number_id, '[]') WITH &&);

-- Who writes PINs takes turns: two that are alike, written at once, would else wait for each other in that constraint.
CREATE FUNCTION pins_take_turns() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('pins are written', 0));
  RETURN NULL;
END $$;
CREATE TRIGGER take_turns BEFORE INSERT OR UPDATE ON pin FOR EACH STATEMENT EXECUTE FUNCTION pins_take_turns();

-- One more wrong PIN of a caller ('*': of all callers) within a time that begins with the first of them, with the call that
-- it came with; of these the last hundred are kept, as who asks again does so at once. Whether that was the last one taken.
CREATE FUNCTION count_wrong_pin(place bigint, who text, at timestamptz, most integer, span interval, with_calls bigint[])
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE tried pin_try;
BEGIN
  INSERT INTO pin_try AS kept (access_number_id, caller, since_at, wrong_count, "full", told, counted)
  VALUES (place, who, at, 1, most <= 1, false, with_calls)
  ON CONFLICT (access_number_id, caller) DO UPDATE SET
    since_at = CASE WHEN kept.since_at > at - span THEN kept.since_at ELSE at END,
    wrong_count = CASE WHEN kept.since_at > at - span THEN kept.wrong_count + 1 ELSE 1 END,
    "full" = CASE WHEN kept.since_at > at - span THEN kept.wrong_count + 1 >= most ELSE most <= 1 END,
    told = false,
    counted = CASE WHEN kept.since_at > at - span
              THEN (kept.counted || with_calls)[GREATEST(1, cardinality(kept.counted) - 98):] ELSE with_calls END
  RETURNING * INTO tried;
  RETURN tried.wrong_count = most;
END $$;

-- Whose PIN it is, counted when it is nobody's. Tries of one account take turns, so that the limits hold to the last one
-- over all processes; a right PIN gives no new tries, else an own card would buy guesses. Who has to wait hears so of a
-- right PIN too, and what comes meanwhile is not counted. A caller's tries at all numbers count together; those of all
-- callers do while there are PINs that hold at all numbers, which could else be guessed at each number anew. A caller
-- without a number is one of all callers only: its likes are not to wait for each other.
--
-- A question that comes again is no second guess: while its call lives, the call says whose it is, whatever became of the
-- PIN or of the tries since; and a wrong PIN that came with the same call is as wrong as it was, and not counted again.
CREATE FUNCTION try_pin(
  of_account bigint, dialed text, presented bigint, who text, at timestamptz,
  caller_most integer, caller_span interval, all_span interval, of_edge text, of_call text, of_dialog text
) RETURNS TABLE (verdict text, customer_id bigint, place text, burst boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  here access_number; holder bigint; known record; said record; everywhere integer;
  with_calls bigint[] := '{}'; of_caller boolean := false; of_all boolean;
BEGIN
  IF of_call <> '' THEN
    with_calls := ARRAY[hashtextextended(of_edge || ' ' || of_call, presented)];
    SELECT call.customer_id AS of_customer, call.dialog = of_dialog OR call.dialog = '' OR of_dialog = '' AS same INTO known
    FROM call WHERE call.account_id + 0 = of_account AND call.edge = of_edge AND call.edge_call_id = of_call;
    IF FOUND THEN
      RETURN QUERY SELECT CASE WHEN known.same THEN 'ok' ELSE 'call_id_in_use' END,
                          CASE WHEN known.same THEN known.of_customer::bigint END, dialed, false;
      RETURN;
    END IF;
  END IF;
  SELECT * INTO here FROM access_number WHERE account_id = of_account AND number = dialed AND enabled;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'access_number_unknown', NULL::bigint, dialed, false;
    RETURN;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('pin', of_account));
  SELECT COALESCE(bool_or(tried.access_number_id = here.id AND tried.counted && with_calls)
                  FILTER (WHERE tried.caller = '*' AND tried.since_at > at - all_span), false) AS again,
         COALESCE(sum(tried.wrong_count) FILTER (WHERE of_who), 0)::integer AS who_count,
         COALESCE(sum(tried.wrong_count) FILTER (WHERE of_who AND tried.access_number_id <> here.id), 0)::integer
           AS who_elsewhere,
         COALESCE(sum(tried.wrong_count) FILTER (WHERE of_anyone AND tried.access_number_id = here.id), 0)::integer
           AS here_count,
         COALESCE(sum(tried.wrong_count) FILTER (WHERE of_anyone AND tried.access_number_id <> here.id), 0)::integer
           AS elsewhere
  INTO said
  FROM access_number JOIN pin_try AS tried ON tried.access_number_id = access_number.id,
       LATERAL (SELECT tried.caller = who AND tried.since_at > at - caller_span AS of_who,
                       tried.caller = '*' AND tried.since_at > at - all_span AS of_anyone) AS whose
  WHERE access_number.account_id = of_account AND tried.caller IN (who, '*');
  IF said.again THEN
    RETURN QUERY SELECT 'pin_unknown', NULL::bigint, here.number::text, false;
    RETURN;
  END IF;
  IF EXISTS (
    SELECT FROM pin JOIN customer ON customer.id = pin.customer_id
    WHERE pin.access_number_id IS NULL AND customer.account_id = of_account AND customer.deleted_at IS NULL
  ) THEN
    SELECT max(wrong_most) INTO everywhere FROM access_number WHERE account_id = of_account AND enabled;
  END IF;
  IF said.who_count >= caller_most OR said.here_count >= here.wrong_most
     OR said.here_count + said.elsewhere >= everywhere THEN
    RETURN QUERY SELECT 'pin_locked', NULL::bigint, here.number::text, false;
    RETURN;
  END IF;
  SELECT pin.customer_id INTO holder
  FROM pin JOIN customer ON customer.id = pin.customer_id AND customer.deleted_at IS NULL
  WHERE pin.mark = presented AND (pin.access_number_id = here.id OR pin.access_number_id IS NULL);
  IF holder IS NOT NULL THEN
    RETURN QUERY SELECT 'ok', holder, here.number::text, false;
    RETURN;
  END IF;
  IF who <> '' THEN
    of_caller := count_wrong_pin(here.id, who, at, caller_most - said.who_elsewhere, caller_span, '{}');
  END IF;
  of_all := count_wrong_pin(
    here.id, '*', at, LEAST(here.wrong_most, everywhere - said.elsewhere), all_span, with_calls
  );
  RETURN QUERY SELECT 'pin_unknown', NULL::bigint, here.number::text, of_caller OR of_all;
END $$;
