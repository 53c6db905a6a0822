"""Exit codes, and the way from an error to one."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import IntEnum
from pathlib import Path
from typing import NoReturn

import click

from sigma2hive.cli.output import columns_of, tell
from sigma2hive.cli.rendering import SourceFiles, render_diagnostic
from sigma2hive.clients.errors import ServerError
from sigma2hive.diagnostics import ConfigurationError, Diagnostic, SinkError, SourceError
from sigma2hive.model.visible import visible
from sigma2hive.storage import StorageError

#: Findings of one code that are shown with source line and hint.
_SHOWN_IN_FULL = 5


class Exit(IntEnum):
    """What a command ends with."""

    FINE = 0
    FINDINGS = 1
    USAGE = 2
    CONFIGURATION = 3
    UNREACHABLE = 4
    INTERRUPTED = 130


def print_findings(findings: Iterable[Diagnostic], root: Path) -> None:
    """Print findings to stderr.

    The first few of each code have their source line and hint; further ones take one line each, so
    that a profile without a place for a hundred rules does not bury the rest.
    """
    seen: Counter[str] = Counter()
    files = SourceFiles(root)
    columns = columns_of(sys.stderr)
    for finding in findings:
        seen[finding.code] += 1
        if seen[finding.code] > _SHOWN_IN_FULL:
            tell(render_diagnostic(replace(finding, hint=""), (), columns))
        else:
            tell(render_diagnostic(finding, files.lines(finding.location), columns))


def print_first_findings(findings: Iterable[Diagnostic], root: Path) -> None:
    """Print the first findings of each code to stderr, and how many more there are."""
    shown: dict[str, list[Diagnostic]] = {}
    counts: Counter[str] = Counter()
    for finding in findings:
        counts[finding.code] += finding.count
        first = shown.setdefault(finding.code, [])
        if len(first) < _SHOWN_IN_FULL:
            first.append(finding)
    for code, first in shown.items():
        print_findings(first, root)
        if (more := counts[code] - sum(finding.count for finding in first)) > 0:
            tell(f"{code}: {more:,} more, {counts[code]:,} in all; --json lists them")


def print_sink_error(error: SinkError | StorageError) -> None:
    """Print why a sink or the state cannot be written, to stderr."""
    tell(f"error {getattr(error, 'code', 'S2H506')}: {visible(str(error))}")
    if hint := getattr(error, "hint", ""):
        tell(f"  hint: {visible(hint)}")


@contextmanager
def errors_as_exits() -> Iterator[None]:
    """End the command with its documented exit code where this package raises an error."""
    try:
        yield
    except ConfigurationError as error:
        print_findings(error.diagnostics, error.root or Path.cwd())
        _end(Exit.CONFIGURATION)
    except (SinkError, StorageError) as error:
        print_sink_error(error)
        _end(Exit.CONFIGURATION)
    except SourceError as error:
        tell(f"error S2H505: {visible(str(error))}")
        tell(f"  hint: {visible(error.hint)}")
        _end(Exit.UNREACHABLE)
    except ServerError as error:
        # What passes by itself is the server's; the rest needs someone to change a setting.
        tell(f"error S2H507: {visible(error.message)}")
        tell(f"  hint: {visible(error.hint)}")
        _end(Exit.UNREACHABLE if error.passes else Exit.CONFIGURATION)


def _end(code: Exit) -> NoReturn:
    raise click.exceptions.Exit(code)
