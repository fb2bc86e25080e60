-- Forgets the requests that were received before $1.
DELETE FROM store.recent_requests WHERE received_s < $1
