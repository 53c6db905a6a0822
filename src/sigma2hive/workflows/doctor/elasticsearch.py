"""Checks of Elasticsearch: who answers, what we may do there, and whether the rules have events.

Takes a `Subject` and a client; gives findings. Asks for no document, only for counts.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from sigma2hive.clients.elasticsearch import (
    ElasticsearchClient,
    Indices,
    Privileges,
    SearchAnswer,
    SearchRequest,
)
from sigma2hive.clients.errors import MissingError, PrivilegeError, ServerError
from sigma2hive.records import dataclass
from sigma2hive.workflows.doctor.findings import (
    Finding,
    Subject,
    counted,
    of_server_error,
    ok,
    problem,
    skipped,
    warning,
)
from sigma2hive.workflows.doctor.further_sinks import look_at_alert_indices
from sigma2hive.workflows.doctor.transport import look_at_address

_SUPPORTED = 9
#: What a run asks with.
_NEEDED = ("read", "view_index_metadata")
#: Where a state store in Elasticsearch is, and what it needs there (runner/store/elastic).
STATE_PATTERN = "sigma2hive-state-*"
_STATE_NEEDED = (
    *("create_index", "read", "write", "maintenance", "monitor", "view_index_metadata"),
)
#: Privileges that nothing here needs; each with those that it holds, which are not told besides.
_TOO_MANY_CLUSTER = {
    "all": ("manage", "manage_security", "manage_api_key", "manage_index_templates", "manage_ilm"),
    "manage": ("manage_index_templates", "manage_ilm"),
    "manage_security": ("manage_api_key",),
    "manage_api_key": (),
    "manage_index_templates": (),
    "manage_ilm": (),
}
_TOO_MANY_INDEX = {
    "all": (
        *("manage", "write", "create_index", "delete_index", "create", "index", "delete"),
        "read",
    ),
    "manage": ("create_index", "delete_index"),
    "write": ("create", "index", "delete"),
    "create_index": (),
    "delete_index": (),
    "create": (),
    "index": (),
    "delete": (),
}
_EVERYTHING = "*"
_DAY_SECONDS = 24 * 3600


def look_at_server(subject: Subject, client: ElasticsearchClient) -> Iterator[Finding]:
    """Say who answers, in which version, and whether the way there is closed to others."""
    settings = subject.project.settings.elasticsearch
    try:
        info = client.info()
    except PrivilegeError:
        yield warning(
            f"{client.server} answers, but does not tell its version",
            "grant the cluster privilege `monitor` if the version should be checked",
        )
    else:
        seen = f"{client.server}: Elasticsearch {info.version}, cluster '{info.cluster}'"
        yield _of_version(seen, info.version)
    for url in settings.urls:
        yield from look_at_address(url, settings.ca_file, "elasticsearch.urls")


def _of_version(seen: str, version: str) -> Finding:
    major = version.partition(".")[0]
    if major == str(_SUPPORTED):
        return ok(seen)
    if major.isdecimal() and int(major) > _SUPPORTED:
        to_do = f"sigma2hive was made for Elasticsearch {_SUPPORTED}: look for a newer one"
        return warning(f"{seen}, which is newer than known", to_do)
    return problem(f"{seen}, which is too old", f"Elasticsearch {_SUPPORTED} is needed")


def look_at_privileges(subject: Subject, client: ElasticsearchClient) -> Iterator[Finding]:
    """Say which privileges are missing, and which are too many."""
    yield from _to_read(subject, client)
    yield from _to_keep_state(subject, client)
    yield from look_at_alert_indices(subject, client)


def _to_keep_state(subject: Subject, client: ElasticsearchClient) -> Iterator[Finding]:
    """Say which privileges the state store lacks, where it is in Elasticsearch."""
    if subject.project.settings.state_store != "elasticsearch":
        return
    found = client.privileges((), _STATE_NEEDED, (STATE_PATTERN,))
    if found is None:
        yield ok("security is off: nothing is missing")
        return
    missing = [name for name in _STATE_NEEDED if name not in found.indices.get(STATE_PATTERN, ())]
    if missing:
        yield problem(
            f"'{found.user}' lacks {', '.join(missing)} on {STATE_PATTERN}",
            "grant these index privileges for the state store; docs/state.md has the whole role",
        )
    else:
        yield ok(f"'{found.user}' may keep state in {STATE_PATTERN}")


def _to_read(subject: Subject, client: ElasticsearchClient) -> Iterator[Finding]:
    """Say it of what rules look at."""
    wanted = _patterns(subject)
    near = [pattern for pattern in wanted if ":" not in pattern]
    if len(near) < len(wanted):
        yield skipped(
            "not asked: what may be read in other clusters",
            "run sigma2hive doctor with a settings file for each of them",
        )
        if not near:
            return
    asked_of = list(dict.fromkeys((*near, _EVERYTHING)))
    found = client.privileges(list(_TOO_MANY_CLUSTER), [*_NEEDED, *_TOO_MANY_INDEX], asked_of)
    if found is None:
        yield warning(
            "security is off: whoever reaches this cluster may read and change everything",
            "set xpack.security.enabled: true",
        )
        return
    who, of_near = f"'{found.user}'", counted(len(near), "index pattern")
    missing = list(_missing(found, near))
    for privilege, patterns in missing:
        yield problem(
            f"{who} lacks {privilege} on {len(patterns):,} of {of_near}",
            f"grant the index privilege `{privilege}` on the whole of each",
            patterns,
        )
    too_many = list(_too_many(found, near))
    if too_many:
        yield warning(
            f"{who} may do more than is needed",
            "use an API key with read and view_index_metadata on these patterns, and no more",
            too_many,
        )
    if not missing and not too_many:
        yield ok(f"{who} may read {of_near}, and nothing beyond")


def _missing(found: Privileges, patterns: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    for privilege in _NEEDED:
        without = [name for name in patterns if privilege not in found.indices.get(name, ())]
        if without:
            yield privilege, without


def _too_many(found: Privileges, patterns: Sequence[str]) -> Iterator[str]:
    """Yield what is had and not needed; what is had everywhere is not repeated for a pattern."""
    for privilege in _outermost(found.cluster, _TOO_MANY_CLUSTER):
        yield f"{privilege} on the cluster"
    everywhere = found.indices.get(_EVERYTHING, frozenset())
    needless = _TOO_MANY_INDEX if _EVERYTHING in patterns else {**_TOO_MANY_INDEX, "read": ()}
    for privilege in _outermost(everywhere, needless):
        yield f"{privilege} on all indices"
    by_privilege: dict[str, list[str]] = {}
    for name in patterns:
        had = found.indices.get(name, frozenset()) - everywhere
        for privilege in _outermost(had, _TOO_MANY_INDEX):
            by_privilege.setdefault(privilege, []).append(name)
    for privilege, names in by_privilege.items():
        yield f"{privilege} on {' '.join(names)}"


def _outermost(had: frozenset[str], known: dict[str, tuple[str, ...]]) -> list[str]:
    """Return those of the known privileges that are had and in no other that is."""
    there = [name for name in known if name in had]
    return [name for name in there if not any(name in known[other] for other in there)]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a pattern's indices hold: the newest time is in milliseconds, None without documents."""

    pattern: str
    newest_ms: int | None = None
    has_documents: bool = False
    error: ServerError | None = None


