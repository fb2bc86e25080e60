-- The whole verdict of a watch, $1, that was given at $2, ns since 1970.
SELECT verdict FROM verdict_rows WHERE watch = $1 AND time_ns = $2
