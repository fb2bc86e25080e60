-- Logs, metrics and access logs as users see them. log_rows, metric_rows and access_log_rows are all partitions and what is
-- in memory.
CREATE OR REPLACE VIEW logs AS
SELECT
    make_timestamp_ns(time_ns) AS time,
    make_timestamp_ns(observed_ns) AS observed_time,
    CASE WHEN trace_hi <> 0 OR trace_lo <> 0 THEN format('{:016x}{:016x}', trace_hi, trace_lo) END AS trace_id,
    CASE WHEN span_id <> 0 THEN format('{:016x}', span_id) END AS span_id,
    severity_number,
    severity_text,
    service,
    namespace,
    version,
    instance,
    environment,
    scope,
    event_name,
    body,
    attributes,
    resource_id
FROM log_rows;

CREATE OR REPLACE VIEW metrics AS
SELECT
    make_timestamp_ns(time_ns) AS time,
    CASE WHEN start_ns <> 0 THEN make_timestamp_ns(start_ns) END AS start_time,
    name,
    unit,
    CASE kind
        WHEN 1 THEN 'GAUGE' WHEN 2 THEN 'SUM' WHEN 3 THEN 'HISTOGRAM' WHEN 4 THEN 'EXPONENTIAL_HISTOGRAM'
        WHEN 5 THEN 'SUMMARY'
    END AS kind,
    CASE temporality WHEN 1 THEN 'DELTA' WHEN 2 THEN 'CUMULATIVE' END AS temporality,
    * EXCLUDE (time_ns, start_ns, name, unit, kind, temporality)
FROM metric_rows;

CREATE OR REPLACE VIEW access_logs AS
SELECT
    make_timestamp_ns(start_ns) AS start_time,
    duration_ns,
    upstream_duration_ns,
    CASE WHEN trace_hi <> 0 OR trace_lo <> 0 THEN format('{:016x}{:016x}', trace_hi, trace_lo) END AS trace_id,
    CASE WHEN span_id <> 0 THEN format('{:016x}', span_id) END AS span_id,
    CASE direction WHEN 1 THEN 'INBOUND' WHEN 2 THEN 'OUTBOUND' END AS direction,
    * EXCLUDE (start_ns, duration_ns, upstream_duration_ns, trace_hi, trace_lo, span_id, direction)
FROM access_log_rows
