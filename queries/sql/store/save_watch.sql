-- A watch and what it is.
INSERT OR REPLACE INTO store.watches VALUES (?, ?)
