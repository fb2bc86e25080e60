-- How much each series counts that has rows of one tier, `tier`, from $1 to $4, without those from $2 to $3, which a coarser
-- tier answers. Wrong senders count more than a number holds.
SELECT series_id, least(greatest(sum(requests) + sum(connection_failures), -1e15), 1e15)::BIGINT
FROM {tier}
WHERE bucket_s >= $1 AND bucket_s < $4 AND (bucket_s < $2 OR bucket_s >= $3)
GROUP BY series_id
