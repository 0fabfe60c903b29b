-- How many refusals, or requests of strangers, a row of the audit log stands for; 0: a change. Rows that are not changes are
-- kept for a time of their own.
ALTER TABLE audit ADD COLUMN times BIGINT NOT NULL DEFAULT 0;
UPDATE audit SET times = 1 WHERE action IN (
  'agent.refused', 'attempts.slowed', 'invitation.refused', 'key.refused', 'login.asked', 'login.switch_refused',
  'member.refused', 'password.refused', 'password.reset_asked', 'password.reset_refused', 'session.refused', 'setup.refused',
  'sign_up.asked', 'sign_up.refused'
) OR (action = 'login.refused' AND actor_kind = 'person');
CREATE INDEX audit_of_refusals ON audit (at) WHERE times > 0;
