-- Webhooks: endpoints of organizations, the events for them, and what was delivered.

-- The signing secrets must be readable, because every attempt is signed anew. A removed endpoint keeps its row, without
-- secrets, until its deliveries are swept.
CREATE TABLE webhook_endpoints (
  id TEXT NOT NULL PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations (id),
  url TEXT NOT NULL,
  description TEXT NOT NULL,
  -- Event types and patterns such as key.*, separated by spaces.
  events TEXT NOT NULL,
  secret TEXT NOT NULL,
  -- While a rotation runs: the secret before, and until when it signs too.
  previous_secret TEXT,
  previous_until BIGINT,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL REFERENCES users (id),
  disabled_at BIGINT,
  -- person, gone (the endpoint answered 410) or failing; empty while it is on.
  disabled_because TEXT NOT NULL,
  removed_at BIGINT,
  -- The first failure since the last success, and how many in a row.
  failing_since BIGINT,
  failures BIGINT NOT NULL,
  -- After several failures nothing is sent until then.
  paused_until BIGINT NOT NULL,
  last_attempt_at BIGINT,
  last_success_at BIGINT,
  -- Status of the last answer; NULL without one.
  last_status BIGINT,
  -- Raised to lock the row while deliveries are claimed and recorded.
  generation BIGINT NOT NULL
);
CREATE UNIQUE INDEX webhook_endpoints_url ON webhook_endpoints (org_id, url) WHERE removed_at IS NULL;
CREATE INDEX webhook_endpoints_of_org ON webhook_endpoints (org_id, id);

-- Written in the transaction of the change. The body is sent as it is here.
CREATE TABLE webhook_events (
  id TEXT NOT NULL PRIMARY KEY,
  org_id TEXT NOT NULL,
  type TEXT NOT NULL,
  -- What it is about, as lists show it.
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX webhook_events_by_time ON webhook_events (created_at);

-- One event for one endpoint. It waits while `due_at` is set, and ends as delivered or given up.
CREATE TABLE webhook_deliveries (
  id TEXT NOT NULL PRIMARY KEY,
  org_id TEXT NOT NULL,
  endpoint_id TEXT NOT NULL,
  event_id TEXT NOT NULL,
  -- Deliveries of one endpoint and lane (a key) go out one after the other, by `seq`.
  lane TEXT NOT NULL,
  seq BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  due_at BIGINT,
  -- No attempt is made from then on.
  expires_at BIGINT NOT NULL,
  -- A process that delivers it has it until then; 0: nobody has.
  lease_until BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  -- Failed attempts since it began to wait.
  failures BIGINT NOT NULL,
  last_status BIGINT,
  last_error TEXT NOT NULL,
  last_took BIGINT NOT NULL,
  delivered_at BIGINT,
  given_up_at BIGINT,
  -- expired, gone, off or backlog.
  given_up_because TEXT NOT NULL
);
CREATE INDEX webhook_deliveries_of_endpoint ON webhook_deliveries (endpoint_id, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_lanes ON webhook_deliveries (endpoint_id, lane, seq) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_to_end ON webhook_deliveries (expires_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_of_event ON webhook_deliveries (event_id);
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (created_at);

CREATE TABLE webhook_attempts (
  delivery_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  at BIGINT NOT NULL,
  took BIGINT NOT NULL,
  -- NULL without an answer.
  status BIGINT,
  error TEXT NOT NULL,
  -- The beginning of the answer.
  response TEXT NOT NULL,
  PRIMARY KEY (delivery_id, number)
);
CREATE INDEX webhook_attempts_by_time ON webhook_attempts (at);

-- The expiry of a key for which the events key.expiring and key.expired were written.
ALTER TABLE keys ADD COLUMN announced_expiring BIGINT;
ALTER TABLE keys ADD COLUMN announced_expired BIGINT;
