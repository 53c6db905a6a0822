"""`run` over large files with several processes: the same output, and Ctrl-C ends all of them."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.run_world import EVENT, OTHER, write_world

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

#: Below that one process reads.
LARGE = 33 * 1024 * 1024
HITS = 300


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_world(tmp_path)
    hit = json.dumps(EVENT) + "\n"
    # At the limit of an event, so that there are few of them to read.
    padding = "x" * 1_000_000
    other = json.dumps({**OTHER, "message": padding}) + "\n"
    with (tmp_path / "events.ndjson").open("w") as file:
        file.write(hit * HITS)
        for _ in range(LARGE // len(other) + 1):
            file.write(other)
        file.write("no event\n" + hit)
    return tmp_path


def command(*more: str) -> list[str]:
    events = ("--events", "events.ndjson")
    return [sys.executable, "-m", "sigma2hive", "run", "--once", *events, *more]


def test_the_output_is_that_of_one_process(folder: Path) -> None:
    one, several = (
        subprocess.run(
            command("--sink", "jsonl:-", "--processes", processes),
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        for processes in ("1", "3")
    )
    assert len(one.stdout.splitlines()) == HITS + 1
    assert f"events.ndjson:{HITS + LARGE // 1_000_000 + 2}:1: error S2H501" in one.stderr
    assert (several.stdout, several.stderr) == (one.stdout, one.stderr)


def test_ctrl_c_leaves_no_process_and_nothing_half_written(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    running = subprocess.Popen(
        command("--sink", "jsonl:alerts.jsonl", "--sink", "jsonl:pipe", "--processes", "3"),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    # More alerts come than a pipe holds: once some are there, the program waits in the midst.
    pipe = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert select.select([pipe], [], [], 60)[0]
        assert os.read(pipe, 1)
        # As a terminal does: to all processes that belong to it.
        os.killpg(running.pid, signal.SIGINT)
        out, errors = running.communicate(timeout=60)
    finally:
        os.close(pipe)
    assert (running.returncode, out, errors) == (130, "", "interrupted\n")
    assert not (folder / "alerts.jsonl").exists()
    with pytest.raises(ProcessLookupError):
        os.killpg(running.pid, 0)
