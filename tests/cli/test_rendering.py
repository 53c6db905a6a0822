"""How findings look: exact text, and nothing hostile gets through."""

import json
import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.cli.columns import width
from sigma2hive.cli.output import columns_of
from sigma2hive.cli.rendering import (
    SOURCE_COLUMNS,
    SourceFiles,
    diagnostic_as_json,
    render_diagnostic,
)
from sigma2hive.diagnostics import Diagnostic, Location, Severity
from sigma2hive.model.visible import visible


def finding(
    line: int = 0, column: int = 0, message: str = "m", hint: str = "", code: str = "S2H203"
) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, Location("a.yml", line, column), message, hint)


def test_place_source_line_caret_and_hint() -> None:
    text = render_diagnostic(
        Diagnostic(
            "S2H203",
            Severity.ERROR,
            Location("sigma_rules/a.yml", 3, 9),
            "unknown modifier 'bogus'",
            "did you mean 'base64'?",
        ),
        ["detection:", "    selection:", "        Image|bogus: x"],
    )
    assert text == (
        "sigma_rules/a.yml:3:9: error S2H203: unknown modifier 'bogus'\n"
        "  3 |         Image|bogus: x\n"
        "    |         ^\n"
        "  hint: did you mean 'base64'?"
    )


@pytest.mark.parametrize("place", [(0, 0), (9, 1), (2, 1)])
def test_without_a_source_line_the_place_still_stands(place: tuple[int, int]) -> None:
    # No line is known; the line is not in the file; the line is blank.
    text = render_diagnostic(finding(*place), ["a", ""])
    assert text.count("\n") == 0
    assert text.endswith(": error S2H203: m")


def test_a_line_without_column_has_no_caret() -> None:
    assert render_diagnostic(finding(1, 0), ["a: b"]).splitlines()[1:] == ["  1 | a: b"]


def test_the_caret_may_stand_after_the_end() -> None:
    assert render_diagnostic(finding(1, 99), ["a: ["]).splitlines()[1:] == [
        "  1 | a: [",
        "    |     ^",
    ]


@pytest.mark.parametrize(
    ("column", "shown", "caret"),
    [
        (1, "0123456789" * 7 + "012345678…", 0),
        (100, "…" + ("0123456789" * 20)[60:138] + "…", 40),
        (200, "…" + ("0123456789" * 20)[121:], 79),
    ],
)
def test_a_long_line_is_cut_around_the_column(column: int, shown: str, caret: int) -> None:
    lines = render_diagnostic(finding(1, column), ["0123456789" * 20]).splitlines()
    assert lines[1] == f"  1 | {shown}"
    assert lines[2] == f"    | {' ' * caret}^"
    assert len(shown) == SOURCE_COLUMNS


def test_the_caret_counts_wide_and_hidden_characters() -> None:
    lines = render_diagnostic(finding(1, 4), ["日\u202eé: x"]).splitlines()
    assert lines[1:] == ["  1 | 日<U+202E>é: x", "    | " + " " * 11 + "^"]


def test_control_and_bidirectional_characters_are_written_out() -> None:
    hostile = "\x1b[2J\u202e\u2066\r\n::error::owned\ud800"
    text = render_diagnostic(
        Diagnostic("S2H501", Severity.WARNING, Location(f"{hostile}.yml", 1, 1), hostile, hostile),
        [hostile],
    )
    assert not set(hostile) & set("\x1b\u202e\u2066\r\ud800") & set(text)
    assert len(text.splitlines()) == 4
    assert "<U+001B>[2J<U+202E><U+2066><U+000D><U+000A>::error::owned<U+D800>" in text


@given(
    st.text(max_size=300),
    st.integers(min_value=1, max_value=310),
    st.text(max_size=300),
    st.integers(min_value=40, max_value=100),
)
def test_a_terminal_gets_no_line_that_is_wider(
    line: str, column: int, message: str, columns: int
) -> None:
    text = render_diagnostic(finding(1, column, message, message), [line], columns)
    assert all(width(part) <= columns for part in text.split("\n"))


