"""What was made of a repository, kept for the next start in layers, by the content of its sources.

Takes settings and what is wanted; gives what an earlier start made of exactly the same: every
rule, mapping and profile byte for byte, this version of sigma2hive, its libraries and this Python.
Where something differs, what an earlier start read of each rule file that is the same, and compiled
of each rule with the same filters and profile, so that only the rest is made.

Two files of a folder hold it, `.read` what was read, for every profile, and `.made` all for one.
They lie in the user's own cache folder, never in a repository: what comes out of Git must not
be able to bring one along. Only classes of our own data model are made of what is in them, and a
file that is damaged, or is not ours alone to write, counts as none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sigma2hive.engine import Program
from sigma2hive.records import dataclass
from sigma2hive.repository import RuleFiles, rule_files
from sigma2hive.settings import Settings
from sigma2hive.workflows.made import Made, Wanted
from sigma2hive.workflows.store.contents import digest_of
from sigma2hive.workflows.store.keys import (
    Keys,
    keys_of,
    keys_of_files,
    reading_of,
)
from sigma2hive.workflows.store.known_keys import KnownKeys, Seen
from sigma2hive.workflows.store.packs import Folder
from sigma2hive.workflows.store.pickles import dumped, loaded, without_collection
from sigma2hive.workflows.store.stored_rules import StoredRules, said_key

__all__ = ["Kept", "Store", "StoredRules", "digest_of", "said_key", "without_collection"]

#: The parts of a `.made` file that come before its rules.
_WHOLE, _BARE, _PROGRAM, _LAYER, _RULES = range(5)
Piece = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Kept:
    """What earlier starts kept: pieces of what was read, and of what was made; maybe none."""

    read: Sequence[memoryview] = ()
    made: Sequence[memoryview] = ()

    @property
    def layer(self) -> Any:
        """What stands for each of the `rules`, and what there is to tell of it."""
        return loaded(self.made[_LAYER]) if self.made else None

    @property
    def rules(self) -> Sequence[memoryview]:
        """The rules, as pieces."""
        return self.made[_RULES:]

    @property
    def program(self) -> Program | None:
        """The program of the rules, where somebody wanted one."""
        return loaded(self.made[_PROGRAM]) if self.has_program else None

    @property
    def has_program(self) -> bool:
        """Whether the program was made, too."""
        return bool(self.made) and bool(self.made[_PROGRAM])


@dataclass(frozen=True, slots=True)
class Store:
    """The files of the cache folder for what is wanted; `found` are the rule files of the start."""

    folder: Folder
    settings: Settings
    wanted: Wanted
    keys: Keys
    known: KnownKeys
    found: RuleFiles

    @classmethod
    def of(cls, settings: Settings, wanted: Wanted) -> Store | None:
        """Return the store for what is wanted; None where nothing can be stored."""
        folder = Folder.of_user()
        if folder is None:
            return None
        try:
            reading = reading_of(settings)
            known = _known_keys(folder, _name("keys", _prefix("keys", reading, wanted), wanted))
            prefix = _prefix("read", reading, wanted)
            found = rule_files(wanted.rules, settings.root)
            # Where nothing is kept all files are read anyway, and their keys come of that.
            is_kept = folder.read_like(_name("read", prefix, wanted), prefix)
            rules = keys_of_files(found, known.key) if is_kept else None
            store = cls(folder, settings, wanted, keys_of(settings, wanted, rules), known, found)
        except OSError:
            return None
        store.save_keys({})
        return store

    def load(self, *, with_program: bool = True) -> Made | None:
        """Return what was made of all that is as it is; None where there is no such thing.

        Without `with_program` it does for those who match nothing.
        """
        pieces = self.folder.read(self._name("made"))
        if self.keys.whole is None or not pieces or pieces[_WHOLE] != self.keys.whole:
            return None
        if with_program and not pieces[_PROGRAM]:
            return None
        try:
            with without_collection():
                # Nothing of it is garbage; to look for some would double the time.
                made, silent, keys = loaded(pieces[_BARE])
                rules = StoredRules(pieces[_RULES:], silent, keys)
                result: Made = replace(made, compiled=replace(made.compiled, rules=rules))
                if with_program:  # without one, whoever wants it makes it
                    result = replace(result, program=loaded(pieces[_PROGRAM]))
                return result
        except Exception:
            return None

    def kept(self) -> Kept:
        """Return what there is to start from; nothing of it is looked into yet."""
        return Kept(
            self.folder.read_like(self._name("read"), self._prefix("read")),
            self.folder.read_like(self._name("made"), self._prefix("made")),
        )

    def save_keys(self, seen: Mapping[Path, Seen]) -> None:
        """Keep the keys of rule files, with those of files that were looked into since."""
        self.known.take(seen)
        if (new := self.known.to_keep()) is not None:
            self.folder.write(self._name("keys"), [dumped(new)])

    def save_read(self, pieces: Sequence[Piece]) -> None:
        """Keep what was read."""
        self.folder.write(self._name("read"), pieces)

    def save_made(self, made: Made, layer: object, read: Sequence[bytes | None] | None) -> None:
        """Keep what was made of the files with the keys `read`, in their order.

        None where the next start must not take it as it is. Where anything changed since the store
        was asked for, nobody knows which state of it is in what was made.
        """
        rules = made.compiled.rules
        if not isinstance(rules, StoredRules) or not self.is_current():
            return
        whole = None if read is None else self.keys.whole_with(read)
        bare = replace(
            made, repository=None, compiled=replace(made.compiled, rules=()), program=None, ahead={}
        )
        program = b"" if made.program is None else dumped(made.program)
        head = [dumped((bare, tuple(rules.silent), rules.keys)), program, dumped(layer)]
        self.folder.write(self._name("made"), [whole or b"", *head, *rules.pieces()])

    def is_current(self) -> bool:
        """Whether all that decides, the contents of rule files aside, is as it was at the start."""
        try:
            return keys_of(self.settings, self.wanted, self.keys.rules) == self.keys
        except OSError:
            return False

    def _name(self, kind: str) -> str:
        return _name(kind, self._prefix(kind), self.wanted)

    def _prefix(self, kind: str) -> str:
        return _prefix(kind, self.keys.reading, self.wanted)


def _name(kind: str, prefix: str, wanted: Wanted) -> str:
    """Return the name of the file that holds a kind of what was made of what is wanted."""
    paths = digest_of(str(path).encode("utf-8", "surrogateescape") for path in wanted.rules)
    return f"{prefix}{paths.hex()[:16]}.{kind}"


def _prefix(kind: str, reading: str, wanted: Wanted) -> str:
    """Return what the names of files begin with that say something of the same."""
    parts = [reading.encode()]
    if kind == "made":
        parts.append(wanted.profile.encode("utf-8", "surrogateescape"))
    return f"{digest_of(parts).hex()[:32]}-"


def _known_keys(folder: Folder, name: str) -> KnownKeys:
    try:
        (piece,) = folder.read(name)
        return KnownKeys(loaded(piece))
    except Exception:  # whatever is wrong with it, the files are there
        return KnownKeys({})
