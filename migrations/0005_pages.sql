-- Few keys among many: what the list counts and filters without reading those that are not meant.
CREATE INDEX keys_revoked ON keys (org_id, revoked_at, id) WHERE revoked_at IS NOT NULL;
CREATE INDEX keys_disabled ON keys (org_id, disabled_at, id) WHERE disabled_at IS NOT NULL;
CREATE INDEX keys_rotating ON keys (org_id, previous_until, id) WHERE previous_until IS NOT NULL;
CREATE INDEX keys_of_kind ON keys (org_id, kind, id);
-- Keys that have ended and are still tried, for the overview.
CREATE INDEX usage_hours_revoked ON usage_hours (org_id, hour, key_id, requests) WHERE outcome = 'revoked';
CREATE INDEX usage_hours_expired ON usage_hours (org_id, hour, key_id, requests) WHERE outcome = 'expired';
