"""What was made of a repository, stored by the content of all that it was made of.

Takes settings and what is wanted; gives what an earlier start made of exactly the same: every
rule, mapping and profile byte for byte, this version of sigma2hive, its libraries and this Python.
Rules are kept one by one and read when somebody asks for one, since a run asks for few.

The files lie in the user's own cache folder, never in a repository: what comes out of Git must not
be able to bring one along. Only classes of our own data model are made of what is in them, and a
file that is damaged, or is not ours alone to write, counts as none.
"""

from __future__ import annotations

import gc
import hashlib
import os
import pickle
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any, overload

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.rules import CompiledRule
from sigma2hive.repository import rule_files
from sigma2hive.settings import Settings
from sigma2hive.workflows.made import Made, Wanted

_MAGIC = b"sigma2hive made 1\n"
#: Files that are kept, the last used ones: some branches and profiles of one repository.
_KEPT = 12
#: What decides how rules are read, beside our own code.
_LIBRARIES = ("pysigma", "pyyaml", "jinja2")
_OWN_MODULES = ("sigma2hive.model.", "sigma2hive.diagnostics", "sigma2hive.engine.program")
_OTHER_CLASSES = frozenset(
    {
        ("sigma2hive.workflows.made", "Made"),
        ("decimal", "Decimal"),
        ("fractions", "Fraction"),
        ("ipaddress", "IPv4Network"),
        ("ipaddress", "IPv6Network"),
        ("ipaddress", "IPv4Address"),
        ("ipaddress", "IPv6Address"),
        ("pathlib", "PosixPath"),
        ("pathlib", "WindowsPath"),
        ("builtins", "frozenset"),
        ("builtins", "set"),
        ("collections", "OrderedDict"),
    }
)


@dataclass(frozen=True, slots=True)
class Store:
    """One file of the cache folder, under the name of all that decides what is in it."""

    path: Path

    @classmethod
    def of(cls, settings: Settings, wanted: Wanted) -> Store | None:
        """Return the file for what is wanted; None where nothing can be stored."""
        folder = _cache_folder()
        if folder is None:
            return None
        digest = hashlib.sha256()
        try:
            for part in (*_decisive(settings, wanted), *_contents(settings, wanted)):
                digest.update(len(part).to_bytes(8, "big") + part)
        except OSError:
            return None  # whoever reads it in earnest will say what is wrong
        return cls(folder / f"{digest.hexdigest()}.made")

    def load(self) -> Made | None:
        """Return what is stored; None where there is nothing that can be used."""
        try:
            content = self.path.read_bytes()
        except OSError:
            return None
        body = content[len(_MAGIC) + 32 :]
        if content[: len(_MAGIC) + 32] != _MAGIC + hashlib.sha256(body).digest():
            return None
        # Nothing of it is garbage; to look for some would double the time.
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            head = int.from_bytes(body[:8], "big")
            made, sizes = _loaded(body[8 : 8 + head])
        except Exception:
            return None
        finally:
            if was_enabled:
                gc.enable()
        with suppress(OSError):
            os.utime(self.path)
        rules = StoredRules(body[8 + head :], sizes)
        result: Made = replace(made, compiled=replace(made.compiled, rules=rules))
        return result

    def save(self, made: Made) -> None:
        """Store what was made; a folder that cannot be written costs the next start some time."""
        rules = [pickle.dumps(rule, pickle.HIGHEST_PROTOCOL) for rule in made.compiled.rules]
        ids = tuple(rule.info.id for rule in made.compiled.rules)
        bare = replace(made, repository=None, compiled=replace(made.compiled, rules=(), ids=ids))
        head = pickle.dumps((bare, tuple(map(len, rules))), pickle.HIGHEST_PROTOCOL)
        body = b"".join((len(head).to_bytes(8, "big"), head, *rules))
        with suppress(OSError):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _is_ours_alone(self.path.parent):
                return
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(_MAGIC + hashlib.sha256(body).digest() + body)
                Path(name).replace(self.path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            _forget_old(self.path.parent)


class StoredRules(Sequence[CompiledRule]):
    """Rules that are read when they are asked for."""

    def __init__(self, content: bytes, sizes: Iterable[int]) -> None:
        self._content = content
        self._starts = [0]
        for size in sizes:
            self._starts.append(self._starts[-1] + size)
        self._read: dict[int, CompiledRule] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._starts) - 1

    @overload
    def __getitem__(self, index: int) -> CompiledRule: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[CompiledRule]: ...
    def __getitem__(self, index: int | slice) -> CompiledRule | Sequence[CompiledRule]:
        """Return one rule, or some."""
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(index)
        rule = self._read.get(position)
        if rule is None:
            start, end = self._starts[position : position + 2]
            rule = self._read[position] = _loaded(self._content[start:end])
        return rule


