-- What every process must know within a second: tokens that were revoked, settings changed at run time.

-- User tokens that must be refused before they expire. The rows go once the token has expired.
CREATE TABLE runtime.revoked_tokens (
    token_id   text PRIMARY KEY CHECK (token_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    expires_at timestamptz NOT NULL
);
CREATE INDEX revoked_tokens_expires_at ON runtime.revoked_tokens (expires_at);
-- UPDATE is what locking a row before its removal asks for.
GRANT SELECT, INSERT, UPDATE, DELETE ON runtime.revoked_tokens TO lotabots_app;

-- Settings of the installation, over file and environment, as text; changed by the operator's tenant
-- alone, and read by every process before any tenant is known.
CREATE TABLE identity.settings (
    key        text PRIMARY KEY CHECK (key ~ '^[a-z]{1,32}\.[a-z][a-z0-9_]{0,63}$'),
    value      text NOT NULL CHECK (length(value) <= 1024),
    changed_at timestamptz NOT NULL,
    changed_by uuid NOT NULL
);
ALTER TABLE identity.settings ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity.settings FORCE ROW LEVEL SECURITY;
CREATE POLICY readers ON identity.settings FOR SELECT USING (true);
CREATE POLICY operator ON identity.settings
    USING (NULLIF(current_setting('lotabots.tenant', true), '')::uuid = '00000000-0000-4000-8000-000000000001');
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.settings TO lotabots_app;
