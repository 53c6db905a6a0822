"""Plain requests sent in fewer steps: a method, an address and a JSON text.

Takes what thehive4py's session is asked for; gives the same responses. A session of requests works
out for each request what is the same for all of them (address, headers, proxies, cookies), which
costs as much as sending it does. Files, and what is written to a file, go the long way.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import requests
from requests.structures import CaseInsensitiveDict
from thehive4py.session import TheHiveSession


def send_plainly(session: TheHiveSession) -> None:
    """Let a session do so. It has its adapters, and asks the environment for nothing."""
    whole = session.request

    def request(method: str, url: str, **asked: Any) -> requests.Response:
        data = asked.get("data")
        is_plain = data is None or isinstance(data, str)
        if not is_plain or asked.get("files") or asked.get("stream"):
            return whole(method, url, **asked)
        sent = requests.PreparedRequest()
        sent.method = method
        sent.url = _prepared(url, tuple((asked.get("params") or {}).items()))
        sent.headers = CaseInsensitiveDict(asked["headers"])
        if data is not None:
            sent.body = data.encode("utf-8")
            sent.headers["Content-Length"] = str(len(sent.body))
        elif method not in ("GET", "HEAD"):
            sent.headers["Content-Length"] = "0"
        adapter = session.get_adapter(url)
        return adapter.send(sent, verify=asked["verify"], proxies=session.proxies)

    vars(session)["request"] = request  # before the method of its class


@lru_cache(maxsize=64)
def _prepared(url: str, params: tuple[tuple[str, str], ...]) -> str | None:
    """Return an address as it is sent; nearly all requests go to the same few."""
    request = requests.PreparedRequest()
    request.prepare_url(url, dict(params))
    return request.url
