"""`sigma2hive inbox`: the alerts as an analyst sees them, safely."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main

RULE = """\
title: "Odd \\x1b[31mrule\\u202e"
id: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d
logsource: {product: windows, service: security}
level: high
tags: [attack.execution, attack.t1059.001]
detection:
    selection: {event.code: 1}
    condition: selection
"""


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), catch_exceptions=False)


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three alerts of a rule and events that try to steer the terminal."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sigma_rules").mkdir()
    (tmp_path / "sigma_rules" / "rule.yml").write_text(RULE)
    events = [
        {
            "@timestamp": f"2026-11-2{day}T00:00:00Z",
            "event": {"code": 1},
            "winlog": {"channel": "Security"},
            "host": {"name": f"ws0{day}\x1b]0;owned\x07"},
            "source": {"ip": "203.0.113.9"},
        }
        for day in (1, 2, 3)
    ]
    (tmp_path / "events.ndjson").write_text("".join(json.dumps(e) + "\n" for e in events))
    assert invoke("run", "--once", "--events", "events.ndjson").exit_code == 0
    return tmp_path


def test_the_list_has_the_latest_first_and_can_be_narrowed(inbox: Path) -> None:
    def dates(*arguments: str) -> list[str]:
        return re.findall(r"2026-11-2\d", invoke("inbox", "list", *arguments).stdout)

    assert dates() == ["2026-11-23", "2026-11-22", "2026-11-21"]
    assert dates("--limit", "1") == ["2026-11-23"]
    assert invoke("inbox", "list", "--title", "nothing like it").stdout == ""
    assert len(json.loads(invoke("inbox", "list", "--json").stdout)) == 3


@pytest.mark.parametrize("arguments", [["list"], ["show", "1"], ["show", "2", "--json"]])
def test_nothing_that_events_or_rules_say_reaches_the_terminal_raw(
    inbox: Path, arguments: list[str]
) -> None:
    output = invoke("inbox", *arguments).output
    assert not {character for character in output if ord(character) < 32} - {"\n"}
    assert "\u202e" not in output


def test_an_alert_is_found_by_number_and_by_the_start_of_its_reference(inbox: Path) -> None:
    by_number = invoke("inbox", "show", "1")
    reference = json.loads(invoke("inbox", "show", "1", "--json").stdout)["sourceRef"]
    assert invoke("inbox", "show", reference[:12]).stdout == by_number.stdout
    assert "203.0.113.9" in by_number.stdout
    assert "T1059.001" in by_number.stdout


def test_raw_logs_come_out_byte_for_byte(inbox: Path) -> None:
    raw = invoke("inbox", "show", "1", "--raw").stdout_bytes
    number = {1: "2026-11-21"}
    (line,) = [
        line
        for line in (inbox / "events.ndjson").read_bytes().splitlines(keepends=True)
        if number[1].encode() in line
    ]
    assert raw == line


def test_an_alert_fits_the_terminal_and_nothing_of_it_is_cut_but_raw_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    story = " ".join(f"word{number}" for number in range(200))
    (tmp_path / "sigma_rules").mkdir()
    (tmp_path / "sigma_rules" / "rule.yml").write_text(f"description: {story}\n{RULE}")
    event = {
        "@timestamp": "2026-11-21T00:00:00Z",
        "event": {"code": 1},
        "winlog": {"channel": "Security"},
        "host": {"name": "a-host-with-a-long-name." * 5},
        "user": {"name": "-"},
        "process": {"command_line": "tool " + "y" * 300},
        "message": "z" * 500,
    }
    (tmp_path / "events.ndjson").write_text(json.dumps(event) + "\n")
    assert invoke("run", "--once", "--events", "events.ndjson").exit_code == 0
    output = invoke("inbox", "show", "1").stdout
    mute = output[output.index("title: 'Mute") : output.index("condition: not selection")]
    assert all(len(line) <= 80 for line in output.replace(mute, "").splitlines())
    assert story in " ".join(output.split())
    assert "y" * 300 in "".join(output.split())
    assert output.count("left out") == output.count("ignore list") == 1
    assert "**" not in output
    assert "| " not in output
    assert "z" * 300 not in "".join(output.split())
    assert "(first 200 characters)" in " ".join(output.split())
    assert "z" * 500 in invoke("inbox", "show", "1", "--raw").stdout


def test_a_long_title_goes_on_below_itself_in_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sigma_rules").mkdir()
    rule = RULE.replace("Odd", "Odd " + "long " * 20)
    (tmp_path / "sigma_rules" / "rule.yml").write_text(rule)
    event = '{"@timestamp": "2026-11-21T00:00:00Z", "event.code": 1, "winlog.channel": "Security"}'
    (tmp_path / "events.ndjson").write_text(event)
    assert invoke("run", "--once", "--events", "events.ndjson").exit_code == 0
    lines = invoke("inbox", "list").stdout.splitlines()
    assert len(lines) > 1
    assert all(len(line) <= 80 for line in lines)
    assert all(line.startswith(" " * 37 + "long") for line in lines[1:-1])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "99"], 1, "inbox list"),
        (["list", "--inbox", "nowhere.db"], 3, "nowhere.db"),
        (["list", "--inbox", "events.ndjson"], 3, "events.ndjson"),
        (["list", "--inbox", "sigma_rules"], 3, "is a folder"),
        (["list", "--inbox", "events.ndjson/inbox.db"], 3, "Not a directory"),
        (["show", "1", "--inbox", "loop"], 3, "loop"),
        (["show", "5f0e"], 1, "8 characters or more"),
        (["show"], 2, "NUMBER"),
    ],
)
def test_what_is_not_there_is_said(inbox: Path, arguments: list[str], code: int, said: str) -> None:
    (inbox / "loop").symlink_to(inbox / "loop")
    result = invoke("inbox", *arguments)
    assert result.exit_code == code
    assert said in result.stderr


def test_before_the_first_run_it_is_said_what_makes_an_inbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    listed, as_json, shown = (
        invoke("inbox", *arguments) for arguments in (["list"], ["list", "--json"], ["show", "1"])
    )
    assert [listed.exit_code, as_json.exit_code, shown.exit_code] == [0, 0, 1]
    assert json.loads(as_json.stdout) == []
    assert all("run --once" in result.stderr for result in (listed, shown))
    assert list(tmp_path.iterdir()) == []


def test_an_inbox_that_cannot_be_written_can_be_read(inbox: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(inbox / ".sigma2hive" / "inbox.db", folder)
        (folder / "inbox.db").chmod(0o444)
        folder.chmod(0o555)
        # Permissions do not hold root back; what another user may not read is imported before.
        leave_root = "os.getuid() or os.setuid(65534)"
        imported = "from sigma2hive.cli import inbox, main"
        program = f"import os; {imported}; {leave_root}; main()"
        done = subprocess.run(
            [sys.executable, "-c", program, "inbox", "list", "--inbox", "inbox.db"],
            cwd=folder,
            env={"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("2026-11-2") == 3
        assert [entry.name for entry in folder.iterdir()] == ["inbox.db"]
