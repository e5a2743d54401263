-- Tenants made, disabled and enabled by whoever runs the installation, with the server's own role.

ALTER TABLE identity.tenants ADD COLUMN disabled_at timestamptz;
GRANT INSERT (id, name, created_at) ON identity.tenants TO lotabots_app;
GRANT UPDATE (disabled_at) ON identity.tenants TO lotabots_app;

-- Whom the tenant took with it when it was disabled: enabled with it again, and nobody else.
ALTER TABLE identity.users ADD COLUMN disabled_with_tenant boolean NOT NULL DEFAULT false;
GRANT UPDATE (disabled_with_tenant) ON identity.users TO lotabots_app;

-- Names and dates of all tenants, for a transaction that says so. As in 0008: no user name has a colon.
CREATE POLICY listed ON identity.tenants FOR SELECT
    USING (current_setting('lotabots.login', true) = 'tenants:');
