"""Writes the pages of docs/ that follow from the code, or checks that they still do.

docs/diagnostics.md and a page a code in docs/codes/ from `diagnostics.CODES`, data/codes.yml and
the cases of tests/diagnostics, docs/settings.md and its JSON Schema from the
declarations in `settings.keys`, docs/cli.md from the commands' own --help.

    python tools/make_docs.py --check     exit code 1 where a page is not what the code says
    python tools/make_docs.py --write
"""

import argparse
import difflib
import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from sigma2hive.cli import main as cli
from sigma2hive.diagnostics import CODES
from sigma2hive.reports.codes import code_help
from sigma2hive.settings.keys import (
    SECRETS,
    Kind,
    Row,
    SectionRow,
    Settings,
    Spec,
    all_rows,
    rows_of,
)
from sigma2hive.settings.reading import TEXT_PATTERN

ROOT = Path(__file__).resolve().parent.parent
NOTICE = "<!-- Written by `make docs-write`; change the code that it follows from. -->"
COLUMNS = 100
CASES = ROOT / "tests" / "diagnostics"
BASE = CASES / "base"
#: What the cases without arguments.txt run, as tests/test_diagnostics.py does.
RUN = "run --once --dry-run --events events.ndjson"
#: A longer file (characters) would bury the message that the page is about.
MOST_SHOWN = 2_000

FAMILIES = {
    "1": "Files and YAML",
    "2": "Rules",
    "3": "What cannot be said in a target",
    "4": "Mappings and settings",
    "5": "Events, sources, sinks and servers",
}


DIAGNOSTICS_INTRODUCTION = """\
# Diagnostic codes
{notice}

Every finding is shown as `path:line:column: severity CODE: message`, with the source line and a
hint. An error leaves its subject (a rule, a file, an event, a setting) out, and the rest goes on; a
warning leaves it in. Codes keep their meaning from one version to the next.
"""

SETTINGS_INTRODUCTION = """\
# Settings
{notice}

Settings are in `sigma2hive.yml`, in the folder where a command runs or the nearest one above it, up
to the root of the Git repository. Every key may be left out, and so may the file. Unknown keys are
refused with their line and the nearest known one (`S2H401`); a wrong value is `S2H402`. Editors
check the file with [schemas/sigma2hive.schema.json](schemas/sigma2hive.schema.json).

An environment variable overrides the file. Lists are separated by commas there, and an empty
variable counts as not set. Relative paths count from the folder of the settings file, or from the
current one where there is none.

| key | value | default | environment variable |
|---|---|---|---|
"""

SETTINGS_SECRETS = """\

## Secrets

Passwords, tokens and API keys never stand in a file that is committed. A key in `sigma2hive.yml`
that looks like one, and a URL with a password there or in a mapping, is refused (`S2H407`) and not
repeated in the message; rules are not searched, since what they look for often looks like one.

A secret `NAME` is read from the environment variable `NAME`, or from the file that `NAME_FILE`
names (a mounted Docker or Kubernetes secret; one line break at its end is dropped). Both at once is
an error. Secrets show as `***` in logs, errors and reports.

| environment variable | secret |
|---|---|
"""


def diagnostics_page() -> str:
    """Return docs/diagnostics.md."""
    lines = [DIAGNOSTICS_INTRODUCTION.format(notice=NOTICE).rstrip()]
    for digit, title in FAMILIES.items():
        codes = {code: text for code, text in CODES.items() if code[3] == digit}
        if codes:
            lines += ["", f"## {title}", "", "| code | meaning |", "|---|---|"]
            lines += [f"| [`{code}`](codes/{code}.md) | {text} |" for code, text in codes.items()]
    return "\n".join(lines) + "\n"


def code_page(code: str) -> str:
    """Return docs/codes/CODE.md: why it matters, how to mend it, and how it is told."""
    about, case = code_help()[code], CASES / code
    told = (case / "expected.txt").read_text(encoding="utf-8")
    lines = [f"# {code}: {CODES[code]}", NOTICE, "", about.why, "", "## What to do", "", about.mend]
    lines += ["", "## Example"]
    if place := re.search(rf"^(\S+?)(?::\d+)*: \w+ {code}: ", told, re.MULTILINE):
        lines += _shown_file(case, place[1])
    arguments = case / "arguments.txt"
    command = arguments.read_text(encoding="utf-8").strip() if arguments.exists() else RUN
    lines += ["", "```text", f"$ sigma2hive {command}", told.rstrip(), "```"]
    return "\n".join([*lines, "", "[All codes](../diagnostics.md)"]) + "\n"


