"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Command = Callable[..., Any]


def settings_option(command: Command) -> Command:
    """--settings: a settings file to take instead of looking for one."""
    return click.option(
        "--settings",
        "settings_file",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Settings file; by default sigma2hive.yml here or above.",
    )(command)


def project_options(command: Command) -> Command:
    """--settings, --rules and --profile: which rules, for which fields."""
    for option in (
        click.option(
            "--profile",
            metavar="NAME",
            help="Which fields the events have: winlogbeat, elastic-agent, ecs, or your own.",
        ),
        click.option(
            "--rules",
            multiple=True,
            type=click.Path(path_type=Path),
            metavar="PATH",
            help="Rule file or folder, instead of the settings' (repeatable).",
        ),
        settings_option,
    ):
        command = option(command)
    return command


def json_option(command: Command) -> Command:
    """--json: one JSON document on stdout."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document instead of text."
    )(command)
