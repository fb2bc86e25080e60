-- As many of a trace's spans as are wanted, in no order. `found` is spans.sql.
{found}
LIMIT {limit}
