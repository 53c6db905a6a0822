"""The program `git`, asked in a way that only reads.

Takes a folder and arguments; gives what Git says. It neither waits for a password nor fetches, and
nothing that a checkout configures is started.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

#: Seconds after which a question to Git is given up.
PATIENCE_SECONDS = 20.0
#: Where Git's own hooks say what they work on; here it is what lies around the rule.
_NOT_OURS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
#: Neither waits for a password, nor fetches what a partial clone lacks, nor writes its index.
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}


def git_command(folder: Path, *arguments: str) -> list[str]:
    """Return the command that asks Git in a folder."""
    # A checkout's own configuration must not start a program of its choice.
    fixed = ("-c", "core.fsmonitor=false", "-c", "log.showSignature=false", "--literal-pathspecs")
    return ["git", "-C", str(folder), *fixed, *arguments]


def git_environment() -> dict[str, str]:
    """Return the environment to ask Git in."""
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
    return kept | _ENVIRONMENT


def ask_git(folder: Path, *arguments: str) -> bytes:
    """Return what Git says.

    Raises:
        OSError: there is no Git, or it fails.
    """
    try:
        asked = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            git_command(folder, *arguments),
            env=git_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE_SECONDS,
            check=True,
        )
    except subprocess.SubprocessError as error:
        raise OSError(f"git {arguments[0]}") from error
    return asked.stdout


def commit_of(folder: Path) -> str:
    """Return the commit that is checked out around a folder, short, "" where that is unknown."""
    try:
        return ask_git(folder, "rev-parse", "--short=12", "HEAD").decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
