-- The last date that was given with a number of each series and year.
UPDATE series_counter AS counter
SET last_on = given.last_on
FROM (
  SELECT series.id AS series_id, invoice.number_year AS year, max(invoice.invoice_on) AS last_on
  FROM invoice
  JOIN invoice_series AS series ON series.account_id = invoice.account_id AND series.kind = invoice.kind
  WHERE invoice.number_seq IS NOT NULL
  GROUP BY series.id, invoice.number_year
) AS given
WHERE given.series_id = counter.series_id AND given.year = counter.year;
