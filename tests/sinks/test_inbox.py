"""The inbox keeps every alert once, whole, through bad files and repeated pushes."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sigma2hive.diagnostics import SinkError
from sigma2hive.sinks import AlertFilter, AmbiguousError, Inbox, Outcome
from tests.sinks.alerts import RULE_ID, SECOND, T0, address, alert, event, without_values


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".sigma2hive" / "inbox.db"


#: Closed after each test: from Python 3.13 on, a connection left open is a warning.
_opened: list[Inbox] = []


def opened(path: Path) -> Inbox:
    _opened.append(Inbox(path))
    return _opened[-1]


@pytest.fixture(autouse=True)
def _close_all() -> Iterator[None]:
    yield
    while _opened:
        _opened.pop().close()


def test_an_alert_comes_back_whole_after_reopening(path: Path) -> None:
    pushed = alert(1, 2, 3)
    inbox = opened(path)
    assert inbox.push(pushed) is Outcome.STORED
    inbox.close()
    loaded = opened(path).load_alert("1")
    assert loaded is not None
    assert loaded.alert == without_values(pushed)


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe\x00", "Zürich 🐝".encode(), b"x" * 1_000_000])
def test_raw_events_come_back_byte_for_byte(path: Path, raw: bytes) -> None:
    inbox = opened(path)
    inbox.push(alert(events=(event(1, raw),)))
    loaded = inbox.load_alert("1")
    assert loaded is not None
    assert loaded.alert.events[0].raw == raw


def test_lone_surrogates_survive(path: Path) -> None:
    pushed = alert(title="bad \ud800 title", observables=(address("x\udfff"),))
    inbox = opened(path)
    inbox.push(pushed)
    loaded = inbox.load_alert("1")
    assert loaded is not None
    assert loaded.alert == without_values(pushed)
    assert inbox.list_alerts()[0].title == "bad \\ud800 title"


def description_in(inbox: Inbox) -> str:
    loaded = inbox.load_alert("1")
    assert loaded is not None
    return loaded.alert.description


def test_the_same_alert_again_is_already_there(path: Path) -> None:
    inbox = opened(path)
    inbox.push(alert(1, 2))
    before = inbox.list_alerts()
    assert inbox.push(alert(1, 2)) is Outcome.ALREADY_THERE
    assert inbox.list_alerts() == before


def test_a_grown_episode_updates_its_alert(path: Path) -> None:
    inbox = opened(path)
    inbox.push(alert(2, 3))
    grown = alert(1, 2, 3, 4, observables=(address("198.51.100.1"),))
    assert inbox.push(grown) is Outcome.UPDATED
    loaded = inbox.load_alert("1")
    assert loaded is not None
    assert loaded.alert.events == without_values(grown).events
    assert [entry.data for entry in loaded.alert.observables] == ["203.0.113.7", "198.51.100.1"]
    assert loaded.alert.title == grown.title
    assert loaded.alert.date_ns == grown.date_ns
    assert len(inbox.list_alerts()) == 1


def test_a_part_of_an_episode_changes_nothing(path: Path) -> None:
    inbox = opened(path)
    inbox.push(alert(1, 2, 3))
    assert inbox.push(alert(1, 2)) is Outcome.ALREADY_THERE
    loaded = inbox.load_alert("1")
    assert loaded is not None
    assert loaded.alert == without_values(alert(1, 2, 3))


def test_an_event_that_comes_alone_later_is_told_before_the_text(path: Path) -> None:
    inbox = opened(path)
    inbox.push(alert(1, 2, 3, description="matched 3 events"))
    late = alert(9, description="matched 1 event")
    assert inbox.push(late) is Outcome.UPDATED
    text = description_in(inbox)
    told, listed, body = text.partition("- 2023-11-14 22:13:29 UTC (`")
    assert told.startswith("**The text below tells of 3 events.** Other runs found more")
    assert listed and body.endswith("\n\nmatched 3 events")
    for again in (late, alert(1, 2, 3, description="matched 3 events"), alert(2, 9)):
        assert inbox.push(again) is Outcome.ALREADY_THERE
    assert description_in(inbox) == text
    inbox.push(alert(1, 2, 3, 9, description="matched 4 events"))
    assert description_in(inbox) == "matched 4 events"


def test_a_text_of_other_events_says_which_it_does_not_tell_of(path: Path) -> None:
    inbox = opened(path)
    inbox.push(alert(1, 2, description="matched 2 events"))
    inbox.push(alert(2, 3, 4, description="matched 3 events"))
    text = description_in(inbox)
    assert text.startswith("**The text below tells of 3 events.**")
    assert "- 2023-11-14 22:13:21 UTC" in text and text.count("\n- ") == 1
    assert text.endswith("matched 3 events")


def test_a_changed_text_is_an_update(path: Path) -> None:
    inbox = opened(path)
    inbox.push(alert(1, title="old"))
    assert inbox.push(alert(1, title="new")) is Outcome.UPDATED
    assert [summary.title for summary in inbox.list_alerts()] == ["new"]


def test_two_sightings_of_one_observable_keep_the_narrower_marking(path: Path) -> None:
    inbox = opened(path)
    inbox.push(alert(1, observables=(address("203.0.113.7", tlp=4, pap=1, tags=("a",), ioc=True),)))
    inbox.push(alert(1, observables=(address("203.0.113.7", tlp=2, pap=3, tags=("b",)),)))
    loaded = inbox.load_alert("1")
    assert loaded is not None
    assert loaded.alert.observables == (
        address("203.0.113.7", tlp=4, pap=3, tags=("a", "b"), ioc=True),
    )


def test_an_observable_in_another_letter_case_is_the_same_one(path: Path) -> None:
    inbox = opened(path)
    inbox.push(alert(1, observables=(address("2001:DB8::1", tags=("a",)),)))
    inbox.push(alert(2, observables=(address("2001:db8::1", tags=("b",)),)))
    loaded = inbox.load_alert("1")
    assert loaded is not None
    assert loaded.alert.observables == (address("2001:DB8::1", tags=("a", "b")),)


def test_lists_are_filtered_latest_first(path: Path) -> None:
    inbox = opened(path)
    inbox.push(alert(1, source_ref="a1", title="Logon", severity=1))
    inbox.push(alert(2, 3, source_ref="b2", title="Mimikatz", severity=4))
    inbox.push(alert(9, source_ref="c3", title="mimikatz again", severity=2, rule_id="other"))

    def refs(**wanted: object) -> list[str]:
        listed = inbox.list_alerts(filters=AlertFilter(**wanted))  # type: ignore[arg-type]
        return [summary.source_ref for summary in listed]

    assert refs() == ["c3", "b2", "a1"]
    assert refs(title="MIMIKATZ") == ["c3", "b2"]
    assert refs(min_severity=2, rule_id=RULE_ID) == ["b2"]
    assert refs(since_ns=T0 + 2 * SECOND, until_ns=T0 + 9 * SECOND) == ["b2"]
    assert [summary.events for summary in inbox.list_alerts(limit=2)] == [1, 2]


def test_an_alert_is_found_by_number_and_by_the_start_of_its_ref(path: Path) -> None:
    inbox = opened(path)
    inbox.push(alert(1, source_ref="abcdefgh" + "1" * 56))
    inbox.push(alert(1, source_ref="abcdefgh" + "2" * 56))
    inbox.push(alert(1, source_ref="7" * 64))
    inbox.push(alert(1, source_ref="short"))
    wanted = {
        **{"2": 2, "abcdefgh1": 1, "7" * 8: 3, "7" * 64: 3, "short": 4},
        # A number is a number, and fewer than eight characters are no start.
        **{"7": None, "7" * 7: None, "abcdefg": None, "shor": None, "9": None, "%": None},
        **{"": None, "abcdefgh3": None, "\u0661": None},
    }
    found = {ref: inbox.load_alert(ref) for ref in wanted}
    assert {ref: entry and entry.number for ref, entry in found.items()} == wanted
    with pytest.raises(AmbiguousError, match="several alerts begin with 'abcdefgh'") as raised:
        inbox.load_alert("abcdefgh")
    assert [number for number, _ in raised.value.candidates] == [1, 2]


def test_two_writers_at_once_lose_nothing(path: Path) -> None:
    one, other = opened(path), opened(path)
    for number in range(20):
        assert one.push(alert(number)) in (Outcome.STORED, Outcome.UPDATED)
        assert other.push(alert(number + 100)) is Outcome.UPDATED
    loaded = one.load_alert("1")
    assert loaded is not None
    assert len(loaded.alert.events) == 40


def test_git_does_not_see_the_folder_of_raw_logs(path: Path) -> None:
    opened(path).close()
    assert (path.parent / ".gitignore").read_text() == "*\n"
    assert path.parent.stat().st_mode & 0o077 == 0


def test_reading_makes_no_inbox(path: Path) -> None:
    with pytest.raises(SinkError, match="there is no inbox here"):
        Inbox(path, read_only=True)
    assert not path.parent.exists()


def test_reading_changes_no_file_and_leaves_none_behind(path: Path) -> None:
    inbox = opened(path)
    inbox.push(alert(1))
    inbox.close()
    before = {entry: entry.read_bytes() for entry in path.parent.iterdir()}
    reader = Inbox(path, read_only=True)
    assert reader.load_alert("1") is not None
    with pytest.raises(SinkError, match="cannot be written"):
        reader.push(alert(2, source_ref="other"))
    reader.close()
    assert {entry: entry.read_bytes() for entry in path.parent.iterdir()} == before


def test_a_reader_sees_what_a_writer_stores_meanwhile(path: Path) -> None:
    writer = opened(path)
    reader = Inbox(path, read_only=True)
    writer.push(alert(1))
    assert len(reader.list_alerts()) == 1
    reader.close()


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0"])
def test_an_empty_or_short_file_is_no_inbox_to_read(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(SinkError, match="inbox"):
        Inbox(path, read_only=True)


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("shopping: bread\n" * 10)
    with pytest.raises(SinkError, match="is not a database"):
        Inbox(notes)
    assert notes.read_text().startswith("shopping")


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "places.sqlite"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE places (url TEXT)")
    connection.close()
    content = other.read_bytes()
    with pytest.raises(SinkError, match="no inbox of sigma2hive"):
        Inbox(other)
    assert other.read_bytes() == content


def test_a_newer_inbox_is_left_alone(path: Path) -> None:
    opened(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(SinkError, match=r"written by a newer sigma2hive.*upgrade"):
        opened(path)


def test_a_damaged_inbox_says_so(path: Path) -> None:
    inbox = opened(path)
    inbox.push(alert(*range(1, 200)))
    inbox.close()
    content = bytearray(path.read_bytes())
    content[1000:-1000] = b"\xaa" * (len(content) - 2000)
    path.write_bytes(content)
    with pytest.raises(SinkError, match="damaged"):
        opened(path).load_alert("1")


def test_a_folder_is_no_inbox(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="is a folder"):
        Inbox(tmp_path)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder nobody can write")
def test_a_folder_that_cannot_be_written_is_a_clear_error() -> None:
    with pytest.raises(SinkError, match=r"^/proc/sigma2hive/inbox\.db: "):
        Inbox(Path("/proc/sigma2hive/inbox.db"))


_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from sigma2hive.diagnostics import SinkError
from sigma2hive.sinks import Inbox
from tests.sinks.alerts import alert, event
inbox = Inbox(Path(sys.argv[1]))
inbox.push(alert(1))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    inbox.push(alert(events=(event(1), event(2, b"x" * 900_000))))
except SinkError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_alert_as_it_was(path: Path, project_root: Path) -> None:
    pytest.importorskip("resource", reason="file size limits are a Unix thing")
    done = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, str(path)],
        cwd=project_root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "disk" in done.stdout
    loaded = opened(path).load_alert("1")
    assert loaded is not None
    assert loaded.alert == without_values(alert(1))
