-- How many spans a set was made of.
SELECT coalesce(sum(spans), 0)::UBIGINT FROM {set}
