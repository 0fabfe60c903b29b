-- The policy that was last announced to the creators of keys, as in the column policy. NULL: none.
ALTER TABLE key_policies ADD COLUMN announced TEXT;
UPDATE key_policies SET announced = policy;
