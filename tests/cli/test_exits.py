"""Errors end a command with the documented code, and say what to do."""

import click
import pytest

from sigma2hive.cli.exits import Exit, errors_as_exits
from sigma2hive.clients import errors
from sigma2hive.clients.errors import (
    AuthenticationError,
    BusyError,
    CertificateError,
    IncompleteError,
    MissingError,
    PrivilegeError,
    ServerError,
    ServerTimeoutError,
    UnreachableError,
)
from sigma2hive.diagnostics import SourceError


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (UnreachableError, Exit.UNREACHABLE),
        (ServerTimeoutError, Exit.UNREACHABLE),
        (BusyError, Exit.UNREACHABLE),
        (IncompleteError, Exit.UNREACHABLE),
        (CertificateError, Exit.CONFIGURATION),
        (AuthenticationError, Exit.CONFIGURATION),
        (PrivilegeError, Exit.CONFIGURATION),
        (MissingError, Exit.CONFIGURATION),
    ],
)
def test_a_server_that_fails_ends_the_command(
    kind: type[ServerError], code: Exit, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(click.exceptions.Exit) as ended, errors_as_exits():
        raise kind("the server said \x1b[31mno", "ask it nicely")
    assert ended.value.exit_code == code
    assert capsys.readouterr().err == (
        "error S2H507: the server said <U+001B>[31mno\n  hint: ask it nicely\n"
    )


def test_events_that_were_not_read_to_their_end_end_the_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(click.exceptions.Exit) as ended, errors_as_exits():
        raise SourceError("logs/a.ndjson: gone\x1b[31m", "run again")
    assert ended.value.exit_code == Exit.UNREACHABLE
    assert capsys.readouterr().err == (
        "error S2H505: logs/a.ndjson: gone<U+001B>[31m\n  hint: run again\n"
    )


def test_every_server_error_ends_in_a_code() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    servers = [kind for kind in kinds if issubclass(kind, ServerError)]
    assert len(servers) > 8
    for kind in servers:
        with pytest.raises(click.exceptions.Exit), errors_as_exits():
            raise kind("what", "do")
