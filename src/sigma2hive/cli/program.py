"""The outermost command: whatever happens inside, an exit code and no traceback."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from sigma2hive.cli.exits import Exit
from sigma2hive.cli.output import (
    OutputError,
    accept_any_text,
    let_go_of_broken,
    mind_closed_output,
    occupy_closed,
    tell,
)


class Program(click.Group):
    """A group whose commands may be interrupted, and may lose whoever reads what they print.

    `commands_at` has for each command the module and the name that it is found at.
    """

    def __init__(self, *arguments: Any, commands_at: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._commands_at = commands_at

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of all commands."""
        return sorted(self._commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None where there is none of that name."""
        if cmd_name not in self._commands_at:
            return None
        module, _, name = self._commands_at[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command that is asked for, and end the process."""
        occupy_closed()
        mind_closed_output()
        accept_any_text()
        try:
            return super().main(*arguments, **options)
        except OSError as error:  # the program's own --help was written to a full disk
            sys.exit(_code_of(error))
        finally:
            let_go_of_broken()

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command below.

        Raises:
            click.exceptions.Exit: it was interrupted, or its output could not be written.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            tell("interrupted")
            raise click.exceptions.Exit(Exit.INTERRUPTED) from None
        except (OutputError, OSError) as error:
            raise click.exceptions.Exit(_code_of(error)) from None


def _code_of(error: OutputError | OSError) -> Exit:
    """Tell what is to be told about output that was lost, and return what to end with."""
    if isinstance(error, OSError):
        if error.filename is not None:
            raise error  # about a file, so not about standard output
        error = OutputError(error)
    if not error.is_wanted:
        return Exit.FINE
    tell(f"error: {error}")
    return Exit.CONFIGURATION
