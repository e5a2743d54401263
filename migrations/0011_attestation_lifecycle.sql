-- The life of a node: enrolled by a one-time token, kept honest by deadlines, quarantined or revoked by
-- people; what happened to it as events, for streams and webhooks; what it says of its resources.

-- `standing` also changes by silence now: `stale`, then `rejected`, on time and by whoever watches.
ALTER TABLE attestation.nodes DROP CONSTRAINT nodes_standing_check;
ALTER TABLE attestation.nodes ADD CONSTRAINT nodes_standing_check
    CHECK (standing IN ('unknown', 'accepted', 'rejected', 'inconclusive', 'stale'));
ALTER TABLE attestation.nodes
    ADD COLUMN node_class text NOT NULL DEFAULT 'gpu' CHECK (node_class ~ '^[a-z0-9][a-z0-9-]{0,31}$'),
    ADD COLUMN identity text NOT NULL DEFAULT 'declared' CHECK (identity IN ('declared', 'software', 'tee', 'tpm')),
    ADD COLUMN lifecycle text NOT NULL DEFAULT 'active' CHECK (lifecycle IN ('active', 'quarantined', 'revoked')),
    ADD COLUMN lifecycle_reason text NOT NULL DEFAULT '' CHECK (length(lifecycle_reason) <= 500),
    ADD COLUMN lifecycle_at timestamptz,
    -- By which policy it is judged; NULL: the one in force.
    ADD COLUMN policy_ref text CHECK (length(policy_ref) <= 256),
    ADD COLUMN last_attempt_at timestamptz,
    ADD COLUMN last_success_at timestamptz,
    -- Silence beyond the first makes it stale, beyond the second rejected; NULL: no deadline was ever set.
    ADD COLUMN due_at timestamptz,
    ADD COLUMN overdue_at timestamptz,
    -- appraisal.NodeState as JSON.
    ADD COLUMN state jsonb;
-- These rows change with every attestation, in columns that no index has: there is room beside them.
ALTER TABLE attestation.nodes SET (fillfactor = 50);
GRANT UPDATE (node_class, identity, lifecycle, lifecycle_reason, lifecycle_at, policy_ref, last_attempt_at,
              last_success_at, due_at, overdue_at, state) ON attestation.nodes TO lotabots_app;
-- A device leaves a node, or comes to it, by an operator's word only.
GRANT DELETE ON attestation.inventory TO lotabots_app;

ALTER TABLE attestation.challenges
    ADD COLUMN scope text NOT NULL DEFAULT 'full' CHECK (scope IN ('full', 'light'));
ALTER TABLE attestation.attestations DROP CONSTRAINT attestations_attestation_type_check;
ALTER TABLE attestation.attestations ADD CONSTRAINT attestations_attestation_type_check
    CHECK (attestation_type IN ('node', 'light'));
ALTER TABLE attestation.results ADD COLUMN revoked_at timestamptz, ADD COLUMN revoked_because text;
-- A node that attests every minute has many: the newest of them are found without the rest.
DROP INDEX attestation.attestations_hardware_id;
CREATE INDEX attestations_hardware_id ON attestation.attestations (hardware_id, created_at DESC);
-- The level of a node is that of its newest full attestation, and lists show it of many.
CREATE INDEX attestations_newest_full ON attestation.attestations (hardware_id, created_at DESC)
    WHERE attestation_type = 'node';
CREATE INDEX results_revoked ON attestation.results (expires_at) WHERE revoked_at IS NOT NULL;
GRANT UPDATE (revoked_at, revoked_because) ON attestation.results TO lotabots_app;

-- A node acts with a credential of its own, which is no person's.
ALTER TABLE audit.entries DROP CONSTRAINT entries_actor_kind_check;
ALTER TABLE audit.entries ADD CONSTRAINT entries_actor_kind_check
    CHECK (actor_kind IN ('system', 'anonymous', 'node', 'user'));

