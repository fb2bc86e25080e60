-- Everything that Envoys count stands in the rollups: statistics by their numbers in the dictionary, and their counts, two
-- lists of one length. See dictionary.rs.
ALTER TABLE store.rollup_10s ADD COLUMN stats SMALLINT[] DEFAULT [];
ALTER TABLE store.rollup_10s ADD COLUMN stat_counts BIGINT[] DEFAULT [];
ALTER TABLE store.rollup_1m ADD COLUMN stats SMALLINT[] DEFAULT [];
ALTER TABLE store.rollup_1m ADD COLUMN stat_counts BIGINT[] DEFAULT [];
ALTER TABLE store.rollup_1h ADD COLUMN stats SMALLINT[] DEFAULT [];
ALTER TABLE store.rollup_1h ADD COLUMN stat_counts BIGINT[] DEFAULT [];
ALTER TABLE store.rollup_1d ADD COLUMN stats SMALLINT[] DEFAULT [];
ALTER TABLE store.rollup_1d ADD COLUMN stat_counts BIGINT[] DEFAULT [];

-- Connection managers were called listeners.
UPDATE store.series SET target_kind = 'manager' WHERE source_kind = 'proxy' AND target_kind = 'listener';

-- The scraper's state was text before, and counting starts anew from the next scrape.
DROP TABLE store.proxies;
CREATE TABLE store.proxies (
    proxy VARCHAR PRIMARY KEY,
    cluster VARCHAR NOT NULL,
    address VARCHAR NOT NULL,
    envoy_version VARCHAR NOT NULL,
    zone VARCHAR NOT NULL,
    started_at_ns BIGINT NOT NULL,
    restart_epoch UBIGINT NOT NULL,
    last_scrape_ns BIGINT NOT NULL,
    -- The last configuration and the last gaps between scrapes, as JSON.
    config VARCHAR NOT NULL,
    gaps VARCHAR NOT NULL,
    -- The scraper's state, in a form of its own.
    baseline BLOB NOT NULL
)
