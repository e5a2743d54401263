-- Sessions, invitations, API keys, second factors, links to identity providers, consents.

-- The migrating role need not be a superuser: forced row-level security would show it no user.
ALTER TABLE identity.users NO FORCE ROW LEVEL SECURITY;
ALTER TABLE identity.users DROP CONSTRAINT users_role_check;
ALTER TABLE identity.users ADD CONSTRAINT users_role_check
    CHECK (role IN ('owner', 'admin', 'operator', 'auditor', 'viewer', 'agent', 'service'));
-- Somebody must be able to make owners: of each tenant, whoever was its administrator first.
UPDATE identity.users SET role = 'owner' WHERE id IN (
    SELECT DISTINCT ON (tenant_id) id FROM identity.users WHERE role = 'admin'
    ORDER BY tenant_id, created_at, id
);
-- Without a password nobody can log in with one: services, and whoever was only invited.
ALTER TABLE identity.users ALTER COLUMN password_hash DROP NOT NULL;
ALTER TABLE identity.users ADD COLUMN disabled_at timestamptz;
ALTER TABLE identity.users ADD COLUMN erased_at timestamptz;
ALTER TABLE identity.users ADD COLUMN last_used_at timestamptz;
ALTER TABLE identity.users FORCE ROW LEVEL SECURITY;
GRANT UPDATE (username, email, password_hash, role, node_id, disabled_at, erased_at, last_used_at)
    ON identity.users TO lotabots_app;

-- A session is a family of refresh tokens: it lives while the newest of them does. `jkt` names the
-- key of the client that it is bound to (RFC 9449), where it is bound to one.
CREATE TABLE identity.sessions (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    user_id      uuid NOT NULL REFERENCES identity.users (id),
    method       text NOT NULL CHECK (method IN ('password', 'password+code', 'oidc')),
    jkt          text CHECK (jkt ~ '^[A-Za-z0-9_-]{43}$'),
    address      text CHECK (length(address) <= 64),
    opened_at    timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    end_reason   text
);
CREATE INDEX sessions_user ON identity.sessions (user_id, last_used_at);
CREATE INDEX sessions_expires ON identity.sessions (expires_at);

