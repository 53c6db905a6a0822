"""The double without its network: a request in, TheHive's answer out, everything checked.

Takes `Raw` requests; gives `Answer`s. A request that does not fit the description is refused as
TheHive does; an answer of ours that does not fit is a bug of the double: it is answered with 500,
named in `bugs`, and fails the test that finds it there. With a log, what changed something is
written down before it is answered, and done again at the next start: the double can be killed.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.doubles.thehive import (  # noqa: F401 - what registers its routes
    accounts,
    alerts,
    attachments,
    belongings,
    cases,
    catalogue,
    cortex,
    legacy,
    observables,
    procedures,
    query,
)
from tests.doubles.thehive.catalogue import public_status
from tests.doubles.thehive.description import Description, Mismatch
from tests.doubles.thehive.errors import (
    Refused,
    bad_request,
    forbidden,
    not_permitted,
    wrong_attributes,
)
from tests.doubles.thehive.extending import extend
from tests.doubles.thehive.multipart import parse_multipart
from tests.doubles.thehive.routing import Answer, Caller, File, Request, Route, find_route
from tests.doubles.thehive.seed import seed
from tests.doubles.thehive.world import Behaviour, Limits, World

_V0_CORTEX = "/api/connector/cortex/"


@dataclass(frozen=True, slots=True)
class Raw:
    """A request as it came; `path` is without its query and still quoted."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Understood:
    """What became clear of a request on the way, for the journal and the log."""

    caller: Caller | None = None
    json: Any = None
    files: Mapping[str, list[File]] | None = None
    route: Route | None = None


