-- Begins the move of a generation from memory, `hot`, into its partition, `partition`. Ends with save_progress.sql.
BEGIN;
INSERT INTO store.{partition}
SELECT * EXCLUDE (generation) FROM {hot} WHERE generation = {generation}
