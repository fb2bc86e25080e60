-- Source and how far it has been read.
INSERT OR REPLACE INTO store.cursors VALUES (?, ?)
