"""Failures on command: what goes wrong with which of the next requests.

Takes orders (POST /double/failures); gives, for a request, the failure that strikes it. The server
carries it out (server.py).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

#: Kind → what happens to the connection.
KINDS = {
    "status": "an answer with `status`, `headers` and `body`; `retry_after` for 429 and 503",
    "html": "an answer of status 200 (or `status`) that is a page, as a proxy's login",
    "hang": "nothing, until POST /double/release; then the connection closes",
    "reset": "the connection is reset",
    "slow": "the true answer after `seconds`",
    "drip": "the true answer, a byte each `seconds`: no single read takes long",
    "truncated": "the true answer cut in the middle, and the connection closes",
}


@dataclass(slots=True)
class Failure:
    """One order. `method` "" and `path` "" strike any; `path` is a regular expression, searched.

    `skip` requests pass first, then `times` are struck, all where it is None. With `stored` the
    request is carried out before it fails: the double has it, and the client does not know.
    """

    kind: str
    method: str = ""
    path: str = ""
    times: int | None = 1
    skip: int = 0
    stored: bool = False
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    retry_after: int | str | None = None
    seconds: float = 0.0

    def matches(self, method: str, path: str) -> bool:
        return self.method in {"", method} and re.search(self.path, path) is not None


class Failures:
    """The orders that are open, and the requests that hang."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[Failure] = []
        self.released = threading.Event()

    def add(self, given: Mapping[str, Any]) -> None:
        """Take an order. Raises: ValueError where it is none."""
        known = {one.name for one in fields(Failure)}
        if given.get("kind") not in KINDS or not set(given) <= known:
            raise ValueError(f"a failure has a kind of {sorted(KINDS)}, and of {sorted(known)}")
        failure = Failure(**given)
        re.compile(failure.path)
        with self._lock:
            self._open.append(failure)

    def strike(self, method: str, path: str) -> Failure | None:
        """Return the failure that strikes this request, the oldest order first."""
        with self._lock:
            for failure in self._open:
                if not failure.matches(method, path):
                    continue
                if failure.skip > 0:
                    failure.skip -= 1
                    continue
                if failure.times is not None:
                    failure.times -= 1
                    if failure.times <= 0:
                        self._open.remove(failure)
                return failure
        return None

    def release(self) -> None:
        """Let go of the requests that hang or wait now."""
        with self._lock:
            released, self.released = self.released, threading.Event()
        released.set()

    def clear(self) -> None:
        """Take all orders back, and let go."""
        with self._lock:
            self._open.clear()
        self.release()