class _OwnUnpickler(pickle.Unpickler):
    """Makes objects of our own data model, and of nothing that could do anything."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if module_name.startswith(_OWN_MODULES) or (module_name, global_name) in _OTHER_CLASSES:
            found = super().find_class(module_name, global_name)
            if isinstance(found, type) and not issubclass(found, (BaseException,)):
                return found
        raise pickle.UnpicklingError(f"{module_name}.{global_name} is not stored here")


def _loaded(content: bytes) -> Any:
    return _OwnUnpickler(BytesIO(content)).load()


def _cache_folder() -> Path | None:
    """Return the user's own folder for what can be made again; None where there is none."""
    base = os.environ.get("XDG_CACHE_HOME")
    folder = Path(base) if base else Path("~/.cache").expanduser()
    if not folder.is_absolute():
        return None
    folder = folder / "sigma2hive"
    try:
        return folder if _is_ours_alone(folder) else None
    except FileNotFoundError:
        return folder
    except OSError:
        return None


def _is_ours_alone(folder: Path) -> bool:
    status = folder.lstat()
    return folder.is_dir() and status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _forget_old(folder: Path) -> None:
    files = sorted(folder.glob("*.made"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[_KEPT:]:
        file.unlink(missing_ok=True)


def _decisive(settings: Settings, wanted: Wanted) -> Iterator[bytes]:
    """Yield what decides beside the contents of files: names, places, versions."""
    yield repr(wanted).encode("utf-8", "surrogateescape")
    for path in (settings.root, settings.file, settings.mappings, settings.placeholders):
        yield os.fsencode(path or "")
    yield str(settings.is_written("mappings")).encode()
    yield str(settings.is_written("placeholders")).encode()
    yield repr((settings.kibana, Path.cwd())).encode("utf-8", "surrogateescape")
    yield sys.version.encode()
    for name in _LIBRARIES:
        yield f"{name} {version(name)}".encode()
    # An editable installation changes without its version.
    for file in _files_below(Path(__file__).parents[1]):
        status = file.stat()
        yield f"{file} {status.st_size} {status.st_mtime_ns}".encode("utf-8", "surrogateescape")


def _contents(settings: Settings, wanted: Wanted) -> Iterator[bytes]:
    """Yield path and content of every file that is read.

    Raises:
        OSError: one of them cannot be read.
    """
    problems = Diagnostics()
    for file in rule_files(wanted.rules, settings.root, problems):
        if not isinstance(file, Path):
            raise FileNotFoundError(str(file))
        yield from _named_content(file)
    if settings.mappings.is_dir():
        for file in _files_below(settings.mappings):
            yield from _named_content(file)
    for path in (settings.file, settings.placeholders):
        if path is not None and path.exists():
            yield from _named_content(path)


def _named_content(file: Path) -> Iterator[bytes]:
    yield os.fsencode(file)
    if not file.is_file():
        raise OSError(f"{file} is no file")  # a pipe would wait for ever
    yield file.read_bytes()


def _files_below(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        yield from (Path(where, name) for name in sorted(names))
