"""What the operating system or TLS itself said, beneath what requests wraps around it."""

from __future__ import annotations

import re
import ssl

import requests

from sigma2hive.clients.words import cut


def cause_of(error: BaseException) -> str:
    """Return the words of the operating system's or TLS's own error, deepest first."""
    found = ""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, OSError) and not isinstance(one, requests.RequestException):
            is_tls = isinstance(one, ssl.SSLError)
            found = str(one) if is_tls or not one.strerror else one.strerror
        parts = [part for part in one.args if isinstance(part, BaseException)]
        reason = getattr(one, "reason", None)
        waiting += [*parts, reason if isinstance(reason, BaseException) else None]
        waiting += [one.__cause__, one.__context__]
    return cut(re.sub(r"\s*\(_ssl\.c:\d+\)", "", found)) or type(error).__name__
