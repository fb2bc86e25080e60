-- The portions of a day, in their order.
SELECT first_generation, last_generation, filter FROM {table} ORDER BY first_generation
