"""Exit codes, and the way from an error to one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import NoReturn

import click

from sigma2hive.cli.rendering import render_diagnostics
from sigma2hive.diagnostics import ConfigurationError, Diagnostic, Sigma2hiveError
from sigma2hive.model.visible import visible


class Exit(IntEnum):
    """What a command ends with."""

    FINE = 0
    FINDINGS = 1
    USAGE = 2
    CONFIGURATION = 3
    UNREACHABLE = 4


def print_findings(findings: Iterable[Diagnostic], root: Path) -> None:
    """Print findings to stderr, each with its place and source line."""
    text = render_diagnostics(findings, root)
    if text:
        click.echo(text, err=True)


@contextmanager
def errors_as_exits(root: Path) -> Iterator[None]:
    """End the command with its documented exit code where this package raises an error."""
    try:
        yield
    except ConfigurationError as error:
        print_findings(error.diagnostics, root)
        _end(Exit.CONFIGURATION)
    except Sigma2hiveError as error:
        click.echo(f"error: {visible(str(error))}", err=True)
        _end(Exit.CONFIGURATION)


def _end(code: Exit) -> NoReturn:
    raise click.exceptions.Exit(code)
