-- Resources by their numbers `ids`, whether they are in the file yet or not.
FROM resource_rows WHERE resource_id IN ({ids})
