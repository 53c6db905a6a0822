"""The one table from what Elasticsearch and its library report to our errors.

Takes an exception of the library, or an error in a body; gives a `ServerError` that says what
happened and what to do. Never gives a secret away: what it quotes is the server's own words, cut.

Source of the types and reasons: answers of Elasticsearch 9.3.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from elastic_transport import (
    ApiError,
    ConnectionTimeout,
    SerializationError,
    SniffingError,
    TlsError,
    TransportError,
)
from elastic_transport import ConnectionError as LibraryConnectionError
from elasticsearch import UnsupportedProductError

from sigma2hive.clients.elasticsearch.refusals import (
    Call,
    Refusal,
    read_refusal,
    server_words,
)
from sigma2hive.clients.errors import (
    AlreadyThereError,
    AnswerError,
    AuthenticationError,
    BusyError,
    CertificateError,
    ClosedError,
    IncompleteError,
    MissingError,
    PrivilegeError,
    RequestRefusedError,
    ServerError,
    ServerTimeoutError,
    UnreachableError,
    VersionError,
)
from sigma2hive.clients.words import cut, retry_after

_HEALTH = "look at the cluster's health; nothing was taken as searched"

#: What a cluster says that lacks the module for a call.
NO_SUCH_CALL = "no handler found"

#: What a search ends with of which a shard failed; the causes say why.
_SEARCH_FAILED = "search_phase_execution_exception"


def error_of_library(error: Exception, call: Call) -> ServerError:
    """Return our error for one that the library raised."""
    if isinstance(error, UnsupportedProductError):
        return _no_elasticsearch(call, "answers, but is something else")
    if isinstance(error, ApiError):
        seconds = retry_after(error.meta.headers.get("retry-after"))
        return error_in_body(error.body, error.meta.status, call, seconds)
    for kind, make in _TRANSPORT.items():
        if isinstance(error, kind):
            return make(error, call)
    return AnswerError(call.message(f"failed: {type(error).__name__}"), "report this as a mistake")


def error_in_body(
    body: object, status: int, call: Call, retry_after_seconds: float | None = None
) -> ServerError:
    """Return our error for a status and the body that came with it.

    `body` is the whole answer, or one item of an `_msearch` answer.
    """
    refusal = read_refusal(body, status, call, retry_after_seconds)
    for kind, make in _BY_TYPE.items():
        if kind in refusal.types:
            return make(refusal)
    if make_by_status := _BY_STATUS.get(status):
        return make_by_status(refusal)
    if _SEARCH_FAILED in refusal.types and status >= 500:
        return _shards_failed(refusal)
    is_ours = bool(refusal.types) or refusal.reason.startswith(NO_SUCH_CALL)
    return (_refused if 400 <= status < 500 and is_ours else _failed_inside)(refusal)


def failed_shards(shards: Mapping[str, Any], call: Call) -> IncompleteError:
    """Return the error for an answer whose `_shards` says that some are missing from it."""
    words = server_words({"failed_shards": shards.get("failures")})
    counted = f"{shards.get('failed')} of {shards.get('total')} shards"
    return IncompleteError(
        call.message(f"left out {counted}: {words or 'no reason given'}"), _HEALTH
    )


def failed_indices(answer: Mapping[str, Any], call: Call) -> IncompleteError:
    """Return the error for an answer about fields that lacks those of some indices."""
    failures = answer.get("failures")
    first = failures[0] if isinstance(failures, list) and failures else None
    failure = first.get("failure") if isinstance(first, Mapping) else None
    words = server_words(failure.get("error") if isinstance(failure, Mapping) else None)
    counted = f"{answer.get('failed_indices')} indices"
    return IncompleteError(
        call.message(f"left out {counted}: {words or 'no reason given'}"), _HEALTH
    )


def no_answer(what: str, call: Call) -> AnswerError:
    """Return the error for an answer that cannot be understood."""
    return AnswerError(
        call.message(f"gave {what}"),
        "check that elasticsearch.urls leads to Elasticsearch 9, and what stands before it",
    )


# What the library raises by itself


def _timed_out(_error: Exception, call: Call) -> ServerError:
    return ServerTimeoutError(
        call.message("did not answer in time"),
        "ask for less at once, or raise elasticsearch.timeout_seconds",
    )


def _tls(error: Exception, call: Call) -> ServerError:
    words = _innermost(error)
    if "eof" in words.lower():
        return _unreachable(error, call)  # the connection broke; nothing was said of certificates
    for sign, hint in _TLS_HINTS.items():
        if sign in words.lower():
            return CertificateError(call.message(f"was not trusted: {words}"), hint)
    return CertificateError(call.message(f"did not agree on TLS: {words}"), _TLS_HINT)


_TLS_HINT = "check the address and what stands between here and there"
_TLS_HINTS = {
    "wrong version number": "it speaks no TLS there: check the port, or whether it should be http",
    "record layer failure": "it speaks no TLS there: check the port, or whether it should be http",
    "hostname mismatch": "use the name that the certificate was made for in elasticsearch.urls",
    "ip address mismatch": "use the name that the certificate was made for in elasticsearch.urls",
    "doesn't match": "use the name that the certificate was made for in elasticsearch.urls",
    "expired": "renew the server's certificate, and check this machine's clock",
    "certificate_verify_failed": "set elasticsearch.ca_file to the certificate of the authority "
    "that signed the server's (Elasticsearch's own is config/certs/http_ca.crt)",
}


def _unreachable(error: Exception, call: Call) -> ServerError:
    words = _innermost(error)
    hint = "check elasticsearch.urls, that the server runs, and the network between"
    if "Remote end closed connection without response" in words:
        hint = "it may expect https in place of http; check elasticsearch.urls"
    return UnreachableError(call.message(f"cannot be reached: {words}"), hint)


def _not_json(_error: Exception, call: Call) -> ServerError:
    # The library's message quotes the whole answer, which may be megabytes of events.
    return _no_elasticsearch(call, "gave an answer that is not JSON")


def _no_elasticsearch(call: Call, what: str) -> ServerError:
    return AnswerError(
        call.message(what),
        "check that elasticsearch.urls leads to Elasticsearch, not to Kibana or a login page",
    )


#: The library's exceptions, narrower ones first.
_TRANSPORT: dict[type[Exception], Callable[[Exception, Call], ServerError]] = {
    ConnectionTimeout: _timed_out,
    TlsError: _tls,
    LibraryConnectionError: _unreachable,
    SniffingError: _unreachable,
    SerializationError: _not_json,
    RecursionError: _not_json,
    TransportError: _unreachable,
}


def _innermost(error: Exception) -> str:
    """Return the words of the library's connection error without the objects that it names."""
    words = str(getattr(error, "message", error))
    return cut(re.sub(r"^(?:\S+\(|<).*?[)>]: ", "", words, count=1))


