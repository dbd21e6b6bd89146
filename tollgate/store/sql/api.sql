-- What the REST API asks of the database at every request.

-- name: take_request
-- Takes one request out of a token's bucket if it holds one, after what has flowed in since the last; a bucket of $2
-- thousandths of a request fills in a minute.
INSERT INTO api_pace AS pace (token_id, left_milli, taken, at)
VALUES ($1::bigint, $2::bigint - 1000, true, statement_timestamp())
ON CONFLICT (token_id) DO UPDATE SET (left_milli, taken, at) = (
  SELECT full_milli - CASE WHEN full_milli >= 1000 THEN 1000 ELSE 0 END, full_milli >= 1000, excluded.at
  FROM (SELECT least($2::bigint, pace.left_milli + floor(
          $2::bigint * greatest(extract(epoch FROM excluded.at - pace.at), 0) / 60)::bigint) AS full_milli) AS flowed
)
RETURNING left_milli, taken
