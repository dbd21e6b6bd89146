-- What of the words of a record is indexed for searches (schema_search.sql), told sooner: the values of a whole record, as
-- the audit log keeps them, are long, and `substr` counts from the beginning each time. It tells the same as before, so
-- indexes that stand are right.
CREATE OR REPLACE FUNCTION search_grams(words text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 2000
AS $$
DECLARE signs text[] := string_to_array(words, NULL); threes text[] := '{}';
BEGIN
  FOR place IN 1 .. COALESCE(cardinality(signs), 0) - 2 LOOP
    threes[place] := signs[place] || signs[place + 1] || signs[place + 2];
  END LOOP;
  RETURN (
    SELECT COALESCE(array_agg(DISTINCT gram), '{}') FROM (
      SELECT unnest(threes)
      UNION ALL
      SELECT '^' || substr(word, 1, first) FROM regexp_split_to_table(words, '[\s!-/:-@[-`{-~]+') AS word, generate_series(1, 2) AS first
      WHERE length(word) >= first
    ) AS grams (gram)
  );
END $$;
