-- The expiry that the approver of a login chose for its key. NULL: the latest one that is allowed.
ALTER TABLE device_logins ADD COLUMN key_expires_at BIGINT;

-- One in so many accepted calls of the key is recorded, until that time.
ALTER TABLE keys ADD COLUMN sample_one_in BIGINT;
ALTER TABLE keys ADD COLUMN sample_until BIGINT;
-- The table also has these accepted calls, with the outcome 'valid'. Whether the key had the permissions that the check asked
-- for: 1 or 0; NULL: it asked for none.
ALTER TABLE refused_requests ADD COLUMN permitted BIGINT;
