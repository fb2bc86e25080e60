-- The traces of the spans that a new portion of a day covers: all after generation `covered`. Spans of one trace lie
-- together.
SELECT trace_hi, trace_lo FROM store.spans_{day} WHERE generation > {covered}
