"""Whoever reads what a command prints may be gone, full or of another encoding: nothing is lost."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sigma2hive.sinks import Inbox
from tests.cli.run_world import EVENT, write_events, write_world

ALERTS = 300
FULL = Path("/dev/full")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one rule and many events that it finds."""
    write_world(tmp_path)
    events = [
        {**EVENT, "@timestamp": f"2026-11-20T02:{n // 60:02}:{n % 60:02}Z"} for n in range(ALERTS)
    ]
    write_events(tmp_path / "events.ndjson", *events)
    return tmp_path


def run_in_shell(folder: Path, script: str, **environment: str) -> tuple[int, str, str]:
    """Run a script in which $s2h is the program; return exit code, stdout and stderr."""
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**os.environ, "s2h": f"{sys.executable} -m sigma2hive", **environment},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def delivered(folder: Path) -> int:
    inbox = Inbox(folder / ".sigma2hive" / "inbox.db", read_only=True)
    try:
        return len(inbox.list_alerts(limit=10 * ALERTS))
    finally:
        inbox.close()


#: Commands that print what they found.
COMMANDS = [
    "run --once --dry-run --json --events events.ndjson",
    "run --once --dry-run --events events.ndjson",
    "backtest --json --events events.ndjson",
    "test --json --least-positive 0 --least-negative 0",
    "test --least-positive 0 --least-negative 0",
    "explain sigma_rules/rule.yml events.ndjson:1",
    "compile --target dsl --output dsl --json",
    "compile --check --format sarif",
    "inbox list",
    "inbox show 1 --raw",
    "doctor --json",
    "status --json",
]
RUN = "$s2h run --once --events events.ndjson"


@pytest.mark.parametrize("options", ["", "--json"])
def test_a_reader_that_has_had_enough_changes_nothing(folder: Path, options: str) -> None:
    code, _, errors = run_in_shell(folder, f"{RUN} {options} | true; exit ${{PIPESTATUS[0]}}")
    assert (code, errors) == (0, "")
    assert delivered(folder) == ALERTS


def test_a_list_for_a_reader_that_has_had_enough_ends_quietly(folder: Path) -> None:
    run_in_shell(folder, RUN)
    code, _, errors = run_in_shell(folder, "$s2h inbox list | true; exit ${PIPESTATUS[0]}")
    assert (code, errors) == (0, "")


@pytest.mark.skipif(not FULL.exists(), reason="/dev/full is a Linux thing")
@pytest.mark.parametrize("options", ["", "--json"])
def test_a_full_output_is_told_once_all_is_delivered(folder: Path, options: str) -> None:
    code, _, errors = run_in_shell(folder, f"{RUN} {options} > /dev/full")
    assert (code, errors) == (
        3,
        "error: standard output cannot be written: No space left on device\n",
    )
    assert delivered(folder) == ALERTS


@pytest.mark.skipif(not FULL.exists(), reason="/dev/full is a Linux thing")
@pytest.mark.parametrize("command", ["inbox list", "inbox show 1 --raw", "--help", "run --help"])
def test_every_command_tells_of_a_full_output(folder: Path, command: str) -> None:
    run_in_shell(folder, RUN)
    code, _, errors = run_in_shell(folder, f"$s2h {command} > /dev/full")
    assert code == 3
    assert errors == "error: standard output cannot be written: No space left on device\n"


@pytest.mark.parametrize("closed", ["2>/dev/full", "2>&-", ">&-", ">&- 2>&-"])
def test_what_is_closed_from_the_start_stops_nothing(folder: Path, closed: str) -> None:
    (folder / "sigma_rules" / "bad.yml").write_text("a: [")
    code, _, _ = run_in_shell(folder, f"{RUN} {closed}")
    assert code == (3 if ">&-" in closed.split() else 0)
    assert delivered(folder) == ALERTS


@pytest.mark.parametrize("command", [*COMMANDS, "--help", "--version", "run --help"])
def test_every_command_tells_of_an_output_that_is_closed(folder: Path, command: str) -> None:
    run_in_shell(folder, RUN)
    code, _, errors = run_in_shell(folder, f"$s2h {command} >&-")
    assert code == 3
    assert errors.endswith("error: standard output cannot be written: it is closed\n")
    assert "Traceback" not in errors


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="/proc is a Linux thing")
def test_no_file_takes_the_number_of_a_stream_that_is_closed(folder: Path) -> None:
    program = (
        "import os; from sigma2hive.cli.output import occupy_closed; occupy_closed(); "
        "file = open('new', 'w'); assert file.fileno() > 2"
    )
    python = f'{sys.executable} -c "{program}"'
    assert run_in_shell(folder, f"{python} <&- >&-")[0] == 0


