"""What was seen in a folder holds for as long as nothing came, went or was replaced in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sigma2hive.workflows.looks import Seen, inside_still, looks_in, seen_of


def long_ago(folder: Path) -> Seen:
    """A folder as it is, as if it had been so for long when it was seen."""
    return seen_of(folder)._replace(at_ns=2**63)


def test_what_nobody_touched_is_as_it_was_seen(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a")
    assert inside_still(tmp_path, long_ago(tmp_path)) == looks_in(tmp_path)
    assert inside_still(tmp_path / "none", seen_of(tmp_path / "none")) == {}


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file comes": lambda folder: (folder / "new").write_text(""),
    "a file goes": lambda folder: (folder / "file").unlink(),
    "a file is replaced": lambda folder: (folder.parent / "other").replace(folder / "file"),
    "the folder goes": lambda folder: folder.rename(folder.with_name("elsewhere")),
    "another folder comes": lambda folder: (
        folder.rename(folder.with_name("elsewhere")),
        folder.mkdir(),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_happens_in_a_folder_is_noticed(tmp_path: Path, change: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_text("a")
    (tmp_path / "other").write_text("a")
    seen = long_ago(folder)
    CHANGES[change](folder)
    assert inside_still(folder, seen) is None


def test_a_folder_that_comes_is_noticed(tmp_path: Path) -> None:
    seen = seen_of(tmp_path / "folder")
    (tmp_path / "folder").mkdir()
    assert inside_still(tmp_path / "folder", seen) is None


def test_a_folder_that_had_just_changed_may_have_changed_again(tmp_path: Path) -> None:
    seen = seen_of(tmp_path)
    assert seen.itself is not None
    assert inside_still(tmp_path, seen._replace(at_ns=max(seen.itself[:2]))) is None
