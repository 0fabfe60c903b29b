-- The index of the search by name: a text inside of a name is the beginning of one of the name's endings. Each name in lower case
-- has a row for each ending of at least three letters, cut to 16 letters ("orker-7", "rker-7", …, "r-7").
CREATE TABLE key_name_endings (
  org_id TEXT NOT NULL,
  ending TEXT NOT NULL,
  key_id TEXT NOT NULL,
  PRIMARY KEY (org_id, ending, key_id)
);
-- In the order of the primary key, so that each page of the table is written once. The recursion and the sort use temporary files.
INSERT INTO key_name_endings (org_id, ending, key_id)
WITH RECURSIVE endings (org_id, ending, key_id) AS (
  SELECT org_id, name_key, id FROM keys WHERE length(name_key) >= 3
  UNION ALL
  SELECT org_id, substr(ending, 2), key_id FROM endings WHERE length(ending) > 3
)
SELECT org_id, substr(ending, 1, 16), key_id FROM endings ORDER BY 1, 2, 3
ON CONFLICT DO NOTHING;
