"""What one event may cost in `run --events`, however large or deep: it is put aside or decided.

Work is counted in calls of functions, not in seconds, and held against the same run without it.
"""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main
from tests.cli.run_world import EVENT, OTHER, write_events, write_world

FIELDS = 100_000
LEVELS = 5_000
LARGE = "x" * 10_000_000 + " vssadmin delete"
#: What putting an event aside may take: its finding, with source line and hint, and a look at each
#: level.
A_FINDING = 20_000
A_LEVEL = 10


def large() -> str:
    return json.dumps({**EVENT, "process": {"command_line": LARGE}})


def wide() -> str:
    return json.dumps({**EVENT, "more": {f"f{number}": "x" for number in range(FIELDS)}})


def deep() -> str:
    return json.dumps(EVENT)[:-1] + ', "more": ' + '{"a": ' * LEVELS + "1" + "}" * LEVELS + "}"


def list_in_list() -> str:
    return json.dumps(EVENT)[:-1] + ', "more": ' + "[" * LEVELS + "1" + "]" * LEVELS + "}"


KINDS = {"large": large, "wide": wide, "deep": deep, "list in list": list_in_list}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one rule, that the last of three events meets."""
    monkeypatch.chdir(tmp_path)
    write_world(tmp_path)
    return tmp_path


@contextmanager
def counted() -> Iterator[list[int]]:
    """Count the calls of functions."""
    calls = [0]

    def count(_frame: object, event: str, _argument: object) -> None:
        if event in ("call", "c_call"):
            calls[0] += 1

    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(None)


def run() -> tuple[Result, int]:
    line = ["run", "--once", "--dry-run", "--processes", "1", "--events", "events.ndjson"]
    with counted() as calls:
        result = CliRunner().invoke(main, line, catch_exceptions=False)
    return result, calls[0]


def cost_of(middle: str, folder: Path) -> tuple[Result, int]:
    """Return what a run with an event more says, and how many calls more it takes."""
    write_events(folder / "events.ndjson", OTHER, OTHER, EVENT)
    run()  # what is made once is made
    _, without = run()
    write_events(folder / "events.ndjson", OTHER, middle, EVENT)
    result, with_it = run()
    return result, with_it - without


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_over_a_limit_is_put_aside_before_it_costs(folder: Path, kind: str) -> None:
    result, cost = cost_of(KINDS[kind](), folder)
    assert result.exit_code == 0
    assert re.match(r"events\.ndjson:2:\d+: error S2H502: ", result.stderr)
    assert "2 events, 1 rule, 1 alert, 1 left out" in result.stdout
    assert cost < A_FINDING + A_LEVEL * LEVELS


def test_a_value_within_a_raised_limit_is_decided_to_its_end(folder: Path) -> None:
    (folder / "sigma2hive.yml").write_text("limits:\n  max_event_bytes: 20000000\n")
    result, cost = cost_of(large(), folder)
    assert "3 events, 1 rule, 2 alerts, 0 left out" in result.stdout
    assert cost < A_FINDING


def test_fields_within_a_raised_limit_cost_a_few_calls_each(folder: Path) -> None:
    limits = "limits:\n  max_event_fields: 200000\n  max_event_bytes: 20000000\n"
    (folder / "sigma2hive.yml").write_text(limits)
    result, cost = cost_of(wide(), folder)
    assert "3 events, 1 rule, 2 alerts, 0 left out" in result.stdout
    assert cost < 20 * FIELDS
