-- The requests that were received since $1, oldest first.
SELECT hash_hi, hash_lo, received_s FROM store.recent_requests WHERE received_s >= $1 ORDER BY received_s
