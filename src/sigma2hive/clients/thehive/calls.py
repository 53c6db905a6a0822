"""The calls: each one request, with a time-out, and one of our errors where it fails.

Takes `model` types; gives values. Nothing is sent twice here: after a time-out or a broken
connection nobody knows whether TheHive has it, and reading it back by its name tells.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import requests
from thehive4py.client import TheHiveApi
from thehive4py.errors import TheHiveError

from sigma2hive.clients.errors import AlreadyThereError, MissingError
from sigma2hive.clients.thehive.answers import (
    AddedObservables,
    Attachment,
    ServerStatus,
    StoredAlert,
    User,
    check_procedure,
    read_added,
    read_alert,
    read_attached,
    read_attachments,
    read_contents,
    read_custom_fields,
    read_names,
    read_status,
    read_techniques,
    read_user,
    read_version,
)
from sigma2hive.clients.thehive.bodies import alert_body, alike, observable_body, procedure_body
from sigma2hive.clients.thehive.failures import Call, error_of_library, no_answer
from sigma2hive.model.alerts import Alert, Observable, Procedure

#: Entries of a catalogue that are asked for at once.
_PAGE = 500


class TheHiveClient:
    """One TheHive, as one user in one organisation. Made by `open_client`.

    Closes its connections at the end of a `with`. Every call raises a `ServerError` where it fails.
    May be used from several threads. `server` is where it is, without credentials.
    """

    def __init__(self, library: TheHiveApi, server: str) -> None:
        self._library = library
        self.server = server

    def __enter__(self) -> TheHiveClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._library.session.close()

    def version(self) -> str:
        """Return TheHive's version. Needs no valid API key."""
        call = self._call("asking for the version")
        return read_version(self._get(call, "/api/v1/status/public"), call)

    def status(self) -> ServerStatus:
        """Return version and licence."""
        call = self._call("asking for the status")
        return read_status(self._get(call, "/api/v1/status"), call)

    def current_user(self) -> User:
        """Return whose API key it is, and what it may do."""
        call = self._call("asking who we are")
        return read_user(self._send(call, self._library.user.get_current), call)

    def data_types(self) -> frozenset[str]:
        """Return the names of all observable types, in lower case."""
        names = self._names("listObservableType", "name", "listing the observable types")
        return frozenset(name.lower() for name in names)

    def custom_fields(self) -> Mapping[str, str]:
        """Return the type (string, integer, float, boolean, date or url) of each custom field."""
        call = self._call("listing the custom fields")
        return read_custom_fields(self._send(call, self._library.custom_field.list), call)

    def case_templates(self) -> frozenset[str]:
        """Return the names of the organisation's case templates."""
        return self._names("listCaseTemplate", "name", "listing the case templates")

    def known_techniques(self, ids: Iterable[str]) -> frozenset[str]:
        """Return those of the ATT&CK ids (T1059.001) that the catalogue has."""
        wanted = {"_field": "patternId", "_values": sorted(ids)}
        chosen = {"_name": "filter", "_in": wanted}
        return self._names("listPattern", "patternId", "looking up ATT&CK techniques", chosen)

    def create_alert(self, alert: Alert) -> StoredAlert:
        """Create the alert with its observables and procedures, or nothing.

        Needs manageAlert/create.

        Raises:
            AlreadyThereError: it, or a part of it, is there, says TheHive; `alert_by_name` tells.
            RequestRefusedError: a part is not accepted; `reason` names it.
        """
        call = self._call(f"sending alert {alert.source_ref}", makes=True)
        body: Any = alert_body(alert)
        answer = self._send(call, lambda: self._library.alert.create(body))
        return read_alert(answer, (alert.type, alert.source, alert.source_ref), call)

    def alert_by_name(self, type_: str, source: str, source_ref: str) -> StoredAlert | None:
        """Return the alert of that identity; None where there is none.

        None of the three may hold a semicolon: TheHive splits the name there.

        Raises: ValueError where one does.
        """
        identity = (type_, source, source_ref)
        if any(";" in part or not part for part in identity):
            raise ValueError(f"no name of an alert: {identity}")
        call = self._call(f"looking for alert {source_ref}")
        name = ";".join(quote(part, safe="") for part in identity)
        try:
            answer = self._send(call, lambda: self._library.alert.get(name))
        except MissingError:
            return None
        return read_alert(answer, identity, call)

    def add_observables(self, alert_id: str, observables: Iterable[Observable]) -> AddedObservables:
        """Add observables to an alert; those that it has are no mistake. Needs manageObservable.

        Safe to repeat. Those that TheHive refuses one by one are in the result.

        Raises:
            RequestRefusedError: the data type is unknown, or the alert is gone; `reason` tells.
            PrivilegeError: also where the alert cannot be seen (TheHive says no more).
        """
        total = AddedObservables()
        for group in alike(observables):
            total += self._add_alike(alert_id, group)
        return total

    def _add_alike(self, alert_id: str, group: Sequence[Observable]) -> AddedObservables:
        call = self._call(f"adding observables to alert {alert_id}", makes=True)
        body: Any = observable_body(group[0])
        if len(group) > 1:
            body["data"] = [one.data for one in group]
        path = quote(alert_id, safe="~")
        try:
            answer = self._send(call, lambda: self._library.alert.create_observable(path, body))
        except AlreadyThereError:
            if len(group) == 1:
                return AddedObservables(already_there=1)
            alone = (self._add_alike(alert_id, [one]) for one in group)
            return sum(alone, AddedObservables())
        return read_added(answer, len(group), call)

    def contents_of(self, alert_id: str) -> frozenset[tuple[str, str]]:
        """Return data type (in lower case) and data of the observables that an alert has."""
        call = self._call(f"listing the observables of alert {alert_id}")
        return read_contents(self._send(call, lambda: self._list(alert_id, "observables")), call)

    def add_procedure(self, alert_id: str, procedure: Procedure) -> None:
        """Add an ATT&CK technique to an alert. Needs manageProcedure. TheHive keeps doubles.

        Raises: RequestRefusedError where its catalogue has no such technique.
        """
        call = self._call(f"adding {procedure.pattern_id} to alert {alert_id}", makes=True)
        body: Any = procedure_body(procedure)
        path = quote(alert_id, safe="~")
        answer = self._send(call, lambda: self._library.alert.create_procedure(path, body))
        check_procedure(answer, procedure.pattern_id, call)

    def techniques_of(self, alert_id: str) -> frozenset[str]:
        """Return the ids (T1059.001) of the ATT&CK techniques that an alert has."""
        call = self._call(f"listing the techniques of alert {alert_id}")
        answer = self._send(call, lambda: self._list(alert_id, "procedures"))
        return read_techniques(answer, call)

    def assign(self, alert_id: str, login: str) -> None:
        """Give an alert to a user. Needs manageAlert/update.

        Raises: RequestRefusedError where the organisation has no such user.
        """
        self._update("assigning", alert_id, {"assignee": login})

    def set_custom_field(self, alert_id: str, name: str, value: object) -> None:
        """Set one custom field of an alert; the others stay. Needs manageAlert/update.

        Raises: RequestRefusedError where there is no such field, or it takes no such value.
        """
        self._update(f"setting {name} of", alert_id, {"customFields": {name: value}})

    def describe(self, alert_id: str, description: str, external_link: str = "") -> None:
        """Replace an alert's description, and its link if one is given.

        Needs manageAlert/update.
        """
        link = {"externalLink": external_link} if external_link else {}
        self._update("describing", alert_id, {"description": description, **link})

    def attachments_of(self, alert_id: str) -> tuple[Attachment, ...]:
        """Return the files that lie beside an alert."""
        call = self._call(f"listing the files of alert {alert_id}")
        answer = self._send(call, lambda: self._list(alert_id, "attachments"))
        return read_attachments(answer, call)

    def content_of(self, alert_id: str, attachment: Attachment) -> bytes:
        """Return a file that lies beside an alert."""
        call = self._call(f"reading {attachment.name} of alert {alert_id}")
        path = f"/api/v1/alert/{quote(alert_id, safe='~')}/attachment/{quote(attachment.id)}"
        session = self._library.session
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "content"
            self._send(
                call,
                lambda: session.make_request("GET", f"{path}/download", download_path=str(file)),
            )
            content = file.read_bytes()
        if len(content) != attachment.size:
            raise no_answer("a file of another size than it has there", call)
        return content

    def attach(self, alert_id: str, name: str, content: bytes) -> Attachment:
        """Put a file beside an alert, and return it. Needs manageAlert/update.

        Raises: RequestRefusedError where it has one of that name.
        """
        call = self._call(f"attaching {name} to alert {alert_id}", makes=True)
        # Not the library's add_attachment: it takes paths, and never closes what it opens.
        files = [("attachments", (name, content, "application/octet-stream"))]
        path = f"/api/v1/alert/{quote(alert_id, safe='~')}/attachments"
        session = self._library.session
        # The name says what is in it, so a second one of that name would be a double.
        data = {"canRename": "false"}
        answer = self._send(
            call, lambda: session.make_request("POST", path, data=data, files=files)
        )
        return read_attached(answer, call)

    def detach(self, alert_id: str, attachment: Attachment) -> None:
        """Take a file away from an alert. Needs manageAlert/update."""
        call = self._call(f"removing {attachment.name} of alert {alert_id}", makes=True)
        path = quote(alert_id, safe="~")
        self._send(
            call,
            lambda: self._library.alert.delete_attachment(path, quote(attachment.id, safe="~")),
        )

    def _update(self, doing: str, alert_id: str, changes: Mapping[str, object]) -> None:
        call = self._call(f"{doing} alert {alert_id}", makes=True)
        body: Any = changes
        path = quote(alert_id, safe="~")
        self._send(call, lambda: self._library.alert.update(path, body))

    def _names(self, query: str, key: str, doing: str, *steps: object) -> frozenset[str]:
        """Return what stands under `key` in each entry that a query finds, page by page."""
        call = self._call(doing)
        found: frozenset[str] = frozenset()
        for start in count(0, _PAGE):
            page = {"_name": "page", "from": start, "to": start + _PAGE}
            answer = self._send(call, partial(self._query, query, [{"_name": query}, *steps, page]))
            found |= read_names(answer, key, call)
            if not isinstance(answer, list) or len(answer) < _PAGE:
                break
        return found

    def _list(self, alert_id: str, what: str) -> object:
        steps = [{"_name": "getAlert", "idOrName": alert_id}, {"_name": what}]
        return self._query(what, steps)

    def _query(self, name: str, steps: object) -> object:
        return self._library.session.make_request(
            "POST", "/api/v1/query", params={"name": name}, json={"query": steps}
        )

    def _call(self, doing: str, *, makes: bool = False) -> Call:
        return Call(self.server, doing, makes)

    def _get(self, call: Call, path: str) -> object:
        return self._send(call, lambda: self._library.session.make_request("GET", path))

    def _send(self, call: Call, ask: Callable[[], object]) -> object:
        """Ask, and translate what goes wrong. Nothing is chained: it could hold the API key."""
        try:
            return ask()
        except (TheHiveError, requests.RequestException, UnicodeError, RecursionError) as error:
            ours = error_of_library(error, call)
        raise ours
