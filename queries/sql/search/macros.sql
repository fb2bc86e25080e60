-- The tests of a search. Each says true or false, never NULL: what a span does not have meets no test.
CREATE OR REPLACE MACRO is_true(test) AS coalesce(test, false);

CREATE OR REPLACE MACRO text_is(value, wanted) AS coalesce(value = wanted::VARCHAR, false);

CREATE OR REPLACE MACRO text_contains(value, part) AS coalesce(contains(lower(value), lower(part::VARCHAR)), false);

-- A text as a number, where it is a decimal one.
CREATE OR REPLACE MACRO number_of(value) AS
CASE
    WHEN regexp_full_match(value, '[-+]?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?') THEN TRY_CAST(value AS DOUBLE)
END;

-- A route with its method.
CREATE OR REPLACE MACRO full_route(route, method) AS CASE WHEN route IS NOT NULL THEN concat_ws(' ', method, route) END;

-- Where the rows of a shape have the value of a key: in value_1 to value_5, in uuid (6), perhaps in the tail (7), which
-- begins when the five are full, or nowhere (0).
CREATE OR REPLACE MACRO place_of(slots, uuid_key, wanted) AS
CASE
    WHEN coalesce(list_position(slots, wanted::VARCHAR), 0) > 0 THEN list_position(slots, wanted::VARCHAR)
    WHEN uuid_key = wanted::VARCHAR THEN 6
    WHEN slots[5] <> '' THEN 7
    ELSE 0
END::UTINYINT;

-- The value that a row has at a place.
CREATE OR REPLACE MACRO value_at(place, wanted, v1, v2, v3, v4, v5, id, others) AS
CASE place
    WHEN 1 THEN v1 WHEN 2 THEN v2 WHEN 3 THEN v3 WHEN 4 THEN v4 WHEN 5 THEN v5
    WHEN 6 THEN id::VARCHAR
    WHEN 7 THEN others[wanted::VARCHAR]
END;

-- Whether a text is in any value of a map.
CREATE OR REPLACE MACRO map_contains_text(attributes, part) AS
coalesce(len(list_filter(map_values(attributes), lambda value: contains(lower(value), lower(part::VARCHAR)))) > 0, false);

-- Whether a text is in anything that a row says itself.
CREATE OR REPLACE MACRO row_contains_text(part, message, v1, v2, v3, v4, v5, id, others) AS
text_contains(message, part)
OR text_contains(v1, part) OR text_contains(v2, part) OR text_contains(v3, part) OR text_contains(v4, part)
OR text_contains(v5, part) OR text_contains(id::VARCHAR, part) OR map_contains_text(others, part)
