-- Logins of command lines: what devices ask for, and the keys that come of it.

-- The device keeps a device code, of which only the hash is here, and shows a user code to the person who decides. Each
-- move names the state that it expects. That time has run out is told by the clock and not by the state.
CREATE TABLE device_logins (
  id TEXT NOT NULL PRIMARY KEY,
  code_hash TEXT NOT NULL UNIQUE,
  user_code TEXT NOT NULL UNIQUE,
  wire TEXT NOT NULL,
  client_id TEXT NOT NULL,
  scope TEXT NOT NULL,
  product TEXT NOT NULL,
  device_id TEXT,
  device_name TEXT NOT NULL,
  address TEXT NOT NULL,
  -- The address as limits count it.
  subscriber TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  -- pending, approved, denied or consumed
  status TEXT NOT NULL,
  redeem_until BIGINT,
  decided_at BIGINT,
  decided_by TEXT REFERENCES users (id),
  decided_from TEXT,
  org_id TEXT REFERENCES organizations (id),
  role TEXT,
  consumed_at BIGINT,
  -- Written a moment before the key itself, in the same transaction.
  key_id TEXT
);
CREATE INDEX device_logins_open ON device_logins (subscriber, expires_at) WHERE status = 'pending';
CREATE INDEX device_logins_waiting ON device_logins (expires_at) WHERE status = 'pending';
CREATE INDEX device_logins_by_end ON device_logins (expires_at);

-- Keys that a login made, and for what: of one person, organization, device and product there is one that lives.
ALTER TABLE keys ADD COLUMN login_device TEXT;
ALTER TABLE keys ADD COLUMN login_device_id TEXT;
ALTER TABLE keys ADD COLUMN login_product TEXT;
CREATE UNIQUE INDEX keys_living_login ON keys (created_by, org_id, login_device_id, login_product)
  WHERE revoked_at IS NULL AND login_device_id IS NOT NULL;
CREATE INDEX keys_of_logins ON keys (created_by, id) WHERE login_device IS NOT NULL;
