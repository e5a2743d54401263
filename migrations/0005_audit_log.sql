-- The audit log as a Merkle tree: what waits for its place, the places, and what was signed.

-- Where the role that migrates may not make roles, an administrator has made this one before.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lotabots_sequencer') THEN
        CREATE ROLE lotabots_sequencer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS;
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO lotabots_sequencer', current_database());
END
$$;
GRANT USAGE ON SCHEMA audit TO lotabots_sequencer;
CREATE POLICY sequencer ON audit.entries FOR SELECT TO lotabots_sequencer USING (true);
GRANT SELECT ON audit.entries TO lotabots_sequencer;

-- Entries that have no place in the tree yet, queued by the transaction that appends them.
CREATE TABLE audit.pending (
    position bigint NOT NULL,
    entry_id uuid PRIMARY KEY
);
CREATE INDEX pending_position ON audit.pending (position);
GRANT SELECT, DELETE ON audit.pending TO lotabots_sequencer;

-- As its owner: a service can queue an entry in no other way, and take none away.
CREATE FUNCTION audit.queue() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO audit.pending (position, entry_id) SELECT position, id FROM added;
    RETURN NULL;
END;
$$;
CREATE TRIGGER entries_queue AFTER INSERT ON audit.entries
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION audit.queue();
INSERT INTO audit.pending (position, entry_id) SELECT position, id FROM audit.entries;

-- The leaves in order: the order is given here, once, and not by `position`.
CREATE TABLE audit.leaves (
    idx      bigint PRIMARY KEY CHECK (idx >= 0),
    entry_id uuid NOT NULL UNIQUE
);
CREATE TRIGGER leaves_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.leaves
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();
GRANT SELECT, INSERT ON audit.leaves TO lotabots_sequencer;
GRANT SELECT ON audit.leaves TO lotabots_app;

-- The compact range of all leaves: size, 8 bytes big-endian, and a hash for each bit that is set.
CREATE TABLE audit.state (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one),
    tree bytea NOT NULL
);
INSERT INTO audit.state (tree) VALUES ('\x0000000000000000');
GRANT SELECT, UPDATE ON audit.state TO lotabots_sequencer;

-- What was signed: one note for a size, for ever.
CREATE TABLE audit.checkpoints (
    size bigint PRIMARY KEY CHECK (size > 0),
    root bytea NOT NULL CHECK (length(root) = 32),
    note text NOT NULL
);
CREATE TRIGGER checkpoints_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();
GRANT SELECT, INSERT ON audit.checkpoints TO lotabots_sequencer;
GRANT SELECT ON audit.checkpoints TO lotabots_app;
