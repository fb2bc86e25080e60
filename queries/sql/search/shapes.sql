-- What each shape says of the tests of a search, `columns`; of the shapes whose spans may be found or looked at, `may`.
-- Every span has one of thousands of shapes, so that most tests are made once for many spans.
CREATE OR REPLACE TEMP TABLE search_shapes AS
WITH tested AS (
    SELECT shapes.shape_id{columns}
    FROM shapes
    LEFT JOIN (
        SELECT resource_id, any_value(attributes) AS attributes FROM resource_rows GROUP BY resource_id
    ) AS resources USING (resource_id)
)
FROM tested
WHERE {may}
