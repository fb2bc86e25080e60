-- Ends the move of a generation.
UPDATE store.progress SET position = {position}, generation = {generation};
COMMIT
