-- Begins the move of a generation from memory into its partition: spans and the shapes that are new with them. `hot`
-- is its parity, `day` names the partition. Spans of one trace lie together, which takes a tenth less space. Ends with
-- save_progress.sql.
BEGIN;
INSERT INTO store.shapes_{day}
SELECT * EXCLUDE (generation) FROM hot_shapes_{hot} WHERE generation = {generation};
INSERT INTO store.spans_{day}
FROM hot_spans_{hot}
WHERE generation = {generation}
ORDER BY trace_hi, trace_lo, start_ns
