"""The tables of the state store's file. Add migrations at the end, and never edit one."""

from __future__ import annotations

from sigma2hive.storage import Schema

SCHEMA = Schema(
    name="state store",
    application_id=0x53324853,  # "S2HS"
    migrations=(
        """
        CREATE TABLE episode (
            rule_id TEXT NOT NULL,
            epoch TEXT NOT NULL,
            grouped_by TEXT NOT NULL,  -- canonical JSON
            identity TEXT NOT NULL,    -- canonical JSON
            start_ns INTEGER NOT NULL,
            end_ns INTEGER NOT NULL,
            PRIMARY KEY (rule_id, epoch, grouped_by, identity)
        ) STRICT, WITHOUT ROWID;
        """,
        "ALTER TABLE episode ADD COLUMN figure INTEGER NOT NULL DEFAULT 0;",
        """
        CREATE TABLE naming (
            row INTEGER PRIMARY KEY CHECK (row = 1),
            type TEXT NOT NULL,
            source TEXT NOT NULL
        ) STRICT;
        """,
        # Sums and averages are more than SQLite's integers can hold: a whole number, or "10/3".
        """
        ALTER TABLE episode ADD COLUMN exact_figure TEXT NOT NULL DEFAULT '0';
        UPDATE episode SET exact_figure = CAST(figure AS TEXT);
        ALTER TABLE episode DROP COLUMN figure;
        """,
        # The service: how far it read, what it found, what is still to be told.
        """
        CREATE TABLE cursor (unit TEXT PRIMARY KEY, position TEXT NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE rule (
            rule_id TEXT PRIMARY KEY,
            digest TEXT NOT NULL,
            since_ns INTEGER NOT NULL,
            targets TEXT NOT NULL,  -- JSON
            disabled TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE searched (
            unit TEXT NOT NULL,
            target TEXT NOT NULL,
            start_ns INTEGER NOT NULL,
            end_ns INTEGER NOT NULL,
            status TEXT NOT NULL,
            reason TEXT NOT NULL
        ) STRICT;
        CREATE INDEX searched_by_unit ON searched (unit, start_ns);
        CREATE TABLE match (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            rule_id TEXT NOT NULL,
            key TEXT NOT NULL,  -- canonical JSON
            time_ns INTEGER NOT NULL,
            ingested_ns INTEGER,
            found_ns INTEGER NOT NULL,
            origin TEXT NOT NULL,
            index_name TEXT NOT NULL,
            fate TEXT NOT NULL,
            grouped_by TEXT NOT NULL,
            alert TEXT,         -- its identity as JSON
            raw BLOB NOT NULL,     -- compressed
            more BLOB,  -- compressed JSON: the values that raw does not have
            UNIQUE (rule_id, key)
        ) STRICT;
        CREATE INDEX match_by_time ON match (rule_id, time_ns);
        CREATE INDEX match_by_found ON match (found_ns);
        CREATE INDEX match_by_number ON match (rule_id, number);
        -- What correlations count, by group: matches again, with what a correlation reads of them.
        CREATE TABLE counted (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            unit TEXT NOT NULL,
            grouped_by TEXT NOT NULL,  -- canonical JSON
            time_ns INTEGER NOT NULL,
            key TEXT NOT NULL,         -- canonical JSON
            source TEXT NOT NULL,
            body TEXT NOT NULL,        -- JSON
            UNIQUE (unit, grouped_by, time_ns, key, source)
        ) STRICT;
        CREATE INDEX counted_by_number ON counted (unit, number);
        CREATE TABLE alert (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            type TEXT NOT NULL,
            source TEXT NOT NULL,
            source_ref TEXT NOT NULL,
            rule_id TEXT NOT NULL,
            grouped_by TEXT NOT NULL,
            is_summary INTEGER NOT NULL,
            severity INTEGER NOT NULL,
            version INTEGER NOT NULL,
            queued_ns INTEGER NOT NULL,
            line BLOB NOT NULL,  -- compressed (sinks/lines.py)
            UNIQUE (type, source, source_ref)
        ) STRICT;
        CREATE INDEX alert_by_time ON alert (queued_ns);
        CREATE TABLE sink (
            name TEXT PRIMARY KEY,
            is_open INTEGER NOT NULL,
            paused TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE delivery (
            sink TEXT NOT NULL REFERENCES sink (name),
            alert INTEGER NOT NULL REFERENCES alert (number),
            state TEXT NOT NULL,
            delivered_version INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            not_before_ns INTEGER NOT NULL,
            reason TEXT NOT NULL,
            told_ns INTEGER,
            PRIMARY KEY (sink, alert)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX delivery_by_state ON delivery (sink, state, not_before_ns);
        CREATE TABLE mute (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            rule_id TEXT NOT NULL,
            conditions TEXT NOT NULL,  -- JSON
            since_ns INTEGER NOT NULL,
            until_ns INTEGER NOT NULL,
            ended_ns INTEGER,
            reason TEXT NOT NULL,
            asked_by TEXT NOT NULL,
            hidden INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        """,
        # Which rules looked at it, as a JSON list of index patterns.
        "ALTER TABLE searched ADD COLUMN patterns TEXT NOT NULL DEFAULT '[]';",
        "CREATE TABLE note (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;",
        # Which mute hid a match.
        """
        ALTER TABLE match ADD COLUMN muted_by INTEGER;
        CREATE INDEX match_by_mute ON match (muted_by) WHERE muted_by IS NOT NULL;
        ALTER TABLE mute DROP COLUMN hidden;
        """,
        # The cursors from which a rule has not looked yet.
        "ALTER TABLE rule ADD COLUMN missed TEXT NOT NULL DEFAULT '';",
        # The file that a rule was read from.
        "ALTER TABLE rule ADD COLUMN path TEXT NOT NULL DEFAULT '';",
    ),
)
