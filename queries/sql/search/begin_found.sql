-- Begins to look at traces that were found.
CREATE OR REPLACE TEMP TABLE found_traces (trace_hi UBIGINT, trace_lo UBIGINT)
