-- The key policy of an organization, and requests that a second person decides.

CREATE TABLE key_policies (
  org_id TEXT NOT NULL PRIMARY KEY REFERENCES organizations (id),
  -- JSON: the rules, those that apply to requests until the grace period ends, and when it ends for each.
  policy TEXT NOT NULL,
  changed_at BIGINT NOT NULL,
  changed_by TEXT NOT NULL REFERENCES users (id)
);

-- When the key was last enabled: it is not idle earlier than that.
ALTER TABLE keys ADD COLUMN enabled_at BIGINT;
-- The secret about whose age a letter was sent.
ALTER TABLE keys ADD COLUMN reminded_secret_id TEXT;

CREATE TABLE approval_requests (
  id TEXT NOT NULL PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations (id),
  -- What is asked for, such as 'key.create'.
  kind TEXT NOT NULL,
  requester_id TEXT NOT NULL REFERENCES users (id),
  requester_name TEXT NOT NULL,
  -- The key that asked, and the person who created it.
  key_id TEXT,
  key_name TEXT NOT NULL,
  key_creator_id TEXT,
  title TEXT NOT NULL,
  -- JSON: pairs of a label and a text, for the page.
  details TEXT NOT NULL,
  -- JSON: the exact request. It contains no secret.
  request TEXT NOT NULL,
  -- SHA-256 of everything above.
  request_hash TEXT NOT NULL,
  -- The least role of a person who decides.
  least_role TEXT NOT NULL,
  -- SHA-256 of the idempotency key or form, so that a repeat files nothing new.
  once_hash TEXT,
  -- pending, approved, used, denied, expired or withdrawn.
  state TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  -- When a pending request can no longer be decided, or an approved one no longer used.
  expires_at BIGINT NOT NULL,
  decided_at BIGINT,
  decided_by TEXT,
  decided_by_name TEXT NOT NULL,
  reason TEXT NOT NULL,
  -- When it was used or withdrawn, or expired.
  ended_at BIGINT,
  -- The id of what it created.
  result TEXT NOT NULL
);
CREATE INDEX approval_requests_by_state ON approval_requests (org_id, state, id);
CREATE INDEX approval_requests_of_requester ON approval_requests (org_id, requester_id, id);
CREATE INDEX approval_requests_to_expire ON approval_requests (expires_at) WHERE state IN ('pending', 'approved');
CREATE UNIQUE INDEX approval_requests_once ON approval_requests (org_id, requester_id, once_hash) WHERE once_hash IS NOT NULL;
