"""`sigma2hive doctor`: what would keep alerts from arriving, before a run finds out."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import click

from sigma2hive.cli.columns import wrap
from sigma2hive.cli.exits import Exit, errors_as_exits
from sigma2hive.cli.options import json_option, project_options, settings_shown
from sigma2hive.cli.output import say
from sigma2hive.model.visible import visible
from sigma2hive.runner.delivery import check_delivery, sink_requests
from sigma2hive.runner.naming import naming_of
from sigma2hive.workflows.doctor import Cause, Finding, Line, Status, Subject, examine
from sigma2hive.workflows.project import Project, ProjectOptions, load_project

#: Names that one line tells; all of them are in --json.
_SHOWN = 6
_STATUS_COLUMNS = max(map(len, Status)) + 1


@click.command()
@project_options
@click.option(
    "--send-test-alert",
    is_flag=True,
    help="Really send one alert, plainly named, to TheHive, and read it back.",
)
@json_option
def doctor(
    settings_file: Path | None,
    rules: tuple[Path, ...],
    profile: str | None,
    send_test_alert: bool,
    as_json: bool,
) -> None:
    """Look whether everything is there that a run needs, and say what to do.

    Settings, secrets, sinks; Elasticsearch and TheHive: reached, trusted, of a known version, and
    with the least privileges; what rules and mappings name there. What is not configured is
    skipped. Nothing is written or sent without --send-test-alert.

    \b
    Example:
      sigma2hive doctor
      sigma2hive doctor --json
      sigma2hive doctor --send-test-alert
    """
    with errors_as_exits():
        project = load_project(ProjectOptions(Path.cwd(), settings_file, rules, profile))
        lines = list(examine(_subject(project, sends_test_alert=send_test_alert)))
    if as_json:
        say(json.dumps(_as_json(project, lines), indent=2))
    else:
        say("\n".join([*_text(lines), _summary(lines, sends_test_alert=send_test_alert)]))
    raise click.exceptions.Exit(_exit_code(lines))


def _subject(project: Project, *, sends_test_alert: bool) -> Subject:
    settings = project.settings
    sinks = tuple(sink_requests(settings, (), Path.cwd()))
    # TheHive is asked by checks of its own.
    files = [request for request in sinks if request.kind != "thehive"]
    naming = naming_of(project.mappings.alerts, is_new_wanted=False)
    return Subject(
        project,
        sinks,
        os.environ,
        check_state=lambda: check_delivery(files, settings.state),
        check_naming=lambda: naming.check(settings),
        sends_test_alert=sends_test_alert,
    )


def _text(lines: Sequence[Line]) -> Iterator[str]:
    part = ""
    for (of_part, finding), alike in groupby(lines, key=lambda line: (line.part, line.finding)):
        if of_part != part:
            part = of_part
            yield visible(part)
        checks = ", ".join(line.check for line in alike)
        first = f"  {finding.status:<{_STATUS_COLUMNS}}"
        yield from wrap(visible(f"{checks}: {_seen(finding)}"), first, " " * len(first))
        if finding.to_do:
            rest = " " * (len(first) + 3)
            yield from wrap(visible(finding.to_do), f"{' ' * len(first)}-> ", rest)


def _seen(finding: Finding) -> str:
    names = finding.names
    if not names:
        return finding.seen
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"{finding.seen}: {', '.join(names[:_SHOWN])}{more}"


def _summary(lines: Sequence[Line], *, sends_test_alert: bool) -> str:
    counts = Counter(line.finding.status for line in lines)
    told = [f"{counts[Status.OK]:,} ok"]
    for status in (Status.WARNING, Status.PROBLEM):
        ending = "" if counts[status] == 1 else "s"
        told.append(f"{counts[status]:,} {status}{ending}")
    told.append(f"{counts[Status.SKIPPED]:,} skipped")
    nothing = "" if sends_test_alert else "; nothing was written or sent"
    return ", ".join(told) + nothing


def _as_json(project: Project, lines: Sequence[Line]) -> dict[str, object]:
    counts = Counter(line.finding.status for line in lines)
    return {
        "settings": settings_shown(project.settings),
        "profile": project.profile.name,
        "counts": {status.value: counts[status] for status in Status},
        "checks": [
            {
                "part": line.part,
                "check": line.check,
                "status": line.finding.status.value,
                "seen": line.finding.seen,
                "names": list(line.finding.names),
                "to_do": line.finding.to_do,
            }
            for line in lines
        ],
    }


def _exit_code(lines: Sequence[Line]) -> Exit:
    """Return what to end with: first what has to be set, then what may pass by itself."""
    causes = {line.finding.cause for line in lines if line.finding.status is Status.PROBLEM}
    codes = {
        Cause.CONFIGURATION: Exit.CONFIGURATION,
        Cause.UNREACHABLE: Exit.UNREACHABLE,
        Cause.FOUND: Exit.FINDINGS,
    }
    return next((code for cause, code in codes.items() if cause in causes), Exit.FINE)
