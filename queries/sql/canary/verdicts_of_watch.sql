-- What a watch, $1, found, the oldest first, as far as a list tells.
SELECT
    time_ns, result, summary, baseline_requests, baseline_errors, candidate_requests, candidate_errors, difference,
    difference_low, difference_high
FROM verdict_rows
WHERE watch = $1
ORDER BY time_ns
