"""An episode that fired keeps its identity, whatever comes later."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from sigma2hive.runner.state import EpisodeStore, StoredEpisode
from sigma2hive.storage import StorageError

FIRED = StoredEpisode(
    rule_id="5f0a5a3c-6b9c-4c59-9f5e-6c2f3c1c7e11",
    epoch="e1",
    group='[["source.ip","203.0.113.7"]]',
    start_ns=1_000,
    end_ns=2_000,
    identity=[1, "episode", "first event"],
    figure=6,
)


def found(store: EpisodeStore, start_ns: int = 0, end_ns: int = 9_000) -> list[StoredEpisode]:
    return list(store.near(FIRED.rule_id, FIRED.epoch, start_ns, end_ns))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".sigma2hive" / "state.db"


def test_a_fired_episode_is_found_after_reopening(path: Path) -> None:
    with EpisodeStore(path) as store:
        store.save(FIRED)
    with EpisodeStore(path) as store:
        assert found(store, 1_500) == [FIRED]


@pytest.mark.parametrize(
    ("start_ns", "end_ns", "is_found"),
    [
        (0, 999, False),
        (0, 1_000, True),
        (1_200, 1_300, True),
        (0, 9_000, True),
        (2_000, 9_000, True),
        (2_001, 9_000, False),
    ],
)
def test_an_episode_is_near_when_it_touches(
    path: Path, start_ns: int, end_ns: int, is_found: bool
) -> None:
    with EpisodeStore(path) as store:
        store.save(FIRED)
        assert found(store, start_ns, end_ns) == [FIRED] * is_found


def test_other_rules_and_epochs_are_others(path: Path) -> None:
    with EpisodeStore(path) as store:
        store.save(FIRED)
        assert store.near("other", FIRED.epoch, 0, 9_000) == ()
        assert store.near(FIRED.rule_id, "other", 0, 9_000) == ()


def test_an_episode_grows_under_its_identity(path: Path) -> None:
    with EpisodeStore(path) as store:
        store.save(FIRED)
        store.save(replace(FIRED, start_ns=500, end_ns=1_500))
        store.save(replace(FIRED, start_ns=1_500, end_ns=3_000))
        assert found(store) == [replace(FIRED, start_ns=500, end_ns=3_000)]


def test_an_end_beyond_all_time_is_no_error(path: Path) -> None:
    endless = replace(FIRED, end_ns=2**70)
    with EpisodeStore(path) as store:
        store.save(endless)
        (kept,) = found(store, 2**62, 2**80)
    assert kept.identity == FIRED.identity


def test_an_inbox_is_no_state_store(tmp_path: Path) -> None:
    other = tmp_path / "inbox.db"
    connection = sqlite3.connect(other)
    connection.execute("PRAGMA application_id=1395806281")
    connection.execute("PRAGMA user_version=1")
    connection.close()
    with pytest.raises(StorageError, match="no state store of sigma2hive; name another file"):
        EpisodeStore(other)


def test_a_failed_write_leaves_what_was_there(path: Path) -> None:
    with EpisodeStore(path) as store:
        store.save(FIRED)
        with pytest.raises(TypeError):
            store.save(replace(FIRED, identity=[0.5]))  # type: ignore[list-item]
        assert found(store) == [FIRED]


def test_the_state_is_closed_to_others(tmp_path: Path) -> None:
    store = EpisodeStore(tmp_path / ".sigma2hive" / "demo" / "state.db")
    made = [path for path in (tmp_path / ".sigma2hive").rglob("*") if path.name != ".gitignore"]
    store.close()
    assert {path.name for path in made} >= {"demo", "state.db"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in made if path.exists())
    assert (tmp_path / ".sigma2hive" / ".gitignore").read_text() == "*\n"
