-- Recordings that are kept, and their sum by customer, which changes in the same statement.

-- name: keep
-- A file that is known already counts once.
WITH kept AS (
  INSERT INTO recording (call_id, customer_id, folder, size_bytes)
  SELECT call_id, customer_id, %(folder)s, size_bytes
  FROM unnest(%(call_ids)s::bigint[], %(customer_ids)s::bigint[], %(sizes_bytes)s::bigint[])
       AS found (call_id, customer_id, size_bytes)
  ON CONFLICT (call_id) DO NOTHING
  RETURNING customer_id, size_bytes
)
INSERT INTO recording_space AS space (customer_id, files_count, size_bytes)
SELECT customer_id, count(*), sum(size_bytes) FROM kept GROUP BY customer_id ORDER BY customer_id
ON CONFLICT (customer_id) DO UPDATE SET
  files_count = space.files_count + EXCLUDED.files_count, size_bytes = space.size_bytes + EXCLUDED.size_bytes

-- name: forget
WITH gone AS (
  DELETE FROM recording WHERE call_id = ANY(%(call_ids)s) RETURNING customer_id, size_bytes
), summed AS (
  SELECT customer_id, count(*) AS files_count, sum(size_bytes) AS size_bytes FROM gone GROUP BY customer_id
)
UPDATE recording_space AS space
SET files_count = space.files_count - summed.files_count, size_bytes = space.size_bytes - summed.size_bytes
FROM summed
WHERE space.customer_id = summed.customer_id
