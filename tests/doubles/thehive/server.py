"""The double's network: HTTP/1.1 with a thread a connection, and failures carried out."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from tests.doubles.thehive import control
from tests.doubles.thehive.application import Application, Raw
from tests.doubles.thehive.failures import Failure, Failures
from tests.doubles.thehive.journal import Journal
from tests.doubles.thehive.routing import Answer

_PAGE = "<!doctype html><title>Sign in</title><h1>Sign in</h1><p>Your session has ended.</p>"


class Server(ThreadingHTTPServer):
    """Listens on the loopback interface; port 0 takes a free one."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, application: Application) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.application = application
        self.failures = Failures()
        self.journal = Journal()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that goes away is what many tests are about."""


class Handler(BaseHTTPRequestHandler):
    """Reads a request, has it answered, and sends the answer or what was ordered in its place."""

    protocol_version = "HTTP/1.1"
    server: Server

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if control.is_control(parts.path):
            self._send(control.respond(self.server, self.command, parts.path, query, body))
            return
        raw = Raw(self.command, parts.path, query, self.headers, body)
        failure = self.server.failures.strike(raw.method, raw.path)
        entry = self.server.journal.begin(raw, failure.kind if failure else "")
        if failure and not failure.stored and failure.kind in {"status", "html", "hang", "reset"}:
            self._fail(failure, None)
            return
        answer, understood = self.server.application.respond(raw)
        self.server.journal.end(entry, understood, answer.status)
        if failure:
            self._fail(failure, answer)
        else:
            self._send(answer)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = _handle

    def _fail(self, failure: Failure, answer: Answer | None) -> None:
        released = self.server.failures.released
        if failure.kind == "status":
            status = failure.status or 500
            body = failure.body
            if body is None:
                body = {"type": "InternalError", "message": HTTPStatus(status).phrase}
            headers = dict(failure.headers)
            if failure.retry_after is not None:
                headers["Retry-After"] = str(failure.retry_after)
            self._send(Answer(status, body), headers)
        elif failure.kind == "html":
            self._send(Answer(failure.status or 200, _PAGE), {"Content-Type": "text/html"})
        elif failure.kind == "hang":
            released.wait()
            self.close_connection = True
        elif failure.kind == "reset":
            self._reset()
        elif answer is not None:
            self._spoil(failure, answer)

    def _spoil(self, failure: Failure, answer: Answer) -> None:
        """Send the true answer, but late, drop by drop, or only half of it."""
        released = self.server.failures.released
        if failure.kind == "slow":
            released.wait(failure.seconds)
            self._send(answer)
            return
        head, body = self._bytes(answer, {})
        if failure.kind == "truncated":
            self.wfile.write(head + body[: len(body) // 2])
            self.close_connection = True
            return
        self.wfile.write(head)
        for number in range(len(body)):
            if released.wait(failure.seconds):
                break
            self.wfile.write(body[number : number + 1])
        self.close_connection = True

    def _reset(self) -> None:
        """Close with RST in place of FIN, as a dying process or a firewall does."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        with contextlib.suppress(OSError):
            self.connection.close()
        self.close_connection = True

    def _send(self, answer: Answer, headers: dict[str, str] | None = None) -> None:
        head, body = self._bytes(answer, headers or {})
        # In one piece: two would wait for each other (Nagle, delayed acknowledgement).
        self.wfile.write(head + body)

    def _bytes(self, answer: Answer, headers: dict[str, str]) -> tuple[bytes, bytes]:
        kind, body = _encoded(answer)
        lines = {"Content-Type": kind, "Content-Length": str(len(body)), **headers}
        if answer.status == 204:
            lines = dict(headers)
        phrase = HTTPStatus(answer.status).phrase
        text = f"HTTP/1.1 {answer.status} {phrase}\r\n"
        text += "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return text.encode("latin-1") + b"\r\n", body

    def log_message(self, *_: object) -> None:
        """Say nothing: the journal has it."""

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()


def _encoded(answer: Answer) -> tuple[str, bytes]:
    if answer.body is None:
        return "text/plain; charset=UTF-8", b""
    if isinstance(answer.body, bytes):
        return "application/octet-stream", answer.body
    if isinstance(answer.body, str):
        return "text/plain; charset=UTF-8", answer.body.encode()
    return "application/json", json.dumps(answer.body).encode()
