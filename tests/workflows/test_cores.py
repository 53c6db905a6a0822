"""What is done meanwhile in another process: its files, or its result, are there when asked for."""

import os
import select
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from sigma2hive.workflows import cores


@pytest.mark.parametrize("is_shared", [False, True])
def test_what_is_done_meanwhile_is_done_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_shared: bool
) -> None:
    monkeypatch.setattr(cores, "can_be_shared", lambda: is_shared)
    done = tmp_path / "done"
    with cores.meanwhile() as later:
        later(lambda: done.write_text(str(os.getpid())))
    assert (done.read_text() != str(os.getpid())) == is_shared


def test_what_fails_meanwhile_is_nobody_s_concern_and_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "can_be_shared", lambda: True)

    def fail() -> None:
        (tmp_path / "pid").write_text(str(os.getpid()))
        raise OSError("the disk is full")

    with pytest.raises(ValueError, match="of the command"), cores.meanwhile() as later:
        later(fail)
        raise ValueError("of the command")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_where_the_system_takes_ended_processes_away_it_is_waited_for_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "can_be_shared", lambda: True)
    done = tmp_path / "done"
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # as a supervisor may hand it on
    try:
        with cores.meanwhile() as later:
            later(lambda: done.write_text("all of it"))
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert done.read_text() == "all of it"


@pytest.mark.parametrize("is_shared", [False, True])
def test_what_was_begun_gives_its_result(monkeypatch: pytest.MonkeyPatch, is_shared: bool) -> None:
    monkeypatch.setattr(cores, "can_be_shared", lambda: is_shared)
    with cores.begun(os.getpid) as result:
        pid = result()
    assert (pid != os.getpid()) == is_shared
    with pytest.raises((ProcessLookupError, ChildProcessError)):
        os.waitpid(pid, os.WNOHANG)


@pytest.mark.parametrize("how", ["fails", "is killed", "cannot be forked", "has no pipe"])
def test_where_another_process_gives_nothing_it_is_done_here(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    here = os.getpid()
    monkeypatch.setattr(cores, "can_be_shared", lambda: True)

    def refuse(*_: object) -> int:
        raise OSError("no more of them")

    if how == "cannot be forked":
        monkeypatch.setattr(cores, "fork_off", refuse)
    if how == "has no pipe":
        monkeypatch.setattr("os.pipe", refuse)

    def do() -> str:
        if os.getpid() != here and how == "is killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if os.getpid() != here:
            raise ValueError("not here")
        return "all of it"

    with cores.begun(do) as result:
        assert result() == "all of it"


def test_what_nobody_asks_for_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "can_be_shared", lambda: True)
    begun: list[int] = []
    fork_off = cores.fork_off

    def noted(do: Callable[[], object]) -> int:
        begun.append(fork_off(do))
        return begun[-1]

    monkeypatch.setattr(cores, "fork_off", noted)
    os.mkfifo(fifo := tmp_path / "never")
    with pytest.raises(ValueError, match="of the command"), cores.begun(fifo.read_bytes):
        raise ValueError("of the command")
    with pytest.raises(ProcessLookupError):
        os.kill(begun[0], 0)


def test_a_process_whose_parent_was_killed_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "can_be_shared", lambda: True)
    open_while_any_runs, inherited = os.pipe()
    pid = os.fork()
    if not pid:
        with cores.begun(lambda: bytes(10_000_000)):  # more than fits into a pipe
            os.kill(os.getpid(), signal.SIGKILL)
    os.close(inherited)
    os.waitpid(pid, 0)
    with os.fdopen(open_while_any_runs, "rb") as stream:
        assert select.select([stream], [], [], 30)[0]
        assert stream.read() == b""


def test_a_failure_is_told_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "can_be_shared", lambda: True)

    def fail() -> None:
        raise PermissionError(13, "Permission denied", "/rules")

    with cores.begun(fail) as result, pytest.raises(PermissionError):
        result()
