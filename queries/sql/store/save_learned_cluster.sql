-- Caller, cluster, service, namespace, version, environment.
INSERT INTO store.learned_clusters VALUES (?, ?, ?, ?, ?, ?)
