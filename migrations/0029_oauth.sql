-- Logins of programs at /api/mcp through the browser (OAuth, authorization code with PKCE).

-- Where a key is accepted. NULL: everywhere; 'mcp': at /api/mcp only.
ALTER TABLE keys ADD COLUMN audience TEXT;
-- When the current secret of a login's key ends; NULL: with the key. Renewing the login gives the key a new secret, and the
-- replaced one is accepted for another moment.
ALTER TABLE keys ADD COLUMN secret_until BIGINT;
ALTER TABLE keys ADD COLUMN renewed_secret_id TEXT;
ALTER TABLE keys ADD COLUMN renewed_until BIGINT;
CREATE INDEX keys_with_audience ON keys (id) WHERE audience IS NOT NULL;
CREATE INDEX keys_with_renewed_secret ON keys (renewed_until) WHERE renewed_until IS NOT NULL;

-- Programs that registered themselves. Their names are not verified.
CREATE TABLE oauth_clients (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  -- A JSON array.
  redirect_uris TEXT NOT NULL,
  -- The address as limits count it.
  subscriber TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  -- When somebody first approved a login. NULL: never; the row is swept.
  used_at BIGINT
);
CREATE INDEX oauth_clients_unused ON oauth_clients (created_at) WHERE used_at IS NULL;
CREATE INDEX oauth_clients_unused_of ON oauth_clients (subscriber, created_at) WHERE used_at IS NULL;

-- Approved logins. The program redeems the code once.
CREATE TABLE oauth_codes (
  code_hash TEXT NOT NULL PRIMARY KEY,
  client_id TEXT NOT NULL,
  client_name TEXT NOT NULL,
  redirect_uri TEXT NOT NULL,
  -- The hash of the verifier that the program must send with the code.
  challenge TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES users (id),
  org_id TEXT NOT NULL REFERENCES organizations (id),
  role TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  redeemed_at BIGINT,
  -- Written a moment before the key itself, in the same transaction.
  key_id TEXT
);
CREATE INDEX oauth_codes_by_end ON oauth_codes (expires_at);

-- Logins that a program renews with a refresh token. The key has the same id.
CREATE TABLE oauth_logins (
  key_id TEXT NOT NULL PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations (id),
  user_id TEXT NOT NULL REFERENCES users (id),
  client_id TEXT NOT NULL,
  -- As approved. The key has at most this role.
  role TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  renewed_at BIGINT NOT NULL
);
CREATE INDEX oauth_logins_by_renewal ON oauth_logins (renewed_at);

-- All refresh tokens of a login: the current one, and former ones, which are recognized when they are used again.
CREATE TABLE oauth_refresh_tokens (
  token_hash TEXT NOT NULL PRIMARY KEY,
  key_id TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  used_at BIGINT,
  -- The token that the program received for it last.
  successor_hash TEXT,
  -- Replaced before it was used, because the response with it was lost.
  replaced_at BIGINT
);
CREATE INDEX oauth_refresh_tokens_of_key ON oauth_refresh_tokens (key_id);
CREATE INDEX oauth_refresh_tokens_by_creation ON oauth_refresh_tokens (created_at);
