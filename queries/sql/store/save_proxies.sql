-- Puts the proxies that were scraped into the file, in place of what it holds of them.
INSERT OR REPLACE INTO store.proxies FROM unsaved_proxies;
TRUNCATE unsaved_proxies
