-- Begins another look-up of traces.
DELETE FROM lookup_traces
