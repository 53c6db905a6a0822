"""Documentation says what the code does, and its links lead somewhere."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.cli import main as cli
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.settings import load_settings
from sigma2hive.yamlmarks import parse_yaml
from tools import make_docs

IGNORED_FOLDERS = {".venv", ".git", ".sigma2hive", "node_modules", "build", "dist"}
MAX_LINES = {"README.md": 200, "ARCHITECTURE.md": 150}


def pages(root: Path) -> list[Path]:
    return [
        path
        for path in sorted(root.rglob("*.md"))
        if not IGNORED_FOLDERS.intersection(path.relative_to(root).parts)
    ]


def without_code(text: str) -> str:
    return re.sub(r"(?ms)^ *```.*?^ *```|`[^`\n]*`", "", text)


def links(text: str) -> Iterator[str]:
    """Yield the targets of links, images and reference definitions outside code."""
    text = without_code(text)
    yield from re.findall(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)", text)
    yield from re.findall(r"(?m)^\[[^\]]+\]:\s*(\S+)", text)


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    fences_removed = re.sub(r"(?ms)^ *```.*?^ *```", "", text)
    found: set[str] = set()
    for heading in re.findall(r"(?m)^#{1,6}\s+(.+?)\s*#*$", fences_removed):
        plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        number = 1
        while (name := anchor if number == 1 else f"{anchor}-{number - 1}") in found:
            number += 1
        found.add(name)
    return found


def leads_somewhere(link: str, page: Path, root: Path) -> bool:
    if re.match(r"[a-z][a-z0-9+.-]*:", link):
        return True  # another site: not looked at
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.is_relative_to(root.resolve()) or not target.exists():
        return False
    return not anchor or anchor in anchors(target.read_text(encoding="utf-8"))


def broken_links(root: Path) -> list[str]:
    """Return "page: link" for every relative link below `root` that leads nowhere."""
    return [
        f"{page.relative_to(root)}: {link}"
        for page in pages(root)
        for link in links(page.read_text(encoding="utf-8"))
        if not leads_somewhere(link, page, root)
    ]


def test_generated_pages_are_as_the_code_says(project_root: Path) -> None:
    assert make_docs.differences(project_root) == []


def test_an_outdated_page_is_found(tmp_path: Path) -> None:
    make_docs.write(tmp_path)
    assert make_docs.differences(tmp_path) == []
    page = tmp_path / "docs" / "diagnostics.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("duplicate key", "double key"), encoding="utf-8")
    (tmp_path / "docs" / "cli.md").unlink()
    found = make_docs.differences(tmp_path)
    assert len(found) == 2
    assert "+| [`S2H103`](codes/S2H103.md) | duplicate key |" in found[0]


def test_every_command_has_an_example() -> None:
    commands = dict(make_docs.commands(cli, "sigma2hive"))
    assert "sigma2hive run" in commands
    without = [
        path
        for path, command in commands.items()
        if not isinstance(command, click.Group) and "Example" not in (command.help or "")
    ]
    assert without == []


def test_every_relative_link_leads_somewhere(project_root: Path) -> None:
    assert broken_links(project_root) == []


def test_the_link_check_finds_what_is_broken(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "b.md").write_text("# One `two`, three\n\n# Again\n\n# Again\n")
    (tmp_path / "a.md").write_text(
        "# Top\n[1](docs/b.md) [2](docs/b.md#one-two-three) [3](#top) [4](https://x.y/z)\n"
        "[5](docs/b.md#again-1) [6](gone.md) [7](docs/b.md#four) [8](#bottom) [9](../out.md)\n"
        "`[10](gone.md)`\n```\n[11](gone.md)\n```\n[12]: gone2.md\n"
    )
    assert broken_links(tmp_path) == [
        "a.md: gone.md",
        "a.md: docs/b.md#four",
        "a.md: #bottom",
        "a.md: ../out.md",
        "a.md: gone2.md",
    ]


def test_the_index_names_every_page_and_schema(project_root: Path) -> None:
    docs = project_root / "docs"
    named = set(links((docs / "README.md").read_text(encoding="utf-8")))
    named |= set(links((docs / "diagnostics.md").read_text(encoding="utf-8")))
    there = {path.relative_to(docs).as_posix() for path in docs.rglob("*.*")} - {"README.md"}
    assert there - named == set()


@pytest.mark.parametrize("name", MAX_LINES)
def test_the_first_pages_stay_short(project_root: Path, name: str) -> None:
    lines = (project_root / name).read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MAX_LINES[name]


def is_valid(value: object) -> bool:
    return jsonschema.Draft202012Validator(make_docs.settings_schema()).is_valid(value)


def test_the_schema_is_one_and_takes_our_own_settings(project_root: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(make_docs.settings_schema())
    text = (project_root / "sigma2hive.yml").read_bytes()
    (document,) = parse_yaml("sigma2hive.yml", text, Diagnostics())
    assert is_valid(document.value)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from(["a", "", " ", "a b", "a\tb", "\x7f", "ecs", "1"]),
)
SHAPES = st.one_of(VALUES, st.lists(VALUES, max_size=3), st.just({}))
KEYS = ["rules", "mappings", "profile", "sinks", "state", "placeholders", "unknown", "1"]


@given(
    st.dictionaries(st.sampled_from(KEYS), SHAPES, max_size=2)
    | st.fixed_dictionaries(
        {},
        optional={
            "sources": st.dictionaries(st.sampled_from(["events", "x"]), SHAPES) | SHAPES,
            "limits": st.dictionaries(st.sampled_from(["max_event_bytes", "x"]), SHAPES) | SHAPES,
        },
    )
)
def test_the_schema_and_the_reader_agree(
    tmp_path_factory: pytest.TempPathFactory, value: dict[str, object]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "agree.yml").write_text(json.dumps(value), encoding="utf-8")
    diagnostics = Diagnostics()
    load_settings(folder, Path("agree.yml"), diagnostics, {})
    assert is_valid(value) == (len(diagnostics) == 0)


def test_the_tests_that_a_page_names_are_there(project_root: Path) -> None:
    page = (project_root / "docs" / "thehive.md").read_text("utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    sources = [file.read_text("utf-8") for file in (project_root / "tests").rglob("test_*.py")]
    known = {name for text in sources for name in re.findall(r"^def (test_\w+)", text, re.M)}
    assert len(named) > 10
    assert named <= known
