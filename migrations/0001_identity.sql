-- Tenants and their users. A user's name is unique over all tenants: log-in names no tenant.

CREATE SCHEMA identity;
GRANT USAGE ON SCHEMA identity TO lotabots_app;

CREATE TABLE identity.tenants (
    id         uuid PRIMARY KEY,
    name       text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    created_at timestamptz NOT NULL
);

-- The tenant of whoever runs this installation: its first administrator belongs to it, and so does
-- what concerns no tenant, such as strangers turned away. The code knows it as OPERATOR_TENANT.
INSERT INTO identity.tenants (id, name, created_at)
VALUES ('00000000-0000-4000-8000-000000000001', 'operator', transaction_timestamp());

-- Names and addresses are ASCII and lower case, so that no two look alike.
CREATE TABLE identity.users (
    id            uuid PRIMARY KEY,
    tenant_id     uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid
                  REFERENCES identity.tenants (id),
    username      text NOT NULL CHECK (username ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    email         text NOT NULL CHECK (length(email) <= 254 AND email ~ '^[!-?A-~]+@[!-?A-~]+$'
                                       AND email = lower(email)),
    password_hash text NOT NULL CHECK (length(password_hash) = 60),
    role          text NOT NULL CHECK (role IN ('admin', 'operator', 'auditor', 'viewer', 'agent')),
    node_id       text CHECK (node_id ~ '^[A-Za-z0-9._:-]{1,128}$'),
    created_at    timestamptz NOT NULL,
    CONSTRAINT users_username UNIQUE (username),
    CONSTRAINT users_email UNIQUE (email),
    CONSTRAINT users_agent_has_node CHECK ((role = 'agent') = (node_id IS NOT NULL))
);
CREATE INDEX users_role ON identity.users (role);

ALTER TABLE identity.tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity.tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON identity.tenants
    USING (id = NULLIF(current_setting('lotabots.tenant', true), '')::uuid);

ALTER TABLE identity.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity.users FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON identity.users
    USING (tenant_id = NULLIF(current_setting('lotabots.tenant', true), '')::uuid);
-- Before log-in the tenant is not known: the one row of the claimed name may then be read.
CREATE POLICY login ON identity.users FOR SELECT
    USING (username = NULLIF(current_setting('lotabots.login', true), ''));

GRANT SELECT ON identity.tenants TO lotabots_app;
GRANT SELECT, INSERT ON identity.users TO lotabots_app;
