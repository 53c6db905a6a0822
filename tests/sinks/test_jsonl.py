"""The jsonl sink: valid lines, each alert once, and never half a file."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import jsonschema
import pytest

from sigma2hive.diagnostics import SinkError
from sigma2hive.model.alerts import Alert
from sigma2hive.sinks import Outcome, Sink, SinkRequest, open_sink
from sigma2hive.sinks.lines import parse_alert, render_line
from tests.sinks.alerts import address, alert, event, without_values


@pytest.fixture(scope="session")
def validator(project_root: Path) -> jsonschema.Draft202012Validator:
    schema = json.loads((project_root / "docs/schemas/alert-line.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def opened(spec: str, folder: Path) -> Sink:
    return open_sink(SinkRequest(spec, folder))


def pushed_to(folder: Path, *alerts: Alert) -> list[Outcome]:
    """Push to jsonl:alerts.jsonl as one run does, and return what became of the alerts."""
    sink = opened("jsonl:alerts.jsonl", folder)
    outcomes = [sink.push(entry) for entry in alerts]
    sink.close()
    return outcomes


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


@pytest.mark.parametrize(
    "pushed",
    [
        pytest.param(alert(1, 2), id="usual"),
        pytest.param(alert(events=(event(1, b"\xff\x00"),)), id="not-utf-8"),
        pytest.param(alert(title="\ud800 \u202e Zürich \x1b[31m"), id="odd-characters"),
        pytest.param(
            alert(
                case_template="t", assignee="anna@soc.example", external_link="https://x.example/"
            ),
            id="links",
        ),
        pytest.param(
            alert(observables=(), procedures=(), custom_fields={}, tags=(), left_out=()), id="bare"
        ),
    ],
)
def test_a_line_meets_the_schema_and_comes_back(
    pushed: object, validator: jsonschema.Draft202012Validator
) -> None:
    line = render_line(pushed)  # type: ignore[arg-type]
    assert line.isascii()
    assert "\n" not in line
    validator.validate(json.loads(line))
    assert parse_alert(line) == without_values(pushed)  # type: ignore[arg-type]


def test_the_line_carries_what_an_analyst_asks_for() -> None:
    line = json.loads(render_line(alert(1)))
    assert line["sourceRef"] == "ab" * 32
    assert line["date"] == "2023-11-14T22:13:21.000000007Z"
    assert line["observables"][0]["dataType"] == "ip"
    assert line["events"] == [
        {
            "key": ["windows", "dc01", "Security", "1", "1700000000000000000"],
            "time": "2023-11-14T22:13:21.000000007Z",
            "origin": "logs/dc01.evtx#1",
            "ingested": "2023-11-14T22:14:20.000Z",
            "raw": '{"event":1}',
        }
    ]


def test_nothing_is_there_before_close(tmp_path: Path) -> None:
    target = tmp_path / "out" / "alerts.jsonl"
    sink = opened("jsonl:out/alerts.jsonl", tmp_path)
    assert sink.push(alert(1)) is Outcome.STORED
    assert list(target.parent.iterdir()) == []
    sink.close()
    assert len(lines(target)) == 1
    assert [path.name for path in target.parent.iterdir()] == ["alerts.jsonl"]


def test_a_discarded_run_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "alerts.jsonl"
    pushed_to(tmp_path, alert(1))
    before = target.read_bytes()
    sink = opened("jsonl:alerts.jsonl", tmp_path)
    sink.push(alert(2))
    sink.discard()
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


def test_each_source_ref_once_with_all_its_events(tmp_path: Path) -> None:
    sink = opened("jsonl:alerts.jsonl", tmp_path)
    outcomes = [
        sink.push(alert(1, 2)),
        sink.push(alert(5, source_ref="cd" * 32)),
        sink.push(alert(1, 2)),
        sink.push(alert(1, 2, 3, observables=(address("198.51.100.9"),))),
        sink.push(alert(2)),
    ]
    sink.close()
    assert outcomes == [
        *(Outcome.STORED, Outcome.STORED, Outcome.ALREADY_THERE),
        *(Outcome.UPDATED, Outcome.ALREADY_THERE),
    ]
    first, second = lines(tmp_path / "alerts.jsonl")
    assert (first["sourceRef"], second["sourceRef"]) == ("ab" * 32, "cd" * 32)
    assert len(first["events"]) == 3  # type: ignore[arg-type]
    assert len(first["observables"]) == 2  # type: ignore[arg-type]


def test_a_run_without_alerts_leaves_an_empty_file(tmp_path: Path) -> None:
    opened("jsonl:alerts.jsonl", tmp_path).close()
    assert (tmp_path / "alerts.jsonl").read_bytes() == b""


OTHER = "cd" * 32


def test_a_later_run_adds_and_never_takes_away(tmp_path: Path) -> None:
    first = pushed_to(tmp_path, alert(1), alert(5, source_ref=OTHER))
    later = pushed_to(
        tmp_path, alert(1, 2), alert(5, source_ref=OTHER), alert(source_ref="ef" * 32)
    )
    assert first == [Outcome.STORED, Outcome.STORED]
    assert later == [Outcome.UPDATED, Outcome.ALREADY_THERE, Outcome.STORED]
    held = lines(tmp_path / "alerts.jsonl")
    assert [entry["sourceRef"] for entry in held] == ["ab" * 32, OTHER, "ef" * 32]
    assert [len(entry["events"]) for entry in held] == [2, 1, 1]  # type: ignore[arg-type]


def test_a_run_that_finds_nothing_leaves_the_file_alone(tmp_path: Path) -> None:
    pushed_to(tmp_path, alert(1))
    before = (tmp_path / "alerts.jsonl").stat()
    pushed_to(tmp_path)
    pushed_to(tmp_path, alert(1))
    after = (tmp_path / "alerts.jsonl").stat()
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)


def test_runs_at_the_same_time_keep_each_others_alerts(tmp_path: Path) -> None:
    one = opened("jsonl:alerts.jsonl", tmp_path)
    two = opened("jsonl:alerts.jsonl", tmp_path)
    one.push(alert(1))
    two.push(alert(2))
    two.push(alert(5, source_ref=OTHER))
    one.close()
    two.close()
    held = lines(tmp_path / "alerts.jsonl")
    assert [(entry["sourceRef"], len(entry["events"])) for entry in held] == [  # type: ignore[arg-type]
        *(("ab" * 32, 2), (OTHER, 1))
    ]


def test_what_was_written_to_a_stream_can_be_gone_on_with(tmp_path: Path) -> None:
    # A stream has an alert that grew twice; the last line holds.
    grown = f"{render_line(alert(1))}\n{render_line(alert(1, 2))}"
    (tmp_path / "alerts.jsonl").write_text(grown)
    assert pushed_to(tmp_path, alert(1)) == [Outcome.ALREADY_THERE]
    assert pushed_to(tmp_path, alert(3)) == [Outcome.UPDATED]
    (held,) = lines(tmp_path / "alerts.jsonl")
    assert len(held["events"]) == 3  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param(b"title: a rule\n", 1, id="rule"),
        pytest.param(b'{"@timestamp": "2026-11-20T02:15:00Z"}\n', 1, id="event"),
        pytest.param(b"[]", 1, id="array"),
        pytest.param(b"\n", 1, id="blank"),
        pytest.param(b"\x1f\x8b\x00", 1, id="binary"),
        pytest.param(b"{" * 100_000, 1, id="deep"),
        pytest.param(render_line(alert(1)).encode() + b"\n{}\n", 2, id="later-line"),
        pytest.param(render_line(alert(1)).encode()[:-9], 1, id="cut-off"),
    ],
)
def test_a_file_with_anything_else_is_left_alone(content: bytes, line: int, tmp_path: Path) -> None:
    (tmp_path / "alerts.jsonl").write_bytes(content)
    with pytest.raises(SinkError, match=rf"jsonl:alerts\.jsonl: is left alone, .* line {line} is"):
        opened("jsonl:alerts.jsonl", tmp_path)
    assert (tmp_path / "alerts.jsonl").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["alerts.jsonl"]


def test_a_link_keeps_pointing_at_its_file(tmp_path: Path) -> None:
    real = tmp_path / "real.jsonl"
    real.write_text(f"{render_line(alert(5, source_ref=OTHER))}\n")
    real.chmod(0o640)
    (tmp_path / "link.jsonl").symlink_to(real)
    sink = opened("jsonl:link.jsonl", tmp_path)
    sink.push(alert(1))
    sink.close()
    assert (tmp_path / "link.jsonl").is_symlink()
    assert len(lines(real)) == 2
    assert real.stat().st_mode & 0o777 == 0o640


def test_standard_output_gets_each_line_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = opened("jsonl:-", tmp_path)
    sink.push(alert(1))
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert sink.push(alert(1)) is Outcome.ALREADY_THERE
    assert capsys.readouterr().out == ""
    assert sink.push(alert(1, 2)) is Outcome.UPDATED
    grown = json.loads(capsys.readouterr().out)
    assert len(grown["events"]) == 2
    sink.close()
    print("still open")
    assert capsys.readouterr().out == "still open\n"


def test_a_pipe_is_written_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_text()))
    reader.start()
    sink = opened("jsonl:pipe", tmp_path)
    sink.push(alert(1))
    sink.close()
    reader.join(timeout=10)
    assert json.loads(received[0])["severity"] == 3
    assert pipe.is_fifo()


def test_a_reader_that_went_away_is_a_clear_error(tmp_path: Path, project_root: Path) -> None:
    program = (
        "import os, sys\nfrom pathlib import Path\n"
        "from sigma2hive.diagnostics import SinkError\n"
        "from sigma2hive.sinks import SinkRequest, open_sink\n"
        "from tests.sinks.alerts import alert\n"
        "reading, writing = os.pipe(); os.close(reading); os.dup2(writing, 1)\n"
        "try: open_sink(SinkRequest('jsonl:-', Path())).push(alert(1))\n"
        "except SinkError as error: print(error, file=sys.stderr); os._exit(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=project_root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "jsonl:-: Broken pipe\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is a Linux thing")
def test_a_full_device_is_a_clear_error(tmp_path: Path) -> None:
    sink = opened("jsonl:/dev/full", tmp_path)
    with pytest.raises(SinkError, match=r"jsonl:/dev/full: No space left"):
        sink.push(alert(1))
    sink.discard()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="is a folder"):
        opened("jsonl:.", tmp_path)


def test_a_path_through_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match=r"^jsonl:file/alerts\.jsonl: "):
        opened("jsonl:file/alerts.jsonl", tmp_path)
