-- The rollup rows of some series, `ids`, from $1 to $2 that are in memory alone, with all statistics.
SELECT * EXCLUDE (generation)
FROM (
    FROM hot_rollup_0
    UNION ALL
    FROM hot_rollup_1
)
WHERE
    bucket_s >= $1 AND bucket_s < $2 AND generation > (SELECT generation FROM store.progress) AND series_id IN ({ids})