-- One use each. `digest` is SHA-256 of the token. `sealed_child` is the token that came of it, sealed
-- under a key that is not in this database and under the token itself, for a few seconds. `token_id`
-- names the access token that was given with it.
CREATE TABLE identity.refresh_tokens (
    digest           bytea PRIMARY KEY CHECK (length(digest) = 32),
    tenant_id        uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    session_id       uuid NOT NULL REFERENCES identity.sessions (id) ON DELETE CASCADE,
    token_id         text NOT NULL CHECK (token_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    made_at          timestamptz NOT NULL,
    token_expires_at timestamptz NOT NULL,
    used_at          timestamptz,
    child            bytea UNIQUE CHECK (length(child) = 32),
    sealed_child     bytea,
    CONSTRAINT refresh_tokens_used CHECK ((used_at IS NULL) = (child IS NULL))
);
CREATE INDEX refresh_tokens_session ON identity.refresh_tokens (session_id);
CREATE UNIQUE INDEX refresh_tokens_token ON identity.refresh_tokens (token_id);
CREATE INDEX refresh_tokens_sealed ON identity.refresh_tokens (used_at) WHERE sealed_child IS NOT NULL;

-- One-time tokens with which a user sets a password; a newer one takes the place of the older.
CREATE TABLE identity.invitations (
    user_id    uuid PRIMARY KEY REFERENCES identity.users (id),
    tenant_id  uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    digest     bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
    expires_at timestamptz NOT NULL
);

-- Log-ins that may be guesses, of no tenant: `name` is a keyed digest of an account, of an address, or
-- of both. `known_until`: this account has logged in from this address, and is not delayed by others.
CREATE TABLE identity.attempts (
    name        bytea PRIMARY KEY CHECK (length(name) = 32),
    failures    int NOT NULL CHECK (failures >= 0),
    last_at     timestamptz NOT NULL,
    until       timestamptz NOT NULL,
    known_until timestamptz
);
CREATE INDEX attempts_last ON identity.attempts (last_at);

-- API keys: `digest` is SHA-256 of the whole key, which has 256 random bits.
CREATE TABLE identity.api_keys (
    id           text PRIMARY KEY CHECK (id ~ '^[a-z2-7]{16}$'),
    tenant_id    uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    user_id      uuid NOT NULL REFERENCES identity.users (id),
    made_by      uuid NOT NULL,
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    digest       bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
    role         text NOT NULL,
    permissions  text[] NOT NULL,
    made_at      timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at   timestamptz
);
CREATE INDEX api_keys_user ON identity.api_keys (user_id);

-- The secret of one-time codes (RFC 6238), sealed; `last_step` is the newest step that was used.
CREATE TABLE identity.one_time_codes (
    user_id      uuid PRIMARY KEY REFERENCES identity.users (id),
    tenant_id    uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    sealed       bytea NOT NULL,
    made_at      timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_step    bigint NOT NULL DEFAULT 0
);
CREATE TABLE identity.recovery_codes (
    digest    bytea PRIMARY KEY CHECK (length(digest) = 32),
    tenant_id uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    user_id   uuid NOT NULL REFERENCES identity.users (id),
    used_at   timestamptz
);
CREATE INDEX recovery_codes_user ON identity.recovery_codes (user_id);

-- Who a user is at an identity provider (OpenID Connect): its issuer and subject, exactly.
CREATE TABLE identity.links (
    issuer    text NOT NULL CHECK (length(issuer) BETWEEN 1 AND 512),
    subject   text NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    tenant_id uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    user_id   uuid NOT NULL REFERENCES identity.users (id),
    made_at   timestamptz NOT NULL,
    CONSTRAINT links_subject PRIMARY KEY (issuer, subject)
);
CREATE INDEX links_user ON identity.links (user_id);

-- Log-ins on their way through an identity provider, of no tenant yet: each is answered once.
CREATE TABLE identity.oidc_flows (
    state      bytea PRIMARY KEY CHECK (length(state) = 32),
    browser    bytea NOT NULL CHECK (length(browser) = 32),
    sealed     bytea NOT NULL,
    expires_at timestamptz NOT NULL
);

-- What a user agreed to, and took back: every change is a row, and none is changed.
CREATE TABLE identity.consents (
    id        uuid PRIMARY KEY,
    tenant_id uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    user_id   uuid NOT NULL REFERENCES identity.users (id),
    purpose   text NOT NULL CHECK (purpose ~ '^[a-z][a-z0-9_.-]{0,63}$'),
    version   text NOT NULL CHECK (length(version) BETWEEN 1 AND 64),
    given     boolean NOT NULL,
    at        timestamptz NOT NULL
);
CREATE INDEX consents_user ON identity.consents (user_id, at);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['sessions', 'refresh_tokens', 'invitations', 'api_keys',
                                'one_time_codes', 'recovery_codes', 'links', 'consents'] LOOP
        EXECUTE format('ALTER TABLE identity.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE identity.%I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON identity.%I USING (tenant_id = '
                       'NULLIF(current_setting(''lotabots.tenant'', true), '''')::uuid)', name);
    END LOOP;
END
$$;
-- As with names at log-in: the tenant of a key, or of someone whom a provider vouches for, is not
-- known before its one row is read. No user name has a colon, so neither claim can be taken for one.
CREATE POLICY login ON identity.api_keys FOR SELECT
    USING ('key:' || id = NULLIF(current_setting('lotabots.login', true), ''));
CREATE POLICY login ON identity.links FOR SELECT
    USING ('oidc:' || issuer || ' ' || subject = NULLIF(current_setting('lotabots.login', true), ''));

GRANT SELECT, INSERT, UPDATE, DELETE ON identity.sessions TO lotabots_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.refresh_tokens TO lotabots_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.invitations TO lotabots_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.attempts TO lotabots_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.api_keys TO lotabots_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.one_time_codes TO lotabots_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.recovery_codes TO lotabots_app;
GRANT SELECT, INSERT, DELETE ON identity.links TO lotabots_app;
GRANT SELECT, INSERT, DELETE ON identity.oidc_flows TO lotabots_app;
GRANT SELECT, INSERT, DELETE ON identity.consents TO lotabots_app;

-- What is long over may be deleted in one sweep, whatever the tenant.
CREATE POLICY sweep_seen ON identity.sessions FOR SELECT
    USING (current_setting('lotabots.login', true) = 'sweep:'
           AND expires_at < transaction_timestamp() - interval '30 days');
CREATE POLICY sweep ON identity.sessions FOR DELETE
    USING (current_setting('lotabots.login', true) = 'sweep:'
           AND expires_at < transaction_timestamp() - interval '30 days');
-- A child is given again within seconds only: sealed or not, it need not rest here any longer.
CREATE POLICY sweep_seen ON identity.refresh_tokens FOR SELECT
    USING (current_setting('lotabots.login', true) = 'sweep:'
           AND used_at < transaction_timestamp() - interval '1 minute');
CREATE POLICY sweep ON identity.refresh_tokens FOR UPDATE
    USING (current_setting('lotabots.login', true) = 'sweep:'
           AND used_at < transaction_timestamp() - interval '1 minute')
    WITH CHECK (sealed_child IS NULL);
