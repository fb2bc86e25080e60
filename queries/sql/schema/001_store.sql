-- What has been moved into this file. All of it changes in the same transaction as the rows it speaks of.
CREATE TABLE store.progress (
    -- Last request of the log whose rows are all in this file.
    position UBIGINT NOT NULL,
    -- Number of the last batch moved here from memory. What is in memory under this number or a lower one is in this
    -- file too.
    generation UBIGINT NOT NULL,
    -- Rollups of a tier are complete for buckets before these, seconds since 1970.
    sealed_1m BIGINT NOT NULL,
    sealed_1h BIGINT NOT NULL,
    sealed_1d BIGINT NOT NULL,
    -- The generations that changed a tier last, by which a sum over old buckets is known to be good still.
    changed_1h UBIGINT NOT NULL,
    changed_1d UBIGINT NOT NULL
);
INSERT INTO store.progress VALUES (0, 0, 0, 0, 0, 0, 0);

-- Attributes of the resources that spans name.
CREATE TABLE store.resources (
    resource_id UBIGINT NOT NULL,
    attributes MAP(VARCHAR, VARCHAR) NOT NULL
);

-- What the rollups count: an edge of the graph seen by traces, a cluster or a listener seen by its proxy.
CREATE TABLE store.series (
    series_id UINTEGER PRIMARY KEY,
    -- 'trace' or 'envoy'.
    evidence VARCHAR NOT NULL,
    protocol UTINYINT NOT NULL,
    -- 'client', 'unknown', 'workload', 'service', 'database', 'queue', 'host', 'cluster', 'proxy' or 'listener'.
    source_kind VARCHAR NOT NULL,
    source_system VARCHAR NOT NULL,
    source_name VARCHAR NOT NULL,
    source_namespace VARCHAR NOT NULL,
    source_version VARCHAR NOT NULL,
    source_environment VARCHAR NOT NULL,
    target_kind VARCHAR NOT NULL,
    target_system VARCHAR NOT NULL,
    target_name VARCHAR NOT NULL,
    target_namespace VARCHAR NOT NULL,
    target_version VARCHAR NOT NULL,
    target_environment VARCHAR NOT NULL
);

-- Which workload answered for a cluster, learned from traces.
CREATE TABLE store.learned_clusters (
    caller VARCHAR NOT NULL,
    cluster VARCHAR NOT NULL,
    service VARCHAR NOT NULL,
    namespace VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    environment VARCHAR NOT NULL
);

-- Which workload a proxy stands before, learned from traces; a gateway has no application behind it.
CREATE TABLE store.learned_proxies (
    node_id VARCHAR NOT NULL,
    has_application BOOLEAN NOT NULL,
    service VARCHAR NOT NULL,
    namespace VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    environment VARCHAR NOT NULL
);

-- Every proxy that was ever scraped, with its last configuration and the scraper's state, both as JSON.
CREATE TABLE store.proxies (
    proxy VARCHAR PRIMARY KEY,
    cluster VARCHAR NOT NULL,
    address VARCHAR NOT NULL,
    envoy_version VARCHAR NOT NULL,
    zone VARCHAR NOT NULL,
    last_scrape_ns BIGINT NOT NULL,
    config VARCHAR NOT NULL,
    baseline VARCHAR NOT NULL
);

-- Rollups: what is counted of a series in a bucket of time. Rows of one series and bucket add up; a row may be negative
-- where a late span changes what was counted before. Bins and counts are two lists of one length: see sketch.rs.
CREATE TABLE store.rollup_10s (
    bucket_s BIGINT NOT NULL,
    series_id UINTEGER NOT NULL,
    requests BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    retries BIGINT NOT NULL,
    timeouts BIGINT NOT NULL,
    connection_failures BIGINT NOT NULL,
    tls_handshakes BIGINT NOT NULL,
    client_bins SMALLINT[] NOT NULL,
    client_counts BIGINT[] NOT NULL,
    server_bins SMALLINT[] NOT NULL,
    server_counts BIGINT[] NOT NULL
);
CREATE TABLE store.rollup_1m AS FROM store.rollup_10s LIMIT 0;
CREATE TABLE store.rollup_1h AS FROM store.rollup_10s LIMIT 0;
CREATE TABLE store.rollup_1d AS FROM store.rollup_10s LIMIT 0;
