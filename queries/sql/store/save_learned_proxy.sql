-- Node id, whether there is an application, service, namespace, version, environment.
INSERT INTO store.learned_proxies VALUES (?, ?, ?, ?, ?, ?)
