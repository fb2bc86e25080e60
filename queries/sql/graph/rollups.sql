-- Every rollup row of a time range, from the coarsest tier that covers each part of it. $1 to $8 are the ranges of the
-- tiers, which lie inside one another: 10 s from $1 to $8, 1 min from $2 to $7, 1 h from $3 to $6, 1 d from $4 to $5.
-- What is in memory is in no tier and is read as it is.
WITH progress AS (SELECT generation FROM store.progress),
rows AS (
    FROM store.rollup_1d WHERE bucket_s >= $4 AND bucket_s < $5
    UNION ALL
    FROM store.rollup_1h
    WHERE bucket_s >= $3 AND bucket_s < $6 AND (bucket_s < $4 OR bucket_s >= $5)
    UNION ALL
    FROM store.rollup_1m
    WHERE bucket_s >= $2 AND bucket_s < $7 AND (bucket_s < $3 OR bucket_s >= $6)
    UNION ALL
    FROM store.rollup_10s
    WHERE bucket_s >= $1 AND bucket_s < $8 AND (bucket_s < $2 OR bucket_s >= $7)
    UNION ALL
    SELECT * EXCLUDE (generation) FROM hot_rollup_0
    WHERE bucket_s >= $1 AND bucket_s < $8 AND generation > (SELECT generation FROM progress)
    UNION ALL
    SELECT * EXCLUDE (generation) FROM hot_rollup_1
    WHERE bucket_s >= $1 AND bucket_s < $8 AND generation > (SELECT generation FROM progress)
)
FROM rows
