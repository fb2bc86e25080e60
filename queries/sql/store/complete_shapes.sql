-- Adds to the shapes of a day what an older version did not have. `table` is replaced by the table's name.
ALTER TABLE {table} ADD COLUMN IF NOT EXISTS is_xray BOOLEAN DEFAULT false
