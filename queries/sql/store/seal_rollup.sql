-- Sums the rollups from $1 to $2 of a finer tier, `finer`, into a coarser one, `table`, whose step is `seconds`.
INSERT INTO store.{table}
WITH rows AS MATERIALIZED (
    SELECT * REPLACE (bucket_s // {seconds} * {seconds} AS bucket_s)
    FROM store.{finer}
    WHERE bucket_s >= $1 AND bucket_s < $2
),
counts AS (
    SELECT
        bucket_s, series_id, sum(requests)::BIGINT AS requests, sum(errors)::BIGINT AS errors,
        sum(attempts)::BIGINT AS attempts, sum(retries)::BIGINT AS retries, sum(timeouts)::BIGINT AS timeouts,
        sum(connection_failures)::BIGINT AS connection_failures, sum(tls_handshakes)::BIGINT AS tls_handshakes
    FROM rows
    GROUP BY ALL
),
client_entries AS (
    SELECT bucket_s, series_id, unnest(client_bins) AS bin, unnest(client_counts) AS n FROM rows
),
client_sums AS (
    SELECT bucket_s, series_id, bin, sum(n)::BIGINT AS n FROM client_entries GROUP BY ALL HAVING sum(n) <> 0
),
client AS (
    SELECT bucket_s, series_id, list(bin ORDER BY bin) AS bins, list(n ORDER BY bin) AS counts
    FROM client_sums
    GROUP BY ALL
),
server_entries AS (
    SELECT bucket_s, series_id, unnest(server_bins) AS bin, unnest(server_counts) AS n FROM rows
),
server_sums AS (
    SELECT bucket_s, series_id, bin, sum(n)::BIGINT AS n FROM server_entries GROUP BY ALL HAVING sum(n) <> 0
),
server AS (
    SELECT bucket_s, series_id, list(bin ORDER BY bin) AS bins, list(n ORDER BY bin) AS counts
    FROM server_sums
    GROUP BY ALL
),
stat_entries AS (
    SELECT bucket_s, series_id, unnest(stats) AS stat, unnest(stat_counts) AS n FROM rows
),
stat_sums AS (
    SELECT bucket_s, series_id, stat, sum(n)::BIGINT AS n FROM stat_entries GROUP BY ALL HAVING sum(n) <> 0
),
all_stats AS (
    SELECT bucket_s, series_id, list(stat ORDER BY stat) AS stats, list(n ORDER BY stat) AS counts
    FROM stat_sums
    GROUP BY ALL
)
SELECT
    counts.*, coalesce(client.bins, []), coalesce(client.counts, []), coalesce(server.bins, []),
    coalesce(server.counts, []), coalesce(all_stats.stats, []), coalesce(all_stats.counts, [])
FROM counts
LEFT JOIN client USING (bucket_s, series_id)
LEFT JOIN server USING (bucket_s, series_id)
LEFT JOIN all_stats USING (bucket_s, series_id)
