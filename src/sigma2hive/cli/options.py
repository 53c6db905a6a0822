"""Options that several commands share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from sigma2hive.cli.output import tell
from sigma2hive.model.times import parse_time_ns
from sigma2hive.model.visible import visible
from sigma2hive.settings import Settings

Command = Callable[..., Any]


class NamedPath(click.Path):
    """A path that is not empty: an unset variable of a shell would be the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path.

        Raises:
            click.BadParameter: it is empty, or not what was asked for.
        """
        if value == "":
            self.fail("the path is empty; write . for the current folder", param, ctx)
        return super().convert(value, param, ctx)


#: A path that may be absent or closed to this user: whoever reads it tells so better than click.
READABLE_OR_NOT = NamedPath(path_type=Path, readable=False)

_SPAN = re.compile(r"([1-9][0-9]{0,5})([smhdw])")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Span(click.ParamType[timedelta]):
    """A span of time as people write it: 30m, 24h, 7d."""

    name = "span"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Return the span.

        Raises:
            click.BadParameter: it is none.
        """
        if isinstance(value, timedelta):
            return value
        found = _SPAN.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is no span of time; write 30m, 24h or 7d", param, ctx)
        return timedelta(**{_UNITS[found[2]]: int(found[1])})


class Moment(click.ParamType[timedelta | int]):
    """A time as people write it: a span ago (30d), or a date with or without a time of day."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta | int:
        """Return a span to go back, or nanoseconds since the epoch.

        Raises:
            click.BadParameter: it is neither.
        """
        if isinstance(value, (timedelta, int)):
            return value
        if _SPAN.fullmatch(str(value)):
            return Span().convert(value, param, ctx)
        time_ns = parse_time_ns(str(value)) if _DATE.match(str(value)) else None
        if time_ns is None:
            self.fail(
                f"{value!r} is no time; write 30m, 24h or 7d for so long ago, or 2026-11-20 or "
                "2026-11-20T06:00Z",
                param,
                ctx,
            )
        return time_ns


def settings_option(command: Command) -> Command:
    """--settings: a settings file to take instead of looking for one."""
    return click.option(
        "--settings",
        "settings_file",
        type=READABLE_OR_NOT,
        metavar="FILE",
        help="Settings file; by default sigma2hive.yml here or above.",
    )(command)


def settings_shown(settings: Settings) -> str | None:
    """Return the path of the settings file in use, from the current folder; None without one."""
    if settings.file is None:
        return None
    return os.path.relpath(settings.file)


def print_settings_file(settings: Settings) -> None:
    """Say on stderr which settings file is in use, where one is: it may lie in a folder above."""
    shown = settings_shown(settings)
    if shown is not None:
        tell(f"settings: {visible(shown)}")


def project_options(command: Command) -> Command:
    """--settings, --rules and --profile: which rules, for which fields."""
    for option in (
        click.option(
            "--profile",
            metavar="NAME",
            help="Which fields the events have: winlogbeat, elastic-agent, ecs, windows-flat, "
            "or one of your own.",
        ),
        click.option(
            "--rules",
            multiple=True,
            type=READABLE_OR_NOT,
            metavar="PATH",
            help="Rule file or folder, instead of the settings' (repeatable).",
        ),
        settings_option,
    ):
        command = option(command)
    return command


def events_option(command: Command) -> Command:
    """--events: event files to read."""
    return click.option(
        "--events",
        multiple=True,
        type=READABLE_OR_NOT,
        metavar="PATH",
        help="Event file or folder: NDJSON (also .gz), JSON arrays, .evtx (repeatable).",
    )(command)


def processes_option(command: Command) -> Command:
    """--processes: how many processes read event files."""
    return click.option(
        "--processes",
        type=click.IntRange(min=1),
        metavar="N",
        help="Read large event files with so many processes; by default one a core.",
    )(command)


def json_option(command: Command) -> Command:
    """--json: one JSON document on stdout."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document instead of text."
    )(command)
