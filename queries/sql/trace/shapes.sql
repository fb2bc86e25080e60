-- The shapes of a range of numbers. `shapes` is where they may lie; they lie there by their numbers.
SELECT
    shape_id,
    resource_id,
    kind,
    status,
    protocol,
    peer_kind,
    http_status,
    is_error,
    is_timeout,
    is_proxy,
    coalesce(is_xray, false) AS is_xray,
    service,
    namespace,
    version,
    instance,
    environment,
    name,
    method,
    route,
    peer_system,
    peer,
    scope,
    attributes,
    slots,
    uuid_key
FROM ({shapes})
WHERE shape_id BETWEEN {first} AND {last}
