-- The registry of models: what was registered, what of it was uploaded, what it was judged, who
-- approved it, and which version each stage has.

-- One row a model, which is its content: `digest` is the Merkle root over its files' names, sizes and
-- digests. Nothing of it ever changes.
CREATE TABLE attestation.models (
    id            uuid PRIMARY KEY,
    tenant_id     uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    digest        text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 160),
    version       text NOT NULL CHECK (length(version) BETWEEN 1 AND 64),
    -- The version's numbers without zeros at the end: 1.4 and 1.4.0 are one version.
    version_order bigint[] NOT NULL,
    files         bytea NOT NULL,
    bundle        bytea,
    strong_bundle bytea,
    registered_by uuid NOT NULL,
    registered_at timestamptz NOT NULL,
    UNIQUE (tenant_id, digest),
    -- Also when two register at the same moment: a version of a name is one content.
    UNIQUE (tenant_id, name, version_order)
);
CREATE INDEX models_newest ON attestation.models (tenant_id, registered_at DESC, id DESC);

-- Which contents of this tenant's models lie where uploads are kept.
CREATE TABLE attestation.model_contents (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    sha256      text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    received_at timestamptz NOT NULL,
    UNIQUE (tenant_id, sha256)
);

-- A verification is asked for, claimed by one process for a few seconds at a time, and ends once. A
-- process that dies stops extending its claim, and another takes the work up.
CREATE TABLE attestation.verifications (
    id            uuid PRIMARY KEY,
    tenant_id     uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    digest        text NOT NULL,
    asked_by      uuid NOT NULL,
    asked_at      timestamptz NOT NULL,
    state         text NOT NULL DEFAULT 'queued'
                  CHECK (state IN ('queued', 'running', 'done', 'failed')),
    claimed_until timestamptz,
    attempts      integer NOT NULL DEFAULT 0,
    done_bytes    bigint NOT NULL DEFAULT 0,
    total_bytes   bigint NOT NULL DEFAULT 0,
    ended_at      timestamptz,
    error         text,
    policy_id      text,
    outcome        text CHECK (outcome IN ('accepted', 'rejected', 'inconclusive')),
    verdict_digest text,
    verdict        bytea,
    -- What node evidence is compared with to name a changed tensor; what a policy's controls said.
    tensors        bytea,
    report         bytea,
    bom            bytea,
    FOREIGN KEY (tenant_id, digest) REFERENCES attestation.models (tenant_id, digest),
    CHECK ((state = 'done') = (verdict IS NOT NULL AND outcome IS NOT NULL))
);
CREATE INDEX verifications_of_model ON attestation.verifications (tenant_id, digest, asked_at DESC);
CREATE INDEX verifications_open ON attestation.verifications (asked_at)
    WHERE state IN ('queued', 'running');
-- One at a time of each model: what is asked for meanwhile is the one that runs.
CREATE UNIQUE INDEX verifications_one ON attestation.verifications (tenant_id, digest)
    WHERE state IN ('queued', 'running');

-- Somebody else than who registered the model vouches for one move of it, under one verdict.
CREATE TABLE attestation.approvals (
    id             uuid PRIMARY KEY,
    tenant_id      uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    digest         text NOT NULL,
    stage          text NOT NULL CHECK (stage IN ('staging', 'production')),
    move           text NOT NULL CHECK (move IN ('promote', 'rollback')),
    verdict_digest text NOT NULL,
    approved_by    uuid NOT NULL,
    approved_at    timestamptz NOT NULL,
    UNIQUE (tenant_id, digest, stage, move, verdict_digest, approved_by),
    FOREIGN KEY (tenant_id, digest) REFERENCES attestation.models (tenant_id, digest)
);

-- Every move of a stage; the newest says what the stage has.
CREATE TABLE attestation.stage_moves (
    id        uuid PRIMARY KEY,
    tenant_id uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    name      text NOT NULL,
    stage     text NOT NULL CHECK (stage IN ('staging', 'production')),
    number    bigint NOT NULL CHECK (number >= 1),
    digest    text NOT NULL,
    version   text NOT NULL,
    move      text NOT NULL CHECK (move IN ('promote', 'rollback')),
    moved_by  uuid NOT NULL,
    moved_at  timestamptz NOT NULL,
    -- Of two moves at the same moment one is refused.
    UNIQUE (tenant_id, name, stage, number),
    FOREIGN KEY (tenant_id, digest) REFERENCES attestation.models (tenant_id, digest)
);

-- Immutable; `policy_id` is the digest of the content.
CREATE TABLE attestation.model_policies (
    id         uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    policy_id  text NOT NULL,
    source     bytea NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (tenant_id, policy_id)
);

CREATE TABLE attestation.active_model_policies (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    policy_id    text NOT NULL,
    activated_at timestamptz NOT NULL,
    UNIQUE (tenant_id)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'models', 'model_contents', 'verifications', 'approvals', 'stage_moves', 'model_policies',
        'active_model_policies'
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

-- Whoever looks for work sees what waits, of every tenant; it then works under the tenant's own sight.
CREATE POLICY work_seen ON attestation.verifications FOR SELECT
    USING (current_setting('lotabots.login', true) = 'verify:' AND state IN ('queued', 'running'));

-- What may change, and nothing else.
GRANT UPDATE (state, claimed_until, attempts, done_bytes, total_bytes, ended_at, error, policy_id,
              outcome, verdict_digest, verdict, tensors, report, bom) ON attestation.verifications TO lotabots_app;
GRANT UPDATE (policy_id, activated_at) ON attestation.active_model_policies TO lotabots_app;
CREATE INDEX devices_by_id ON attestation.devices (tenant_id, device_id) WHERE kind = 'model';
