-- What customers' wallets held when each UTC day ended that is over, for what would otherwise read all their entries. Run
-- whole by a migration; the night keeps it up (books.sql), and a law of the books says that it is what the entries are.

CREATE TABLE wallet_day (
  wallet_id      bigint NOT NULL,
  day_on         date NOT NULL,     -- on which something moved it
  first_id       bigint NOT NULL,   -- of the entries of that day
  last_id        bigint NOT NULL,
  amount_micros  bigint NOT NULL,
  balance_micros bigint NOT NULL,   -- when the day ended
  PRIMARY KEY (wallet_id, day_on)
);

-- Below this id a wallet has no entry of an instant or later, and above that none of before it: as those of some days stand
-- together in the index by wallet and id, few others are read. Entries get their ids nearly in the order of their instants:
-- a whole day on which the wallet moved lies between.
CREATE FUNCTION entries_from(of_wallet_id bigint, from_at timestamptz) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT COALESCE((
    SELECT first_id
    FROM wallet_day
    WHERE wallet_id = of_wallet_id AND day_on < (from_at AT TIME ZONE 'UTC')::date
    ORDER BY day_on DESC
    OFFSET 1 LIMIT 1
  ), 0)
$$;
CREATE FUNCTION entries_until(of_wallet_id bigint, until_at timestamptz) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT COALESCE((
    SELECT last_id
    FROM wallet_day
    WHERE wallet_id = of_wallet_id AND day_on >= (until_at AT TIME ZONE 'UTC')::date
    ORDER BY day_on
    OFFSET 1 LIMIT 1
  ), 9223372036854775807)
$$;
