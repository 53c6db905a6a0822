"""The one table from what TheHive and its library report to our errors.

Takes an exception of thehive4py or requests; gives a `ServerError` that says what happened and
what to do. Never gives a secret away: what it quotes is the server's own words, cut.

Source of types and statuses: TheHive 5.7 API; ScalliGraph (TheHive 4), Errors and ErrorHandler.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import requests
from thehive4py.errors import TheHiveError

from sigma2hive.clients.bounded import RedirectedError, StrangeError, TooLongError
from sigma2hive.clients.causes import cause_of
from sigma2hive.clients.errors import (
    AlreadyThereError,
    AnswerError,
    AuthenticationError,
    BusyError,
    CertificateError,
    MissingError,
    PrivilegeError,
    RequestRefusedError,
    ServerError,
    ServerTimeoutError,
    UnreachableError,
    VersionError,
)
from sigma2hive.clients.words import cut, retry_after
from sigma2hive.records import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked, and where. `makes` is whether something was to be made or changed."""

    server: str
    doing: str
    makes: bool = False

    def message(self, what: str) -> str:
        """Return a message about this call."""
        return f"{self.doing}: TheHive at {self.server} {what}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer with an error status; `type` is "" where the answer is not TheHive's own."""

    call: Call
    status: int
    type: str
    words: str
    retry_after_seconds: float | None = None

    def message(self, what: str) -> str:
        """Return a message about the call, with status and the server's words."""
        return self.call.message(f"{what} ({self.status}): {self.words or 'no reason given'}")


def error_of_library(error: Exception, call: Call) -> ServerError:
    """Return our error for one that thehive4py or requests raised."""
    if isinstance(error, TheHiveError):
        if error.response is None:
            return no_answer("an answer that its library does not understand", call)
        return _error_of_response(error.response, call)
    for kind, make in _TRANSPORT.items():
        if isinstance(error, kind):
            return make(error, call)
    return AnswerError(call.message(f"failed: {type(error).__name__}"), "report this as a mistake")


def no_answer(what: str, call: Call) -> AnswerError:
    """Return the error for an answer that TheHive does not give."""
    return AnswerError(
        call.message(f"gave {what}"),
        "check that thehive.url leads to TheHive 5, and not to a proxy or a login page",
    )


def _error_of_response(response: requests.Response, call: Call) -> ServerError:
    seconds = retry_after(response.headers.get("Retry-After"))
    kind, words = _own_words(response)
    refusal = Refusal(call, response.status_code, kind, words, seconds)
    if _is_read_only(refusal):
        return _read_only(refusal)
    if make := _BY_STATUS.get(response.status_code):
        return make(refusal)
    return (_failed_inside if response.status_code >= 500 else _refused)(refusal)


