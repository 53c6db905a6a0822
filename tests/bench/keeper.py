"""Runs a server for the process that started this, and ends it with that process, however it ends.

    python keeper.py FOLDER OWNER COMMAND…

Takes the folder that the server lives in, who is to run it (uid:gid, or - for oneself), and its
command. Stops the server and removes the folder as soon as standard input is at its end: when the
test run closes it, or is gone, killed without a chance to tidy up. A byte KILL or STOP before that
kills or stops the server, and leaves the folder to another start.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys

#: Seconds that the server gets to end by itself.
PATIENCE = 20

KILL, STOP = b"k", b"s"


def main(folder: str, owner: str, *command: str) -> None:
    """Run the command until standard input ends."""
    user, _, group = owner.partition(":")
    itself = owner == "-"
    order = b""
    try:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
            user=None if itself else int(user),
            group=None if itself else int(group),
            extra_groups=None if itself else [],
        )
        # Only the server holds the output now, so that its end is seen by who reads it.
        os.close(1)
        os.close(2)
        order = sys.stdin.buffer.read(1)
        if order == KILL:
            os.killpg(server.pid, signal.SIGKILL)
        end(server)
    finally:
        if not order:
            shutil.rmtree(folder, ignore_errors=True)


def end(server: subprocess.Popen[bytes]) -> None:
    """End the server and what it started, by the number of its own process group."""
    server.terminate()
    try:
        server.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
