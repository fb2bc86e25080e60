-- What has been moved into the file.
SELECT position, generation FROM store.progress
