"""Files of a Git repository as they were at some commit.

Takes a folder of the checkout and a ref; writes files below another folder. The checkout, its index
and its working tree are left as they are, and nothing is fetched. Only what may be read as YAML is
written: no links, no submodules, no file over the limit of size.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from sigma2hive.diagnostics import ConfigurationError, Diagnostics, Location
from sigma2hive.records import dataclass
from sigma2hive.repository.git import ask_git, git_command, git_environment
from sigma2hive.yamlmarks import MAX_FILE_BYTES

#: Seconds for reading all files.
_PATIENCE_SECONDS = 120.0
_SUFFIXES = (".yml", ".yaml")
_PLAIN = (b"100644", b"100755")


@dataclass(frozen=True, slots=True)
class PastTree:
    """The files of a commit; `blobs` maps paths from `top`, the checkout's root, to blobs."""

    top: Path
    commit: str
    blobs: dict[str, str]

    def write(self, wanted: Iterable[Path], folder: Path) -> None:
        """Write the files that are `wanted`, or lie in folders that are, below `folder`.

        Paths are absolute; one outside of the checkout is left where it is.

        Raises:
            OSError: Git does not give them, or they cannot be written.
        """
        inside = [path.relative_to(self.top) for path in wanted if path.is_relative_to(self.top)]
        paths = [
            name
            for name in self.blobs
            if any(
                Path(name) == entry or (name.endswith(_SUFFIXES) and entry in Path(name).parents)
                for entry in inside
            )
        ]
        contents = _contents(self.top, [self.blobs[name] for name in paths])
        for name, content in zip(paths, contents, strict=True):
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


def open_past(folder: Path, ref: str) -> PastTree:
    """Return the files of the commit that `ref` names, in the checkout that `folder` lies in.

    Raises:
        ConfigurationError: there is no checkout, no such commit, or no Git.
    """
    try:
        top = Path(os.fsdecode(ask_git(folder, "rev-parse", "--show-toplevel").rstrip(b"\n")))
    except OSError:
        raise _refused(
            "the rules lie in no Git checkout, or `git` cannot be run",
            "run it inside the checkout of the rules, with git on the path",
        ) from None
    asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    try:
        commit = ask_git(folder, *asked).decode("ascii").strip()
        listed = ask_git(top, "ls-tree", "-r", "-l", "-z", "--full-tree", commit)
    except OSError:
        raise _refused(
            f"Git knows no commit {ref!r} here",
            "fetch it first: in CI a shallow checkout has one commit only (fetch-depth: 0)",
        ) from None
    return PastTree(top, commit, dict(_blobs(listed)))


def _blobs(listed: bytes) -> Iterator[tuple[str, str]]:
    """Yield the path and blob of each plain file in what `ls-tree -l` says."""
    for row in listed.split(b"\0"):
        if not row:
            continue
        about, _, path = row.partition(b"\t")
        mode, _, blob, size = about.split()
        name = os.fsdecode(path)
        # A tree that was made by hand may name its way out.
        is_inside = ".." not in name.split("/") and not name.startswith("/")
        if mode in _PLAIN and is_inside and int(size) <= MAX_FILE_BYTES:
            yield name, blob.decode("ascii")


def _refused(message: str, hint: str) -> ConfigurationError:
    problem = Diagnostics()
    problem.error("S2H101", Location("--against"), message, hint)
    return ConfigurationError(problem)


def _contents(folder: Path, blobs: list[str]) -> list[bytes]:
    """Return what each blob holds."""
    if not blobs:
        return []
    try:
        asked = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            git_command(folder, "cat-file", "--batch"),
            env=git_environment(),
            input="".join(f"{blob}\n" for blob in blobs).encode("ascii"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE_SECONDS,
            check=True,
        )
    except subprocess.SubprocessError as error:
        raise OSError("git cat-file") from error
    contents, rest = [], memoryview(asked.stdout)
    for _ in blobs:
        end = bytes(rest[:200]).index(b"\n")
        size = bytes(rest[:end]).rsplit(b" ", 1)[1]
        if not size.isdigit():  # "missing": a partial clone lacks it, and nothing is fetched
            raise OSError("git cat-file: the checkout lacks a file of that commit")
        start = end + 1
        contents.append(bytes(rest[start : start + int(size)]))
        rest = rest[start + int(size) + 1 :]
    return contents
