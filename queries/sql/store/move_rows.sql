-- Moves what generation `generation` holds of one kind of rows, `rows`, from memory into the partition of its day. `hot` is
-- the generation's parity. Part of the transaction that move_spans.sql begins.
INSERT INTO store.{rows}_{day}
SELECT * EXCLUDE (generation) FROM hot_{rows}_{hot} WHERE generation = {generation}
