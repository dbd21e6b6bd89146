-- What the REST API keeps of each token. Unlogged: a crash fills every bucket again, which harms nobody.
CREATE UNLOGGED TABLE api_pace (
  token_id bigint PRIMARY KEY REFERENCES api_token (id) ON DELETE CASCADE,
  left_milli bigint NOT NULL,
  taken boolean NOT NULL,
  at timestamptz NOT NULL
);
