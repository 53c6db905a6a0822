"""Local SQLite files, opened with care.

Takes a path and a `Schema`; gives a connection with the tables in it. Never touches a file that is
not its own: not another program's database, not one that a newer sigma2hive wrote. What SQLite
raises becomes one error of this package that names the file and the remedy.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sigma2hive.diagnostics import Sigma2hiveError
from sigma2hive.records import dataclass

#: Where sigma2hive keeps what it knows, below the folder that it works in.
STATE_FOLDER = Path(".sigma2hive")

_MAGIC = b"SQLite format 3\0"
_BUSY_SECONDS = 10


class StorageError(Sigma2hiveError):
    """A local database cannot be used; the message names the file, the reason and the remedy."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of one kind of file.

    `application_id` marks the file as ours in its header. `migrations[n]` is the SQL script that
    makes version n + 1 out of version n: add scripts at the end and never edit one.
    """

    name: str
    application_id: int
    migrations: tuple[str, ...]

    @property
    def version(self) -> int:
        """The version that this sigma2hive reads and writes."""
        return len(self.migrations)


@dataclass(frozen=True, slots=True)
class Database:
    """An open file: `error` is the class that its failures are raised as."""

    path: Path
    connection: sqlite3.Connection
    error: type[Sigma2hiveError]

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Do everything inside or, where anything is raised, nothing.

        Raises:
            Sigma2hiveError: as `error`, where SQLite refuses.
        """
        with _translated(self.path, self.error):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
            except BaseException:
                # SQLite has rolled back by itself after some failures, such as a full disk.
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read, with SQLite's failures raised as `error`."""
        with _translated(self.path, self.error):
            yield self.connection

    def close(self) -> None:
        """Close the file; closing twice is no mistake."""
        with _translated(self.path, self.error):
            self.connection.close()


def open_database(
    path: Path,
    schema: Schema,
    *,
    error: type[Sigma2hiveError] = StorageError,
    is_shared: bool = False,
) -> Database:
    """Open the file at `path` for writing, made and brought up to date where needed.

    With `is_shared` other threads may use it too, one at a time, which is for them to see to.

    Raises:
        Sigma2hiveError: as `error`: the file is not ours, is newer than this program, or cannot be
            read or written.
    """
    with _translated(path, error):
        _refuse_other_files(path, schema, error)
        if not path.exists():
            make_private_folder(path.parent)
            _make_private_file(path)
        connection = sqlite3.connect(
            path,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=not is_shared,
        )
        try:
            _refuse_other_databases(connection, path, schema, error)
            # Before there is a table: then what is deleted can give its room back by pieces.
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            # FULL: what push() answered for is on the disk, even when the power fails.
            connection.executescript(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON"
            )
            _migrate(connection, schema)
        except BaseException:
            connection.close()
            raise
        return Database(path, connection, error)


def open_for_reading(
    path: Path, schema: Schema, *, error: type[Sigma2hiveError] = StorageError
) -> Database:
    """Open the file at `path` to be read, also where file or folder cannot be written.

    Raises:
        Sigma2hiveError: as `error`: the file is absent, is not ours, is of another version, or
            cannot be read.
    """
    with _translated(path, error):
        if not _is_there(path):
            raise error(f"{path}: there is no {schema.name} here")
        _refuse_other_files(path, schema, error)
        address = f"{_address(path)}?{_way_to_read(path)}"
        connection = sqlite3.connect(address, timeout=_BUSY_SECONDS, isolation_level=None, uri=True)
        try:
            connection.execute("PRAGMA query_only=ON")
            _refuse_other_databases(connection, path, schema, error)
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version < schema.version:
                raise error(
                    f"{path}: was written by an older sigma2hive ({schema.name} version {version}, "
                    f"this one reads {schema.version}); the next run brings it up to date"
                )
        except BaseException:
            connection.close()
            raise
        return Database(path, connection, error)


def _address(path: Path) -> str:
    return Path(os.path.abspath(path)).as_uri()  # noqa: PTH100 - links are followed by SQLite


def _way_to_read(path: Path) -> str:
    """Return in SQLite's words how to open a file that somebody may be writing."""
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        # Only who may write can follow a writer's log, and tidy it up.
        return "mode=rw"
    return _way_to_look(path)


def _way_to_look(path: Path) -> str:
    """Return in SQLite's words how to open a file and write nothing to it.

    What a crash or a full disk left in the log belongs to the file: without it, the file may be
    half of what it was and half of what it became.
    """
    log = path.with_name(f"{path.name}-wal")
    # Without a log nobody is writing, and no file beside it is needed to read.
    return "mode=ro" if _is_there(log) and log.stat().st_size else "mode=ro&immutable=1"


