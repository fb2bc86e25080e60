-- Up to where each tier of the rollups is complete, and the generations that changed the coarse ones last.
SELECT sealed_1m, sealed_1h, sealed_1d, changed_1h, changed_1d FROM store.progress
