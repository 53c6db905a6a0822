"""What decides what is made of a repository, as digests.

Takes settings and what is wanted; gives a key for each file by its path and content, one for all
that decides how files are read at all, and one for everything together. Two that are equal mean
that the same would be made. Reads files, and nothing of them is looked into.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import field
from functools import cache
from pathlib import Path

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.records import dataclass
from sigma2hive.repository import SCHEMAS_FOLDER, rule_files
from sigma2hive.settings import Settings
from sigma2hive.workflows.made import Wanted
from sigma2hive.workflows.store.contents import content_of, digest_of, key_of_file

#: What decides how rules are read, beside our own code.
_LIBRARIES = ("pysigma", "pyyaml", "jinja2")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a start.

    `reading` stands for all but contents that decides how a rule file is read; `profile` for what
    decides how one is compiled besides. `rules` are those of the rule files, in their order;
    `others` stands for the contents of all other files, and everything else that decides. `files`
    are the paths that belong to `rules`.
    """

    reading: str
    profile: bytes
    rules: tuple[bytes | None, ...]
    others: bytes
    files: tuple[Path | None, ...] = field(default=(), compare=False)

    @property
    def whole(self) -> bytes | None:
        """What stands for everything together; None where a rule file cannot be read."""
        rules = [key for key in self.rules if key is not None]
        return digest_of((self.others, *rules)) if len(rules) == len(self.rules) else None


def reading_of(settings: Settings) -> str:
    """Return what stands for all but contents that decides how a rule file is read."""
    return digest_of(_reading(settings)).hex()


def keys_of(
    settings: Settings,
    wanted: Wanted,
    key_of: Callable[[Path], bytes],
    rules: tuple[bytes | None, ...] | None = None,
) -> Keys:
    """Return the keys of a start; `rules` are those of the rule files where they are known.

    `key_of` gives the key of a rule file.

    Raises:
        OSError: a file cannot be read; whoever reads it in earnest will say what is wrong.
    """
    own_profiles = settings.mappings / SCHEMAS_FOLDER
    read = list(_rules(settings, wanted, key_of)) if rules is None else []
    return Keys(
        reading=reading_of(settings),
        profile=digest_of((wanted.profile.encode(), *_contents_below(own_profiles))),
        rules=tuple(key for _, key in read) if rules is None else rules,
        files=tuple(file for file, _ in read),
        others=digest_of((*_decisive(settings, wanted), *_others(settings))),
    )


def _reading(settings: Settings) -> Iterator[bytes]:
    yield from (os.fsencode(settings.root), os.fsencode(Path.cwd()), sys.version.encode())
    yield from _program()


def _decisive(settings: Settings, wanted: Wanted) -> Iterator[bytes]:
    """Yield what decides beside the contents of files: names, places, versions."""
    yield repr(wanted).encode("utf-8", "surrogateescape")
    for path in (settings.root, settings.file, settings.mappings, settings.placeholders):
        yield os.fsencode(path or "")
    yield str(settings.is_written("mappings")).encode()
    yield str(settings.is_written("placeholders")).encode()
    yield repr((settings.kibana, Path.cwd())).encode("utf-8", "surrogateescape")
    yield sys.version.encode()
    yield from _program()


@cache
def _program() -> tuple[bytes, ...]:
    """Return what this program is: its libraries and its own files."""
    parts = [_release(name).encode() for name in _LIBRARIES]
    # An editable installation changes without its version.
    for file in _files_below(Path(__file__).parents[2]):
        status = file.stat()
        parts.append(
            f"{file} {status.st_size} {status.st_mtime_ns}".encode("utf-8", "surrogateescape")
        )
    return tuple(parts)


def _release(library: str) -> str:
    """Return what only this release of an installed library is called."""
    for folder in sys.path:
        with suppress(OSError):
            for name in sorted(path.name for path in Path(folder or ".").iterdir()):
                if name.lower().startswith(f"{library}-") and name.endswith(".dist-info"):
                    return name
    # Here, since its import alone takes a tenth of a start.
    from importlib.metadata import version  # noqa: PLC0415

    return f"{library} {version(library)}"


def _rules(
    settings: Settings, wanted: Wanted, key_of: Callable[[Path], bytes]
) -> Iterator[tuple[Path | None, bytes | None]]:
    for file in rule_files(wanted.rules, settings.root, Diagnostics()):
        if not isinstance(file, Path):
            yield None, None
            continue
        try:
            yield file, key_of(file)
        except OSError:
            yield file, None


def _others(settings: Settings) -> Iterator[bytes]:
    yield from _contents_below(settings.mappings)
    for path in (settings.file, settings.placeholders):
        if path is not None and path.exists():
            yield key_of_file(path, content_of(path))


def _contents_below(folder: Path) -> Iterator[bytes]:
    if folder.is_dir():
        for file in _files_below(folder):
            yield key_of_file(file, content_of(file))


def _files_below(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        yield from (Path(where, name) for name in sorted(names))
