-- What is counted by route, in tables of its own: there are many more routes than edges. As store.series, with the route
-- behind that; empty where the target is one.
CREATE TABLE store.route_series AS FROM store.series LIMIT 0;
ALTER TABLE store.route_series ADD COLUMN route VARCHAR DEFAULT '';
CREATE TABLE store.route_rollup_10s AS FROM store.rollup_10s LIMIT 0;
CREATE TABLE store.route_rollup_1m AS FROM store.rollup_10s LIMIT 0;
CREATE TABLE store.route_rollup_1h AS FROM store.rollup_10s LIMIT 0;
CREATE TABLE store.route_rollup_1d AS FROM store.rollup_10s LIMIT 0;

-- Requests that proxies logged stood by route among the edges. As edges they stay there.
INSERT INTO store.route_series
SELECT * REPLACE ((row_number() OVER (ORDER BY series_id) - 1)::UINTEGER AS series_id), ''
FROM store.series
WHERE source_kind = 'logger';
CREATE TABLE store.moved_routes AS
SELECT series_id, (row_number() OVER (ORDER BY series_id) - 1)::UINTEGER AS route_id
FROM store.series
WHERE source_kind = 'logger';
INSERT INTO store.route_rollup_10s
SELECT rollup_10s.* REPLACE (route_id AS series_id) FROM store.rollup_10s JOIN store.moved_routes USING (series_id);
INSERT INTO store.route_rollup_1m
SELECT rollup_1m.* REPLACE (route_id AS series_id) FROM store.rollup_1m JOIN store.moved_routes USING (series_id);
INSERT INTO store.route_rollup_1h
SELECT rollup_1h.* REPLACE (route_id AS series_id) FROM store.rollup_1h JOIN store.moved_routes USING (series_id);
INSERT INTO store.route_rollup_1d
SELECT rollup_1d.* REPLACE (route_id AS series_id) FROM store.rollup_1d JOIN store.moved_routes USING (series_id);
DROP TABLE store.moved_routes
