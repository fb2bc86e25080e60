-- The rollup rows from $1 to $2 that are in memory alone, in the tables `hot`: of `all` series, or of these, `ids`. They
-- are in no tier.
SELECT {columns}
FROM (
    FROM {hot}_0
    UNION ALL
    FROM {hot}_1
)
WHERE
    bucket_s >= $1
    AND bucket_s < $2
    AND generation > (SELECT generation FROM store.progress)
    AND ({all} OR series_id IN ({ids}))
