-- Persons in the audit log: in an entry only as commitments, in clear text only here, until erased.

-- The migrating role need not be a superuser: forced row-level security would show it no entry.
ALTER TABLE audit.entries NO FORCE ROW LEVEL SECURITY;

-- What waits carries its leaf, so that ordering reads this table alone. The rows come and go all the
-- time: vacuum by count, not by a share of a table that is empty most of the time.
DROP TABLE audit.pending;
CREATE TABLE audit.pending (
    position bigint PRIMARY KEY,
    entry_id uuid NOT NULL,
    leaf     bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
GRANT SELECT, DELETE ON audit.pending TO lotabots_sequencer;
INSERT INTO audit.pending (position, entry_id, leaf)
SELECT position, id, leaf FROM audit.entries
WHERE NOT EXISTS (SELECT FROM audit.leaves WHERE entry_id = id);

CREATE OR REPLACE FUNCTION audit.queue() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO audit.pending (position, entry_id, leaf) SELECT position, id, leaf FROM added;
    RETURN NULL;
END;
$$;

-- A leaf stands with its place too: what is in the tree can be read without the entries.
ALTER TABLE audit.leaves DISABLE TRIGGER leaves_stay;
ALTER TABLE audit.leaves ADD COLUMN leaf bytea CHECK (length(leaf) = 32);
UPDATE audit.leaves SET leaf = entries.leaf FROM audit.entries WHERE id = entry_id;
ALTER TABLE audit.leaves ALTER COLUMN leaf SET NOT NULL;
ALTER TABLE audit.leaves ENABLE TRIGGER leaves_stay;

-- Who did something stands in `mentions` now, which can forget: here is only whether it was the
-- system, nobody known, or a user. Entries of version 1 name a user's id in their bytes; those bytes
-- are what was hashed, and stay.
ALTER TABLE audit.entries DISABLE TRIGGER entries_stay;
ALTER TABLE audit.entries ADD COLUMN actor_kind text NOT NULL DEFAULT 'user'
    CHECK (actor_kind IN ('system', 'anonymous', 'user'));
UPDATE audit.entries SET actor_kind = actor_ref WHERE actor_ref IN ('system', 'anonymous');
ALTER TABLE audit.entries ALTER COLUMN actor_kind DROP DEFAULT;
ALTER TABLE audit.entries DROP COLUMN actor_ref;
ALTER TABLE audit.entries ENABLE TRIGGER entries_stay;
-- A bundle of the log gives the length of an entry two bytes (C2SP tlog-tiles).
ALTER TABLE audit.entries ADD CONSTRAINT entries_body_fits CHECK (octet_length(body) <= 65535);

ALTER TABLE audit.entries FORCE ROW LEVEL SECURITY;

-- Someone whom entries mention: a user, or a network address. `lookup` is a keyed digest of who it is;
-- `secret` is what commitments are salted and texts are sealed with, itself sealed under a key that is
-- not in this database; `value` is who it is, sealed under `secret`. To erase is to delete the row.
CREATE TABLE audit.persons (
    id        uuid PRIMARY KEY,
    tenant_id uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    kind      text NOT NULL CHECK (kind IN ('user', 'address')),
    lookup    bytea NOT NULL CHECK (length(lookup) = 32),
    secret    bytea NOT NULL,
    value     bytea NOT NULL,
    made_at   timestamptz NOT NULL,
    CONSTRAINT persons_lookup UNIQUE (tenant_id, lookup)
);
CREATE INDEX persons_made_at ON audit.persons (tenant_id, kind, made_at);

-- Which entry mentions whom: as the actor, as what something was done to. `texts` are the entry's
-- address and note, sealed under the secret of the person they belong to.
CREATE TABLE audit.mentions (
    tenant_id uuid NOT NULL DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
    entry_id  uuid PRIMARY KEY,
    position  bigint NOT NULL,
    actor     uuid,
    subject   uuid,
    texts     bytea
);
CREATE INDEX mentions_actor ON audit.mentions (actor, position) WHERE actor IS NOT NULL;
CREATE INDEX mentions_subject ON audit.mentions (subject, position) WHERE subject IS NOT NULL;

ALTER TABLE audit.persons ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.persons FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit.persons
    USING (tenant_id = NULLIF(current_setting('lotabots.tenant', true), '')::uuid);
ALTER TABLE audit.mentions ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.mentions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit.mentions
    USING (tenant_id = NULLIF(current_setting('lotabots.tenant', true), '')::uuid);
-- UPDATE on persons is what locking a row against its erasure asks for.
GRANT SELECT, INSERT, UPDATE, DELETE ON audit.persons TO lotabots_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON audit.mentions TO lotabots_app;

-- The entry of an attestation, for its receipt. None for what was attested before.
ALTER TABLE attestation.attestations ADD COLUMN entry_id uuid;
