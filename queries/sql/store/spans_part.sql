-- A partition of spans as the view of all has it: the generation is ours alone. `table` is replaced by the table's name.
SELECT * EXCLUDE (generation) FROM {table}
