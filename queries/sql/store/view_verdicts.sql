-- The verdicts of watches as users see them. verdict_rows is all partitions and what is in memory.
CREATE OR REPLACE VIEW verdicts AS
SELECT
    make_timestamp_ns(time_ns) AS time,
    watch,
    service,
    baseline,
    candidate,
    make_timestamp_ns(from_ns) AS from_time,
    make_timestamp_ns(to_ns) AS to_time,
    * EXCLUDE (time_ns, watch, service, baseline, candidate, from_ns, to_ns)
FROM verdict_rows
