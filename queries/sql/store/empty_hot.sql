-- Empties a generation of spans or shapes in memory by making its table anew, which gives the memory back at once.
BEGIN;
{create};
ALTER TABLE {table} ADD COLUMN generation UBIGINT;
COMMIT
