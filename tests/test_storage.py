"""Files of SQLite, as a crash or a full disk leaves them."""

from pathlib import Path

from sigma2hive.storage import Schema, check_database, open_database

SCHEMA = Schema("test", 0x53324854, tuple(f"CREATE TABLE a_table_{n} (x TEXT)" for n in range(200)))
PAGE = 4096


def crashed(folder: Path) -> Path:
    """Return a file whose log had been brought into it by one page when its program ended."""
    path = folder / "whole.db"
    database = open_database(path, SCHEMA)
    log = path.with_name("whole.db-wal").read_bytes()
    database.close()
    left = folder / "left.db"
    left.write_bytes(path.read_bytes()[:PAGE])
    left.with_name("left.db-wal").write_bytes(log)
    return left


def test_what_is_in_the_log_alone_counts(tmp_path: Path) -> None:
    path = crashed(tmp_path)
    before = {file.name: file.read_bytes() for file in (path, path.with_name("left.db-wal"))}
    check_database(path, SCHEMA)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    database = open_database(path, SCHEMA)
    (tables,) = database.connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    database.close()
    assert tables == len(SCHEMA.migrations)