def test_a_place_begins_a_line_and_is_whole_on_the_narrowest_terminal() -> None:
    path = "sigma_rules/" + "windows/" * 10 + "a.yml"
    long = Diagnostic("S2H203", Severity.ERROR, Location(path, 3, 9), "one two " * 10, "three")
    lines = render_diagnostic(long, (), 40).split("\n")
    assert lines[0] == f"{path}:3:9:"
    assert lines[1] == "        error S2H203: one two one two"
    assert lines[-1] == "  hint: three"


def test_what_goes_to_no_terminal_is_one_line(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as file:
        assert columns_of(file) is None
    assert columns_of(file) is None and columns_of(None) is None  # closed, and none at all
    assert render_diagnostic(finding(message="word " * 100)).count("\n") == 0


def test_findings_on_a_terminal_are_as_wide_as_it_is(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 60))
    (tmp_path / "sigma2hive.yml").write_text("unknown_setting: 1\n")
    command = [sys.executable, "-m", "sigma2hive", "compile", "--check"]
    process = subprocess.run(
        command, cwd=tmp_path, stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL, check=False
    )
    os.close(theirs)
    told = os.read(ours, 65_536).decode().partition("nothing was checked")[0]
    os.close(ours)
    assert process.returncode in (1, 3)
    assert told.startswith("sigma2hive.yml:1:1: error S2H401: ")
    assert max(map(len, told.splitlines())) <= 60


def test_a_message_of_any_length_is_cut() -> None:
    assert len(render_diagnostic(finding(message="x" * 100_000))) < 1_100


@given(
    st.text(max_size=300),
    st.integers(min_value=1, max_value=310),
    st.text(max_size=50),
)
def test_any_text_renders_as_lines_of_bounded_width(line: str, column: int, message: str) -> None:
    text = render_diagnostic(finding(1, column, message), [line])
    shown = text.split("\n")
    assert all(visible(part) == part for part in shown)
    assert len(shown) in {1, 3}
    if len(shown) == 3:
        assert shown[2].index("^") <= len("  1 | ") + SOURCE_COLUMNS


@pytest.mark.parametrize(
    ("line", "column", "shown"),
    [
        ("api_key: hunter2", 1, "api_key: ***"),
        ("limits: {client-secret: hunter2}", 10, "limits: {client-secret: ***"),
        ("sinks: [inbox, 'thehive:https://a:hunter2@b']", 16, "sinks: [inbox, 'thehive: ***"),
        ("{a_token: hunter2, b_token: hunter2}", 20, "{a_token: ***"),
    ],
)
def test_the_line_of_a_credential_is_shown_up_to_its_key(
    line: str, column: int, shown: str
) -> None:
    text = render_diagnostic(finding(1, column, code="S2H407"), [line])
    assert text.splitlines()[1] == f"  1 | {shown}"
    assert "hunter2" not in text


def test_a_credential_is_concealed_in_any_finding() -> None:
    text = render_diagnostic(finding(1, 1, code="S2H103"), ["password: hunter2"])
    assert text.splitlines()[1] == "  1 | password: ***"


def test_files_are_read_from_the_root(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    lines = SourceFiles(tmp_path).lines(Location("a.yml", 2, 1))
    assert list(lines) == ["a: 1", "b: 2", ""]


@pytest.mark.parametrize("content", [None, b"a\0b", b"a\n" * 1_000_000], ids=["gone", "nul", "big"])
def test_a_file_that_cannot_be_shown_is_left_out(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "a.yml").write_bytes(content)
    assert SourceFiles(tmp_path).lines(Location("a.yml", 1, 1)) == ()


def test_a_place_that_is_no_path_is_no_crash(tmp_path: Path) -> None:
    assert SourceFiles(tmp_path).lines(Location("a\0b", 1, 1)) == ()
    assert SourceFiles(tmp_path).lines(Location("x" * 5_000, 1, 1)) == ()
    assert SourceFiles(tmp_path).lines(Location(".", 1, 1)) == ()


def test_json_has_every_field() -> None:
    value = diagnostic_as_json(finding(3, 9, "unknown modifier", "try another"))
    assert json.loads(json.dumps(value)) == {
        "code": "S2H203",
        "severity": "error",
        "path": "a.yml",
        "line": 3,
        "column": 9,
        "message": "unknown modifier",
        "hint": "try another",
        "count": 1,
    }
