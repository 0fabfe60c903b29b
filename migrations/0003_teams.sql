-- Teams: invitations, and what lists of people and of events are found by.

-- A deleted organization has no members and no living keys; its row stays, since keys and events name it.
ALTER TABLE organizations ADD COLUMN deleted_at BIGINT;

-- The form in which names are compared, and when a person was last seen in any session.
ALTER TABLE users ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN last_seen_at BIGINT;
UPDATE users SET name_key = lower(name),
  last_seen_at = (SELECT max(sessions.last_seen_at) FROM sessions WHERE sessions.user_id = users.id);

CREATE INDEX memberships_of_org ON memberships (org_id, created_at, user_id);

-- Somebody is asked to join. The row goes when they do, and when it is withdrawn.
CREATE TABLE invitations (
  id TEXT NOT NULL PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations (id),
  email TEXT NOT NULL,
  email_key TEXT NOT NULL,
  role TEXT NOT NULL,
  token_hash TEXT NOT NULL UNIQUE,
  invited_by TEXT NOT NULL REFERENCES users (id),
  sent_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  UNIQUE (org_id, email_key)
);
CREATE INDEX invitations_of_org ON invitations (org_id, sent_at, id);
CREATE INDEX invitations_by_end ON invitations (expires_at);

-- The audit log, filtered and newest first.
ALTER TABLE audit ADD COLUMN target_key TEXT NOT NULL DEFAULT '';
UPDATE audit SET target_key = lower(target_name);
CREATE INDEX audit_of_actor ON audit (org_id, actor_id, id);
CREATE INDEX audit_of_action ON audit (org_id, action, id);
DROP INDEX audit_by_request;
CREATE INDEX audit_of_request ON audit (org_id, request_id, id);
CREATE INDEX audit_of_target_name ON audit (org_id, target_key, id);
