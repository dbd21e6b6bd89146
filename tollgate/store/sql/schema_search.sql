-- How lists find records that contain what somebody typed, among hundreds of thousands. Run whole by a migration.
--
-- A record's words are its columns in small letters, a line each. They are indexed by every three signs that stand
-- side by side, and by the first one and two signs of every word. A search asks for all the threes of its text; what is
-- too short for that asks for words that begin so. (pg_trgm does the like, but is not part of every PostgreSQL.)

-- The words of a record, from its columns.
CREATE FUNCTION search_words(VARIADIC columns text[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT lower(array_to_string(columns, E'\n')) $$;

-- What of those words is indexed.
CREATE FUNCTION search_grams(words text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 2000
AS $$
  SELECT COALESCE(array_agg(DISTINCT gram), '{}') FROM (
    SELECT substr(words, place, 3) FROM generate_series(1, length(words) - 2) AS place
    UNION ALL
    SELECT '^' || substr(word, 1, signs) FROM regexp_split_to_table(words, '[\s!-/:-@[-`{-~]+') AS word, generate_series(1, 2) AS signs
    WHERE length(word) >= signs
  ) AS grams (gram)
$$;

-- What the index is asked for. A text that has no letter or digit finds nothing.
CREATE FUNCTION search_wanted(typed text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT CASE WHEN length(typed) > 2
    THEN (SELECT array_agg(DISTINCT substr(lower(typed), place, 3)) FROM generate_series(1, length(typed) - 2) AS place)
    ELSE ARRAY['^' || lower(typed)]
  END
$$;

-- Who may own customers is asked by the list's filters and by every form of a customer.
CREATE INDEX customer_resellers ON customer (account_id, name) WHERE is_reseller;
CREATE INDEX customer_search ON customer USING gin (search_grams(search_words(name, company, reference, accounting_id, number)));
CREATE INDEX contact_search ON contact USING gin (search_grams(search_words(first_name || ' ' || last_name, email, phone, mobile)));
CREATE INDEX endpoint_search ON endpoint USING gin (search_grams(search_words(username, name)));
