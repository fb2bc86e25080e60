-- The rollup rows of some series, `ids`, with all statistics: of one tier, `tier`, from $1 to $4, without those from $2
-- to $3, which a coarser tier answers.
FROM {tier}
WHERE bucket_s >= $1 AND bucket_s < $4 AND (bucket_s < $2 OR bucket_s >= $3) AND series_id IN ({ids})
