-- The spans in the file that belong to some generations of a day. The generation of the rows in one block hardly varies,
-- so that nothing of the others is read.
SELECT * EXCLUDE (generation) FROM store.spans_{day} WHERE generation BETWEEN {first} AND {last}
