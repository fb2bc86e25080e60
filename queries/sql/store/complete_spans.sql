-- Numbers the spans of a day by the generations that they were moved with. Those that an older version stored have the
-- number 0. `table` is replaced by the table's name.
ALTER TABLE {table} ADD COLUMN IF NOT EXISTS generation UBIGINT DEFAULT 0
