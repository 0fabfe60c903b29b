-- The key that signs the state of requests that wait for a person. Agents send the state back when they ask again.
CREATE TABLE mcp_signing_key (
  -- Always 1: all processes share one key.
  id BIGINT NOT NULL PRIMARY KEY,
  secret TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