def check_database(
    path: Path, schema: Schema, *, error: type[Sigma2hiveError] = StorageError
) -> None:
    """Find out, without writing anything, whether `open_database` could open the file.

    Raises:
        Sigma2hiveError: as `error`: the file is not ours, is newer than this program, or cannot be
            read or written.
    """
    with _translated(path, error):
        _refuse_other_files(path, schema, error)
        check_writable(path)
        if not path.exists():
            return
        connection = sqlite3.connect(f"{_address(path)}?{_way_to_look(path)}", uri=True)
        try:
            _refuse_other_databases(connection, path, schema, error)
        finally:
            connection.close()


def check_writable(path: Path) -> None:
    """Find out, without writing anything, whether a file could be made or replaced at `path`.

    Raises:
        OSError: it could not.
    """
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    folder = path.parent
    # stat, not exists: that one says of a path through a file only that it is not there.
    while not _is_there(folder):
        folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, f"{os.strerror(errno.EACCES)}: {folder}")


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return False
    return True


def make_private_folder(folder: Path) -> None:
    """Make the folder and those above it that are missing, closed to others.

    Raw logs lie there: nobody else's business, and no commit's. What is there stays as it is.

    Raises:
        OSError: it cannot be made.
    """
    if folder.is_dir():
        return
    make_private_folder(folder.parent)
    if folder.exists():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.name == STATE_FOLDER.name:
        (folder / ".gitignore").write_text("*\n", encoding="ascii")


def _make_private_file(path: Path) -> None:
    # SQLite takes over the file's mode for the journals beside it.
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))


def _refuse_other_files(path: Path, schema: Schema, error: type[Sigma2hiveError]) -> None:
    if not path.exists():
        return
    if path.is_dir():
        raise error(f"{path}: is a folder; the {schema.name} needs a file")
    if not path.is_file():
        raise error(f"{path}: is a pipe or a device; the {schema.name} needs a file")
    with path.open("rb") as stream:
        start = stream.read(len(_MAGIC))
    if start and start != _MAGIC:
        raise error(f"{path}: is not a database, so it is left alone; name another file")


def _refuse_other_databases(
    connection: sqlite3.Connection, path: Path, schema: Schema, error: type[Sigma2hiveError]
) -> None:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application_id != schema.application_id and (application_id or version or tables):
        raise error(f"{path}: is a database, but no {schema.name} of sigma2hive; name another file")
    if version > schema.version:
        raise error(
            f"{path}: was written by a newer sigma2hive ({schema.name} version {version}, this "
            f"one knows {schema.version}); upgrade sigma2hive, or name another file"
        )


def _migrate(connection: sqlite3.Connection, schema: Schema) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again inside the transaction: another process may have come first.
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        for script in schema.migrations[version:]:
            for statement in _statements(script):
                connection.execute(statement)
        if version < schema.version:
            connection.execute(f"PRAGMA application_id={schema.application_id:d}")
            connection.execute(f"PRAGMA user_version={schema.version:d}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    """Split a script; `executescript` would commit before it starts."""
    statement = ""
    for piece in script.split(";"):
        statement += piece + ";"
        if sqlite3.complete_statement(statement):
            if statement.strip(" \n;"):
                yield statement
            statement = ""


#: SQLite's primary result codes that have a better message than SQLite's own.
_REASONS = {
    sqlite3.SQLITE_READONLY: "cannot be written; check the permissions of the file and its folder",
    sqlite3.SQLITE_PERM: "cannot be opened; check the permissions of the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that its folder can be written",
    sqlite3.SQLITE_FULL: "the disk is full; make room, then run again",
    sqlite3.SQLITE_IOERR: "the disk refused to read or write; check it and its free room",
    sqlite3.SQLITE_BUSY: "another program has kept it locked; run again when that one is done",
    sqlite3.SQLITE_LOCKED: "another program has kept it locked; run again when that one is done",
    sqlite3.SQLITE_NOTADB: "is not a database; name another file",
    sqlite3.SQLITE_CORRUPT: "the database is damaged; move it away: the next run makes a new one",
}


@contextmanager
def _translated(path: Path, error: type[Sigma2hiveError]) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as problem:
        # The low byte of an extended result code is the primary one.
        code = (getattr(problem, "sqlite_errorcode", None) or 0) & 0xFF
        raise error(f"{path}: {_REASONS.get(code, str(problem))}") from problem
    except OSError as problem:
        raise error(f"{path}: {problem.strerror or problem}") from problem
