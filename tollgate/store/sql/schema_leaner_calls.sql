-- Calls and CDRs that cost less to write, and turns, by which a batch knows whether what it decided on is still so.
-- Run whole by a migration.

-- The detail is written by every call and read when somebody asks about one: kept as it was written, not taken apart.
ALTER TABLE cdr ALTER detail TYPE json USING detail::json;

-- Live calls of one customer are looked for by people, not by calls.
DROP INDEX call_customer;
CREATE INDEX call_hangup_at ON call (account_id) WHERE hangup_at IS NOT NULL;

-- A call's turn counts the changes that the desk has made to it.
ALTER TABLE call ADD turn integer NOT NULL DEFAULT 0;

-- A wallet's turn is another after every change: the desk gives each batch its own, all others get one from here, so that
-- nobody can change a wallet unseen. Those of the desk are positive.
ALTER TABLE wallet ADD turn bigint NOT NULL DEFAULT 0;
CREATE SEQUENCE wallet_turn CACHE 100;
CREATE FUNCTION next_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.turn := -nextval('wallet_turn');
  RETURN NEW;
END $$;
CREATE TRIGGER wallet_turn BEFORE UPDATE ON wallet FOR EACH ROW WHEN (NEW.turn = OLD.turn) EXECUTE FUNCTION next_turn();
