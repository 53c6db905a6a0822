"""What --sink takes."""

from pathlib import Path

import pytest

from sigma2hive.diagnostics import ConfigurationError
from sigma2hive.sinks import SINKS, open_sink
from tests.sinks.alerts import alert


@pytest.mark.parametrize(
    ("spec", "file"),
    [
        ("inbox", ".sigma2hive/inbox.db"),
        ("inbox:other/my.db", "other/my.db"),
        ("jsonl:out.jsonl", "out.jsonl"),
    ],
)
def test_a_spec_opens_its_sink(spec: str, file: str, tmp_path: Path) -> None:
    sink = open_sink(spec, tmp_path)
    sink.push(alert(1))
    sink.close()
    assert sink.name == spec
    assert (tmp_path / file).stat().st_size > 0


@pytest.mark.parametrize(
    ("spec", "message", "hint"),
    [
        ("jsnol:x", "no sink 'jsnol'", "did you mean 'jsonl'?"),
        ("syslog", "no sink 'syslog'", f"known are {', '.join(SINKS)}"),
        ("", "no sink ''", "known are inbox, jsonl"),
        ("jsonl", "needs a target", "write jsonl:FILE"),
        ("inbox:", "needs a target", "write inbox:FILE"),
    ],
)
def test_a_wrong_spec_is_refused_with_the_nearest(
    spec: str, message: str, hint: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=message) as raised:
        open_sink(spec, tmp_path)
    assert [finding.hint for finding in raised.value.diagnostics] == [hint]
    assert list(tmp_path.iterdir()) == []
