-- One row that the readiness check writes and reads back, so that it notices a database that takes no writes.
CREATE TABLE readiness_probe (
  one BIGINT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  filler TEXT NOT NULL
);
INSERT INTO readiness_probe (one, at, filler) VALUES (1, 0, '');

-- Rows of usage_journal that could not be read. They were moved here so that the others could be added up.
CREATE TABLE usage_journal_unreadable (
  node TEXT NOT NULL,
  number BIGINT NOT NULL,
  counts TEXT NOT NULL,
  moved_at BIGINT NOT NULL
);
