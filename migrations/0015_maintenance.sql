-- When the operator's tasks last succeeded, for the metrics: `latchkey admin backup` is a process of its own.
CREATE TABLE maintenance (
  task TEXT NOT NULL PRIMARY KEY,
  finished_at BIGINT NOT NULL
);
