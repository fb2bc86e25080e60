-- The rollup rows of one tier, `tier`, from $1 to $4, without those from $2 to $3, which a coarser tier answers: of `all`
-- series, or of these, `ids`.
SELECT {columns}
FROM store.{tier}
WHERE bucket_s >= $1 AND bucket_s < $4 AND (bucket_s < $2 OR bucket_s >= $3) AND ({all} OR series_id IN ({ids}))