# What Elasticsearch answers


#: The copy of a shard that was asked for stands on another node by now.
_MOVED = "no data nodes with criteria"


def _refused(refusal: Refusal) -> ServerError:
    if _MOVED in refusal.reason:
        return _shards_failed(refusal)
    return RequestRefusedError(
        refusal.call.message(f"refuses the request ({refusal.status}): {refusal.reason}"),
        "the reason names what is wrong with it",
        refusal.reason,
    )


def _conflict(refusal: Refusal) -> ServerError:
    return AlreadyThereError(
        refusal.call.message(f"has another state of it (409): {refusal.reason}"),
        "read it again before changing it",
        refusal.reason,
    )


def _too_large(refusal: Refusal) -> ServerError:
    return RequestRefusedError(
        refusal.call.message("refuses a request of this size (413)"),
        "ask for less at once (http.max_content_length, or a proxy's limit)",
        refusal.reason,
    )


def _closed(refusal: Refusal) -> ServerError:
    named = f": {', '.join(refusal.indices)}" if refusal.indices else ""
    return ClosedError(
        refusal.call.message(f"cannot search a closed index{named}"),
        "open the index, or take it out of the index pattern; nothing was taken as searched",
    )


def _other_version(refusal: Refusal) -> ServerError:
    return VersionError(
        refusal.call.message(f"is of another version: {refusal.reason}"),
        "Elasticsearch 9 is needed",
    )


def _no_such_cluster(refusal: Refusal) -> ServerError:
    return IncompleteError(
        refusal.call.message(f"does not know a cluster: {refusal.reason}"),
        "connect it as a remote cluster, or take it out of the index pattern; nothing was taken "
        "as searched",
    )


def _blocked(refusal: Refusal) -> ServerError:
    if refusal.status == 403:
        return RequestRefusedError(
            refusal.call.message(f"has blocked the index: {refusal.reason}"),
            "lift the block (index.blocks.*), or take the index out of the pattern",
            refusal.reason,
        )
    return _busy(refusal)


def _unauthenticated(refusal: Refusal) -> ServerError:
    return AuthenticationError(
        refusal.call.message(f"does not accept the credentials (401): {refusal.reason}"),
        "check elasticsearch.username and SIGMA2HIVE_ELASTICSEARCH_PASSWORD, or "
        "SIGMA2HIVE_ELASTICSEARCH_API_KEY; an API key may have expired or been revoked",
    )


_GRANTED = re.compile(r"granted by the (index|cluster) privileges \[([^\],]+)")


