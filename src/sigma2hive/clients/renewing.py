"""A client whose credentials may be replaced while it is used.

Takes what opens a client and what watches its secrets; gives the client, opened again where its
secrets have changed. May be used from several threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from sigma2hive.diagnostics import ConfigurationError
from sigma2hive.settings import SecretWatch


class _Closable(Protocol):
    def close(self) -> None:
        """Close all connections."""


T = TypeVar("T", bound=_Closable)


class Renewing(Generic[T]):
    """Holds one client.

    `trouble` says why new credentials could not be taken, "" where they could: the client goes on
    with those that it has.
    """

    def __init__(
        self,
        secrets: Sequence[str],
        open_client: Callable[[], T],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Open the client.

        Raises:
            ConfigurationError: it cannot be opened.
        """
        # Before they are read, so that no change is missed.
        self._watch = SecretWatch(secrets, environment)
        self._open = open_client
        self._lock = threading.Lock()
        self._client = open_client()
        self.trouble = ""

    def current(self) -> T:
        """Return the client to use now."""
        with self._lock:
            if self._watch.has_new_file() and self._watch.has_new_text():
                self._reopen()
            return self._client

    def renewed(self, refused: T) -> T | None:
        """Return the client to try in place of one whose credentials were refused; None without."""
        with self._lock:
            if self._client is refused and self._watch.has_new_text():
                self._reopen()
            return None if self._client is refused else self._client

    def close(self) -> None:
        """Close the client."""
        with self._lock:
            self._client.close()

    def _reopen(self) -> None:
        try:
            opened = self._open()
        except ConfigurationError as error:
            self.trouble = str(error)
            return
        # What is under way on the old one ends as it would.
        self._client.close()
        self._client, self.trouble = opened, ""
