-- The audit log: entries are added, and never changed or removed, by anyone.

CREATE SCHEMA audit;
GRANT USAGE ON SCHEMA audit TO lotabots_app;

-- `body` is the entry: canonical JSON (RFC 8785). `leaf` is its hash as a Merkle tree's leaf (RFC 6962
-- section 2.1). The other columns repeat what stands in `body`, to search by; `position` orders
-- entries and has gaps where a transaction was rolled back.
CREATE TABLE audit.entries (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    position    bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    at          timestamptz NOT NULL,
    actor_ref   text NOT NULL,
    verb        text NOT NULL,
    subject_ref text NOT NULL,
    outcome     text NOT NULL,
    body        bytea NOT NULL,
    leaf        bytea NOT NULL CHECK (leaf = sha256('\x00'::bytea || body))
);
CREATE UNIQUE INDEX entries_position ON audit.entries (tenant_id, position);
CREATE INDEX entries_subject ON audit.entries (tenant_id, subject_ref, position);
CREATE INDEX entries_actor ON audit.entries (tenant_id, actor_ref, position);

CREATE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are never changed or removed' USING ERRCODE = 'restrict_violation';
END;
$$;
CREATE TRIGGER entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.entries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit.entries
    USING (tenant_id = NULLIF(current_setting('lotabots.tenant', true), '')::uuid);

GRANT SELECT, INSERT ON audit.entries TO lotabots_app;
