"""`doctor`: what keeps events from being found and alerts from arriving, before a run does.

Takes a `Subject`; gives lines. Writes nothing and sends nothing, but for the test alert where that
is asked for. Adding a check is a function and a line in `CHECKS`, and a row in docs/doctor.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from sigma2hive.clients import elasticsearch as elastic_client
from sigma2hive.clients import thehive as thehive_client
from sigma2hive.clients.errors import (
    IncompleteError,
    MissingError,
    PrivilegeError,
    RequestRefusedError,
    ServerError,
)
from sigma2hive.diagnostics import ConfigurationError
from sigma2hive.settings import TheHiveSettings
from sigma2hive.sinks import SinkRequest
from sigma2hive.workflows.doctor import elasticsearch, local, reading, references, thehive
from sigma2hive.workflows.doctor.findings import (
    Cause,
    Check,
    ElasticsearchCheck,
    Finding,
    Line,
    LocalCheck,
    Status,
    Subject,
    TheHiveCheck,
    of_configuration_error,
    of_server_error,
    skipped,
)
from sigma2hive.workflows.doctor.sending import send_test_alert
from sigma2hive.workflows.project import Project

TEST_ALERT = "test alert"

#: Checks of what mappings and rules name and TheHive has to have.
NAMES: Mapping[str, TheHiveCheck] = {
    "data types": TheHiveCheck(references.look_at_data_types),
    "custom fields": TheHiveCheck(references.look_at_custom_fields),
    "case templates": TheHiveCheck(references.look_at_case_templates),
    "techniques": TheHiveCheck(references.look_at_techniques),
}

#: Every check by its name, in the order in which they are made.
CHECKS: Mapping[str, Check] = {
    "settings": LocalCheck(local.look_at_settings),
    "secrets": LocalCheck(local.look_at_secrets),
    "rules": LocalCheck(local.look_at_rules),
    "names": LocalCheck(local.look_at_names),
    "sinks": LocalCheck(local.look_at_sinks),
    "state": LocalCheck(local.look_at_state),
    "reading": LocalCheck(local.look_at_reading),
    "elasticsearch": ElasticsearchCheck(elasticsearch.look_at_server),
    "privileges": ElasticsearchCheck(elasticsearch.look_at_privileges),
    "indices": ElasticsearchCheck(elasticsearch.look_at_indices),
    "cursors": ElasticsearchCheck(reading.look_at_cursors),
    "thehive": TheHiveCheck(thehive.look_at_server),
    "key": TheHiveCheck(thehive.look_at_key),
    "licence": TheHiveCheck(thehive.look_at_licence),
    "permissions": TheHiveCheck(thehive.look_at_permissions),
    **NAMES,
    TEST_ALERT: TheHiveCheck(send_test_alert),
}

Looks = Mapping[str, Callable[[], Iterable[Finding]]]


def examine(subject: Subject) -> Iterator[Line]:
    """Yield what every check says, as it is found; never raises for what is wrong."""
    local_looks = {
        name: partial(check.look, subject)
        for name, check in CHECKS.items()
        if isinstance(check, LocalCheck)
    }
    yield from _in_turn("local", local_looks)
    yield from _ask_elasticsearch(subject)
    yield from _ask_thehive(subject)


def examine_names(project: Project, sinks: Sequence[SinkRequest]) -> Iterator[Finding]:
    """Yield what the checks `NAMES` say of each TheHive that alerts would go to.

    Raises:
        ConfigurationError: there is none, or its key cannot be used.
        ServerError: it does not answer, or refuses to.
    """

    def nothing() -> None:
        """The state is not looked at."""

    subject = Subject(project, tuple(sinks), os.environ, nothing, nothing)
    for settings in (_targets(subject) or {"": project.settings.thehive}).values():
        with thehive_client.open_client(settings) as client:
            for check in NAMES.values():
                yield from check.look(subject, client)


def _ask_elasticsearch(subject: Subject) -> Iterator[Line]:
    part, settings = "elasticsearch", subject.project.settings.elasticsearch
    if not settings.urls:
        to_do = "set elasticsearch.urls if events are to be searched there"
        yield Line(part, part, skipped("not configured: elasticsearch.urls is empty", to_do))
        return
    try:
        client = elastic_client.open_client(settings, subject.environment)
    except ConfigurationError as error:
        yield from (Line(part, part, found) for found in of_configuration_error(error))
        return
    with client:
        looks = {
            name: partial(check.look, subject, client)
            for name, check in CHECKS.items()
            if isinstance(check, ElasticsearchCheck)
        }
        yield from _in_turn(part, looks)


def _ask_thehive(subject: Subject) -> Iterator[Line]:
    targets = _targets(subject)
    if not targets:
        seen = "not configured: thehive.url is not set, and no sink is `thehive`"
        found = skipped(seen, "set thehive.url, and add thehive to sinks, to send alerts there")
        if subject.sends_test_alert:
            to_do = "set thehive.url, or SIGMA2HIVE_THEHIVE_URL, to send a test alert"
            found = Finding(Status.PROBLEM, seen, to_do, cause=Cause.CONFIGURATION)
        yield Line("thehive", "thehive", found)
    for part, settings in targets.items():
        try:
            client = thehive_client.open_client(settings, subject.environment)
        except ConfigurationError as error:
            yield from (Line(part, "thehive", found) for found in of_configuration_error(error))
            continue
        with client:
            looks = {
                name: partial(check.look, subject, client)
                for name, check in CHECKS.items()
                if isinstance(check, TheHiveCheck) and _is_wanted(name, subject)
            }
            yield from _in_turn(part, looks)


def _is_wanted(name: str, subject: Subject) -> bool:
    return name != TEST_ALERT or subject.sends_test_alert


def _targets(subject: Subject) -> Mapping[str, TheHiveSettings]:
    """Return where alerts go to by sink; the settings' own organisation where no sink says."""
    settings = subject.project.settings.thehive
    sinks = {request.spec: request for request in subject.sinks if request.kind == "thehive"}
    if not sinks:
        return {"thehive": settings} if settings.url else {}
    return {
        spec: replace(settings, organisation=request.target) if request.target else settings
        for spec, request in sinks.items()
    }


#: What one question may end with while the next one may be answered.
_PASSED_OVER = (IncompleteError, MissingError, PrivilegeError, RequestRefusedError)


def _in_turn(part: str, looks: Looks) -> Iterator[Line]:
    """Yield what each check says; where the server is out of reach, the rest is skipped."""
    remaining = list(looks)
    for name, look in looks.items():
        remaining.remove(name)
        try:
            for finding in look():
                yield Line(part, name, finding)
        except ServerError as error:
            yield Line(part, name, of_server_error(error))
            if not isinstance(error, _PASSED_OVER):
                rest = skipped("not looked at", "mend this first, then run it again")
                yield from (Line(part, other, rest) for other in remaining)
                return


__all__ = ["CHECKS", "Cause", "Finding", "Line", "Status", "Subject", "examine", "examine_names"]
