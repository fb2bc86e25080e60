-- Forgets the resources in memory that have been in the file for longer than any query takes.
DELETE FROM hot_resources WHERE generation < $1
