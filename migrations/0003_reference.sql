-- Reference values and collateral: signed bundles by content, and which one of each name is in force.

CREATE SCHEMA reference;
GRANT USAGE ON SCHEMA reference TO lotabots_app;

-- A bundle never changes: no UPDATE is granted. Its files are blobs, named by the manifest in the envelope.
CREATE TABLE reference.bundles (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    digest      text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    name        text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    number      bigint NOT NULL CHECK (number >= 1),
    created     timestamptz NOT NULL,
    imported_at timestamptz NOT NULL,
    files       integer NOT NULL CHECK (files >= 0),
    size        bigint NOT NULL CHECK (size >= 0),
    envelope    bytea NOT NULL,
    UNIQUE (tenant_id, digest),
    -- One content per name and number, also when two operators import at the same moment.
    UNIQUE (tenant_id, name, number),
    UNIQUE (tenant_id, id)
);

CREATE TABLE reference.active_bundles (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    name         text NOT NULL,
    number       bigint NOT NULL,
    bundle_id    uuid NOT NULL,
    activated_at timestamptz NOT NULL,
    UNIQUE (tenant_id, name),
    -- With the tenant in the key, a row can only point to a bundle of its own tenant.
    FOREIGN KEY (tenant_id, bundle_id) REFERENCES reference.bundles (tenant_id, id)
);

ALTER TABLE reference.bundles ENABLE ROW LEVEL SECURITY;
ALTER TABLE reference.bundles FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON reference.bundles
    USING (tenant_id = NULLIF(current_setting('lotabots.tenant', true), '')::uuid);

ALTER TABLE reference.active_bundles ENABLE ROW LEVEL SECURITY;
ALTER TABLE reference.active_bundles FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON reference.active_bundles
    USING (tenant_id = NULLIF(current_setting('lotabots.tenant', true), '')::uuid);

GRANT SELECT, INSERT ON reference.bundles TO lotabots_app;
GRANT SELECT, INSERT, UPDATE ON reference.active_bundles TO lotabots_app;
