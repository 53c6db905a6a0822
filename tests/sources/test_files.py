"""Event files in folders: found in one order, and shown as a person would name them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sigma2hive.sources import EventFile, find_event_files
from sigma2hive.sources.files import display_path

NAMES = (
    *("a.json", "logs/a.evtx", "logs/deep/er/b.json", "logs/deep/two words.json"),
    *(
        "logs/tab\there.json",
        "logs/line\nfeed/c.json",
        "logs/\u202ename.json",
        "Z.json",
        "a-b/d.json",
    ),
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in NAMES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / os.fsdecode(b"logs/no-\xff-text.json")).touch()
    return tmp_path


def files_in(folder: Path, root: Path) -> list[EventFile]:
    return [found for found in find_event_files([folder], root) if isinstance(found, EventFile)]


@pytest.mark.parametrize("root", [".", "logs", "logs/deep/er", "elsewhere", "..", "/"])
@pytest.mark.parametrize("folder", [".", "logs", "logs/../logs/deep", "..", ""])
@pytest.mark.parametrize("is_absolute", [True, False])
def test_a_file_in_a_folder_is_shown_as_if_it_was_named(
    tree: Path, monkeypatch: pytest.MonkeyPatch, root: str, folder: str, *, is_absolute: bool
) -> None:
    monkeypatch.chdir(tree)
    asked = tree / folder if is_absolute else Path(folder)
    found = files_in(asked, tree / root)
    assert found
    assert [file.display for file in found] == [
        display_path(file.path, tree / root) for file in found
    ]
    assert all(file.display.isprintable() and file.path.exists() for file in found)


def test_the_order_is_that_of_the_names_folder_by_folder(tree: Path) -> None:
    def in_order(folder: Path) -> list[Path]:
        each = (in_order(path) if path.is_dir() else [path] for path in sorted(folder.iterdir()))
        return [path for paths in each for path in paths]

    assert [file.path for file in files_in(tree, tree)] == in_order(tree)
