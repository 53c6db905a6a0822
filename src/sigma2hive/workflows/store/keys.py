"""What decides what is made of a repository, as digests.

Takes settings and what is wanted; gives a key for each file by its path and content, one for all
that decides how files are read at all, and one for everything together. Two that are equal mean
that the same would be made. Reads files, and nothing of them is looked into.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from sigma2hive.records import dataclass
from sigma2hive.repository import SCHEMAS_FOLDER, RuleFiles
from sigma2hive.settings import Settings
from sigma2hive.workflows.made import Wanted
from sigma2hive.workflows.store.contents import content_of, digest_of, key_of_file

#: What decides how rules are read, beside our own code.
_LIBRARIES = ("pysigma", "pyyaml", "jinja2")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a start.

    `reading` stands for all but contents that decides how a rule file is read; `profile` for what
    decides how one is compiled besides. `rules` are those of the rule files, in their order, None
    where nobody looked into them yet; `others` stands for the contents of all other files, and
    everything else that decides.
    """

    reading: str
    profile: bytes
    rules: tuple[bytes | None, ...] | None
    others: bytes

    @property
    def whole(self) -> bytes | None:
        """What stands for everything together; None where that is not known."""
        return None if self.rules is None else self.whole_with(self.rules)

    def whole_with(self, read: Sequence[bytes | None]) -> bytes | None:
        """Return what stands for everything with rule files of these keys.

        None where one cannot be read, or they are other ones than they were.
        """
        rules = [key for key in read if key is not None]
        if len(rules) < len(read) or self.rules not in (None, tuple(read)):
            return None
        return digest_of((self.others, *rules))


def keys_of_files(found: RuleFiles, key_of: Callable[[Path], bytes]) -> tuple[bytes | None, ...]:
    """Return the keys of rule files as `key_of` gives them, None for what has none."""
    return tuple(_key_or_none(path, key_of) for path in found.paths)


def _key_or_none(path: Path | None, key_of: Callable[[Path], bytes]) -> bytes | None:
    try:
        return None if path is None else key_of(path)
    except OSError:
        return None


def reading_of(settings: Settings) -> str:
    """Return what stands for all but contents that decides how a rule file is read."""
    return digest_of(_reading(settings)).hex()


def keys_of(settings: Settings, wanted: Wanted, rules: tuple[bytes | None, ...] | None) -> Keys:
    """Return the keys of a start with rule files of these keys, None where nobody knows them.

    Raises:
        OSError: a file cannot be read; whoever reads it in earnest will say what is wrong.
    """
    own_profiles = settings.mappings / SCHEMAS_FOLDER
    return Keys(
        reading=reading_of(settings),
        profile=digest_of((wanted.profile.encode(), *_contents_below(own_profiles))),
        rules=rules,
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
