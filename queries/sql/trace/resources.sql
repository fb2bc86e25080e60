-- Resources by their numbers `ids`; those that came last are not in the file yet.
SELECT resource_id, attributes FROM store.resources WHERE resource_id IN ({ids})
UNION ALL
SELECT resource_id, attributes FROM hot_resources_0 WHERE resource_id IN ({ids})
UNION ALL
SELECT resource_id, attributes FROM hot_resources_1 WHERE resource_id IN ({ids})
