-- Ways in besides the password: who somebody is at an identity provider, and accounts that are about to be made.

-- `issuer` and `subject` are the provider's own words; the address that it knows identifies nobody here.
CREATE TABLE identities (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES users (id),
  label TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL,
  PRIMARY KEY (issuer, subject),
  UNIQUE (user_id, issuer)
);

-- Answers of identity providers that were taken. One that comes again is refused, whichever server it reaches.
CREATE TABLE spent_flows (
  state_hash TEXT NOT NULL PRIMARY KEY,
  expires_at BIGINT NOT NULL
);

-- Addresses that a letter went to; the account is made when its link is opened.
CREATE TABLE sign_ups (
  token_hash TEXT NOT NULL PRIMARY KEY,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL UNIQUE,
  made_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
