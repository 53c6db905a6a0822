"""What is done meanwhile in another process: its files are there when it is waited for."""

import os
import signal
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
