-- How many rows of one kind name a trace, likewise. `time` is the column of their time.
SELECT count(*)
FROM ({rows})
WHERE {time} BETWEEN {from_ns} AND {to_ns} AND trace_hi = {trace_hi} AND trace_lo = {trace_lo}
