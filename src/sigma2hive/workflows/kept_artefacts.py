"""What earlier starts made of rules for a folder of artefacts, so that only the rest is made again.

Takes a project, a target and a folder; gives for each rule, by what stands for it, the names and
digests of its files or why there are none, and how the files of the folder looked. It lies in the
user's own cache folder, like all that is kept (`workflows.store`), and holds no text: what a folder
lacks is made again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from sigma2hive.compiler.targets import Target
from sigma2hive.diagnostics import Diagnostic, Location
from sigma2hive.records import dataclass
from sigma2hive.workflows.artefacts import settled
from sigma2hive.workflows.looks import Look
from sigma2hive.workflows.store import Store, digest_of
from sigma2hive.workflows.store.pickles import dumped, loaded

#: So few rules are made anew sooner than all that is known of a folder is written.
_FEW = 8

#: Name and digest of each file of a rule.
Files = tuple[tuple[str, bytes], ...]
#: Where a rule without files stands, and the findings that say why it has none.
Refused = tuple[Location, tuple[Diagnostic, ...]]


@dataclass(frozen=True, slots=True)
class KeptArtefacts:
    """What is known of a folder of artefacts.

    `files` are those of rules, by what stands for each, `refused` those that have
    none. `gathered` are the files made of all of them, with what they were made of. `looks` are the
    files of the folder as they looked, with their digests.
    """

    files: Mapping[bytes, Files] = field(default_factory=dict)
    refused: Mapping[bytes, Refused] = field(default_factory=dict)
    gathered: tuple[bytes, Files] = (b"", ())
    looks: Mapping[str, tuple[Look, bytes]] = field(default_factory=dict)

    def is_worth_keeping(self, before: KeptArtefacts) -> bool:
        """Whether enough is new since `before`; what is made of all rules together always is."""
        if self.gathered != before.gathered:
            return True
        known, new = {**before.files, **before.refused}, {**self.files, **self.refused}
        changed = sum(known.get(key) != entry for key, entry in new.items())
        gone = sum(key not in new for key in known)
        seen = sum(before.looks.get(name) != entry for name, entry in self.looks.items())
        return max(changed, gone, seen) > _FEW


def load_kept(store: Store | None, target: Target, folder: Path, settings: bytes) -> KeptArtefacts:
    """Return what is kept; what depends on other settings, mappings or versions is not.

    `settings` stands for what the target asks of them.
    """
    if store is None:
        return KeptArtefacts()
    pieces = store.folder.read(_name(target, folder))
    try:
        key, looks, rest = pieces
        known = loaded(looks)
        if key != _decisive(store, settings):
            return KeptArtefacts(looks=known)
        files, refused, gathered = loaded(rest)
        return KeptArtefacts(files, refused, gathered, known)
    except Exception:  # whatever is wrong with it, it is made again
        return KeptArtefacts()


def save_kept(
    store: Store | None, target: Target, folder: Path, settings: bytes, kept: KeptArtefacts
) -> None:
    """Keep it, where nothing that decides has changed meanwhile."""
    if store is None or not store.is_current():
        return
    rest = dumped((dict(kept.files), dict(kept.refused), kept.gathered))
    pieces = [_decisive(store, settings), dumped(settled(kept.looks)), rest]
    store.folder.write(_name(target, folder), pieces)


def _decisive(store: Store, settings: bytes) -> bytes:
    keys = store.keys
    return digest_of((keys.reading.encode(), keys.profile, keys.others, settings))


def _name(target: Target, folder: Path) -> str:
    where = digest_of((os.fsencode(folder.absolute()), target.name.encode()))
    return f"{where.hex()[:32]}.{target.name}"
