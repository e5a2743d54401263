-- Attestation: nodes and their devices, challenges, policies, and for each attestation its evidence,
-- devices, verdict and result.

CREATE SCHEMA attestation;
GRANT USAGE ON SCHEMA attestation TO lotabots_app;

-- `standing` changes only by a submission of the node itself; silence (also a submission that proves
-- nothing) leaves it as it was, and its age speaks.
CREATE TABLE attestation.nodes (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
    created_at  timestamptz NOT NULL,
    standing    text NOT NULL DEFAULT 'unknown'
                CHECK (standing IN ('unknown', 'accepted', 'rejected', 'inconclusive')),
    standing_at timestamptz,
    UNIQUE (tenant_id, name),
    UNIQUE (tenant_id, id)
);

CREATE TABLE attestation.inventory (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    node_id     uuid NOT NULL,
    kind        text NOT NULL CHECK (kind ~ '^[a-z]{1,16}$'),
    device_id   text NOT NULL CHECK (length(device_id) BETWEEN 1 AND 128),
    device_hash bytea NOT NULL CHECK (length(device_hash) = 32),
    standing    text NOT NULL DEFAULT 'unknown'
                CHECK (standing IN ('unknown', 'accepted', 'rejected', 'inconclusive')),
    standing_at timestamptz,
    -- Over all tenants: one device stands in one place. A unique index does not see row-level security,
    -- and what it holds is a hash.
    UNIQUE (device_hash),
    FOREIGN KEY (tenant_id, node_id) REFERENCES attestation.nodes (tenant_id, id)
);
CREATE INDEX inventory_node ON attestation.inventory (node_id);

-- Immutable; `policy_id` is the digest of the content. Built-in policies need no row.
CREATE TABLE attestation.policies (
    id         uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    policy_id  text NOT NULL,
    name       text NOT NULL,
    source     bytea NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (tenant_id, policy_id)
);

CREATE TABLE attestation.active_policies (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    policy_id    text NOT NULL,
    activated_at timestamptz NOT NULL,
    UNIQUE (tenant_id)
);

CREATE SEQUENCE attestation.status_index MINVALUE 0 MAXVALUE 1048575 CYCLE;

-- The nonce itself is never stored. `inventory` is the node's, as it was when the challenge was made.
CREATE TABLE attestation.challenges (
    id                 uuid PRIMARY KEY,
    tenant_id          uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    node_id            uuid NOT NULL,
    policy_id          text NOT NULL,
    nonce_sha256       bytea NOT NULL CHECK (length(nonce_sha256) = 32),
    session_key_sha256 text NOT NULL CHECK (session_key_sha256 ~ '^[0-9a-f]{64}$'),
    inventory          bytea NOT NULL,
    created_at         timestamptz NOT NULL,
    expires_at         timestamptz NOT NULL,
    spent_at           timestamptz,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, node_id) REFERENCES attestation.nodes (tenant_id, id)
);

CREATE TABLE attestation.attestations (
    id                uuid PRIMARY KEY,
    tenant_id         uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    hardware_id       text NOT NULL,
    attestation_type  text NOT NULL CHECK (attestation_type IN ('node')),
    status            text NOT NULL CHECK (status IN ('accepted', 'rejected', 'inconclusive')),
    metadata          jsonb NOT NULL,
    created_at        timestamptz NOT NULL,
    challenge_id      uuid NOT NULL UNIQUE,
    policy_id         text NOT NULL,
    reference_digest  text NOT NULL,
    collateral_digest text NOT NULL,
    appraisal_digest  text NOT NULL,
    appraiser_version text NOT NULL,
    appraiser_digest  text NOT NULL,
    inputs_sha256     text NOT NULL,
    verdict           bytea NOT NULL,
    -- The manifest (whose digest is inputs_sha256) and the evidence, which only this attestation has:
    -- in the commit that acknowledges them. What many share, the manifest names as blobs.
    parcel            bytea NOT NULL,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, challenge_id) REFERENCES attestation.challenges (tenant_id, id)
);
-- Signatures and measurements do not compress.
ALTER TABLE attestation.attestations ALTER COLUMN parcel SET STORAGE EXTERNAL;
CREATE INDEX attestations_hardware_id ON attestation.attestations (hardware_id);
CREATE INDEX attestations_attestation_type ON attestation.attestations (attestation_type);
CREATE INDEX attestations_status ON attestation.attestations (status);
CREATE INDEX attestations_newest ON attestation.attestations (tenant_id, created_at DESC, id DESC);

-- By content: data stands in the attestation's parcel, certificates are blobs.
CREATE TABLE attestation.evidence (
    id                  uuid PRIMARY KEY,
    tenant_id           uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    attestation_id      uuid NOT NULL,
    subject             text NOT NULL,
    scheme              text NOT NULL,
    data_sha256         text NOT NULL,
    certificates_sha256 text NOT NULL,
    UNIQUE (attestation_id, subject),
    FOREIGN KEY (tenant_id, attestation_id) REFERENCES attestation.attestations (tenant_id, id)
);

CREATE TABLE attestation.devices (
    id             uuid PRIMARY KEY,
    tenant_id      uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    attestation_id uuid NOT NULL,
    subject        text NOT NULL,
    kind           text NOT NULL,
    device_id      text,
    status         text NOT NULL CHECK (status IN ('accepted', 'rejected', 'inconclusive')),
    tier           integer NOT NULL,
    level          text NOT NULL,
    simulated      boolean NOT NULL,
    UNIQUE (attestation_id, subject),
    FOREIGN KEY (tenant_id, attestation_id) REFERENCES attestation.attestations (tenant_id, id)
);

-- `id` is the token's jti. The token itself is not kept: it is signed again on request, with the same
-- jti, session key, status index and expiry.
CREATE TABLE attestation.results (
    id             uuid PRIMARY KEY,
    tenant_id      uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    attestation_id uuid NOT NULL UNIQUE,
    session_key    bytea NOT NULL,
    status_index   bigint NOT NULL,
    issued_at      timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    FOREIGN KEY (tenant_id, attestation_id) REFERENCES attestation.attestations (tenant_id, id)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'nodes', 'inventory', 'policies', 'active_policies', 'challenges', 'attestations', 'evidence',
        'devices', 'results'
    ] LOOP
        EXECUTE format('ALTER TABLE attestation.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE attestation.%I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON attestation.%I USING '
            '(tenant_id = NULLIF(current_setting(''lotabots.tenant'', true), '''')::uuid)', name);
        EXECUTE format('GRANT SELECT, INSERT ON attestation.%I TO lotabots_app', name);
    END LOOP;
END
$$;

-- What may change, and nothing else.
GRANT UPDATE (standing, standing_at) ON attestation.nodes TO lotabots_app;
GRANT UPDATE (standing, standing_at) ON attestation.inventory TO lotabots_app;
GRANT UPDATE (policy_id, activated_at) ON attestation.active_policies TO lotabots_app;
GRANT UPDATE (spent_at) ON attestation.challenges TO lotabots_app;
GRANT USAGE ON SEQUENCE attestation.status_index TO lotabots_app;
