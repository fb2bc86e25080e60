-- Adds what generation $1 counts in buckets that the tier `table` holds already, which is complete before $2. `seconds` is the tier's step.
INSERT INTO store.{table}
SELECT bucket_s // {seconds} * {seconds}, * EXCLUDE (bucket_s, generation)
FROM {hot}
WHERE generation = $1 AND bucket_s < $2
