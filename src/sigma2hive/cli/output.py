"""Printing that neither stops the work nor ends in a traceback.

What a command has to say is printed after its work is done; `say` then reports a standard output
that is gone or full as an `OutputError`, which `Program` turns into an exit code. `tell` is for
people who may be watching: it never raises.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import IO

import click

#: Whoever read has had enough, as `head` has.
_READER_LEFT = frozenset({errno.EPIPE, errno.ESHUTDOWN})
#: What a terminal without a size is taken for, and the narrowest that text is laid out for.
_USUAL_COLUMNS, _LEAST_COLUMNS = 80, 40


class OutputError(Exception):
    """Standard output takes no more; `is_wanted` says whether somebody misses what is lost."""

    def __init__(self, error: OSError) -> None:
        is_closed = error.errno == errno.EBADF
        why = "it is closed" if is_closed else error.strerror or error
        super().__init__(f"standard output cannot be written: {why}")
        self.is_wanted = error.errno not in _READER_LEFT


def say(text: str) -> None:
    """Print text that was asked for, to standard output.

    Raises:
        OutputError: it cannot be written.
    """
    say_bytes(f"{text}\n")


def say_bytes(content: str | bytes) -> None:
    """Print to standard output as it is.

    Raises:
        OutputError: it cannot be written.
    """
    # Python has none where the caller closed it, and click would print nothing then.
    if sys.stdout is None:
        raise OutputError(OSError(errno.EBADF, "it is closed"))
    try:
        click.echo(content, nl=False)
    except OSError as error:
        raise OutputError(error) from None


def tell(text: str, *, ends_line: bool = True) -> None:
    """Print text for people to standard error, where somebody listens there."""
    with suppress(OSError):
        click.echo(text, nl=ends_line, err=True)


def columns_of(stream: IO[str] | None) -> int | None:
    """Return how wide the terminal is that `stream` goes to; None where it goes to none."""
    try:
        if stream is None or not stream.isatty():
            return None
        return max(os.get_terminal_size(stream.fileno()).columns or _USUAL_COLUMNS, _LEAST_COLUMNS)
    except (OSError, ValueError):  # it is closed, or no terminal that tells
        return None


def occupy_closed() -> None:
    """Open nothing where a standard stream is closed, so that no file of ours gets its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free


def mind_closed_output() -> None:
    """Let standard output that was closed before the start refuse what is written, as a full one.

    Python has none then, and what prints for click, as --help does, would print nothing.
    """
    if sys.stdout is None:
        nowhere = os.open(os.devnull, os.O_RDONLY)
        sys.stdout = os.fdopen(nowhere, "w", encoding="utf-8")  # open to the end


def accept_any_text() -> None:
    """Let characters that the terminal's encoding lacks be written as escapes, not raise."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def let_go_of_broken() -> None:
    """Give up streams that cannot be written, so that Python does not try again when it ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            _lead_nowhere(stream)


def _lead_nowhere(stream: IO[str]) -> None:
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)
        stream.flush()
