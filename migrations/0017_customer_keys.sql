-- What keys may do in the organization's own API, whose they are, and how many requests they may make in a day or month.
CREATE TABLE permissions (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL,
    -- A name such as 'invoices.read', or a wildcard such as 'invoices.*'.
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When a check last asked for it; 0: never.
    asked_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX permissions_by_name ON permissions (org_id, name);

CREATE TABLE key_permissions (
    key_id TEXT NOT NULL,
    permission_id TEXT NOT NULL,
    PRIMARY KEY (key_id, permission_id)
);
CREATE INDEX key_permissions_by_permission ON key_permissions (permission_id, key_id);

-- The customer's id in the organization's own system.
ALTER TABLE keys ADD COLUMN external_id TEXT;
-- A JSON object that checks return.
ALTER TABLE keys ADD COLUMN metadata TEXT;
ALTER TABLE keys ADD COLUMN quota BIGINT;
-- 'day' or 'month'.
ALTER TABLE keys ADD COLUMN quota_period TEXT;
-- The key whose quota is used up together with this one's. NULL: the key has a count of its own.
ALTER TABLE keys ADD COLUMN quota_with TEXT;
CREATE INDEX keys_by_owner ON keys (org_id, external_id, id) WHERE external_id IS NOT NULL;

-- What each process counted, so that repeating a write whose commit was in doubt counts nothing twice.
CREATE TABLE quota_use (
    key_id TEXT NOT NULL,
    -- 'day' or 'month', and its first moment.
    period TEXT NOT NULL,
    period_start BIGINT NOT NULL,
    process TEXT NOT NULL,
    used BIGINT NOT NULL,
    PRIMARY KEY (key_id, period, period_start, process)
);
CREATE INDEX quota_use_by_start ON quota_use (period_start);
