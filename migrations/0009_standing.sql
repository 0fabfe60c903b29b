-- How keys stand, so that counting them reads nothing but an index: until when a key is usable (never, where it was revoked
-- or disabled), those that have expired, and who made those that are not revoked.
CREATE INDEX keys_usable ON keys (
  org_id,
  (CASE WHEN revoked_at IS NULL AND disabled_at IS NULL THEN COALESCE(expires_at, 9223372036854775807) ELSE -1 END),
  id
);
CREATE INDEX keys_expired ON keys (org_id, expires_at, id) WHERE revoked_at IS NULL AND expires_at IS NOT NULL;
CREATE INDEX keys_living_of_maker ON keys (org_id, (CASE WHEN revoked_at IS NULL THEN created_by END));
