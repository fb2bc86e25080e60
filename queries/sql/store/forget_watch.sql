-- Forgets a watch, whose verdicts stay.
DELETE FROM store.watches WHERE id = ?
