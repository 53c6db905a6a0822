"""What --sink takes."""

import os
from pathlib import Path

import pytest

from sigma2hive.diagnostics import ConfigurationError, SinkError
from sigma2hive.sinks import SINKS, SinkRequest, check_sink, open_sink
from tests.sinks.alerts import alert

#: The sinks that write a file.
FILES = [name for name, kind in SINKS.items() if kind.target == "FILE"]


@pytest.mark.parametrize(
    ("spec", "file"),
    [
        ("inbox", ".sigma2hive/inbox.db"),
        ("inbox:other/my.db", "other/my.db"),
        ("jsonl:out.jsonl", "out.jsonl"),
    ],
)
def test_a_spec_opens_its_sink(spec: str, file: str, tmp_path: Path) -> None:
    request = SinkRequest(spec, tmp_path)
    check_sink(request)
    assert list(tmp_path.iterdir()) == []
    sink = open_sink(request)
    sink.push(alert(1))
    sink.close()
    assert sink.name == spec
    assert (tmp_path / file).stat().st_size > 0
    check_sink(request)


@pytest.mark.parametrize(
    ("spec", "message", "hint"),
    [
        ("jsnol:x", "no sink 'jsnol'", "did you mean 'jsonl'?"),
        ("syslog", "no sink 'syslog'", f"known are {', '.join(SINKS)}"),
        ("", "no sink ''", "known are inbox, jsonl, thehive, webhook, elasticsearch"),
        ("jsonl", "needs a target", "write jsonl:FILE"),
        ("inbox:", "needs a target", "write inbox:FILE"),
        ("thehive:", "needs a target", "write thehive:ORGANISATION"),
        ("webhook", "needs a target", "write webhook:URL"),
        ("elasticsearch", "needs a target", "write elasticsearch:INDEX"),
    ],
)
def test_a_wrong_spec_is_refused_with_the_nearest(
    spec: str, message: str, hint: str, tmp_path: Path
) -> None:
    for use in (check_sink, open_sink):
        with pytest.raises(ConfigurationError, match=message) as raised:
            use(SinkRequest(spec, tmp_path))
        assert [finding.hint for finding in raised.value.diagnostics] == [hint]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(
    ("target", "reason"),
    [
        pytest.param("notes.txt", "is left alone|no database", id="another's-file"),
        pytest.param("notes.txt/alerts", "Not a directory", id="through-a-file"),
        pytest.param("folder", "is a folder", id="folder"),
        pytest.param("locked/alerts", "Permission denied", id="no-permission"),
    ],
)
def test_checking_and_opening_refuse_the_same(
    kind: str, target: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("buy milk\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "locked").mkdir(mode=0o500)
    if target.startswith("locked") and os.access(tmp_path / "locked", os.W_OK):
        pytest.skip("this user may write everywhere")
    before = sorted(tmp_path.rglob("*"))
    for use in (check_sink, open_sink):
        with pytest.raises(SinkError, match=reason):
            use(SinkRequest(f"{kind}:{target}", tmp_path))
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "notes.txt").read_text() == "buy milk\n"


@pytest.mark.parametrize("kind", FILES)
def test_what_is_made_is_closed_to_others(kind: str, tmp_path: Path) -> None:
    sink = open_sink(SinkRequest(f"{kind}:new/below/alerts", tmp_path))
    sink.push(alert(1))
    sink.close()
    made = tmp_path / "new" / "below" / "alerts"
    assert [path.stat().st_mode & 0o777 for path in (made, made.parent, made.parent.parent)] == [
        *(0o600, 0o700, 0o700)
    ]


@pytest.mark.parametrize("kind", FILES)
def test_modes_of_what_is_there_stay(kind: str, tmp_path: Path) -> None:
    request = SinkRequest(f"{kind}:shared/alerts", tmp_path)
    (tmp_path / "shared").mkdir(mode=0o750)
    open_sink(request).close()
    (tmp_path / "shared" / "alerts").chmod(0o640)
    sink = open_sink(request)
    sink.push(alert(1))
    sink.close()
    assert (tmp_path / "shared" / "alerts").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "shared").stat().st_mode & 0o777 == 0o750
