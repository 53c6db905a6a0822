"""Files are known by their looks only where a change could not hide."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from sigma2hive.workflows.looks import Look
from sigma2hive.workflows.store import known_keys
from sigma2hive.workflows.store.contents import key_of_file
from sigma2hive.workflows.store.known_keys import KnownKeys

Known = Mapping[str, tuple[Look, bytes]]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    found = [tmp_path / f"{number}.yml" for number in range(40)]
    for file in found:
        file.write_text(f"title: {file.stem}\n")
    return found


def later(monkeypatch: pytest.MonkeyPatch, nanoseconds: int) -> None:
    """Let the clock be so much further when files are looked at."""
    clock = time.time_ns
    monkeypatch.setattr("time.time_ns", lambda: clock() + nanoseconds)


def kept_of(files: list[Path], known: Known | None = None) -> Known | None:
    """Return what is to be kept of files, each with the key of what is in it."""
    keys = KnownKeys(known or {})
    for file in files:
        assert keys.key(file) == key_of_file(file, file.read_bytes())
    return keys.to_keep()


def read_files(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return a list of the files that are read from now on."""
    read: list[Path] = []
    content_of = known_keys.content_of

    def noted(file: Path) -> bytes:
        read.append(file)
        return content_of(file)

    monkeypatch.setattr(known_keys, "content_of", noted)
    return read


def test_a_file_that_looks_the_same_is_not_read(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch, 10_000_000_000)
    known = kept_of(files)
    assert known is not None
    read = read_files(monkeypatch)
    assert kept_of(files, known) is None
    assert read == []


def test_a_change_that_keeps_size_and_date_is_seen(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch, 10_000_000_000)
    known = kept_of(files)
    before = files[3].stat()
    files[3].write_text("title: x\n")
    os.utime(files[3], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (files[3].stat().st_size, files[3].stat().st_mtime_ns) == (
        before.st_size,
        before.st_mtime_ns,
    )
    files[4].replace(files[5])  # one that is older takes its place
    files[4].symlink_to(files[6])
    read = read_files(monkeypatch)
    kept_of(files, known)
    assert set(read) == {files[3], files[4], files[5]}


def test_what_changed_just_now_is_read_again(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = max(file.stat().st_ctime_ns for file in files)
    monkeypatch.setattr("time.time_ns", lambda: newest + 1)
    assert kept_of(files) is None


def test_whole_seconds_are_a_longer_tick(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    second = 1_000_000_000
    looks = [(5 * second, 5 * second, 9, 1), (5 * second, 5 * second + 1, 9, 1)]
    assert [known_keys.is_settled(look, 6 * second) for look in looks] == [False, True]
    assert known_keys.is_settled(looks[0], 8 * second)


def test_files_that_are_gone_are_forgotten(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch, 10_000_000_000)
    known = kept_of(files)
    for file in files[1:]:
        file.write_text("title: new\n")
    assert files[0].unlink() is None
    again = kept_of(files[1:], known)
    assert again is not None and set(again) == {str(file) for file in files[1:]}


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yml")
    with pytest.raises(OSError, match="no file"):
        KnownKeys({}).key(tmp_path / "pipe.yml")
