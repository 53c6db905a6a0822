"""The lines of the files that findings point into.

Takes places; gives lines. Only regular files of text within the limit are read, each once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path

from sigma2hive.diagnostics import Location
from sigma2hive.records import dataclass
from sigma2hive.yamlmarks import MAX_FILE_BYTES

_YAML_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """The lines of the files that findings point into, each file read once."""

    root: Path
    _read: dict[str, Sequence[str]] = field(default_factory=dict)

    def lines(self, location: Location) -> Sequence[str]:
        """Return the lines of the file; none where it is no text, too large or gone."""
        if not location.line:
            return ()
        if location.path not in self._read:
            self._read[location.path] = self._load(location.path)
        return self._read[location.path]

    def _leads_out(self, path: str) -> bool:
        """Whether a path inside of the folder is, by links, a file outside of it.

        A pull request may bring a link; what it leads to must not be printed where CI checks it.
        """
        if path.startswith(("/", "../")):  # a person named it
            return False
        return not os.path.realpath(self.root / path).startswith(
            os.path.join(os.path.realpath(self.root), "")  # noqa: PTH118
        )

    def _load(self, path: str) -> Sequence[str]:
        file = self.root / path
        try:
            # Regular files only: a pipe would block, and an event file may be of any size.
            if not file.is_file() or file.stat().st_size > MAX_FILE_BYTES or self._leads_out(path):
                return ()
            content = file.read_bytes()
        except (OSError, ValueError):
            return ()
        if b"\0" in content:
            return ()
        text = content.decode("utf-8-sig", errors="replace")
        # YAML counts lines by more breaks than files of events do.
        if file.suffix in {".yml", ".yaml"}:
            return _YAML_BREAK.split(text)
        return text.split("\n")
