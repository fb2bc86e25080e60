-- What the tier `finer` has from $1 to $2 of the series from $3 to before $4.
FROM store.{finer}
WHERE bucket_s >= $1 AND bucket_s < $2 AND series_id >= $3 AND series_id < $4
