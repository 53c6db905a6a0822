"""Rules that are in the repository still, and cannot be used: told from those that were taken out.

Takes the places of what was left out, and what is known of rules; gives why a rule does not run.
Reads the files that were left out, or a part of them, for ids alone: what is wrong with them is
told elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import UUID

from sigma2hive.diagnostics import Location
from sigma2hive.model.service import RuleRecord
from sigma2hive.records import dataclass
from sigma2hive.runner.service.rules import REMOVED
from sigma2hive.workflows.store.contents import content_of

#: An id where a rule has its own, as it can be read whatever else is wrong with the file.
_ID = re.compile(r"""^id[ \t]*:[ \t]*["']?([^\s"'#]+)""", re.MULTILINE)
#: Files that are named, of those in which a rule may be.
_NAMED = 3
_WHY = "cannot be used whole; sigma2hive compile --check says why"
_NEXT_DOCUMENT = re.compile(r"^---", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Unusable:
    """What was left out: `ids` → the file where such a rule is, and `nameless` files or folders.

    In these there may be any rule that was there before: they cannot be read, or have a document
    of which the id cannot be read.
    """

    ids: dict[str, str]
    nameless: frozenset[str]

    @classmethod
    def of(cls, left_out: Iterable[Location], root: Path) -> Unusable:
        """Return what is known of what was left out; places are relative to `root`."""
        ids: dict[str, str] = {}
        nameless: set[str] = set()
        for place in left_out:
            text = _text(root / place.path)
            if text is None:
                nameless.add(place.path)
                continue
            ids.update(dict.fromkeys(_ids(text), place.path))
            if not any(_ids(_document(text, place.line))):
                nameless.add(place.path)
        return cls(ids, frozenset(nameless))

    def why(self, record: RuleRecord) -> str:
        """Return why a rule that is known from before does not run, "" where it is not there."""
        path = self.ids.get(record.rule_id.lower(), "")
        if not path and record.path:
            places = (record.path, *map(Path.as_posix, Path(record.path).parents))
            path = next((place for place in places if place in self.nameless), "")
        if path:
            return f"{path} {_WHY}"
        # An older version kept no file: the rule may be in any of which ids cannot be read.
        if record.path or record.disabled == REMOVED or not self.nameless:
            return ""
        return f"it may be in {', '.join(sorted(self.nameless)[:_NAMED])}, which {_WHY}"


def _text(path: Path) -> str | None:
    # It was left out: it may be a link to anything, a pipe, or larger than memory.
    if path.is_symlink():
        return None
    try:
        return content_of(path).decode("utf-8", "replace")
    except OSError:
        return None


def _document(text: str, line: int) -> str:
    """Return the document in which a line is, all of them for no line."""
    if not line:
        return text
    lines = text.splitlines(keepends=True)
    before = len("".join(lines[: line - 1]))
    starts = [0, *(found.start() for found in _NEXT_DOCUMENT.finditer(text)), len(text)]
    start = max(at for at in starts if at <= before)
    end = min((at for at in starts if at > before), default=len(text))
    return text[start:end]


def _ids(text: str) -> Iterator[str]:
    for found in _ID.findall(text):
        try:
            yield str(UUID(found))
        except ValueError:
            continue
