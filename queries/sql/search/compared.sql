-- Everything that the spans found say, each as a key with its value; `own` tells what every span has from attributes.
-- What a resource says twice, as its own attribute and as a field, is taken once.
SELECT own, key, value, count(*) AS spans, sum(count(*)) OVER (PARTITION BY own, key)::UBIGINT AS spans_with_key
FROM (
    SELECT unnest(list_concat(
        [
            {'own': true, 'key': 'service', 'value': service},
            {'own': true, 'key': 'version', 'value': version},
            {'own': true, 'key': 'instance', 'value': instance},
            {'own': true, 'key': 'environment', 'value': environment},
            {'own': true, 'key': 'name', 'value': name},
            {'own': true, 'key': 'route', 'value': full_route(route, method)},
            {'own': true, 'key': 'method', 'value': method},
            {'own': true, 'key': 'status', 'value': nullif(http_status, 0)::VARCHAR},
            {'own': true, 'key': 'kind', 'value': CASE kind
                WHEN 1 THEN 'internal' WHEN 2 THEN 'server' WHEN 3 THEN 'client' WHEN 4 THEN 'producer'
                WHEN 5 THEN 'consumer' ELSE 'unspecified' END},
            {'own': true, 'key': 'peer', 'value': peer},
            {'own': true, 'key': 'error', 'value': is_error::VARCHAR}
        ],
        list_transform(
            map_entries(map_concat(
                coalesce(resources.attributes, MAP {}),
                shapes.attributes,
                map_from_entries(list_filter([
                    {'key': slots[1], 'value': value_1},
                    {'key': slots[2], 'value': value_2},
                    {'key': slots[3], 'value': value_3},
                    {'key': slots[4], 'value': value_4},
                    {'key': slots[5], 'value': value_5},
                    {'key': uuid_key, 'value': uuid::VARCHAR}
                ], lambda entry: entry.value IS NOT NULL)),
                coalesce(tail, MAP {})
            )),
            lambda entry: {'own': false, 'key': entry.key, 'value': entry.value}
        )
    ), recursive := true)
    FROM (
        SELECT * EXCLUDE (events, links)
        FROM span_rows
        SEMI JOIN found_rows USING (trace_hi, trace_lo, span_id)
        WHERE start_ns >= {from_ns} AND start_ns < {to_ns}
    )
    JOIN shapes USING (shape_id)
    LEFT JOIN (
        SELECT resource_id, any_value(attributes) AS attributes FROM resource_rows GROUP BY resource_id
    ) AS resources USING (resource_id)
)
WHERE value IS NOT NULL AND NOT (NOT own AND key IN (
    'service.name', 'service.version', 'service.instance.id', 'deployment.environment.name', 'deployment.environment'
))
GROUP BY own, key, value
QUALIFY row_number() OVER (PARTITION BY own, key ORDER BY spans DESC, value) <= {limit}
