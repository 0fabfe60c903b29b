-- Keys whose secret was found in public: what an organization wants to happen, what was reported, and what was done.

-- An organization without a row has the defaults.
CREATE TABLE leak_policies (
  org_id TEXT NOT NULL PRIMARY KEY REFERENCES organizations (id),
  -- report, disable or revoke; for Test keys the second one.
  effect TEXT NOT NULL,
  test_effect TEXT NOT NULL
);

-- A place where a secret was found. Rows stay as long as the key. They contain no token.
CREATE TABLE leak_reports (
  id TEXT NOT NULL PRIMARY KEY,
  org_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  secret_id TEXT NOT NULL,
  -- The key as it was: its kind and name, the beginning of its token, and the person in whose name it acts.
  kind TEXT NOT NULL,
  key_name TEXT NOT NULL,
  prefix TEXT NOT NULL,
  maker TEXT NOT NULL,
  -- Texts of the reporter; empty: not stated.
  url TEXT NOT NULL,
  source TEXT NOT NULL,
  -- 1: signed by GitHub.
  is_signed BIGINT NOT NULL,
  at BIGINT NOT NULL,
  -- reported, rotation_finished, disabled or revoked; empty when an earlier report has had the same effect.
  outcome TEXT NOT NULL,
  -- When letters about it were sent.
  mailed_at BIGINT
);
CREATE UNIQUE INDEX leak_reports_once ON leak_reports (secret_id, url);
CREATE INDEX leak_reports_of_key ON leak_reports (key_id, at);
CREATE INDEX leak_reports_of_org ON leak_reports (org_id, at);
CREATE INDEX leak_reports_to_mail ON leak_reports (at) WHERE mailed_at IS NULL;

ALTER TABLE keys ADD COLUMN leaked_secret_id TEXT;
-- 'person' or 'key': who received the current secret when the key was rotated last. NULL: not known.
ALTER TABLE keys ADD COLUMN rotated_by TEXT;
CREATE INDEX keys_leaked ON keys (org_id, id) WHERE leaked_secret_id IS NOT NULL;
