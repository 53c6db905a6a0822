"""Checks of what lies here: settings, secrets, rules, sinks and the state folder.

Takes a `Subject`; gives findings. Reads modes and headers of files, never a secret's value.
"""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from sigma2hive.clients.thehive import API_KEY as THEHIVE_KEY
from sigma2hive.diagnostics import CODES, ConfigurationError, Severity, Sigma2hiveError
from sigma2hive.native import is_available
from sigma2hive.runner.state import DEFAULT_STATE, stored_waiting
from sigma2hive.settings import secret_from_environment
from sigma2hive.settings.keys import SECRETS
from sigma2hive.sinks import SinkRequest
from sigma2hive.workflows.doctor.findings import (
    Cause,
    Finding,
    Status,
    Subject,
    counted,
    of_configuration_error,
    ok,
    shown,
    skipped,
    warning,
)
from sigma2hive.workflows.doctor.further_sinks import look_at_webhooks, shown_sink

#: What others may do to a file, in its mode.
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
#: How the place of a setting from the environment begins.
_VARIABLE = "environment variable "
#: Findings about settings and mappings, among those of a project.
_ABOUT_SETTINGS = frozenset({"S2H401", "S2H402", "S2H405"})
#: Findings that say that rules could not even be read.
_NOT_READ = frozenset({"S2H101", "S2H108"})


def look_at_settings(subject: Subject) -> Iterator[Finding]:
    """Say which file and which variables hold."""
    settings = subject.project.settings
    where = shown(settings.file) if settings.file else "no sigma2hive.yml: the defaults hold"
    yield ok(f"{where}; profile {subject.project.profile.name}")
    variables = sorted(
        place.path.removeprefix(_VARIABLE)
        for places in settings.places.values()
        for place in places
        if place.path.startswith(_VARIABLE)
    )
    if variables:
        yield ok("from the environment", *variables)
    for found in subject.project.findings:
        if found.code in _ABOUT_SETTINGS and found.severity is Severity.WARNING:
            yield warning(f"{found.location}: {found.message}", found.hint)


def look_at_secrets(subject: Subject) -> Iterator[Finding]:
    """Say where each secret comes from; one that a server lacks is told with the server."""
    settings = subject.project.settings
    found = [seen for name in SECRETS if (seen := _source_of(name, subject.environment))]
    if found:
        yield ok("found, and not shown", *found)
    else:
        yield skipped("none is set", "docs/settings.md lists the variables that hold them")
    if settings.elasticsearch.urls and not any("ELASTICSEARCH" in seen for seen in found):
        yield warning(
            "Elasticsearch is asked without credentials",
            "set SIGMA2HIVE_ELASTICSEARCH_API_KEY, or its _FILE, unless nobody needs any there",
        )
    if not settings.thehive.url and any(THEHIVE_KEY in seen for seen in found):
        yield warning(f"{THEHIVE_KEY} is set, but thehive.url is not", "set thehive.url")


def _source_of(name: str, environment: Mapping[str, str]) -> str:
    """Return where a usable secret comes from, "" where there is none."""
    with suppress(ConfigurationError):  # told where the server is opened
        if secret_from_environment(name, environment) is not None:
            file = environment.get(f"{name}_FILE", "")
            return f"{name} from the file {file}" if file else f"{name} from the environment"
    return ""


def look_at_rules(subject: Subject) -> Iterator[Finding]:
    """Say how many rules are ready, and why others are not."""
    project = subject.project
    compiled = project.compiled
    for found in project.findings:
        if found.code in _NOT_READ:
            seen = f"{found.location}: {found.message}"
            yield Finding(Status.PROBLEM, seen, found.hint, cause=Cause.CONFIGURATION)
    rules = counted(len(compiled.rules), "rule")
    seen = f"ready: {rules}, {counted(len(compiled.correlations), 'correlation')}"
    if project.left_out:
        reasons = Counter(found.code for found in project.findings.errors)
        yield warning(
            f"{seen}; {len(project.left_out):,} left out",
            "see each of them with sigma2hive compile --target dsl; take what is not for your "
            "logs out of `rules`",
            [f"{number:,} for {code} ({CODES[code]})" for code, number in reasons.most_common()],
        )
    if not compiled.rules:
        to_do = "look at `rules` and `profile` in the settings"
        yield Finding(Status.PROBLEM, "no rule is ready", to_do, cause=Cause.CONFIGURATION)
    elif not project.left_out:
        yield ok(seen)


