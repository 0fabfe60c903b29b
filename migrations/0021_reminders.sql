-- Reminders before a key expires and after it was not used for long, and which letters people want.

-- How many days before the expiry of `told_of_end` and `announced_expiring` the last reminder was. It was a week until now.
ALTER TABLE keys ADD COLUMN told_days BIGINT;
ALTER TABLE keys ADD COLUMN announced_days BIGINT;
UPDATE keys SET told_days = 7 WHERE told_of_end IS NOT NULL;
UPDATE keys SET announced_days = 7 WHERE announced_expiring IS NOT NULL;
-- The last use, or the creation, after which the key was noted as idle.
ALTER TABLE keys ADD COLUMN told_idle_since BIGINT;

-- What waits for the next letter to a person.
CREATE TABLE waiting_reminders (
  user_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  -- expiring or idle, and the expiry or the last use that it is about.
  letter TEXT NOT NULL,
  about BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (user_id, key_id, letter)
);

-- Letters that a person does not want.
CREATE TABLE unwanted_letters (
  user_id TEXT NOT NULL REFERENCES users (id),
  letter TEXT NOT NULL,
  PRIMARY KEY (user_id, letter)
);