def look_at_indices(subject: Subject, client: ElasticsearchClient) -> Iterator[Finding]:
    """Say of which index patterns there are indices, documents, and recent ones."""
    users = _patterns(subject)
    requests = [SearchRequest(Indices((pattern,)), _BODY) for pattern in users]
    answers = client.msearch(requests)
    seen = [_read(pattern, found) for pattern, found in zip(users, answers, strict=True)]
    missing = [one.pattern for one in seen if isinstance(one.error, MissingError)]
    if blocked := list(_blocked(subject, set(missing))):
        named = [name for name in missing if any(name in patterns for patterns in blocked)]
        yield problem(
            f"no index fits {len(named):,} of {counted(len(seen), 'pattern')}: "
            f"{counted(len(blocked), 'rule')} cannot be searched",
            "ship these logs, take their rules out of `rules`, or name your own indices in a "
            "profile in mappings/schemas/ (docs/profiles.md); `sigma2hive schema pull` notes which "
            "of a rule's patterns have none; an index that may not be seen is missing as well",
            [f"{pattern} ({counted(users[pattern], 'rule')})" for pattern in named],
        )
    for one in seen:
        if one.error is not None and not isinstance(one.error, MissingError):
            yield of_server_error(one.error)
    whole = [one for one in seen if one.error is None]
    yield from _of_documents(whole)


def _blocked(subject: Subject, missing: set[str]) -> Iterator[tuple[str, ...]]:
    """Yield the patterns of each rule that a missing one keeps from being searched.

    A rule does without those of which the snapshot says so, while it has another.
    """
    noted = subject.project.profile.without_index()
    for rule in subject.project.compiled.rules:
        gone = missing.intersection(rule.indices)
        if gone - noted or (gone and gone == set(rule.indices)):
            yield rule.indices


def _of_documents(whole: Sequence[_Seen]) -> Iterator[Finding]:
    empty = [one.pattern for one in whole if not one.has_documents]
    if empty:
        yield warning(
            f"no document is in the indices of {counted(len(empty), 'pattern')}",
            "look whether what ships these logs runs",
            empty,
        )
    now_ms = time.time_ns() // 1_000_000
    ages = {one.pattern: _age(one, now_ms) for one in whole if one.has_documents}
    stale = {name: age for name, age in ages.items() if age is None or age > _DAY_SECONDS}
    if stale:
        yield warning(
            f"nothing has come in a day to {counted(len(stale), 'pattern')}",
            "look whether what ships these logs runs",
            [f"{name} ({_ago(age)})" for name, age in stale.items()],
        )
    if fresh := {name: age for name, age in ages.items() if name not in stale}:
        newest = min(age for age in fresh.values() if age is not None)
        yield ok(f"events are in {counted(len(fresh), 'pattern')}, the newest {_ago(newest)}")


def _ago(age_seconds: float | None) -> str:
    if age_seconds is None:
        return "without @timestamp"
    for unit, seconds in (("d", 86_400), ("h", 3600), ("min", 60)):
        if age_seconds >= seconds:
            return f"{age_seconds // seconds:.0f} {unit} ago"
    return "just now"


def _age(seen: _Seen, now_ms: int) -> float | None:
    return None if seen.newest_ms is None else (now_ms - seen.newest_ms) / 1000


_BODY: dict[str, Any] = {
    "size": 0,
    "track_total_hits": 1,
    "aggs": {"newest": {"max": {"field": "@timestamp"}}},
}


def _read(pattern: str, answer: SearchAnswer | ServerError) -> _Seen:
    if isinstance(answer, ServerError):
        return _Seen(pattern, error=answer)
    value = answer.aggregations.get("newest", {}).get("value")
    newest = int(value) if isinstance(value, int | float) else None
    return _Seen(pattern, newest, bool(answer.total))


def _patterns(subject: Subject) -> dict[str, int]:
    """Return the index patterns that rules read, each with how many rules, sorted."""
    counted = Counter(
        pattern for rule in subject.project.compiled.rules for pattern in rule.indices
    )
    return dict(sorted(counted.items()))