-- The text itself is never stored; whoever has it enrols one node, once.
CREATE TABLE attestation.enrolment_tokens (
    id            uuid PRIMARY KEY,
    tenant_id     uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    secret_sha256 bytea NOT NULL CHECK (length(secret_sha256) = 32),
    node_name     text CHECK (length(node_name) BETWEEN 1 AND 128),
    node_class    text NOT NULL CHECK (node_class ~ '^[a-z0-9][a-z0-9-]{0,31}$'),
    policy_ref    text CHECK (length(policy_ref) <= 256),
    -- What the node's own key may rest on: anything, or a TPM alone.
    identity      text NOT NULL CHECK (identity IN ('any', 'tpm')),
    created_by    uuid NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    spent_at      timestamptz
);

-- An enrolment between its two steps: what is to be enrolled, and what its proof has to be.
CREATE TABLE attestation.enrolments (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    token_id     uuid NOT NULL REFERENCES attestation.enrolment_tokens (id),
    asked        bytea NOT NULL,
    -- Of the proof that the right TPM can make: the secret itself is stored nowhere.
    proof_sha256 bytea NOT NULL CHECK (length(proof_sha256) = 32),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz
);

-- `device_id` is the SHA-256 of the endorsement key; that the TPM is in one node only, the inventory sees to.
CREATE TABLE attestation.tpms (
    id              uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    node_id         uuid NOT NULL,
    device_id       text NOT NULL,
    ek_certificates bytea NOT NULL,
    ak_public       bytea NOT NULL,
    ak_name         bytea NOT NULL,
    enrolled_at     timestamptz NOT NULL,
    UNIQUE (tenant_id, node_id, device_id),
    FOREIGN KEY (tenant_id, node_id) REFERENCES attestation.nodes (tenant_id, id)
);

-- The one credential that a node's agent has now.
CREATE TABLE attestation.agents (
    node_id        uuid PRIMARY KEY,
    tenant_id      uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    key_thumbprint text NOT NULL CHECK (key_thumbprint ~ '^[A-Za-z0-9_-]{43}$'),
    token_id       text NOT NULL,
    issued_at      timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    FOREIGN KEY (tenant_id, node_id) REFERENCES attestation.nodes (tenant_id, id)
);

CREATE TABLE attestation.renewals (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    node_id      uuid NOT NULL,
    nonce_sha256 bytea NOT NULL CHECK (length(nonce_sha256) = 32),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    spent_at     timestamptz,
    FOREIGN KEY (tenant_id, node_id) REFERENCES attestation.nodes (tenant_id, id)
);
CREATE INDEX renewals_expires_at ON attestation.renewals (expires_at);

-- What is not vouched for any more: one row in force for each thing, and all that were lifted.
CREATE TABLE attestation.revocations (
    id        uuid PRIMARY KEY,
    tenant_id uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    kind      text NOT NULL CHECK (kind IN ('node', 'quarantine', 'device', 'reference', 'key', 'driver')),
    value     text NOT NULL CHECK (length(value) BETWEEN 1 AND 128),
    reason    text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    made_by   uuid NOT NULL,
    made_at   timestamptz NOT NULL,
    lifted_by uuid,
    lifted_at timestamptz
);
CREATE INDEX revocations_made_at ON attestation.revocations (made_at);
CREATE UNIQUE INDEX revocations_in_force ON attestation.revocations (tenant_id, kind, value) WHERE lifted_at IS NULL;

-- In the order in which they can be read without missing one: a row is shown once every transaction
-- that began before its own has ended (`xact` below pg_snapshot_xmin of the reader).
CREATE TABLE attestation.events (
    id        uuid PRIMARY KEY,
    tenant_id uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    xact      xid8 NOT NULL DEFAULT pg_current_xact_id(),
    number    bigint GENERATED ALWAYS AS IDENTITY,
    at        timestamptz NOT NULL,
    kind      text NOT NULL CHECK (kind ~ '^[a-z]+(\.[a-z_]+)+$'),
    node_id   uuid,
    data      jsonb NOT NULL
);
CREATE INDEX events_in_order ON attestation.events (tenant_id, xact, number);
CREATE INDEX events_at ON attestation.events (at);

CREATE TABLE attestation.webhooks (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    url         text NOT NULL CHECK (length(url) BETWEEN 1 AND 2048),
    kinds       text[] NOT NULL,
    secret      bytea NOT NULL,
    created_by  uuid NOT NULL,
    created_at  timestamptz NOT NULL,
    disabled_at timestamptz,
    UNIQUE (tenant_id, id)
);

