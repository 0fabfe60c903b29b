-- What was counted, as each server writes it down every second. It is added up into the other tables now and then, and its
-- rows go with that, in one transaction.
CREATE TABLE usage_journal (
  node TEXT NOT NULL,
  number BIGINT NOT NULL,
  counts TEXT NOT NULL,
  PRIMARY KEY (node, number)
);
