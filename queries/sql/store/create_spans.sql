-- One partition of spans, or the part of it that is in memory. `table` is replaced by the table's name.
-- Ids are numbers, since text costs twice as much. What a span shares with many others is in its shape, which says
-- also whose values value_1 to value_5 and uuid are. What has no place in these is in the tail.
CREATE TABLE IF NOT EXISTS {table} (
    trace_hi UBIGINT,
    trace_lo UBIGINT,
    span_id UBIGINT,
    parent_span_id UBIGINT,
    start_ns BIGINT,
    duration_ns UBIGINT,
    shape_id UBIGINT,
    uuid UUID,
    value_1 VARCHAR,
    value_2 VARCHAR,
    value_3 VARCHAR,
    value_4 VARCHAR,
    value_5 VARCHAR,
    status_message VARCHAR,
    events VARCHAR,
    links VARCHAR,
    tail MAP(VARCHAR, VARCHAR)
)