def _forbidden(refusal: Refusal) -> ServerError:
    found = _GRANTED.search(refusal.reason)
    scope, privilege = (found[1], found[2]) if found else ("", "")
    hint = (
        f"give the role or API key the {scope} privilege `{privilege}`"
        if found
        else "look up what the role or API key may do"
    )
    message = refusal.call.message(f"does not allow this (403): {refusal.reason}")
    return PrivilegeError(message, hint, privilege)


def _missing(refusal: Refusal) -> ServerError:
    return MissingError(
        refusal.call.message(f"has no such index: {refusal.reason}"),
        "check the index pattern; an index that these credentials may not see is missing as well; "
        "of several patterns, `sigma2hive schema pull` notes those without an index",
    )


#: What a 404 means where something is not there. Shards that move about answer 404 as well.
_MISSING = frozenset({"index_not_found_exception", "resource_not_found_exception"})


def _not_found(refusal: Refusal) -> ServerError:
    if refusal.is_json and not refusal.types - _MISSING:
        return _missing(refusal)
    if refusal.types:
        return _failed_inside(refusal)
    return _no_elasticsearch(refusal.call, "does not know the address (404)")


def _busy(refusal: Refusal) -> ServerError:
    seconds = refusal.retry_after_seconds
    later = "later" if seconds is None else f"in {seconds:g} s"
    return BusyError(
        refusal.call.message(f"has too much to do ({refusal.status}): {refusal.reason}"),
        f"ask again {later}, for less at once; look at the cluster's load",
        seconds,
    )


def _out_of_memory(refusal: Refusal) -> ServerError:
    return BusyError(
        refusal.call.message(f"has too little memory for this: {refusal.reason}"),
        "ask for less at once; look at the heap of the cluster's nodes",
        refusal.retry_after_seconds,
    )


def _gateway(refusal: Refusal) -> ServerError:
    return UnreachableError(
        refusal.call.message(f"stands behind a proxy that cannot reach it ({refusal.status})"),
        "check that the cluster runs, and the proxy before it",
    )


def _gateway_timed_out(refusal: Refusal) -> ServerError:
    return ServerTimeoutError(
        refusal.call.message(f"did not answer in time ({refusal.status})"),
        "ask for less at once, or raise the time-outs of the proxy before it",
    )


def _expired(refusal: Refusal) -> ServerError:
    return IncompleteError(
        refusal.call.message(f"has lost the state of the search: {refusal.reason}"),
        "begin again; an index may have been closed or moved meanwhile, or the pages took too long",
    )


def _ended_early(refusal: Refusal) -> ServerError:
    return ServerTimeoutError(
        refusal.call.message(f"ended the search before it was through: {refusal.reason}"),
        "search less at once; look at the cluster's load and its search time-out",
    )


def _shards_failed(refusal: Refusal) -> ServerError:
    return IncompleteError(
        refusal.call.message(f"could not search every shard: {refusal.reason}"),
        _HEALTH,
    )


def _unavailable(refusal: Refusal) -> ServerError:
    if _SEARCH_FAILED in refusal.types:
        return _shards_failed(refusal)
    return (_busy if refusal.types else _gateway)(refusal)


def _failed_inside(refusal: Refusal) -> ServerError:
    return AnswerError(
        refusal.call.message(f"failed ({refusal.status}): {refusal.reason}"),
        "look into the server's log, and at what stands before it",
    )


#: By the type of the error or of one of its causes; earlier rows win.
_BY_TYPE: dict[str, Callable[[Refusal], ServerError]] = {
    "circuit_breaking_exception": _out_of_memory,
    "es_rejected_execution_exception": _busy,
    "search_context_missing_exception": _expired,
    "no_shard_available_action_exception": _shards_failed,
    "shard_not_available_exception": _shards_failed,
    "shard_not_found_exception": _shards_failed,
    "illegal_index_shard_state_exception": _shards_failed,
    "node_disconnected_exception": _shards_failed,
    "node_not_connected_exception": _shards_failed,
    "connect_transport_exception": _shards_failed,
    "task_cancelled_exception": _ended_early,
    "search_timeout_exception": _ended_early,
    "index_closed_exception": _closed,
    "no_such_remote_cluster_exception": _no_such_cluster,
    "cluster_block_exception": _blocked,
    "media_type_header_exception": _other_version,
    "version_conflict_engine_exception": _conflict,
}

#: By the status, where no type says more.
_BY_STATUS: dict[int, Callable[[Refusal], ServerError]] = {
    401: _unauthenticated,
    403: _forbidden,
    404: _not_found,
    405: _refused,
    408: _gateway_timed_out,
    413: _too_large,
    429: _busy,
    502: _gateway,
    503: _unavailable,
    504: _gateway_timed_out,
}
