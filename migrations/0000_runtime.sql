-- What every service stands on: who may do what in this database, and the keys that sign.
--
-- Each file here is one step, run once and in the order of its number, all in one transaction, by the
-- role lotabots_owner. A file that has been released is never changed: write the next one.
--
-- A service owns one schema. Every table of tenant data has a tenant_id and this idiom, word for word:
--
--     tenant_id uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
--     ...
--     ALTER TABLE schema.things ENABLE ROW LEVEL SECURITY;
--     ALTER TABLE schema.things FORCE ROW LEVEL SECURITY;
--     CREATE POLICY tenant ON schema.things
--         USING (tenant_id = NULLIF(current_setting('lotabots.tenant', true), '')::uuid);
--     GRANT SELECT, INSERT ON schema.things TO lotabots_app;
--
-- NULLIF, because after a transaction that set it the setting is an empty text, not unset. With no
-- tenant the comparison is with NULL, which is true for no row. FORCE, because a table's owner is
-- exempt otherwise. Grant only what the service does; rows that are never changed get no UPDATE.

-- PostgreSQL gives every role that can connect a place for temporary tables, and the schema public.
DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO lotabots_app', current_database());
END
$$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

-- The schema itself exists already: it holds the version that Alembic keeps.
GRANT USAGE ON SCHEMA runtime TO lotabots_app;
GRANT SELECT ON runtime.schema_version TO lotabots_app;

-- The keys of the installation, not of a tenant. `sealed` is the private key, encrypted under a key
-- that is not in this database. At most one key has each place of a purpose.
CREATE TABLE runtime.signing_keys (
    kid        text PRIMARY KEY CHECK (kid ~ '^[A-Za-z0-9_-]{43}$'),
    purpose    text NOT NULL CHECK (purpose ~ '^[a-z][a-z0-9-]{0,62}$'),
    place      text NOT NULL CHECK (place IN ('previous', 'current', 'next')),
    public_jwk jsonb NOT NULL,
    sealed     bytea NOT NULL,
    created_at timestamptz NOT NULL,
    placed_at  timestamptz NOT NULL,
    UNIQUE (purpose, place)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON runtime.signing_keys TO lotabots_app;
