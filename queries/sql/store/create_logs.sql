-- One partition of log records, or the part of it that is in memory. `table` is replaced by the table's name.
CREATE TABLE IF NOT EXISTS {table} (
    time_ns BIGINT,
    observed_ns BIGINT,
    trace_hi UBIGINT,
    trace_lo UBIGINT,
    span_id UBIGINT,
    severity_number UTINYINT,
    severity_text VARCHAR,
    service VARCHAR,
    namespace VARCHAR,
    version VARCHAR,
    instance VARCHAR,
    environment VARCHAR,
    scope VARCHAR,
    event_name VARCHAR,
    body VARCHAR,
    attributes MAP(VARCHAR, VARCHAR),
    resource_id UBIGINT
)
