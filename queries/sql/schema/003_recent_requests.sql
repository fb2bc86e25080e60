-- Requests with logs or metrics that are in this file, by a hash of their bytes: one that is sent again is recognised.
CREATE TABLE store.recent_requests (
    hash_hi UBIGINT NOT NULL,
    hash_lo UBIGINT NOT NULL,
    received_s BIGINT NOT NULL
)
