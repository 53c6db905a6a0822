"""`sigma2hive mute`: no alerts of a rule for a time, without a pull request."""

from __future__ import annotations

import json
import os
import pwd
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from sigma2hive.cli.columns import wrap
from sigma2hive.cli.exits import Exit, errors_as_exits
from sigma2hive.cli.naming import Condition, check_fields, rules_named
from sigma2hive.cli.options import Span, json_option, settings_option
from sigma2hive.cli.output import say, tell
from sigma2hive.model.service import Mute
from sigma2hive.model.times import NANOSECONDS, render_time, shown_time
from sigma2hive.model.visible import visible
from sigma2hive.runner.store import open_state
from sigma2hive.runner.store.interface import StateStore
from sigma2hive.workflows.project import Project, ProjectOptions, load_project

#: What should hold for longer belongs into Git.
MAX_SPAN = timedelta(days=30)
_MAX_REASON = 500


@click.command()
@settings_option
@click.argument("rule", required=False)
@click.option(
    "--where",
    multiple=True,
    type=Condition(),
    metavar="FIELD=VALUE",
    help="Only matches whose event has this value, in any letter case (repeatable: all must hold).",
)
@click.option(
    "--for", "span", type=Span(), metavar="SPAN", help="For how long: 30m, 4h, up to 30d."
)
@click.option("--reason", metavar="TEXT", help="Why; kept with who and when.")
@click.option("--list", "is_list", is_flag=True, help="List the mutes, ended ones too.")
@click.option("--end", type=click.IntRange(1), metavar="N", help="End mute N now.")
@json_option
def mute(
    settings_file: Path | None,
    rule: str | None,
    where: tuple[tuple[str, str], ...],
    span: timedelta | None,
    reason: str | None,
    is_list: bool,
    end: int | None,
    as_json: bool,
) -> None:
    """Mute a rule for a time: its matches are kept and counted, and make no alerts.

    RULE is a file, or the id, name or title of a rule. The service sees it at its next cycle, and
    the mute ends by itself.

    \b
    Example:
      sigma2hive mute win_failed_logon --where host.name=scanner01 --for 4h --reason "ticket 4711"
      sigma2hive mute --list
      sigma2hive mute --end 3
    """
    asked = [rule is not None, is_list, end is not None]
    if asked.count(True) != 1:
        raise click.UsageError("name a rule to mute, or give one of --list and --end")
    if rule is None and (where or span or reason):
        raise click.UsageError("--where, --for and --reason go with a rule to mute")
    if rule is not None:
        span, reason = _checked(span, reason)
    with errors_as_exits():
        project = load_project(ProjectOptions(Path.cwd(), settings_file))
        with open_state(project.settings, is_made=True) as store:
            assert store is not None  # noqa: S101 - it is made
            if end is not None:
                _end(store, end)
                return
            if rule is not None and span is not None and reason is not None:
                _mute(project, store, Mute(0, rule, where, 0, _length(span), reason, _who()))
                return
            mutes = store.mutes()
    if as_json:
        say(json.dumps([_as_json(entry) for entry in mutes], indent=2))
        return
    for line in _lines(mutes, time.time_ns()):
        say(line)
    if not mutes:
        tell("no mutes")


def _checked(span: timedelta | None, reason: str | None) -> tuple[timedelta, str]:
    if span is None or reason is None or not reason.strip():
        raise click.UsageError("say for how long and why: --for 4h --reason TEXT")
    if span > MAX_SPAN:
        raise click.UsageError(
            f"a mute is for {MAX_SPAN.days} days at most: what should hold for longer belongs into "
            "Git, as a Sigma filter or in mappings/maintenance.yml"
        )
    return span, reason.strip()[:_MAX_REASON]


def _mute(project: Project, store: StateStore, asked: Mute) -> None:
    """Store a mute for each of the rules that `asked` names; its `until_ns` is how long."""
    rules = rules_named(project, asked.rule_id)
    loud = [entry for entry in rules if not entry.silent]
    if not loud:
        tell(
            f"error: the rule {visible(rules[0].info.title)!r} makes no alerts itself\n"
            "  hint: mute the correlation that counts it"
        )
        raise click.exceptions.Exit(Exit.CONFIGURATION)
    for entry in loud:
        check_fields(project, entry, asked.where)
    now_ns = time.time_ns()
    for entry in loud:
        stored = store.mute(
            Mute(
                *(0, entry.info.id, asked.where, now_ns, now_ns + asked.until_ns),
                *(asked.reason, asked.by),
            )
        )
        text = (
            f"{visible(entry.info.title)}{_where(stored)} is muted until "
            f"{shown_time(stored.until_ns)} (mute {stored.number}; `sigma2hive mute --end "
            f"{stored.number}` ends it)"
        )
        for line in wrap(text, "", "  "):
            say(line)


def _end(store: StateStore, number: int) -> None:
    if store.unmute(number, time.time_ns()):
        say(f"mute {number} has ended")
        return
    is_there = any(entry.number == number for entry in store.mutes())
    what = "has ended before" if is_there else "is not there"
    tell(f"error: mute {number} {what}\n  hint: `sigma2hive mute --list` shows them")
    raise click.exceptions.Exit(Exit.FINDINGS)


def _length(span: timedelta) -> int:
    return int(span.total_seconds()) * NANOSECONDS


def _who() -> str:
    """Return the user of the system, not what the environment says."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"user {uid}"
    # Only a hint at a person: root may say anything.
    sudo = os.environ.get("SUDO_USER", "")
    return f"{name} (sudo by {sudo})" if uid == 0 and sudo else name


def _where(entry: Mute) -> str:
    conditions = " and ".join(f"{name}={value}" for name, value in entry.where)
    return f" where {visible(conditions)}" if conditions else ""


def _lines(mutes: Sequence[Mute], now_ns: int) -> Iterator[str]:
    for entry in mutes:
        if entry.holds_at(now_ns):
            state = "until"
        else:
            state = "ended early" if entry.ended_ns is not None else "ended"
        text = (
            f"{entry.rule_id}{_where(entry)}: {state} {shown_time(entry.end_ns)}, "
            f"{entry.hidden:,} hidden; by {visible(entry.by)} at {shown_time(entry.since_ns)}: "
            f"{visible(entry.reason)}"
        )
        yield from wrap(text, f"{entry.number:>4}  ", " " * 6)


def _as_json(entry: Mute) -> dict[str, Any]:
    return {
        "number": entry.number,
        "rule_id": entry.rule_id,
        "where": dict(entry.where),
        "since": render_time(entry.since_ns),
        "until": render_time(entry.until_ns),
        "ended": None if entry.ended_ns is None else render_time(entry.ended_ns),
        "by": entry.by,
        "reason": entry.reason,
        "hidden": entry.hidden,
    }
