-- The key whose requests per minute are counted together with those of this key. NULL: the key has a count of its own.
ALTER TABLE keys ADD COLUMN counts_with TEXT;
