-- Likewise of the rows from $1 to $2 that are in memory alone. They are in no tier.
SELECT series_id, least(greatest(sum(requests) + sum(connection_failures), -1e15), 1e15)::BIGINT
FROM (
    FROM hot_rollup_0
    UNION ALL
    FROM hot_rollup_1
)
WHERE bucket_s >= $1 AND bucket_s < $2 AND generation > (SELECT generation FROM store.progress)
GROUP BY series_id