def _own_words(response: requests.Response) -> tuple[str, str]:
    """Return type and message of TheHive's error; of another's page nothing is repeated."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(body, dict):
        return "", ""
    kind, words = body.get("type"), body.get("message")
    if not isinstance(kind, str) or not isinstance(words, str):
        return "", ""
    return kind, cut(words)


# What requests raises by itself


def _timed_out(_error: Exception, call: Call) -> ServerError:
    return ServerTimeoutError(
        call.message("did not answer in time"),
        "look at TheHive's health, or raise thehive.timeout_seconds",
    )


def _tls(error: Exception, call: Call) -> ServerError:
    words = cause_of(error)
    for sign, hint in _TLS_HINTS.items():
        if sign in words.lower():
            return CertificateError(call.message(f"was not trusted: {words}"), hint)
    if "eof" in words.lower():
        return _unreachable(error, call)  # the connection broke; nothing was said of certificates
    return CertificateError(
        call.message(f"did not agree on TLS: {words}"),
        "check thehive.url and what stands between here and there",
    )


_NO_TLS = "it speaks no TLS there: check the port, or whether it should be http"
_OTHER_NAME = "use the name that the certificate was made for in thehive.url"
_TLS_HINTS = {
    "wrong version number": _NO_TLS,
    "record layer failure": _NO_TLS,
    "hostname mismatch": _OTHER_NAME,
    "ip address mismatch": _OTHER_NAME,
    "doesn't match": _OTHER_NAME,
    "expired": "renew the server's certificate, and check this machine's clock",
    "certificate_verify_failed": "set thehive.ca_file to the certificate of the authority that "
    "signed the server's",
}


def _proxy(error: Exception, call: Call) -> ServerError:
    return UnreachableError(
        call.message(f"cannot be reached through the proxy: {cause_of(error)}"),
        "check thehive.proxy, or HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
    )


def _unreachable(error: Exception, call: Call) -> ServerError:
    return UnreachableError(
        call.message(f"cannot be reached: {cause_of(error)}"),
        "check thehive.url, that TheHive runs, and the network between",
    )


def _redirected(error: Exception, call: Call) -> ServerError:
    location = error.location if isinstance(error, RedirectedError) else "elsewhere"
    return AnswerError(
        call.message(f"sends elsewhere: {cut(location)}"),
        "set thehive.url to where TheHive itself is; a redirect is never followed",
    )


def _garbled(_error: Exception, call: Call) -> ServerError:
    return no_answer("an answer that cannot be read", call)


def _strange(_error: Exception, call: Call) -> ServerError:
    return no_answer("an answer that is not TheHive's: it has another status", call)


def _unsendable(error: Exception, call: Call) -> ServerError:
    # Its text may repeat a header, so only its name is said.
    return RequestRefusedError(
        call.message(f"was not asked: the request cannot be sent ({type(error).__name__})"),
        "check thehive.url, thehive.organisation and thehive.proxy",
    )


#: The exceptions of requests, narrower ones first.
_TRANSPORT: dict[type[Exception], Callable[[Exception, Call], ServerError]] = {
    RedirectedError: _redirected,
    TooLongError: _garbled,
    StrangeError: _strange,
    requests.Timeout: _timed_out,
    requests.exceptions.SSLError: _tls,
    requests.exceptions.ProxyError: _proxy,
    requests.ConnectionError: _unreachable,
    requests.exceptions.ChunkedEncodingError: _unreachable,
    requests.exceptions.ContentDecodingError: _garbled,
    requests.exceptions.JSONDecodeError: _garbled,
    requests.TooManyRedirects: _redirected,
    requests.RequestException: _unsendable,
    UnicodeError: _unsendable,
    RecursionError: _garbled,
}


# What TheHive answers

_PERMISSION = re.compile(r"permission (\w+(?:/\w+)?)")
_READ_ONLY = re.compile(r"read.?only|licen[cs]e", re.IGNORECASE)
#: Where TheHive's words repeat what it was sent: a custom field `license` is no lapsed one.
_NAMES_WHAT_WAS_SENT = frozenset({400, 401, 404, 409, 413})


def _is_read_only(refusal: Refusal) -> bool:
    if not refusal.type:
        return False
    words = "" if refusal.status in _NAMES_WHAT_WAS_SENT else refusal.words
    return _READ_ONLY.search(f"{refusal.type} {words}") is not None


def _read_only(refusal: Refusal) -> ServerError:
    return BusyError(
        refusal.message("takes no changes now"),
        "look at its licence: without a valid one TheHive is read-only",
        refusal.retry_after_seconds,
        is_for_all=True,
    )


def _unauthenticated(refusal: Refusal) -> ServerError:
    return AuthenticationError(
        refusal.message("does not accept the API key"),
        "check SIGMA2HIVE_THEHIVE_API_KEY, that its user is not locked, and that it is a member of "
        "thehive.organisation",
    )


def _forbidden(refusal: Refusal) -> ServerError:
    found = _PERMISSION.search(refusal.words)
    permission = found[1] if found else ""
    hint = (
        f"give the API key's user a profile with the permission {permission}"
        if permission
        else "look at the profile of the API key's user in thehive.organisation"
    )
    return PrivilegeError(refusal.message("does not allow this"), hint, permission)


def _not_found(refusal: Refusal) -> ServerError:
    if not refusal.type:
        return no_answer("a 404 that is not TheHive's", refusal.call)
    if refusal.type == "NotFound":
        return VersionError(
            refusal.call.message("does not know this call (404)"),
            "TheHive 5 is needed; check thehive.url, its context path included",
        )
    if refusal.call.makes:
        return _refused(refusal)  # it names a part that TheHive does not have
    return MissingError(
        refusal.message("does not have it"), "it may have been deleted, or be another's"
    )


def _bad_request(refusal: Refusal) -> ServerError:
    if refusal.type == "CreateError":
        return AlreadyThereError(
            refusal.message("has it already"), "read it back to see which part", refusal.words
        )
    return _refused(refusal)


def _refused(refusal: Refusal) -> ServerError:
    if not refusal.type:
        return no_answer(f"a {refusal.status} that is not TheHive's", refusal.call)
    return RequestRefusedError(
        refusal.message("refuses this"), "the reason names what is wrong with it", refusal.words
    )


def _too_large(refusal: Refusal) -> ServerError:
    return RequestRefusedError(
        refusal.call.message("refuses a request of this size (413)"),
        "send less at once (play.http.parser.maxMemoryBuffer, maxDiskBuffer, or a proxy's limit)",
        refusal.words,
    )


def _gave_up(refusal: Refusal) -> ServerError:
    return ServerTimeoutError(
        refusal.message("took too long"),
        "look at TheHive's health; ask again later",
        refusal.retry_after_seconds,
        is_for_all=refusal.status == 408,
    )


def _busy(refusal: Refusal) -> ServerError:
    return BusyError(
        refusal.message("cannot take more now"),
        "ask again later",
        refusal.retry_after_seconds,
        is_for_all=refusal.status == 429,
    )


def _proxy_wants_credentials(refusal: Refusal) -> ServerError:
    return AuthenticationError(
        refusal.call.message("stands behind a proxy that wants a password (407)"),
        "give it in HTTPS_PROXY, and leave thehive.proxy out",
    )


def _failed_inside(refusal: Refusal) -> ServerError:
    return AnswerError(
        refusal.message("failed"),
        "look into TheHive's log, and at what stands before it",
        refusal.retry_after_seconds,
    )


_BY_STATUS: dict[int, Callable[[Refusal], ServerError]] = {
    400: _bad_request,
    401: _unauthenticated,
    403: _forbidden,
    404: _not_found,
    407: _proxy_wants_credentials,
    408: _gave_up,
    409: _bad_request,
    413: _too_large,
    429: _busy,
    502: _busy,
    503: _busy,
    504: _gave_up,
}
