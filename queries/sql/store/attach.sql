-- Opens the database file `path`, in the newest storage format: a fifth smaller and quicker to write. Commits of whole
-- row groups pass by DuckDB's own log; what is left is small, and folding it in stalls writes.
ATTACH '{path}' AS store (STORAGE_VERSION 'v1.5.0');
SET wal_autocheckpoint = '64MB'