@pytest.mark.parametrize("stream", ["| true; exit ${PIPESTATUS[0]}", "> /dev/full", ">&-"])
def test_a_stream_of_alerts_that_breaks_takes_none_from_the_inbox(
    folder: Path, stream: str
) -> None:
    code, _, errors = run_in_shell(folder, f"{RUN} --sink jsonl:- --sink inbox {stream}")
    assert code == 3
    assert "error S2H506: jsonl:-: " in errors
    assert "Traceback" not in errors
    if stream != ">&-":  # that one is known before anything is delivered
        assert "inbox: 300 stored" in errors
        assert delivered(folder) == ALERTS


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_encoding_that_lacks_characters_gets_escapes(folder: Path, encoding: str) -> None:
    write_events(folder / "events.ndjson", {**EVENT, "host": {"name": "Žižkov-Zürich"}})
    code, out, errors = run_in_shell(folder, f"{RUN} --dry-run", PYTHONIOENCODING=encoding)
    assert (code, errors) == (0, "")
    # Where the encoding is plain ASCII, click writes UTF-8.
    shown = {"ascii": "Žižkov-Zürich", "latin-1": r"\u017di\u017ekov-Z"}
    assert f"deleted on {shown[encoding]}" in out


def test_text_for_a_json_reader_is_one_document(folder: Path) -> None:
    code, out, _ = run_in_shell(folder, f"{RUN} --json")
    assert code == 0
    assert len(json.loads(out)["alerts"]) == ALERTS


#: Ctrl-C or another signal, sent as soon as a module is looked for.
PRESS = """
import os, signal, sys
class Press:
    def find_spec(self, name, path=None, target=None):
        if name == awaited:
            os.kill(os.getpid(), getattr(signal, wanted))
wanted, awaited = sys.argv.pop(1), sys.argv.pop(1)
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Press())
from sigma2hive.__main__ import main
main()
"""


@pytest.mark.parametrize("module", ["click", "sigma2hive.cli", "ahocorasick_rs"])
def test_ctrl_c_while_the_program_loads_is_one_line(folder: Path, module: str) -> None:
    done = pressed(folder, "SIGINT", module, "run", "--help")
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def pressed(folder: Path, name: str, module: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the program, which gets a signal as soon as it looks for a module."""
    return subprocess.run(
        [sys.executable, "-c", PRESS, name, module, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("module", ["click", "sigma2hive.cli", "ahocorasick_rs"])
def test_a_service_that_is_ended_while_it_loads_ends_in_good_order(
    folder: Path, module: str
) -> None:
    done = pressed(folder, "SIGTERM", module, "run", "--live")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_service_that_is_to_load_its_rules_anew_while_it_loads_them_goes_on(
    folder: Path,
) -> None:
    done = pressed(folder, "SIGHUP", "ahocorasick_rs", "run", "--help")
    assert done.returncode == 0
    assert "--live" in done.stdout


def test_ctrl_c_on_the_way_is_one_line_and_leaves_nothing_half_written(folder: Path) -> None:
    assert cut_off(folder, signal.SIGINT) == (130, "", "interrupted\n")
    assert not (folder / "alerts.jsonl").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_over_files_that_is_cut_off_does_not_end_as_a_service_does(
    folder: Path, number: signal.Signals
) -> None:
    assert cut_off(folder, number) == (-number, "", "")


def cut_off(folder: Path, number: signal.Signals) -> tuple[int, str, str]:
    """Send a signal in the midst of delivery; return code, output and errors."""
    os.mkfifo(folder / "pipe")
    running = subprocess.Popen(
        [
            *(sys.executable, "-m", "sigma2hive", "run", "--once", "--events", "events.ndjson"),
            *("--sink", "jsonl:alerts.jsonl", "--sink", "jsonl:pipe"),
        ],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # More alerts come than a pipe holds: once some are there, the program waits in the midst.
    # Opened so that a program which ends before it writes fails the test, and does not hold it up.
    pipe = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert select.select([pipe], [], [], 60)[0]
        assert os.read(pipe, 1)
        running.send_signal(number)
        # A pipe that nobody reads would be another reason to end.
        out, errors = running.communicate(timeout=60)
    finally:
        os.close(pipe)
    return running.returncode, out, errors
