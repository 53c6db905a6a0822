"""The test alert: one, always the same, that shows whether alerts really arrive.

Takes a `Subject` and a client for one organisation; sends an alert. Its name never changes, so that
asking again finds it instead of making another.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from sigma2hive.clients.errors import AlreadyThereError, ServerError
from sigma2hive.clients.thehive import StoredAlert, TheHiveClient
from sigma2hive.model.alerts import Alert, Observable
from sigma2hive.workflows.doctor.findings import Finding, Status, Subject, problem

SOURCE_REF = "sigma2hive-test-alert"
TITLE = "Test alert of sigma2hive: nothing happened, please delete"
_TEXT = (
    "Somebody ran `sigma2hive doctor --send-test-alert` to see whether alerts arrive here. "
    "They do. Nothing was detected; this alert can be deleted."
)


def send_test_alert(subject: Subject, client: TheHiveClient) -> Iterator[Finding]:
    """Send the test alert where it is not there yet, read it back, and say where it is.

    Raises:
        ServerError: it was not taken, or nobody knows whether it was.
    """
    alert = _test_alert(subject)
    stored = client.alert_by_name(*alert.identity)
    if stored is not None:
        yield _told(f"there already ({stored.stage})", stored, client)
        return
    stored = _send(alert, client)
    if stored is None:
        yield problem(
            "TheHive took the test alert and does not have it",
            "look for it in TheHive, and into TheHive's log; run this again",
        )
    else:
        yield _told("sent and read back", stored, client)


def _send(alert: Alert, client: TheHiveClient) -> StoredAlert | None:
    try:
        client.create_alert(alert)
    except AlreadyThereError:
        pass  # somebody else was faster; or it lies: reading it back tells
    except ServerError as error:
        if not error.passes:
            raise
        # After a time-out or a broken connection nobody knows whether it is there.
        found = client.alert_by_name(*alert.identity)
        if found is None:
            raise
        return found
    return client.alert_by_name(*alert.identity)


def _told(what: str, stored: StoredAlert, client: TheHiveClient) -> Finding:
    to_do = (
        f"delete it in TheHive, or with DELETE {client.server}/api/v1/alert/{stored.id} by "
        "somebody who may manageAlert/delete"
    )
    return Finding(Status.OK, f"{what}: id {stored.id}, sourceRef {SOURCE_REF}", to_do)


def _test_alert(subject: Subject) -> Alert:
    """Return the alert; it is called as all others are, and is of the least weight."""
    names = subject.project.mappings.alerts
    marker = Observable("other", "sigma2hive test", tlp=0, pap=0, ignore_similarity=True)
    return Alert(
        type=names.type,
        source=names.source,
        source_ref=SOURCE_REF,
        rule_id="",
        rule_title="",
        title=TITLE,
        description=_TEXT,
        severity=1,
        date_ns=time.time_ns(),
        tlp=0,
        pap=0,
        tags=("sigma2hive:test",),
        observables=(marker,),
    )
