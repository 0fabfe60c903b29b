-- Who holds the secret of a key that asks for something, so that this person does not decide it.

-- The person who received the current secret when the key was rotated last. NULL: its creator, or not known.
ALTER TABLE keys ADD COLUMN rotated_by_id TEXT;
ALTER TABLE approval_requests ADD COLUMN key_receiver_id TEXT;
