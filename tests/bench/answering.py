"""A small HTTP server that answers what a test says: for what a real server cannot be brought to.

Takes what to answer; gives an address and what was asked. Never pretends to be Elasticsearch beyond
the one answer: where the real one can be brought to it, tests use the real one.
"""

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Without it, the library takes an answer of status 200 for one of another product.
PRODUCT = {"X-Elastic-Product": "Elasticsearch"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: a JSON value, or text as it is."""

    body: object = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: PRODUCT)
    type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Asked:
    """What arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str


class Answering:
    """Answers each request with the next of `answers`, the last one over and over.

    None is no answer: the connection stays open and silent until the test is over.
    """

    def __init__(self, answers: tuple[Answer | None, ...]) -> None:
        self.answers = list(answers)
        self.asked: list[Asked] = []
        self.over = threading.Event()
        self.url = ""

    def next(self) -> Answer | None:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextlib.contextmanager
def answering(
    *answers: Answer | None, context: ssl.SSLContext | None = None
) -> Iterator[Answering]:
    """Give a server on the loopback interface that answers so; with `context` it speaks TLS."""
    told = Answering(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length).decode()
            told.asked.append(Asked(self.command, self.path, dict(self.headers), body))
            answer = told.next()
            if answer is None:
                told.over.wait()
                self.close_connection = True
                return
            text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.type)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = answer

        def log_message(self, *arguments: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a client that hangs up, as one that refuses the certificate does

    server = Server(("127.0.0.1", 0), Handler)
    if context:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    told.url = f"http{'s' if context else ''}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield told
    finally:
        told.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
