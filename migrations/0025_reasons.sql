-- How many requests of a caller were refused, when the last one was (0: never), and its outcome.
ALTER TABLE callers ADD COLUMN refused BIGINT NOT NULL DEFAULT 0;
ALTER TABLE callers ADD COLUMN refused_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE callers ADD COLUMN refusal TEXT NOT NULL DEFAULT '';

-- The last refusals of a key.
CREATE INDEX refused_requests_of_key ON refused_requests (key_id, at, request_id);
-- For the overview, which looks for refusals that need attention.
CREATE INDEX usage_hours_unknown ON usage_hours (org_id, hour, key_id, requests) WHERE outcome = 'unknown';
CREATE INDEX usage_hours_address ON usage_hours (org_id, hour, key_id, requests) WHERE outcome = 'ip_not_allowed';
