-- How many spans of a day no portion covers, where $1 is the last generation that one does, and whether some have no
-- number. DuckDB reads the block's statistics alone where they decide.
SELECT
    (SELECT count(*) FROM store.spans_{day} WHERE generation > $1),
    EXISTS (FROM store.spans_{day} WHERE generation = 0)
