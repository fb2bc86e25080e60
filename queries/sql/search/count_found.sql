-- How many spans were read of the traces that were found.
SELECT count(*) FROM found_spans
