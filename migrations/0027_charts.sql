-- The keys of an organization with the most requests of a day, accepted or not.
ALTER TABLE usage_days ADD COLUMN org_id TEXT NOT NULL DEFAULT '';
ALTER TABLE usage_days ADD COLUMN requests BIGINT NOT NULL DEFAULT 0;
UPDATE usage_days SET requests = calls,
  org_id = COALESCE((SELECT keys.org_id FROM keys WHERE keys.id = usage_days.key_id), '');
-- Days in which requests were refused.
INSERT INTO usage_days (key_id, day, calls, org_id, requests)
SELECT key_id, hour / 24, 0, org_id, CAST(SUM(requests) AS BIGINT) FROM usage_hours WHERE outcome <> 'valid'
GROUP BY key_id, hour / 24, org_id
ON CONFLICT (key_id, day) DO UPDATE SET requests = usage_days.requests + excluded.requests;
CREATE INDEX usage_days_of_org ON usage_days (org_id, day, requests DESC, key_id);

-- The last refusals of all keys of an organization.
CREATE INDEX refused_requests_of_org ON refused_requests (org_id, at, request_id);
