"""Files of pieces: what is new is written beside, and read as if all had been written."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from sigma2hive.workflows.store.packs import Folder

NAME = "name.made"
BESIDE = f"{NAME}-new"
MANY = [bytes([number]) * 100 for number in range(100)]
Pieces = Sequence[bytes | memoryview]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Folder(tmp_path / "kept").write(NAME, MANY)
    return tmp_path / "kept"


def read(path: Path) -> list[bytes]:
    return list(map(bytes, Folder(path).read(NAME)))


def write_changed(path: Path, piece: bytes, place: int) -> Pieces:
    """Write what is there with another piece, as a start does; return all of it."""
    folder = Folder(path)
    pieces: list[bytes | memoryview] = list(folder.read(NAME))
    pieces[place] = piece
    folder.write(NAME, pieces)
    return pieces


def test_few_new_pieces_are_written_beside(path: Path) -> None:
    before = (path / NAME).stat()
    write_changed(path, b"new", 7)
    write_changed(path, b"newer", 9)
    assert read(path) == [*MANY[:7], b"new", MANY[8], b"newer", *MANY[10:]]
    assert (path / NAME).stat().st_ino == before.st_ino
    assert (path / BESIDE).stat().st_size < 2_000


def test_many_new_pieces_are_written_with_all(path: Path) -> None:
    write_changed(path, b"new", 7)
    folder = Folder(path)
    pieces = [*folder.read(NAME)[:50], *(b"new" * 50 for _ in range(50))]
    folder.write(NAME, pieces)
    assert read(path) == list(map(bytes, pieces))
    assert not (path / BESIDE).exists()


def test_any_edits_are_read_as_they_were_written(path: Path) -> None:
    chance = random.Random(1)
    for _ in range(60):
        folder = Folder(path)
        pieces: list[bytes | memoryview] = list(folder.read(NAME))
        for _ in range(chance.randrange(4)):
            place = chance.randrange(len(pieces))
            change = chance.choice(["new", "gone", "more", "moved"])
            if change == "gone":
                del pieces[place]
            elif change == "moved":
                pieces.insert(0, pieces.pop(place))
            else:
                content = chance.randbytes(chance.randrange(200))
                pieces[place : place + (change == "new")] = [content]
        folder.write(NAME, pieces)
        assert read(path) == list(map(bytes, pieces))


def test_a_file_beside_another_one_counts_as_none(path: Path) -> None:
    write_changed(path, b"new", 7)
    beside = (path / BESIDE).read_bytes()
    # Two processes at once: one writes all anew, the other what it has beside the old one.
    Folder(path).write(NAME, [b"another", *MANY])
    (path / BESIDE).write_bytes(beside)
    assert read(path) == [b"another", *MANY]
    (path / NAME).unlink()
    assert read(path) == []


@pytest.mark.parametrize("damage", ["cut", "changed", "longer", "empty"])
def test_a_damaged_file_beside_is_left_out(path: Path, damage: str) -> None:
    write_changed(path, b"new", 7)
    content = (path / BESIDE).read_bytes()
    damaged = {
        "cut": content[:-1],
        "changed": content[:-1] + b"W",
        "longer": content + b"x",
        "empty": b"",
    }
    (path / BESIDE).write_bytes(damaged[damage])
    assert read(path) == MANY


def test_what_was_read_stays_while_another_process_writes(path: Path) -> None:
    folder = Folder(path)
    pieces: list[bytes | memoryview] = list(folder.read(NAME))
    Folder(path).write(NAME, [b"another", *MANY])
    pieces[0] = b"new"
    folder.write(NAME, pieces)  # beside a file that is not there any more
    assert read(path) == [b"another", *MANY]
