-- The resources that are known.
SELECT DISTINCT resource_id FROM store.resources
