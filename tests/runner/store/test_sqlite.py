"""What only the SQLite store can be asked: damage, backups, several threads."""

import random
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sigma2hive.model.service import MatchFilter, Step
from sigma2hive.runner.store.sqlite import SqliteStore
from sigma2hive.storage import StorageError
from tests.runner.store.test_contract import DAY, NOW, match_of, step_of, waiting


def test_a_damaged_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = SqliteStore(path)
    for number in range(50):
        store.commit(step_of(number, at=number + 1, before=number or None))
    store.close()
    content = bytearray(path.read_bytes())
    for page in range(3, len(content) // 4096, 2):
        content[page * 4096 : page * 4096 + 2048] = b"\xff" * 2048
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"state\.db: the database is damaged"):
        SqliteStore(path, is_checked=True)


def test_a_backup_is_whole_and_can_be_opened(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")
    store.open_sinks(["thehive"])
    store.commit(step_of(1, 2))
    store.back_up(tmp_path / "backup.db")
    store.close()
    copy = SqliteStore(tmp_path / "backup.db")
    assert waiting(copy, "thehive") == ["ref-1", "ref-2"]
    copy.close()


def test_threads_may_share_it(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")
    failed: list[BaseException] = []

    def work(start: int) -> None:
        try:
            for number in range(start, start + 20):
                store.commit(step_of(number, unit=f"u{number}"))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(start,)) for start in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(store.find(MatchFilter(), 100)) == 60
    store.close()


def test_what_is_forgotten_gives_its_room_back(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = SqliteStore(path)
    matches = []
    for number in range(3_000):
        match = match_of(number)
        noise = random.Random(number).randbytes(2_000)
        matches.append(replace(match, event=replace(match.event, raw=noise)))
    store.commit(Step(matches=tuple(matches)))
    store.close()
    before = path.stat().st_size
    assert before > 6_000_000
    store = SqliteStore(path)
    while store.purge(NOW + 10 * DAY, 4 * DAY, 2**40):
        pass
    store.close()
    assert path.stat().st_size < before / 10


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_file_that_is_removed_while_it_is_used_is_told(
    tmp_path: Path, *, is_replaced: bool
) -> None:
    path = tmp_path / "state.db"
    store = SqliteStore(path)
    store.check()
    path.rename(tmp_path / "gone.db")
    if is_replaced:
        SqliteStore(path).close()
    with pytest.raises(StorageError, match="removed or replaced while it was in use"):
        store.check()
    store.close()


@pytest.mark.parametrize("gone", [("note",), ("delivery", "mute", "note")])
def test_a_file_that_lacks_tables_is_refused_by_name(tmp_path: Path, gone: tuple[str, ...]) -> None:
    path = tmp_path / "state.db"
    store = SqliteStore(path)
    store.commit(step_of(1))
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        for table in gone:
            connection.execute(f"DROP TABLE {table}")
    with pytest.raises(StorageError, match=rf"state\.db: .*\({', '.join(gone)}\).* backup"):
        SqliteStore(path, is_checked=True)
