"""Secrets that change while a program runs: a mounted file is replaced, and nobody restarts us.

Takes names of secrets; tells when a file holds something else. Never gives a secret away.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sigma2hive.diagnostics import ConfigurationError
from sigma2hive.settings.secrets import Secret, secret_from_environment

#: What changes when a file is written or replaced; None where there is none.
_Mark = tuple[int, int, int] | None


class SecretWatch:
    """Watches the files of some secrets; those in variables cannot change."""

    def __init__(self, names: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._names = tuple(names)
        self._marks = self._look()
        self._secrets = self._read()

    def has_new_file(self) -> bool:
        """Return whether a file was written or replaced since it was last asked so.

        Only looks at the files' marks, so it may be asked before every request.
        """
        marks = self._look()
        has_changed, self._marks = marks != self._marks, marks
        return has_changed

    def has_new_text(self) -> bool:
        """Read the secrets, and return whether one is another than when they were last read.

        One that cannot be read now has not changed.
        """
        before = self._secrets
        self._secrets = [new or old for new, old in zip(self._read(), before, strict=True)]
        return any(
            new is not None and (old is None or new.reveal() != old.reveal())
            for new, old in zip(self._secrets, before, strict=True)
        )

    def _look(self) -> list[_Mark]:
        return [_mark_of(self._environment.get(f"{name}_FILE", "")) for name in self._names]

    def _read(self) -> list[Secret | None]:
        return [self._secret_of(name) for name in self._names]

    def _secret_of(self, name: str) -> Secret | None:
        try:
            return secret_from_environment(name, self._environment)
        except ConfigurationError:
            return None


def _mark_of(file: str) -> _Mark:
    if not file:
        return None
    try:
        status = Path(file).stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
