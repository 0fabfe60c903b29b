-- Keys, their secrets, and what was counted. A key lives on through rotations; a secret is one token of it.

CREATE TABLE keys (
  id TEXT NOT NULL PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations (id),
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  kind TEXT NOT NULL,
  role TEXT NOT NULL,
  note TEXT NOT NULL,
  rate_limit BIGINT,
  ranges TEXT NOT NULL,
  -- The secret that is handed out, and while rotating the one before it with its cut-off.
  secret_id TEXT NOT NULL,
  previous_secret_id TEXT,
  previous_until BIGINT,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL REFERENCES users (id),
  created_by_key TEXT REFERENCES keys (id),
  expires_at BIGINT,
  -- The expiry that a letter has told of.
  told_of_end BIGINT,
  disabled_at BIGINT,
  revoked_at BIGINT,
  -- Raised by every change; taking it is also the row's lock.
  generation BIGINT NOT NULL,
  -- Accepted requests of all its secrets. 0: never.
  calls BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX keys_living_name ON keys (org_id, name_key) WHERE revoked_at IS NULL;
-- One for each order of the list.
CREATE INDEX keys_by_name ON keys (org_id, name_key, id);
CREATE INDEX keys_by_creation ON keys (org_id, id);
CREATE INDEX keys_by_calls ON keys (org_id, calls, id);
CREATE INDEX keys_by_use ON keys (org_id, last_used_at, id);
CREATE INDEX keys_by_expiry ON keys (org_id, COALESCE(expires_at, 9223372036854775807), id);
CREATE INDEX keys_to_tell_of ON keys (expires_at) WHERE expires_at IS NOT NULL AND revoked_at IS NULL;
CREATE INDEX keys_of_creator ON keys (org_id, created_by, id);
CREATE INDEX keys_of_key ON keys (created_by_key) WHERE created_by_key IS NOT NULL;
CREATE INDEX keys_to_cut_off ON keys (previous_until) WHERE previous_until IS NOT NULL;

-- Stays for ever: a dead secret that is still tried is recognised.
CREATE TABLE secrets (
  id TEXT NOT NULL PRIMARY KEY,
  key_id TEXT NOT NULL REFERENCES keys (id),
  created_at BIGINT NOT NULL,
  ended_at BIGINT,
  calls BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL
);
CREATE INDEX secrets_of_key ON secrets (key_id, created_at);

-- Loses its row when the secret ends.
CREATE TABLE secret_hashes (
  secret_id TEXT NOT NULL PRIMARY KEY REFERENCES secrets (id),
  hash TEXT NOT NULL
);

-- A create or rotate that is sent again answers with the key's id; the plaintext is gone.
CREATE TABLE idempotency (
  org_id TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  token_hash TEXT NOT NULL,
  key_id TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, actor_id, token_hash)
);
CREATE INDEX idempotency_by_time ON idempotency (created_at);

-- What changed, for every process that remembers states. `seq` is taken from one locked row, so that it is in the order
-- of the commits and without gaps.
CREATE TABLE changes (
  seq BIGINT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE TABLE change_counter (
  one BIGINT NOT NULL PRIMARY KEY,
  seq BIGINT NOT NULL
);
INSERT INTO change_counter (one, seq) VALUES (1, 0);

-- Requests by secret, hour (unix time / 3600) and outcome.
CREATE TABLE usage_hours (
  secret_id TEXT NOT NULL,
  hour BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  key_id TEXT NOT NULL,
  org_id TEXT NOT NULL,
  requests BIGINT NOT NULL,
  PRIMARY KEY (secret_id, hour, outcome)
);
CREATE INDEX usage_hours_of_key ON usage_hours (key_id, hour);
CREATE INDEX usage_hours_by_time ON usage_hours (hour);

-- The same added up, so that a page of keys and an overview of an organization read few rows.
CREATE TABLE usage_days (
  key_id TEXT NOT NULL,
  day BIGINT NOT NULL,
  calls BIGINT NOT NULL,
  PRIMARY KEY (key_id, day)
);
CREATE INDEX usage_days_by_time ON usage_days (day);
CREATE TABLE usage_org_hours (
  org_id TEXT NOT NULL,
  hour BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  requests BIGINT NOT NULL,
  PRIMARY KEY (org_id, hour, outcome)
);
CREATE INDEX usage_org_hours_by_time ON usage_org_hours (hour);

-- Who used a key. Capped for each key; the empty address stands for all beyond that.
CREATE TABLE callers (
  key_id TEXT NOT NULL,
  address TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  requests BIGINT NOT NULL,
  PRIMARY KEY (key_id, address, user_agent)
);
CREATE INDEX callers_by_time ON callers (last_at);

-- Refused requests with keys that are known, for some days: by the id that the caller was told, an admin finds the reason.
CREATE TABLE refused_requests (
  request_id TEXT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  org_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  secret_id TEXT NOT NULL,
  outcome TEXT NOT NULL,
  address TEXT NOT NULL
);
CREATE INDEX refused_requests_by_time ON refused_requests (at);

-- A flush whose commit was in doubt is not counted twice.
CREATE TABLE usage_flushes (
  node TEXT NOT NULL,
  number BIGINT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (node, number)
);

CREATE INDEX audit_of_target ON audit (target_id, id);
