"""How requests go out: never without a time-out, never twice, never to another address.

A session of requests has no time-out and follows redirects (a POST becomes a GET, a login page an
answer of 200). This adapter stands under it: it bounds waiting, reading and the size of an answer,
and makes a redirect an error. Retries are off: what repeats is the caller's outbox.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError, ReadTimeoutError

#: Bytes of an answer. An alert with its description has at most a few MB.
MAX_ANSWER_BYTES = 32 * 1024 * 1024
_PIECE_BYTES = 64 * 1024


class RedirectedError(requests.RequestException):
    """The server sends elsewhere; `location` is where to, without what may be a secret in it."""

    def __init__(self, location: str) -> None:
        try:
            parts = urlsplit(location)
        except ValueError:
            parts = urlsplit("elsewhere")  # it names no address at all
        host = f"{parts.scheme}://{parts.hostname}" if parts.hostname else ""
        self.location = host + parts.path
        super().__init__(f"redirected to {self.location}")


class TooLongError(requests.RequestException):
    """The answer is larger than any that is waited for."""


class StrangeError(requests.RequestException):
    """The status is no failure, and yet none that the server gives there."""


def _is_any(_method: str | None, status: int) -> bool:
    return 200 <= status < 300 or status >= 400


class BoundedAdapter(HTTPAdapter):
    """Sends each request once. `timeout_seconds` bounds connecting, each wait, and the body.

    `is_expected` says of a method and a status whether the server may answer so.
    """

    def __init__(
        self,
        timeout_seconds: float,
        connections: int,
        is_expected: Callable[[str | None, int], bool] = _is_any,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._is_expected = is_expected
        super().__init__(pool_connections=1, pool_maxsize=connections, max_retries=0)

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        """Send it and read the whole answer.

        Raises: requests.RequestException, those of this module among them.
        """
        seconds = self._timeout_seconds
        response = super().send(request, **{**options, "stream": True, "timeout": seconds})
        try:
            if response.is_redirect:
                raise RedirectedError(response.headers["Location"])
            if not self._is_expected(request.method, response.status_code):
                raise StrangeError(f"status {response.status_code}")
            content = _read(response.raw, time.monotonic() + seconds)
        except ReadTimeoutError as error:
            raise requests.ReadTimeout(error, request=request) from error
        except (HTTPError, OSError) as error:
            if isinstance(error, requests.RequestException):
                raise
            raise requests.ConnectionError(error, request=request) from error
        finally:
            response.raw.close()
        # What the caller reads from now on is in memory, and decompressed.
        response.raw = HTTPResponse(BytesIO(content), preload_content=False)
        return response


def _read(raw: HTTPResponse, deadline: float) -> bytes:
    """Return the body; a server that sends a byte now and then does not hold on to us for ever."""
    content = bytearray()
    while piece := raw.read1(_PIECE_BYTES, decode_content=True):
        content += piece
        if len(content) > MAX_ANSWER_BYTES:
            raise TooLongError(f"more than {MAX_ANSWER_BYTES} bytes")
        if time.monotonic() > deadline:
            raise requests.ReadTimeout("the answer does not end")
    return bytes(content)
