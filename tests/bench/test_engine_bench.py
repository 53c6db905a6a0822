"""The engine's measurement: data made of archives, and what a whole process took."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bench import windows_events
from bench.data_sets import cut, flat_file, half_of
from bench.programs import NDJSON, Program, Task, ours
from bench.usage import Surroundings, usage_of


def _lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def _make(folder: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["windows_events", "--into", str(into), str(folder)])
    windows_events.main()


def test_flat_events_get_the_names_of_sigma_once_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = {"EventID": 1, "Channel": "Security", "Hostname": "dc01", "SourceName": "Audit"}
    rows = [json.dumps(event), json.dumps(event), "no JSON", '{"eventName": "CreateUser"}']
    source, into = tmp_path / "source", tmp_path / "into"
    source.mkdir()
    with zipfile.ZipFile(source / "a.zip", "w") as archive:
        archive.writestr("a.json", "\n".join(rows))
    (source / "broken.zip").write_bytes(b"no archive")

    _make(source, into, monkeypatch)

    expected = {"EventID": 1, "Channel": "Security", "Computer": "dc01", "Provider_Name": "Audit"}
    assert _lines(into / "windows-flat-all.ndjson") == [expected]


def test_the_smaller_file_has_whole_stretches_of_each_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, into = tmp_path / "source", tmp_path / "into"
    source.mkdir()
    rows = [json.dumps({"EventID": n, "Channel": "System"}) for n in range(1_150)]
    with zipfile.ZipFile(source / "a.zip", "w") as archive:
        archive.writestr("a.json", "\n".join(rows))

    _make(source, into, monkeypatch)

    numbers = [row["EventID"] for row in _lines(into / "windows-flat.ndjson")]
    assert numbers == [*range(100), *range(1_000, 1_100)]


def test_a_set_of_events_knows_how_many_it_holds(tmp_path: Path) -> None:
    source = tmp_path / "all.ndjson"
    source.write_text("{}\n" * 7)
    whole = flat_file(source, tmp_path, 100)
    less = cut(whole, tmp_path, 3)
    assert (whole.events, less.events, less.one.events) == (7, 3, 1)
    assert less.path.read_text() == "{}\n" * 3


def test_half_of_the_rules_is_every_second_file(tmp_path: Path) -> None:
    rules, into = tmp_path / "rules", tmp_path / "into"
    (rules / "a").mkdir(parents=True)
    for name in "abcd":
        (rules / "a" / f"{name}.yml").write_text(name)
    made = half_of(rules, into)
    assert [path.relative_to(made).as_posix() for path in sorted(made.rglob("*.yml"))] == [
        "a/a.yml",
        "a/c.yml",
    ]


def _surroundings(folder: Path, limit: float = 60) -> Surroundings:
    return Surroundings(folder, dict(os.environ), limit)


MEASURE = """
import os, sys
from pathlib import Path
from bench.usage import Surroundings, usage_of
around = Surroundings(Path(sys.argv[1]), dict(os.environ), 60)
usage = usage_of([sys.executable, "-c", "print(len(bytearray(b'x') * 200_000_000))"], around)
assert usage.is_good
print(usage.peak_mb)
"""


def test_memory_is_that_of_the_program(tmp_path: Path, project_root: Path) -> None:
    # In a small process, as the bench is: a child begins with the memory of who started it.
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path)],
        cwd=project_root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert 200 < float(done.stdout) < 300
    assert (tmp_path / "stdout").read_text() == "200000000\n"


def test_a_run_that_failed_has_no_figures(tmp_path: Path) -> None:
    usage = usage_of([sys.executable, "-c", "raise SystemExit(3)"], _surroundings(tmp_path))
    assert (usage.exit_code, usage.is_good) == (3, False)


def test_a_run_is_ended_at_its_limit(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "while True: pass"]
    usage = usage_of(command, _surroundings(tmp_path, limit=0.05))
    assert (usage.ended, usage.is_good) == (False, False)


def test_our_hits_are_the_alerts_that_a_run_tells_of(tmp_path: Path) -> None:
    rule = tmp_path / "rule.yml"
    rule.write_text(
        "title: Log cleared\nid: 4f0a2a8e-3f0e-4c39-b6bb-1d3b6a0d1a01\nlevel: high\n"
        "logsource: {product: windows, service: security}\n"
        "detection: {selection: {EventID: 1102}, condition: selection}\n"
    )
    events = tmp_path / "events.ndjson"
    event = {"winlog": {"channel": "Security"}, "event": {"code": "1102"}}
    rows = [{**event, "@timestamp": f"2026-11-20T02:00:0{n}Z"} for n in range(3)]
    events.write_text("".join(json.dumps(row) + "\n" for row in rows))
    program: Program = ours()
    command = program.command(Task(tmp_path, events, NDJSON))
    command[command.index("--profile") + 1] = "winlogbeat"

    usage = usage_of(command, _surroundings(tmp_path))

    assert usage.is_good, (tmp_path / "stderr").read_text()
    assert program.kind.hits(tmp_path) == 3
