-- The newest value of each kind that `store.secrets` has sealed and that is still to be read, by which the doctor knows
-- whether the data key is the one they were sealed with. Answers to repeated requests, kept for a day, are not asked.

-- name: payment_gateways
SELECT id, secrets_sealed AS sealed FROM payment_gateway WHERE secrets_sealed <> '' ORDER BY id DESC LIMIT 1

-- name: stored_payment_methods
SELECT id, method_sealed AS sealed FROM auto_top_up WHERE method_sealed <> '' ORDER BY id DESC LIMIT 1

-- name: mail_servers
SELECT id, password_sealed AS sealed FROM mail_settings WHERE password_sealed <> '' ORDER BY id DESC LIMIT 1

-- name: sms_providers
SELECT id, key_sealed AS sealed FROM sms_settings WHERE key_sealed <> '' ORDER BY id DESC LIMIT 1

-- name: webhooks
SELECT id, secret_sealed AS sealed FROM webhook WHERE secret_sealed <> '' ORDER BY id DESC LIMIT 1

-- name: login_providers
SELECT id, secret_sealed AS sealed FROM sign_in_provider WHERE secret_sealed <> '' ORDER BY id DESC LIMIT 1

-- name: stir_certificates
SELECT id, key_sealed AS sealed FROM stir_certificate WHERE key_sealed <> '' ORDER BY id DESC LIMIT 1

-- name: mandates
SELECT id, iban_sealed AS sealed FROM mandate WHERE iban_sealed <> '' ORDER BY id DESC LIMIT 1

-- name: bank_files
SELECT id, content_sealed AS sealed FROM bank_run WHERE content_sealed <> '' ORDER BY id DESC LIMIT 1

-- name: lines_of_bank_files
SELECT id, iban_sealed AS sealed FROM bank_line WHERE iban_sealed <> '' ORDER BY id DESC LIMIT 1

-- name: voucher_codes
SELECT id, codes_sealed AS sealed FROM voucher_batch WHERE codes_sealed <> '' ORDER BY id DESC LIMIT 1

-- name: authenticator_apps_of_contacts
SELECT id, totp_secret AS sealed FROM contact WHERE totp_secret <> '' ORDER BY id DESC LIMIT 1

-- name: authenticator_apps_of_users
SELECT id, data ->> 'secret' AS sealed
FROM mfa_authenticator
WHERE type = 'totp' AND data ->> 'secret' <> ''
ORDER BY id DESC
LIMIT 1

-- name: codes_to_be_spoken
SELECT id, code_sealed AS sealed FROM cli_proof WHERE code_sealed <> '' ORDER BY id DESC LIMIT 1

-- name: secret_messages_that_wait
SELECT id, text AS sealed
FROM message
WHERE state IN ('queued', 'sending') AND secret AND text <> ''
ORDER BY id DESC
LIMIT 1

-- name: saves_that_wait
SELECT id, found.sealed
FROM delayed_save
CROSS JOIN jsonb_each(arguments) AS argument
CROSS JOIN LATERAL (SELECT COALESCE(argument.value ->> 'sealed', argument.value ->> 'sealed_object') AS sealed) AS found
WHERE state = 'pending' AND found.sealed <> ''
ORDER BY id DESC
LIMIT 1

-- name: uploaded_rows_that_wait
SELECT task_row.id, found #>> '{}' AS sealed
FROM task
JOIN task_row ON task_row.task_id = task.id
CROSS JOIN jsonb_path_query(task_row.cells, '$[*].sealed') AS found
WHERE task.state IN ('waiting', 'active') AND task_row.state = 'waiting'
ORDER BY task_row.id DESC
LIMIT 1

-- name: tasks_that_wait
SELECT id, found.sealed
FROM task
CROSS JOIN jsonb_each(arguments) AS argument
CROSS JOIN LATERAL (SELECT COALESCE(argument.value ->> 'sealed', argument.value ->> 'sealed_object') AS sealed) AS found
WHERE state IN ('waiting', 'active') AND found.sealed <> ''
ORDER BY id DESC
LIMIT 1

-- name: deleted_records
SELECT id, sealed FROM deleted_record WHERE sealed <> '' ORDER BY id DESC LIMIT 1
