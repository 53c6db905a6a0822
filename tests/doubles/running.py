"""Starts the double of TheHive as its own process, and talks to its control interface.

Takes nothing but a free port; gives `TheHive`, which knows its address and its users' keys. The
process ends with the test run, however that ends.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from thehive4py import TheHiveApi

ROOT = Path(__file__).resolve().parents[2]

#: Seconds for one request to the double: it is on this machine.
PATIENCE = 30


@dataclass(frozen=True, slots=True)
class TheHive:
    """A TheHive for tests: the double, or a real one, which obeys no orders and shows nothing."""

    url: str
    key: str = "key-sigma2hive"
    is_real: bool = False

    def api(self, key: str = "", organisation: str | None = None) -> TheHiveApi:
        """Return thehive4py's own client, without its retries; `key` is that of another user."""
        return TheHiveApi(
            self.url, apikey=key or self.key, organisation=organisation, max_retries=0
        )

    def skip_if_real(self, what: str) -> None:
        """Skip the test where a real TheHive cannot be brought to `what`."""
        if self.is_real:
            pytest.skip(f"a real TheHive cannot be told to {what} (SIGMA2HIVE_TEST_THEHIVE_URL)")

    def fail(self, kind: str, **order: Any) -> None:
        """Order a failure of the next requests; tests/doubles/thehive/failures.py has the words."""
        self.skip_if_real("fail")
        self.control("POST", "failures", {"kind": kind, **order})

    def release(self) -> None:
        """Let go of what hangs."""
        self.control("POST", "release")

    def set_up(self, **what: Any) -> None:
        """Change limits, behaviour or catalogues (tests/doubles/thehive/control.py)."""
        self.skip_if_real("be set up otherwise")
        self.control("POST", "set-up", what)

    def journal(self, method: str = "", path: str = "") -> list[dict[str, Any]]:
        """Return what was asked of it, of one method and with `path` in its path."""
        self.skip_if_real("show what it was asked")
        entries = self.control("GET", "journal")
        return [e for e in entries if method in {"", e["method"]} and path in e["path"]]

    def alerts(self) -> list[dict[str, Any]]:
        """Return all alerts that it holds, with what belongs to them."""
        self.skip_if_real("show what it holds")
        return list(self.control("GET", "state")["alerts"])

    def bugs(self) -> list[str]:
        """Return what the double itself did wrong."""
        return [] if self.is_real else list(self.control("GET", "bugs"))

    def control(self, method: str, name: str, body: object = None) -> Any:
        """Ask the control interface; a wrong order is a mistake of the test."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/double/{name}", data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{method} {name}: {error.read().decode()}") from None


@dataclass(frozen=True, slots=True)
class Running:
    """A double that runs: `kill` ends it as a crash does."""

    thehive: TheHive
    process: subprocess.Popen[str]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)


@contextlib.contextmanager
def running_thehive(*options: str) -> Iterator[Running]:
    """Start a double on a free port, or on that of `--port`; end it afterwards."""
    command = [sys.executable, "-W", "error", "-m", "tests.doubles.thehive", "--with-stdin"]
    ports = () if "--port" in options else ("--port", "0")
    process = subprocess.Popen(
        [*command, *ports, *options],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            word, _, url = process.stdout.readline().strip().partition(" ")
            assert word == "ready", "the double of TheHive did not start; see its standard error"
            yield Running(TheHive(url), process)
        finally:
            process.terminate()
            process.wait(PATIENCE)
