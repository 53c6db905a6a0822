"""Rule files as an earlier start read them, each by its path and content.

Takes the pieces of a file of the store; gives what `load_repository` asks of each rule file. Of a
rule only its head is made at once: who it is and where it looks. The rest waits until somebody asks
for the whole. A file that is new, or asked for placeholders that have other values now, is read in
earnest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from sigma2hive.diagnostics import Diagnostic, Diagnostics, Location
from sigma2hive.model.conditions import Condition
from sigma2hive.model.rules import (
    CorrelationRule,
    DetectionRepository,
    DetectionRule,
    FilterRule,
    RefusedCorrelation,
    RuleInfo,
    Unread,
)
from sigma2hive.repository import RuleFile, parse_rule_file, shown_path
from sigma2hive.workflows.looks import Look
from sigma2hive.workflows.store.contents import digest_of, key_of_file
from sigma2hive.workflows.store.known_keys import Seen, looked_at
from sigma2hive.workflows.store.pickles import dumped, loaded
from sigma2hive.yamlmarks import Document, read_content

Entry = DetectionRule | CorrelationRule | FilterRule | RefusedCorrelation | Location
Piece = bytes | memoryview

#: The placeholders that a file asked for: their values, and all names where it asked for these.
_Asked = tuple[tuple[tuple[str, tuple[str, ...] | None], ...], tuple[str, ...] | None]
#: What is kept of a file: what it asked for, its entries with rules as heads, its findings, and
#: which piece the first of its rules is.
_Kept = tuple[_Asked, tuple[Entry, ...], tuple[Diagnostic, ...], int]
_NOTHING_ASKED: _Asked = ((), None)
_UNREAD = cast(Condition, Unread())


class ReadFiles:
    """The rule files of one start; `keys` are those of the files so far, in their order."""

    def __init__(
        self,
        pieces: Sequence[Piece],
        root: Path,
        placeholders: Mapping[str, tuple[str, ...]],
        known: Mapping[Path, bytes] | None = None,
        show: Callable[[Document], object] | None = None,
    ) -> None:
        """Start with the pieces of earlier; `known` are keys of files that were looked into.

        Each document that is read in earnest is shown to `show`.
        """
        self._root, self._placeholders, self._show = root, placeholders, show
        self._known = dict(known or {})
        self._kept: dict[bytes, _Kept] = loaded(pieces[0]) if pieces else {}
        self._bodies = list(pieces[1:])
        self._files: dict[bytes, tuple[_Asked, RuleFile]] = {}
        self._keys: dict[int, bytes] = {}
        self._whole: dict[bytes, Piece | DetectionRule] = {}
        self.keys: list[bytes | None] = []
        #: The keys of files that were not known by one, and how these looked before.
        self.seen: dict[Path, Seen] = {}
        self.is_changed = False

    def read(self, file: Path) -> RuleFile:
        """Return what a file gives, with the heads of its rules."""
        known = self._known.get(file)
        if known is not None and (found := self._as_kept(known)) is not None:
            self.keys.append(known)
            return found
        shown = shown_path(file, self._root)
        look = _certain_look(file) if known is None else None
        content = read_content(file, shown, problems := Diagnostics(), if_larger=_HINT)
        if content is None:
            self.keys.append(None)
            return RuleFile(tuple(error.location for error in problems.errors), tuple(problems))
        key = key_of_file(file, content)
        if known is None:
            self.seen[file] = look, key
        self.keys.append(key)
        found = self._as_kept(key)
        if found is None:
            self.is_changed = True
            found = self._read_in_earnest(key, shown, content)
        return found

    def unknown(self, files: Iterable[Path]) -> list[Path]:
        """Return the files that nothing is kept of."""
        return [file for file in files if self._known.get(file) not in self._kept]

    def add(self, pieces: Sequence[Piece], seen: Mapping[Path, Seen]) -> None:
        """Take over what another process read: its `pieces()`, and the files that it has `seen`."""
        self.seen.update(seen)
        self._known.update({file: key for file, (_, key) in seen.items()})
        kept: Mapping[bytes, _Kept] = loaded(pieces[0])
        start = len(self._bodies)
        for key, (asked, heads, findings, first) in kept.items():
            self._kept[key] = (asked, heads, findings, start + first)
        self._bodies.extend(pieces[1:])
        self.is_changed = True

    def key_of(self, entry: DetectionRule | FilterRule) -> bytes:
        """Return what stands for an entry that was read, and for all that it says."""
        return self._keys[id(entry)]

    def whole(self, head: DetectionRule) -> DetectionRule:
        """Return the rule of a head."""
        body = self._whole[self.key_of(head)]
        if isinstance(body, DetectionRule):
            return body
        rule: DetectionRule = loaded(body)
        return rule

    def with_whole_rules(self, repository: DetectionRepository) -> DetectionRepository:
        """Return the repository with whole rules instead of their heads."""
        return replace(repository, rules=tuple(map(self.whole, repository.rules)))

    def pieces(self) -> list[Piece]:
        """Return what the next start needs to know of the files that were read."""
        bodies: list[Piece] = []
        kept: dict[bytes, _Kept] = {}
        for key, (asked, file) in self._files.items():
            kept[key] = (asked, file.entries, file.findings, len(bodies))
            for entry in file.entries:
                if isinstance(entry, DetectionRule):
                    body = self._whole[self.key_of(entry)]
                    bodies.append(dumped(body) if isinstance(body, DetectionRule) else body)
        return [dumped(kept), *bodies]

    def _as_kept(self, key: bytes) -> RuleFile | None:
        kept = self._kept.get(key)
        if kept is None or not self._is_as_asked(kept[0]):
            return None
        asked, heads, findings, first = kept
        bodies = iter(self._bodies[first : first + len(heads)])
        return self._take_in(key, asked, RuleFile(heads, findings), bodies)

    def _read_in_earnest(self, key: bytes, shown: str, content: bytes) -> RuleFile:
        watched = _Watched(self._placeholders)
        file = parse_rule_file(shown, content, watched, self._show)
        rules = [entry for entry in file.entries if isinstance(entry, DetectionRule)]
        heads = tuple(
            _head_of(entry) if isinstance(entry, DetectionRule) else entry for entry in file.entries
        )
        return self._take_in(key, watched.asked, RuleFile(heads, file.findings), iter(rules))

    def _take_in(
        self,
        key: bytes,
        asked: _Asked,
        file: RuleFile,
        bodies: Iterator[Piece] | Iterator[DetectionRule],
    ) -> RuleFile:
        said = (
            key
            if asked == _NOTHING_ASKED
            else digest_of((key, repr(asked).encode("utf-8", "surrogatepass")))
        )
        self._files[key] = (asked, file)
        for number, entry in enumerate(file.entries):
            self._keys[id(entry)] = own = said + number.to_bytes(4, "big")
            if isinstance(entry, DetectionRule):
                self._whole[own] = next(bodies)
        return file

    def _is_as_asked(self, asked: _Asked) -> bool:
        values, names = asked
        return (names is None or names == tuple(self._placeholders)) and all(
            self._placeholders.get(name) == found for name, found in values
        )


def _certain_look(file: Path) -> Look | None:
    """Return how a file looks; None where it might look the same if it changed, or is not there."""
    try:
        look, is_certain = looked_at(file)
    except OSError:
        return None
    return look if is_certain else None


#: Of a file that is too large.
_HINT = "split it: one rule a file is the custom"


class _Watched(Mapping[str, tuple[str, ...]]):
    """Placeholders that remember what they were asked for."""

    def __init__(self, values: Mapping[str, tuple[str, ...]]) -> None:
        self._values = values
        self._asked: dict[str, tuple[str, ...] | None] = {}
        self._names: tuple[str, ...] | None = None

    @property
    def asked(self) -> _Asked:
        return tuple(self._asked.items()), self._names

    def __getitem__(self, name: str) -> tuple[str, ...]:
        self._asked[name] = self._values.get(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        self._names = tuple(self._values)
        return iter(self._values)

    def __len__(self) -> int:
        self._names = tuple(self._values)
        return len(self._values)


def _head_of(rule: DetectionRule) -> DetectionRule:
    """Return what there is to say of a rule before its condition matters."""
    info = rule.info
    head = RuleInfo(
        id=info.id,
        title=info.title,
        location=info.location,
        name=info.name,
        custom=info.custom,
        custom_places=info.custom_places,
    )
    return DetectionRule(head, rule.logsource, _UNREAD, rule.logsource_place)
