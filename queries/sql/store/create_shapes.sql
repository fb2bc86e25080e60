-- The shapes of one partition of spans, or those of them that are in memory. `table` is replaced by the table's name.
-- Texts that a span does not have are NULL.
CREATE TABLE IF NOT EXISTS {table} (
    shape_id UBIGINT,
    resource_id UBIGINT,
    kind UTINYINT,
    status UTINYINT,
    protocol UTINYINT,
    peer_kind UTINYINT,
    http_status USMALLINT,
    is_error BOOLEAN,
    is_timeout BOOLEAN,
    is_proxy BOOLEAN,
    service VARCHAR,
    namespace VARCHAR,
    version VARCHAR,
    instance VARCHAR,
    environment VARCHAR,
    name VARCHAR,
    method VARCHAR,
    route VARCHAR,
    peer_system VARCHAR,
    peer VARCHAR,
    scope VARCHAR,
    attributes MAP(VARCHAR, VARCHAR),
    -- Keys of value_1 to value_5, '' where one is not used, and the key of uuid.
    slots VARCHAR[],
    uuid_key VARCHAR,
    -- Whether the spans were told as segments of AWS X-Ray.
    is_xray BOOLEAN
)
