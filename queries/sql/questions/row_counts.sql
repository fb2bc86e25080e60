-- How many rows of each kind there are.
SELECT
    (SELECT count(*) FROM span_rows),
    (SELECT count(*) FROM log_rows),
    (SELECT count(*) FROM metric_rows),
    (SELECT count(*) FROM access_log_rows)