def _shown_file(case: Path, name: str) -> list[str]:
    file = next((folder / name for folder in (case, BASE) if (folder / name).is_file()), None)
    if file is None:  # made by the test, since it is large or no text
        return []
    text = file.read_text(encoding="utf-8").rstrip()
    if len(text) > MOST_SHOWN:
        return []
    language = {".yml": "yaml", ".json": "json"}.get(file.suffix, "text")
    return ["", f"`{name}`:", "", f"```{language}", text, "```"]


def settings_page() -> str:
    """Return docs/settings.md."""
    text = SETTINGS_INTRODUCTION.format(notice=NOTICE)
    for row in all_rows():
        anchor = row.key.replace(".", "")
        text += (
            f"| [`{row.key}`](#{anchor}) | {row.spec.expected} | {_default_in_words(row)} "
            f"| `{row.environment}` |\n"
        )
    for row in all_rows():
        text += f"\n## {row.key}\n\n{row.spec.meaning}\n\n```yaml\n{_example(row)}\n```\n"
    rows = [f"| `{name}`, `{name}_FILE` | {meaning} |\n" for name, meaning in SECRETS.items()]
    return text + SETTINGS_SECRETS + "".join(rows)


def _default_in_words(row: Row) -> str:
    default = _plain(row.default)
    return "none" if default is None else f"`{json.dumps(default)}`"


def _example(row: Row) -> str:
    *sections, _ = row.key.split(".")
    lines = [f"{section}:" for section in sections] + [row.spec.example]
    return "\n".join("  " * depth + line for depth, line in enumerate(lines))


def settings_schema() -> dict[str, Any]:
    """Return the JSON Schema of sigma2hive.yml."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sigma2hive.yml",
        "description": "Settings of sigma2hive; see docs/settings.md",
        **_section_schema(Settings),
    }


def _section_schema(section: type) -> dict[str, Any]:
    properties = {}
    for row in rows_of(section):
        if isinstance(row, SectionRow):
            properties[row.key] = {"description": row.meaning, **_section_schema(row.section)}
        else:
            properties[row.key] = {"description": row.spec.meaning, **_value_schema(row.spec)}
            if row.default is not None:
                properties[row.key]["default"] = _plain(row.default)
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _value_schema(spec: Spec) -> dict[str, Any]:
    schemas: dict[Kind, dict[str, Any]] = {
        Kind.NUMBER: {"type": "integer", "minimum": spec.least},
        Kind.SWITCH: {"type": "boolean"},
    }
    if spec.choices:
        return {"enum": list(spec.choices)}
    one = schemas.get(spec.kind, {"type": "string", "pattern": TEXT_PATTERN})
    if not spec.many:
        return one
    return {"type": "array", "items": one, **({} if spec.optional else {"minItems": 1})}


def _plain(value: object) -> Any:
    if isinstance(value, Path):
        return value.as_posix()
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def cli_page() -> str:
    """Return docs/cli.md."""
    lines = ["# Commands", NOTICE]
    for path, command in commands(cli, "sigma2hive"):
        inherited = {**cli.context_settings, **command.context_settings}
        width = {"terminal_width": COLUMNS, "max_content_width": COLUMNS}
        context = click.Context(command, info_name=path, **{**inherited, **width})
        help_text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        lines += ["", f"## {path}", "", "```text", help_text, "```"]
    return "\n".join(lines) + "\n"


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if command.hidden:
        return
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            below = command.get_command(click.Context(command), name)
            if below is not None:
                yield from commands(below, f"{path} {name}")


PAGES: dict[str, Callable[[], str]] = {
    "docs/diagnostics.md": diagnostics_page,
    "docs/settings.md": settings_page,
    "docs/schemas/sigma2hive.schema.json": lambda: json.dumps(settings_schema(), indent=2) + "\n",
    "docs/cli.md": cli_page,
    **{f"docs/codes/{code}.md": partial(code_page, code) for code in CODES},
}


def differences(root: Path) -> list[str]:
    """Return, for each page in `root` that is not what the code says, how it differs."""
    found = []
    for path, make in PAGES.items():
        file = root / path
        there = file.read_text(encoding="utf-8") if file.is_file() else ""
        if there != (expected := make()):
            lines = difflib.unified_diff(
                there.splitlines(),
                expected.splitlines(),
                path,
                "as the code says",
                lineterm="",
                n=1,
            )
            found.append("\n".join(lines))
    return found


def write(root: Path) -> None:
    """Write every page below `root`."""
    for path, make in PAGES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(make(), encoding="utf-8")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Pages of docs/ that follow from the code")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", action="store_true", help="write nothing; exit 1 if outdated")
    action.add_argument("--write", action="store_true")
    if parser.parse_args().write:
        write(ROOT)
        return
    if found := differences(ROOT):
        print("\n\n".join(found))
        sys.exit(f"{len(found)} pages are outdated: make docs-write")
    print(f"{len(PAGES)} pages are as the code says")


if __name__ == "__main__":
    main()
