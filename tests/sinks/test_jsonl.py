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
from sigma2hive.sinks import Outcome, open_sink
from sigma2hive.sinks.lines import parse_alert, render_line
from tests.sinks.alerts import address, alert, event, without_values


@pytest.fixture(scope="session")
def validator(project_root: Path) -> jsonschema.Draft202012Validator:
    schema = json.loads((project_root / "docs/schemas/alert-line.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


@pytest.mark.parametrize(
    "pushed",
    [
        pytest.param(alert(1, 2), id="usual"),
        pytest.param(alert(events=(event(1, b"\xff\x00"),)), id="not-utf-8"),
        pytest.param(alert(title="\ud800 \u202e Zürich \x1b[31m"), id="odd-characters"),
        pytest.param(alert(case_template="t", external_link="https://x.example/"), id="links"),
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
    sink = open_sink("jsonl:out/alerts.jsonl", tmp_path)
    assert sink.push(alert(1)) is Outcome.STORED
    assert list(target.parent.iterdir()) == []
    sink.close()
    assert len(lines(target)) == 1
    assert [path.name for path in target.parent.iterdir()] == ["alerts.jsonl"]


def test_a_discarded_run_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "alerts.jsonl"
    target.write_text("from yesterday\n")
    sink = open_sink("jsonl:alerts.jsonl", tmp_path)
    sink.push(alert(1))
    sink.discard()
    assert target.read_text() == "from yesterday\n"
    assert list(tmp_path.iterdir()) == [target]


def test_each_source_ref_once_with_all_its_events(tmp_path: Path) -> None:
    sink = open_sink("jsonl:alerts.jsonl", tmp_path)
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
    open_sink("jsonl:alerts.jsonl", tmp_path).close()
    assert (tmp_path / "alerts.jsonl").read_bytes() == b""


def test_a_link_keeps_pointing_at_its_file(tmp_path: Path) -> None:
    real = tmp_path / "real.jsonl"
    real.write_text("old\n")
    real.chmod(0o640)
    (tmp_path / "link.jsonl").symlink_to(real)
    sink = open_sink("jsonl:link.jsonl", tmp_path)
    sink.push(alert(1))
    sink.close()
    assert (tmp_path / "link.jsonl").is_symlink()
    assert len(lines(real)) == 1
    assert real.stat().st_mode & 0o777 == 0o640


def test_standard_output_gets_each_line_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = open_sink("jsonl:-", tmp_path)
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
    sink = open_sink("jsonl:pipe", tmp_path)
    sink.push(alert(1))
    sink.close()
    reader.join(timeout=10)
    assert json.loads(received[0])["severity"] == 3
    assert pipe.is_fifo()


def test_a_reader_that_went_away_is_a_clear_error(tmp_path: Path, project_root: Path) -> None:
    program = (
        "import os, sys\nfrom pathlib import Path\n"
        "from sigma2hive.diagnostics import SinkError\nfrom sigma2hive.sinks import open_sink\n"
        "from tests.sinks.alerts import alert\n"
        "reading, writing = os.pipe(); os.close(reading); os.dup2(writing, 1)\n"
        "try: open_sink('jsonl:-', Path()).push(alert(1))\n"
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
    sink = open_sink("jsonl:/dev/full", tmp_path)
    with pytest.raises(SinkError, match=r"jsonl:/dev/full: No space left"):
        sink.push(alert(1))
    sink.discard()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="is a folder"):
        open_sink("jsonl:.", tmp_path)


def test_a_path_through_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match=r"^jsonl:file/alerts\.jsonl: "):
        open_sink("jsonl:file/alerts.jsonl", tmp_path)