CREATE TABLE attestation.deliveries (
    id            uuid PRIMARY KEY,
    tenant_id     uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    webhook_id    uuid NOT NULL,
    event_id      uuid NOT NULL,
    body          bytea NOT NULL,
    state         text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'delivered', 'failed')),
    attempts      integer NOT NULL DEFAULT 0,
    next_at       timestamptz NOT NULL,
    claimed_until timestamptz,
    last_status   integer,
    last_error    text CHECK (length(last_error) <= 500),
    created_at    timestamptz NOT NULL,
    ended_at      timestamptz,
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES attestation.webhooks (tenant_id, id)
);
-- Each webhook has its own queue, so that one that is slow or flooded does not hold up the others.
CREATE INDEX deliveries_queued ON attestation.deliveries (webhook_id, next_at) WHERE state = 'queued';
CREATE INDEX deliveries_newest ON attestation.deliveries (tenant_id, webhook_id, created_at DESC);

-- Claimed by software, never proof: one row for each report of a node, and the newest apart.
CREATE TABLE attestation.samples (
    tenant_id uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    node_id   uuid NOT NULL,
    at        timestamptz NOT NULL,
    report    jsonb NOT NULL,
    PRIMARY KEY (node_id, at),
    FOREIGN KEY (tenant_id, node_id) REFERENCES attestation.nodes (tenant_id, id)
);
CREATE INDEX samples_at ON attestation.samples USING brin (at);
CREATE TABLE attestation.latest_samples (
    node_id   uuid PRIMARY KEY,
    tenant_id uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    at        timestamptz NOT NULL,
    report    jsonb NOT NULL,
    FOREIGN KEY (tenant_id, node_id) REFERENCES attestation.nodes (tenant_id, id)
) WITH (fillfactor = 50);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'enrolment_tokens', 'enrolments', 'tpms', 'agents', 'renewals', 'revocations', 'events', 'webhooks',
        'deliveries', 'samples', 'latest_samples'
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

-- Who watches sees of every tenant what is due, and what has waited long enough to be removed; it then works
-- under the tenant's own sight.
CREATE POLICY watched ON attestation.nodes FOR SELECT
    USING (current_setting('lotabots.login', true) = 'watch:' AND due_at IS NOT NULL);
CREATE POLICY status_seen ON attestation.results FOR SELECT
    USING (current_setting('lotabots.login', true) = 'status:' AND revoked_at IS NOT NULL);
CREATE POLICY queued_seen ON attestation.deliveries FOR SELECT
    USING (current_setting('lotabots.login', true) = 'deliver:' AND state = 'queued');
CREATE POLICY events_seen ON attestation.events FOR SELECT
    USING (current_setting('lotabots.login', true) = 'watch:');
CREATE POLICY revocations_seen ON attestation.revocations FOR SELECT
    USING (current_setting('lotabots.login', true) = 'watch:');
CREATE POLICY samples_seen ON attestation.latest_samples FOR SELECT
    USING (current_setting('lotabots.login', true) = 'watch:');

GRANT UPDATE (spent_at) ON attestation.enrolment_tokens TO lotabots_app;
GRANT UPDATE (ended_at) ON attestation.enrolments TO lotabots_app;
GRANT UPDATE (ek_certificates, ak_public, ak_name, enrolled_at) ON attestation.tpms TO lotabots_app;
GRANT DELETE ON attestation.tpms TO lotabots_app;
GRANT UPDATE (key_thumbprint, token_id, issued_at, expires_at) ON attestation.agents TO lotabots_app;
GRANT DELETE ON attestation.agents TO lotabots_app;
GRANT UPDATE (spent_at), DELETE ON attestation.renewals TO lotabots_app;
GRANT UPDATE (lifted_by, lifted_at) ON attestation.revocations TO lotabots_app;
GRANT DELETE ON attestation.events TO lotabots_app;
GRANT UPDATE (url, kinds, secret, disabled_at) ON attestation.webhooks TO lotabots_app;
GRANT UPDATE (state, attempts, next_at, claimed_until, last_status, last_error, ended_at), DELETE
    ON attestation.deliveries TO lotabots_app;
GRANT DELETE ON attestation.samples TO lotabots_app;
GRANT UPDATE (at, report) ON attestation.latest_samples TO lotabots_app;
