"""What is sent in fewer steps is what is sent otherwise, byte for byte."""

from collections.abc import Mapping
from typing import Any

import pytest
from thehive4py.client import TheHiveApi

from sigma2hive.clients.bounded import BoundedAdapter
from sigma2hive.clients.thehive.plainly import send_plainly
from tests.bench.answering import Answer, answering

ASKED: Mapping[str, Mapping[str, Any]] = {
    "a GET": {"method": "GET", "path": "/api/v1/status"},
    "with parameters": {"method": "GET", "path": "/a", "params": {"name": "über & mehr", "b": "1"}},
    "an odd path": {"method": "GET", "path": "/api/v1/alert/a;b%20c ü/x"},
    "JSON": {"method": "POST", "path": "/api/v1/alert", "json": {"title": "ü \ud800 \U0001f600"}},
    "both": {"method": "POST", "path": "/q", "params": {"name": "x"}, "json": {"query": []}},
    "a change": {"method": "PATCH", "path": "/api/v1/alert/~1", "json": {"tags": ["a"]}},
    "nothing to say": {"method": "POST", "path": "/api/v1/alert/~1"},
    "taken away": {"method": "DELETE", "path": "/api/v1/alert/~1/attachment/~2"},
    "a file": {
        "method": "POST",
        "path": "/api/v1/alert/~1/attachments",
        "data": {"canRename": "false"},
        "files": [("attachments", ("a.txt", b"what it is", "text/plain"))],
    },
}


def seen(url: str, asked: Mapping[str, Any], *, plainly: bool) -> object:
    library = TheHiveApi(url, apikey="a-key", organisation="an-org", max_retries=0)
    session = library.session
    session.trust_env = False
    session.mount("http://", BoundedAdapter(30, 1))
    if plainly:
        send_plainly(session)
    with session:
        return session.make_request(**asked)


@pytest.mark.parametrize("what", ASKED)
def test_the_same_is_sent_and_answered(what: str) -> None:
    asked = ASKED[what]
    with answering(Answer({"is": "there"}), Answer({"is": "there"})) as server:
        answers = [seen(server.url, asked, plainly=plainly) for plainly in (False, True)]
        first, second = server.asked
    assert answers == [{"is": "there"}] * 2
    assert (first.method, first.path) == (second.method, second.path)
    assert first.headers["Authorization"] == "Bearer a-key"
    # A file goes with a boundary that is another one each time.
    boundary = {"Content-Type": ""} if what == "a file" else {}
    assert {**first.headers, **boundary} == {**second.headers, **boundary}
    assert first.body == second.body or boundary