def look_at_names(subject: Subject) -> Iterator[Finding]:
    """Say what alerts are called, and whether they were called so before."""
    alerts = subject.project.mappings.alerts
    try:
        subject.check_naming()
    except ConfigurationError as error:
        yield from of_configuration_error(error)
    except Sigma2hiveError:
        pass  # the state itself cannot be used, which is told with it
    else:
        yield ok(f"alerts have the type '{alerts.type}' and the source '{alerts.source}'")


def look_at_sinks(subject: Subject) -> Iterator[Finding]:
    """Say where alerts go, and whether they are sent."""
    yield _of_sinks(subject)
    yield from look_at_webhooks(subject)
    yield from _of_waiting(subject)


def _of_waiting(subject: Subject) -> Iterator[Finding]:
    """Say for which sinks alerts wait that none of them will get."""
    settings = subject.project.settings
    if settings.state_store != "sqlite":
        return
    waiting: Mapping[str, int] = {}
    with suppress(Sigma2hiveError):  # the state itself cannot be used, which is told with it
        waiting = stored_waiting(settings.state / DEFAULT_STATE.name)
    for name in sorted(waiting.keys() - {request.spec for request in subject.sinks}):
        number = waiting[name]
        yield warning(
            f"{counted(number, 'alert')} wait{'s' if number == 1 else ''} for "
            f"{shown_sink(SinkRequest(name, settings.root))}, which is named no more",
            "name it under `sinks` again, and the service delivers them; else they stay in the "
            "state, and hold nothing up",
        )


def _of_sinks(subject: Subject) -> Finding:
    settings = subject.project.settings
    names = [shown_sink(request) for request in subject.sinks]
    seen = f"alerts go to {', '.join(names)}"
    has_thehive = any(request.kind == "thehive" for request in subject.sinks)
    if has_thehive and settings.thehive.live:
        seen += "; thehive.live is true, so runs send them"
    elif has_thehive:
        seen += "; nothing is sent to TheHive without --live"
    elif settings.thehive.url:
        return warning(
            f"{seen}, not to TheHive, although thehive.url is set",
            "add thehive to sinks, or run with --sink thehive",
        )
    return ok(seen)


def look_at_reading(_: Subject) -> Iterator[Finding]:
    """Say whether events are taken apart in C."""
    if is_available():
        yield ok("events are taken apart in C")
    else:
        yield warning(
            "events are taken apart in Python, which takes several times as long",
            "install sigma2hive again where a C compiler is, or PyPI's ziglang can be had",
        )


def look_at_state(subject: Subject) -> Iterator[Finding]:
    """Say whether state and inbox can be written, and whether others can read them."""
    folder = subject.project.settings.state
    try:
        subject.check_state()
    except ConfigurationError as error:
        yield from of_configuration_error(error)
        return
    except Sigma2hiveError as error:
        hint = getattr(error, "hint", "") or "mend it, or set another folder as state"
        yield Finding(Status.PROBLEM, str(error), hint, cause=Cause.CONFIGURATION)
        return
    if not folder.exists():
        yield ok(f"{shown(folder)} can be made; the first run does, closed to others")
        return
    opened = [path for path in _kept(subject) if path.stat().st_mode & _OTHERS]
    for path in opened:
        is_folder = path.is_dir()
        mode = stat.S_IMODE(path.stat().st_mode)
        yield warning(
            f"others may look into {shown(path)} ({mode:04o}), which holds raw logs",
            f"chmod {'700' if is_folder else '600'} {shown(path)}",
        )
    if not opened:
        yield ok(f"{shown(folder)} can be written, and others cannot look into it")


def _kept(subject: Subject) -> Iterator[Path]:
    """Yield the state folder, and each file that alerts or state are kept in."""
    folder = subject.project.settings.state
    yield folder
    yield from (path for path in sorted(folder.glob("*.db*")) if path.is_file())
    for request in subject.sinks:
        if request.kind in {"inbox", "jsonl"} and request.target not in {"", "-"}:
            path = request.folder / request.target
            if path.is_file() and path.parent != folder:
                yield path
