"""Rule files read and compiled by several processes, before anybody asks for them.

Takes the files of which nothing is kept; gives what `ReadFiles` and `KeptOutcomes` take over as if
an earlier start had kept it. Rules are compiled as they stand, without filters: one that has some
is compiled again when it is asked for, since what is kept goes by rule, filters and profile. So
this is never wrong, at worst in vain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import Any

from sigma2hive.compiler import Compiling, Outcome
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import CompiledRule, DetectionRule
from sigma2hive.records import dataclass
from sigma2hive.workflows.cores import shared
from sigma2hive.workflows.made import Look
from sigma2hive.workflows.store.compiling import KeptOutcomes, Layer
from sigma2hive.workflows.store.known_keys import Seen
from sigma2hive.workflows.store.reading import Piece, ReadFiles
from sigma2hive.workflows.store.stored_rules import said_key
from sigma2hive.yamlmarks import Document

#: Files that one process is given at a time, at most and at least: in the end fewer, so that no
#: process waits long for the last one.
_MOST_A_UNIT, _LEAST_A_UNIT = 48, 6
#: What is left is dealt out in about so many units.
_UNITS_LEFT = 24

#: What is to be made of each rule besides.
Also = Callable[[CompiledRule], Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are read and compiled, and what is made of them besides."""

    root: Path
    placeholders: Mapping[str, tuple[str, ...]]
    profile: Profile
    profile_key: bytes
    also: Also | None = None
    look: Look | None = None


@dataclass(slots=True)
class Besides:
    """What was made besides, of rules by what stands for each, and of files."""

    also: dict[bytes, Any] = field(default_factory=dict)
    looked: dict[Path, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Share:
    """What became of some files; `seen` are in their order, None for what cannot be read."""

    read: Sequence[Piece]
    seen: Sequence[Seen | None]
    told: Mapping[bytes, Outcome]
    compiled: Mapping[bytes, bytes]
    besides: Besides


def made_ahead(
    files: Sequence[Path], how: Reading, read: ReadFiles, outcomes: KeptOutcomes
) -> Besides:
    """Let `read` and `outcomes` know all of the files; return what was made besides."""
    units = _units_of(files)
    besides = Besides()
    for unit, share in zip(units, shared(units, partial(_share, how)), strict=True):
        pairs = zip(unit, share.seen, strict=True)
        read.add(share.read, {file: seen for file, seen in pairs if seen is not None})
        outcomes.take(share.told, share.compiled)
        besides.also.update(share.besides.also)
        besides.looked.update(share.besides.looked)
    return besides


def _units_of(files: Sequence[Path]) -> list[Sequence[Path]]:
    units: list[Sequence[Path]] = []
    at = 0
    while at < len(files):
        size = min(max((len(files) - at) // _UNITS_LEFT, _LEAST_A_UNIT), _MOST_A_UNIT)
        units.append(files[at : at + size])
        at += size
    return units


def _share(how: Reading, files: Sequence[Path]) -> Share:
    documents: list[Document] = []
    read = ReadFiles((), how.root, how.placeholders, show=documents.append)
    outcomes = KeptOutcomes(Layer(), (), read, Compiling(how.profile), how.profile_key)
    besides = Besides()
    for file in files:
        documents.clear()
        rules: list[tuple[DetectionRule, CompiledRule | None]] = []
        for entry in read.read(file).entries:
            if not isinstance(entry, DetectionRule):
                continue
            is_left_out = outcomes.add(entry, ()).is_left_out
            made = None if is_left_out else outcomes.rule(entry)
            rules.append((read.whole(entry), made))
            if how.also is not None and made is not None:
                key = said_key(outcomes.key_of(entry), is_silent=False)
                besides.also[key] = how.also(made)
        if how.look is not None:
            besides.looked[file] = how.look(documents, rules)
    seen = [read.seen.get(file) for file in files]
    return Share(read.pieces(), seen, *outcomes.made(), besides)
