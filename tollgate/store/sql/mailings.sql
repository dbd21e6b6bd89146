-- Jobs that send: a row has one message, and follows what becomes of it.

-- name: settle
-- Rows whose message was sent, failed or was canceled; one that is tried again says what was wrong last. Gives how many
-- are in each state now.
WITH settled AS (
UPDATE task_row
SET state = CASE message.state WHEN 'sent' THEN 'done' WHEN 'failed' THEN 'failed' WHEN 'canceled' THEN 'failed' ELSE 'sending' END,
    errors = CASE WHEN message.state = 'sent' THEN '[]'
             ELSE jsonb_build_array(jsonb_build_array('', COALESCE(NULLIF(message.error, ''), %(canceled)s))) END
FROM message
WHERE task_row.task_id = %(task_id)s AND task_row.state = 'sending' AND message.task_row_id = task_row.id
  AND (message.state IN ('sent', 'failed', 'canceled')
       OR (message.error <> '' AND task_row.errors <> jsonb_build_array(jsonb_build_array('', message.error))))
RETURNING task_row.state
)
SELECT state, count(*) FROM settled GROUP BY state

-- name: settle_gone
-- Rows whose message is no more. Gives how many.
WITH settled AS (
UPDATE task_row
SET state = 'failed', errors = jsonb_build_array(jsonb_build_array('', %(gone)s::text))
WHERE task_id = %(task_id)s AND state = 'sending'
  AND NOT EXISTS (SELECT FROM message WHERE message.task_row_id = task_row.id)
RETURNING task_row.state
)
SELECT state, count(*) FROM settled GROUP BY state

-- name: take_back
-- Messages that no server has been asked to take: their rows wait as if they had never been reached.
WITH taken AS (
  UPDATE message SET state = 'canceled', error = %(canceled)s
  FROM task_row
  WHERE message.task_row_id = task_row.id AND task_row.task_id = %(task_id)s AND task_row.state = 'sending'
    AND message.state = 'queued'
  RETURNING message.task_row_id
)
UPDATE task_row SET state = 'waiting', errors = '[]' FROM taken WHERE task_row.id = taken.task_row_id
