-- Begins a set of spans that are compared.
CREATE OR REPLACE TEMP TABLE found_rows (trace_hi UBIGINT, trace_lo UBIGINT, span_id UBIGINT)
