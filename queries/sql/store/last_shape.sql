-- The highest number that a shape has.
SELECT coalesce(max(shape_id), 0) FROM shapes
