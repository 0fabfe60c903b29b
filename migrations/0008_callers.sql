-- Callers are told apart by secret too: while a key rotates, its page says who still sends the old one, and when a request
-- of theirs was accepted (0: never; a request that was refused proves nothing). Those from before are put down to the
-- secret that the key has now.
CREATE TABLE callers_by_secret (
  key_id TEXT NOT NULL,
  secret_id TEXT NOT NULL,
  address TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  accepted_at BIGINT NOT NULL,
  requests BIGINT NOT NULL,
  PRIMARY KEY (key_id, secret_id, address, user_agent)
);
INSERT INTO callers_by_secret (key_id, secret_id, address, user_agent, first_at, last_at, accepted_at, requests)
SELECT callers.key_id, keys.secret_id, callers.address, callers.user_agent, callers.first_at, callers.last_at, 0,
  callers.requests
FROM callers JOIN keys ON keys.id = callers.key_id;
DROP TABLE callers;
ALTER TABLE callers_by_secret RENAME TO callers;
CREATE INDEX callers_by_time ON callers (last_at);
