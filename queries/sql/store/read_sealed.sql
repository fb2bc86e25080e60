-- Up to where each tier of the rollups is complete.
SELECT sealed_1m, sealed_1h, sealed_1d FROM store.progress
