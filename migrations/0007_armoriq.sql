-- Agents that were registered with `armoriq register`: who they are, which MCP servers they use and what they may do there.
-- No column holds anything that opens a server.

CREATE TABLE agents (
  id TEXT NOT NULL PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations (id),
  -- What its people call it; another registration under this name is a new version of it.
  agent_id TEXT NOT NULL,
  -- In whose name it says to work. A text of its own, not one of this server's people.
  user_id TEXT NOT NULL,
  environment TEXT NOT NULL,
  -- JSON lists of `<server>.<tool>`, in their order.
  allow_refs TEXT NOT NULL,
  deny_refs TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL REFERENCES users (id),
  registered_at BIGINT NOT NULL,
  registered_by TEXT NOT NULL REFERENCES users (id),
  registered_by_key TEXT REFERENCES keys (id),
  UNIQUE (org_id, agent_id)
);
CREATE INDEX agents_of_key ON agents (org_id, registered_by_key);

CREATE TABLE agent_servers (
  agent TEXT NOT NULL REFERENCES agents (id),
  place BIGINT NOT NULL,
  name TEXT NOT NULL,
  -- Without user, password, query and fragment.
  url TEXT NOT NULL,
  description TEXT NOT NULL,
  -- none, bearer or api_key: how it wants to be asked, never with what.
  auth TEXT NOT NULL,
  PRIMARY KEY (agent, place)
);
