-- Proxy, cluster, address, version of Envoy, zone, time of the last scrape, configuration, baseline.
INSERT OR REPLACE INTO store.proxies VALUES (?, ?, ?, ?, ?, ?, ?, ?)