class Application:
    """One world behind TheHive's API."""

    def __init__(self, description: Description, token: str, log: Path | None = None) -> None:
        self.description = description
        self.lock = threading.RLock()
        self.bugs: list[str] = []
        self.world = World()
        self._token = token
        self._log = log
        self._is_replaying = False
        query.Fields.of = staticmethod(description.fields)
        self._fill()
        if log is not None and log.is_file():
            self._replay(log)

    def _fill(self) -> None:
        self.world = World()
        seed(self.world, self._token)

    def reset(self) -> None:
        """Begin afresh, with nothing but the seed."""
        with self.lock:
            self.bugs.clear()
            self._fill()
            if self._log is not None:
                self._log.write_bytes(b"")

    def respond(self, raw: Raw) -> tuple[Answer, Understood]:
        """Answer a request; one after the other, each whole or not at all."""
        understood = Understood()
        with self.lock, self.world.at_one_time() as now:
            counter = self.world.counter
            try:
                answer = self._answer(raw, understood)
            except Refused as refused:
                answer = Answer(refused.status, refused.body)
            except Exception as error:  # whatever it is, it is ours
                return self._bug(raw, f"{type(error).__name__}: {error}"), understood
            wrong = self._mismatches(raw, understood, answer)
            if wrong:
                return self._bug(raw, "; ".join(str(one) for one in wrong)), understood
            if answer.status == 501:  # as it is: thehive4py repeats what is answered with 500
                self._bug(raw, str(answer.body))
            if understood.caller and answer.status < 300 and _changes(understood.route):
                self._write(
                    {
                        "counter": counter,
                        "now": now,
                        "login": understood.caller.login,
                        "organisation": understood.caller.organisation,
                        "method": raw.method,
                        "path": raw.path,
                        "query": dict(raw.query),
                        "type": raw.headers.get("Content-Type", ""),
                        "body": base64.b64encode(raw.body).decode(),
                    }
                )
        return answer, understood

    def _answer(self, raw: Raw, understood: Understood) -> Answer:
        path = raw.path
        if path.startswith(_V0_CORTEX):
            path = path.replace("/api/", "/api/v1/", 1)
        if (raw.method, path) == ("GET", "/api/v1/status/public"):
            return Answer(200, public_status(self.world))
        caller = understood.caller = accounts.identify(self.world, raw.headers)
        found = find_route(raw.method, path)
        if found is None:
            if self.description.knows(raw.method, path):
                raise Refused(501, "NotInTheDouble", f"the double lacks {raw.method} {path}")
            # Source: ErrorHandler.scala, onClientError.
            raise Refused(404, "NotFound", "")
        route, parameters = found
        understood.route = route
        fields = self._read_body(raw, understood)
        self._check_allowed(caller, route)
        self._check_body(raw, understood)
        request = Request(
            self.world,
            caller,
            parameters,
            {**raw.query, **fields},
            _without_nulls(understood.json),
            understood.files or {},
            _nulls(understood.json),
        )
        return route.handler(request)

    def _check_allowed(self, caller: Caller, route: Route) -> None:
        if self.world.behaviour.read_only and _changes(route):
            # FACTS: a lapsed licence makes TheHive read-only. How it says so is a guess.
            raise forbidden("License expired: TheHive is in read-only mode")
        if route.permission and route.permission not in caller.permissions:
            raise not_permitted(route.doing, route.permission)

    def _read_body(self, raw: Raw, understood: Understood) -> dict[str, str]:
        """Read the body into `understood`; give the plain fields of a multipart one."""
        kind = raw.headers.get("Content-Type", "")
        is_multipart = kind.startswith("multipart/form-data")
        limits = self.world.limits
        limit = limits.multipart_bytes if is_multipart else limits.body_bytes
        if limit is not None and len(raw.body) > limit:
            # Play's own refusal, through onClientError, which has no name for 413.
            raise Refused(413, "Unknown", "Request Entity Too Large")
        if is_multipart:
            fields, understood.files = parse_multipart(kind, raw.body)
            text = fields.pop("_json", None)
            if text is not None and limits.body_bytes and len(text.encode()) > limits.body_bytes:
                raise Refused(413, "Unknown", "Request Entity Too Large")
            understood.json = None if text is None else _parse(text)
            return fields
        understood.json = _parse(raw.body) if raw.body else None
        return {}

    def _check_body(self, raw: Raw, understood: Understood) -> None:
        route = understood.route
        assert route is not None
        if understood.json is None and understood.files is None:
            if self.description.needs_body(route.method, route.path):
                raise bad_request("Invalid Json: No content to map due to end-of-input")
            return
        kind = raw.headers.get("Content-Type", "").partition(";")[0]
        body = _without_nulls(understood.json)
        wrong = self.description.request(route.method, route.path, kind, body)
        if wrong:
            raise wrong_attributes((one.name, one.expected, one.found) for one in wrong)

    def _mismatches(self, raw: Raw, understood: Understood, answer: Answer) -> list[Mismatch]:
        route = understood.route
        path = route.path if route else raw.path
        if isinstance(answer.body, str | bytes):
            return []
        wrong = self.description.answer(raw.method, path, answer.status, answer.body)
        if answer.kinds:
            for item in answer.body:
                wrong += self.description.item(answer.kinds, item)
        return wrong

    def _bug(self, raw: Raw, what: str) -> Answer:
        message = f"bug of the double: {raw.method} {raw.path}: {what}"
        self.bugs.append(message)
        return Answer(500, {"type": "BugOfTheDouble", "message": message})

    def set_up(self, what: Mapping[str, Any]) -> None:
        """Change the world from outside (control.py): limits, behaviour, catalogues.

        Raises: ValueError, KeyError, TypeError where it asks for what there is not.
        """
        with self.lock, self.world.at_one_time() as now:
            counter = self.world.counter
            self._set_up(what)
            self._write({"counter": counter, "now": now, "set_up": what})

    def _set_up(self, what: Mapping[str, Any]) -> None:
        world = self.world
        for name, kept in (("limits", Limits), ("behaviour", Behaviour)):
            current = getattr(world, name)
            for key, value in what.get(name, {}).items():
                if key not in kept.__dataclass_fields__:
                    raise ValueError(f"{name} has no {key}")
                setattr(current, key, value)
        extend(world, what.get("catalogue", {}))

    def _write(self, entry: Mapping[str, Any]) -> None:
        if self._log is None or self._is_replaying:
            return
        with self._log.open("ab") as stream:
            stream.write(json.dumps(entry).encode() + b"\n")

    def _replay(self, log: Path) -> None:
        """Do again what the log says, with the same ids and times; a torn last line is nothing."""
        self._is_replaying = True
        for line in log.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            entry = json.loads(line)
            self.world.counter, self.world.fixed_time = entry["counter"], entry["now"]
            if "set_up" in entry:
                self._set_up(entry["set_up"])
                continue
            raw = Raw(
                entry["method"],
                entry["path"],
                entry["query"],
                {"Content-Type": entry["type"], **self._credentials(entry)},
                base64.b64decode(entry["body"]),
            )
            answer, _ = self.respond(raw)
            if answer.status >= 300:
                self.bugs.append(f"replaying {entry['method']} {entry['path']}: {answer.body}")
        self.world.fixed_time = None
        self._is_replaying = False

    def _credentials(self, entry: Mapping[str, str]) -> dict[str, str]:
        """Return headers of who asked; a key made up for the time being if there is none."""
        user = self.world.get("User", entry["login"], key="login")
        key = user.hidden["api_key"] or "replay"
        user.hidden["api_key"] = key
        return {"Authorization": f"Bearer {key}", "X-Organisation": entry["organisation"]}


def _changes(route: Route | None) -> bool:
    return route is not None and route.method != "GET" and route.path != "/api/v1/query"


def _without_nulls(body: Any) -> Any:
    """Return a body without the fields that are null: to TheHive they are absent.

    Source: thehive4py, tests/test_case_endpoint.py, which sends nulls that the description refuses.
    """
    if isinstance(body, list):
        return [_without_nulls(one) for one in body]
    if isinstance(body, dict):
        return {name: _without_nulls(one) for name, one in body.items() if one is not None}
    return body


def _nulls(body: Any) -> frozenset[str]:
    if not isinstance(body, dict):
        return frozenset()
    return frozenset(name for name, value in body.items() if value is None)


def _parse(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise bad_request(f"Invalid Json: {error}") from None
