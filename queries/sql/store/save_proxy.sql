-- Proxy, cluster, address, version of Envoy, zone, start of the process, its hot restarts, time of the last scrape,
-- configuration, gaps, baseline.
INSERT OR REPLACE INTO store.proxies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
