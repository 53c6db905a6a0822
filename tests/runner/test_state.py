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
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".sigma2hive" / "state.db"


def test_a_fired_episode_is_found_after_reopening(path: Path) -> None:
    with EpisodeStore(path) as store:
        store.save(FIRED)
    with EpisodeStore(path) as store:
        assert store.find(replace(FIRED, start_ns=1_500, end_ns=9_000, identity=None)) == FIRED


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
def test_episodes_that_touch_are_one(
    path: Path, start_ns: int, end_ns: int, is_found: bool
) -> None:
    with EpisodeStore(path) as store:
        store.save(FIRED)
        found = store.find(replace(FIRED, start_ns=start_ns, end_ns=end_ns))
    assert (found == FIRED) is is_found


@pytest.mark.parametrize("part", ["rule_id", "epoch", "group"])
def test_other_rules_epochs_and_groups_are_others(path: Path, part: str) -> None:
    with EpisodeStore(path) as store:
        store.save(FIRED)
        assert store.find(replace(FIRED, **{part: "other"})) is None


def test_an_episode_grows_under_its_identity(path: Path) -> None:
    with EpisodeStore(path) as store:
        store.save(FIRED)
        store.save(replace(FIRED, start_ns=500, end_ns=1_500))
        store.save(replace(FIRED, start_ns=1_500, end_ns=3_000))
        assert store.find(FIRED) == replace(FIRED, start_ns=500, end_ns=3_000)


def test_of_two_that_are_joined_the_elder_gives_the_identity(path: Path) -> None:
    later = replace(FIRED, start_ns=5_000, end_ns=6_000, identity=[1, "episode", "later"])
    with EpisodeStore(path) as store:
        store.save(later)
        store.save(FIRED)
        assert store.find(replace(FIRED, start_ns=0, end_ns=9_000)) == FIRED


def test_an_end_beyond_all_time_is_no_error(path: Path) -> None:
    endless = replace(FIRED, end_ns=2**70)
    with EpisodeStore(path) as store:
        store.save(endless)
        found = store.find(replace(FIRED, start_ns=2**62, end_ns=2**80))
    assert found is not None
    assert found.identity == FIRED.identity


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
        assert store.find(FIRED) == FIRED
