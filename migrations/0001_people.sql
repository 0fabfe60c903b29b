-- People, how they prove who they are, and where they are signed in.
-- Identifiers are UUIDv7 texts: they sort by the time they were made. Secrets of every sort are kept as hashes only;
-- the exception is the second factor's secret, which the server must be able to read to check a code.

CREATE TABLE users (
  id TEXT NOT NULL PRIMARY KEY,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  password_hash TEXT,
  -- Raised when the password changes and when the person is disabled: what was proven before counts no more.
  epoch BIGINT NOT NULL,
  disabled_at BIGINT,
  created_at BIGINT NOT NULL
);

CREATE TABLE second_factors (
  user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id),
  secret TEXT NOT NULL,
  last_step BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
  user_id TEXT NOT NULL REFERENCES users (id),
  code_hash TEXT NOT NULL,
  used_at BIGINT,
  PRIMARY KEY (user_id, code_hash)
);

-- One-time links: of 'setup', which has no user, there is one; of 'reset' one a person.
CREATE TABLE links (
  token_hash TEXT NOT NULL PRIMARY KEY,
  purpose TEXT NOT NULL,
  user_id TEXT REFERENCES users (id),
  removes_factor BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  UNIQUE (purpose, user_id)
);
CREATE UNIQUE INDEX links_without_user ON links (purpose) WHERE user_id IS NULL;

-- Browsers that have signed in as a person before: a flood of wrong passwords from elsewhere does not slow them.
CREATE TABLE known_browsers (
  user_id TEXT NOT NULL REFERENCES users (id),
  token_hash TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (user_id, token_hash)
);

CREATE TABLE sessions (
  id_hash TEXT NOT NULL PRIMARY KEY,
  user_id TEXT REFERENCES users (id),
  data TEXT NOT NULL,
  address TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL
);
CREATE INDEX sessions_of_user ON sessions (user_id, last_seen_at);
CREATE INDEX sessions_by_end ON sessions (ends_at);
CREATE INDEX sessions_by_sight ON sessions (last_seen_at);

CREATE TABLE organizations (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  plan TEXT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE memberships (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  user_id TEXT NOT NULL REFERENCES users (id),
  role TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, user_id)
);
CREATE INDEX memberships_of_user ON memberships (user_id, created_at);

-- Who did what. Names stand as they were at that time; nothing here refers to rows that may go.
CREATE TABLE audit (
  id TEXT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  org_id TEXT,
  actor_kind TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  actor_name TEXT NOT NULL,
  action TEXT NOT NULL,
  target_kind TEXT NOT NULL,
  target_id TEXT NOT NULL,
  target_name TEXT NOT NULL,
  address TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  request_id TEXT NOT NULL,
  details TEXT NOT NULL
);
CREATE INDEX audit_of_org ON audit (org_id, id);
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_request ON audit (request_id);
