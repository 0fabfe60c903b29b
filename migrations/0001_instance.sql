-- One row that names this installation, made at the first start.
CREATE TABLE instance (
  id TEXT NOT NULL PRIMARY KEY,
  created_at BIGINT NOT NULL
);
