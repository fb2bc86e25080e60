-- How many spans one trace has. `spans` is where they may lie.
SELECT count(*) FROM ({spans}) WHERE trace_hi = {trace_hi} AND trace_lo = {trace_lo}
