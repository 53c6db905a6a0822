"""Which files differ from a commit, in a Git checkout.

Takes a folder and a ref; gives absolute paths. What is not committed yet counts, and so do new and
removed files. The checkout is left as it is, and nothing is fetched.
"""

from __future__ import annotations

import os
from pathlib import Path

from sigma2hive.diagnostics import ConfigurationError, Diagnostics, Location
from sigma2hive.repository.git import ask_git

_DIFF = ("diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--ignore-submodules=all")
_NEW = ("ls-files", "-z", "--others", "--exclude-standard", "--full-name")


def changed_files(folder: Path, ref: str) -> frozenset[Path]:
    """Return what changed since the commit at which this branch left `ref`.

    Raises:
        ConfigurationError: there is no checkout, no such commit, or no Git (S2H101).
    """
    try:
        top = Path(os.fsdecode(ask_git(folder, "rev-parse", "--show-toplevel").rstrip(b"\n")))
    except OSError:
        raise _refused(
            "the rules lie in no Git checkout, or `git` cannot be run",
            "run it inside the checkout of the rules, with git on the path",
        ) from None
    try:
        asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        commit = ask_git(folder, *asked).decode("ascii").strip()
        base = ask_git(top, "merge-base", commit, "HEAD").decode("ascii").strip()
        listed = ask_git(top, *_DIFF, base) + ask_git(top, *_NEW)
    except OSError:
        raise _refused(
            f"Git knows no commit {ref!r} here that this branch comes from",
            "fetch it first: in CI a shallow checkout has one commit only (fetch-depth: 0)",
        ) from None
    return frozenset(top / os.fsdecode(name) for name in listed.split(b"\0") if name)


def _refused(message: str, hint: str) -> ConfigurationError:
    problem = Diagnostics()
    problem.error("S2H101", Location("--changed-since"), message, hint)
    return ConfigurationError(problem)
