-- What lives in memory beside the file: two generations of what is not in the file yet, one being filled while the
-- other is kept until nobody reads it any more.
CREATE TABLE hot_rollup_0 AS SELECT *, 0::UBIGINT AS generation FROM store.rollup_10s LIMIT 0;
CREATE TABLE hot_rollup_1 AS FROM hot_rollup_0;
CREATE TABLE hot_route_rollup_0 AS FROM hot_rollup_0;
CREATE TABLE hot_route_rollup_1 AS FROM hot_rollup_0;
CREATE TABLE lookup_traces (trace_hi UBIGINT, trace_lo UBIGINT);
-- Proxies on their way into the file. One transaction may write to one database and to temporary tables.
CREATE TEMP TABLE unsaved_proxies AS FROM store.proxies LIMIT 0;
