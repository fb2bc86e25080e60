-- How many rows the tier `finer` has from $1 to $2, for each `series` of them that follow each other.
SELECT series_id // {series} * {series} AS first_series, count(*)
FROM store.{finer}
WHERE bucket_s >= $1 AND bucket_s < $2
GROUP BY first_series
ORDER BY first_series
