-- One partition of the verdicts of watches, or the part of it that is in memory. `table` is replaced by the table's name.
CREATE TABLE IF NOT EXISTS {table} (
    time_ns BIGINT,
    watch VARCHAR,
    service VARCHAR,
    baseline VARCHAR,
    candidate VARCHAR,
    from_ns BIGINT,
    to_ns BIGINT,
    result VARCHAR,
    summary VARCHAR,
    baseline_requests UBIGINT,
    baseline_errors UBIGINT,
    candidate_requests UBIGINT,
    candidate_errors UBIGINT,
    difference DOUBLE,
    difference_low DOUBLE,
    difference_high DOUBLE,
    verdict VARCHAR
)
