-- What the newest shapes say, for completion: at most $1 of them.
WITH recent AS (FROM shapes ORDER BY shape_id DESC LIMIT $1),
told AS (
    SELECT unnest([
        {'field': 'service', 'value': service},
        {'field': 'version', 'value': version},
        {'field': 'instance', 'value': instance},
        {'field': 'namespace', 'value': namespace},
        {'field': 'environment', 'value': environment},
        {'field': 'name', 'value': name},
        {'field': 'route', 'value': full_route(route, method)},
        {'field': 'method', 'value': method},
        {'field': 'peer', 'value': peer},
        {'field': 'scope', 'value': scope},
        {'field': 'status', 'value': nullif(http_status, 0)::VARCHAR}
    ], recursive := true)
    FROM recent
),
keys AS (
    SELECT unnest(map_entries(attributes), recursive := true) FROM recent
    UNION ALL
    SELECT unnest(list_append(slots, uuid_key)) AS key, NULL AS value FROM recent
    UNION ALL
    SELECT unnest(map_entries(attributes), recursive := true)
    FROM (SELECT DISTINCT resource_id FROM recent) JOIN resource_rows USING (resource_id)
),
counted AS (
    SELECT true AS is_field, field AS key, value, count(*) AS shapes FROM told WHERE value IS NOT NULL GROUP BY ALL
    UNION ALL
    SELECT false AS is_field, key, value, count(*) AS shapes FROM keys WHERE key <> '' GROUP BY ALL
)
SELECT is_field, key, value, count(*) OVER (PARTITION BY is_field, key) - count(*) FILTER (value IS NULL) OVER (PARTITION BY is_field, key)
FROM counted
QUALIFY row_number() OVER (PARTITION BY is_field, key ORDER BY shapes DESC, value) <= $2
ORDER BY is_field, key, shapes DESC, value
LIMIT $3
