"""Checks of TheHive: who answers, whose key it is, and what that may do.

Takes a `Subject` and a client for one organisation; gives findings.
"""

from __future__ import annotations

from collections.abc import Iterator

from sigma2hive.clients.thehive import TheHiveClient
from sigma2hive.workflows.doctor.findings import Finding, Subject, ok, problem, warning
from sigma2hive.workflows.doctor.transport import look_at_address

_SUPPORTED = "5"
#: What the sink needs, and what for.
_NEEDED = {
    "manageAlert/create": "no alert can be sent",
    "manageAlert/update": "raw logs and later events cannot be added",
    "manageObservable": "observables cannot be added to an alert that is there",
    "manageProcedure": "techniques cannot be added to an alert that is there",
}
#: The organisation of administrators, which has no alerts.
_ADMINISTRATION = "admin"


def look_at_server(subject: Subject, client: TheHiveClient) -> Iterator[Finding]:
    """Say who answers, in which version, and whether the way there is closed to others."""
    settings = subject.project.settings.thehive
    version = client.version()
    seen = f"{client.server}: TheHive {version}"
    if version.partition(".")[0] == _SUPPORTED:
        yield ok(seen)
    else:
        yield problem(f"{seen}, which sigma2hive does not know", f"TheHive {_SUPPORTED} is needed")
    yield from look_at_address(client.server, settings.ca_file, "thehive.url")


def look_at_key(_subject: Subject, client: TheHiveClient) -> Iterator[Finding]:
    """Say whose key it is, and in which organisation."""
    user = client.current_user()
    seen = f"{user.login} in the organisation '{user.organisation}', profile '{user.profile}'"
    if user.organisation == _ADMINISTRATION:
        yield problem(
            f"{seen}, where there are no alerts",
            "set thehive.organisation to the one that gets the alerts, or make a user there",
        )
    else:
        yield ok(seen)


def look_at_licence(_subject: Subject, client: TheHiveClient) -> Iterator[Finding]:
    """Say whether TheHive takes changes at all."""
    if client.status().is_licence_valid:
        yield ok("valid")
    else:
        yield problem("not valid, so TheHive takes no changes", "renew it in TheHive")


def look_at_permissions(_subject: Subject, client: TheHiveClient) -> Iterator[Finding]:
    """Say which permissions are missing, and which are too many."""
    user = client.current_user()
    missing = [name for name in _NEEDED if name not in user.permissions]
    for name in missing:
        yield problem(
            f"without {name} {_NEEDED[name]}", f"add {name} to the profile '{user.profile}'"
        )
    too_many = sorted(user.permissions - _NEEDED.keys())
    if too_many:
        yield warning(
            f"the profile '{user.profile}' allows more than is needed",
            f"give {user.login} a profile of its own with {', '.join(_NEEDED)}; a licence without "
            "custom profiles has to live with this",
            too_many,
        )
    if not missing and not too_many:
        yield ok("just what is needed", *_NEEDED)
