"""Starts the double: says where it listens on one line, and ends on SIGTERM."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from tests.doubles.thehive.application import Application
from tests.doubles.thehive.description import FILE, load_description
from tests.doubles.thehive.server import Server


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(prog="python -m tests.doubles.thehive", description=__doc__)
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one")
    parser.add_argument("--token", default="key-sigma2hive", help="API key of sigma2hive's user")
    parser.add_argument("--state", type=Path, help="file that keeps the state over restarts")
    parser.add_argument("--description", type=Path, default=FILE, help="TheHive's OpenAPI file")
    parser.add_argument("--with-stdin", action="store_true", help="end when standard input ends")
    given = parser.parse_args()
    description = load_description(given.description)
    server = Server(given.port, Application(description, given.token, given.state))
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    if given.with_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    if not description.is_complete:
        print(f"no description at {given.description}: few checks", file=sys.stderr, flush=True)
    print(f"ready {server.url}", flush=True)
    try:
        server.serve_forever(poll_interval=0.05)
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


def _end_with_stdin() -> None:
    """End with whoever started this, however that ends."""
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
