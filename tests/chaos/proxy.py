"""An HTTP proxy in front of a server, for what a server cannot be brought to at will.

Takes a server's address; gives an address of its own. It passes requests on and answers as they
are, until it is told to refuse connections, to break or hold them, or to answer something else.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Seconds for one request to the server behind.
_PATIENCE = 300
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}

#: What Elasticsearch says of itself; without it the library takes it for another product.
_PRODUCT = {"X-Elastic-Product": "Elasticsearch", "Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: of the server, or made up."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """A request on its way."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


#: What happens to a request: `pass_on` asks the server. None resets the connection.
Behaviour = Callable[[Request, Callable[[], Reply]], Reply | None]


def passing(_request: Request, pass_on: Callable[[], Reply]) -> Reply | None:
    """Pass everything on."""
    return pass_on()


def resetting(_request: Request, _pass_on: Callable[[], Reply]) -> Reply | None:
    """Reset every connection before the server sees the request."""
    return None


def resetting_afterwards(_request: Request, pass_on: Callable[[], Reply]) -> Reply | None:
    """Let the server do what is asked, and lose its answer."""
    pass_on()
    return None


def cut_short(_request: Request, pass_on: Callable[[], Reply]) -> Reply | None:
    """Send half of the true answer, then break the connection."""
    reply = pass_on()
    whole = {**reply.headers, "X-Cut": "yes"}
    return Reply(reply.status, whole, reply.body)


def answering_status(status: int, error: str) -> Behaviour:
    """Answer with an error in Elasticsearch's form."""
    said = {"error": {"type": error, "reason": "told to by a test"}, "status": status}
    reply = Reply(status, _PRODUCT, json.dumps(said).encode())
    return lambda _request, _pass_on: reply


def answering_html(_request: Request, _pass_on: Callable[[], Reply]) -> Reply | None:
    """Answer with a page, as a login of another proxy does."""
    return Reply(200, {"Content-Type": "text/html"}, b"<html><title>Sign in</title></html>")


def searching_partly(request: Request, pass_on: Callable[[], Reply]) -> Reply | None:
    """Leave out what one shard has, and say so, as a search that may be partial does."""
    reply = pass_on()
    if "_search" not in request.path and "_msearch" not in request.path:
        return reply
    answer = json.loads(reply.body)
    for one in answer.get("responses", [answer]):
        if "hits" in one:
            one["hits"]["hits"] = one["hits"]["hits"][::2]
            shards = one.setdefault("_shards", {"total": 1, "successful": 1, "skipped": 0})
            shards["failed"] = 1
            shards["failures"] = [
                {"shard": 0, "reason": {"type": "node_not_connected_exception", "reason": "gone"}}
            ]
    return Reply(reply.status, reply.headers, json.dumps(answer).encode())


def timing_out_inside(request: Request, pass_on: Callable[[], Reply]) -> Reply | None:
    """Return what was found so far, and say that the time was over."""
    reply = pass_on()
    if "_search" not in request.path and "_msearch" not in request.path:
        return reply
    answer = json.loads(reply.body)
    for one in answer.get("responses", [answer]):
        if "hits" in one:
            one["hits"]["hits"] = one["hits"]["hits"][:1]
            one["timed_out"] = True
    return Reply(reply.status, reply.headers, json.dumps(answer).encode())


@dataclass(slots=True)
class Holding:
    """Holds requests without an answer until it is let go; then their connections break."""

    _released: threading.Event = field(default_factory=threading.Event)

    def __call__(self, _request: Request, _pass_on: Callable[[], Reply]) -> Reply | None:
        self._released.wait(_PATIENCE)
        return None

    def release(self) -> None:
        """Break what is held."""
        self._released.set()


class Delaying(Holding):
    """Holds requests until it is let go; then the server gets them, late."""

    def __call__(self, request: Request, pass_on: Callable[[], Reply]) -> Reply | None:
        super().__call__(request, pass_on)
        return pass_on()


class Proxy:
    """Stands in front of the server at `to`; `behaviour` may be changed at any time."""

    def __init__(self, to: str) -> None:
        self._to = urllib.parse.urlsplit(to).netloc
        self.behaviour: Behaviour = passing
        self.requests = 0
        self._came = threading.Condition()
        self._server: _Server | None = None
        self._port = 0
        self.open()

    @property
    def url(self) -> str:
        """Its own address, the same when it is opened again."""
        return f"http://127.0.0.1:{self._port}"

    def open(self) -> None:
        """Take connections."""
        self._server = _Server(self._port, self._respond)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Break all connections and refuse new ones, as a server that is down."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.reset_all()
            self._server = None

    @contextlib.contextmanager
    def behaving(self, behaviour: Behaviour) -> Iterator[None]:
        """Behave so meanwhile."""
        self.behaviour = behaviour
        try:
            yield
        finally:
            self.behaviour = passing

    def wait_for_requests(self, count: int, since: int | None = None) -> bool:
        """Wait until so many more requests have come than there were, or are."""
        with self._came:
            wanted = (self.requests if since is None else since) + count
            return self._came.wait_for(lambda: self.requests >= wanted, _PATIENCE)

    def _respond(self, request: Request) -> Reply | None:
        with self._came:
            self.requests += 1
            self._came.notify_all()
        return self.behaviour(request, lambda: self._pass_on(request))

    def _pass_on(self, request: Request) -> Reply:
        connection = http.client.HTTPConnection(self._to, timeout=_PATIENCE)
        try:
            connection.request(
                request.method, request.path, request.body or None, dict(request.headers)
            )
            answer = connection.getresponse()
            headers = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP_BY_HOP}
            return Reply(answer.status, headers, answer.read())
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, respond: Callable[[Request], Reply | None]) -> None:
        self.respond = respond
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def reset_all(self) -> None:
        for connection in list(self._open):
            reset(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: connections break here all the time, and on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
        reply = self.server.respond(Request(self.command, self.path, headers, body))
        if reply is None:
            self.close_connection = True
            reset(self.connection)
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            if name != "X-Cut":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if "X-Cut" in reply.headers:
            self.wfile.write(reply.body[: len(reply.body) // 2])
            self.close_connection = True
            reset(self.connection)
        elif self.command != "HEAD":
            self.wfile.write(reply.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _handle

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


def reset(connection: socket.socket) -> None:
    """Break a connection without a goodbye."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
