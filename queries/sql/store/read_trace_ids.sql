-- The traces of which spans are stored.
SELECT DISTINCT trace_hi, trace_lo FROM span_rows
