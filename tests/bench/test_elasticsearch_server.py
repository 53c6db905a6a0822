"""The bench itself: it is a real Elasticsearch with real users, and it is gone afterwards."""

import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.bench import keeper
from tests.bench.accounts import User, new_users
from tests.bench.cluster import Cluster, Indices, Refused
from tests.bench.elasticsearch_server import VERSION, StartError, installed, started
from tests.bench.java import find_java
from tests.bench.missing import MissingPart, skip_or_fail

KEYWORD = {"properties": {"a": {"type": "keyword"}}}


def refusal(cluster: Cluster, *request: object, user: User | None = None) -> tuple[int, str]:
    """Return the status and the type of the error that a request is refused with."""
    with pytest.raises(Refused) as caught:
        cluster.request(*request, user=user)  # type: ignore[arg-type]
    return caught.value.status, caught.value.body["error"]["root_cause"][0]["type"]


def test_documents_are_found_with_their_ordinals(elasticsearch: Cluster, indices: Indices) -> None:
    index = indices.create(KEYWORD, [{"a": "x"}, '{"a": "y"}', {"a": "lone \ud800 surrogate"}])
    answer = elasticsearch.request("POST", f"{index}/_search", {"query": {"term": {"a": "y"}}})
    assert [hit["_id"] for hit in answer["hits"]["hits"]] == ["1"]
    assert elasticsearch.request("GET", f"{index}/_count")["count"] == 3


def test_many_documents_are_all_there(elasticsearch: Cluster, indices: Indices) -> None:
    index = indices.create(KEYWORD, ({"a": str(number)} for number in range(12_001)), name="many")
    assert index.startswith("s2h-many-")
    assert elasticsearch.request("GET", f"{index}/_count")["count"] == 12_001
    indices.add(index, [{"a": "one more"}], first=12_001)
    assert elasticsearch.request("GET", f"{index}/_count")["count"] == 12_002


def test_a_document_that_is_refused_does_not_pass_unseen(indices: Indices) -> None:
    with pytest.raises(Refused, match="failed to parse field"):
        indices.create({"properties": {"a": {"type": "ip"}}}, [{"a": "10.0.0.1"}, {"a": "no ip"}])


def test_indices_are_gone_afterwards(elasticsearch: Cluster) -> None:
    with elasticsearch.indices() as made:
        index = made.create(KEYWORD)
        assert elasticsearch.request("GET", index)
    assert refusal(elasticsearch, "GET", index) == (404, "index_not_found_exception")


def test_each_role_may_do_what_it_says_and_no_more(
    elasticsearch: Cluster, indices: Indices
) -> None:
    index, users = indices.create(KEYWORD, [{"a": "x"}]), elasticsearch.users
    search, mapping, health = f"{index}/_search", f"{index}/_mapping", "_cluster/health"
    allowed = {
        path: [
            user.name
            for user in users
            if not isinstance(_answer(elasticsearch, path, user), Refused)
        ]
        for path in (search, mapping, health)
    }
    assert allowed == {
        search: [
            *("s2h-admin", "s2h-reader", "s2h-bare", "s2h-monitor", "s2h-keeper"),
            "s2h-storer",
        ],
        mapping: ["s2h-admin", "s2h-reader", "s2h-blind", "s2h-monitor", "s2h-storer"],
        health: ["s2h-admin", "s2h-reader", "s2h-blind", "s2h-monitor"],
    }
    for user in (users.reader, users.blind, users.bare, users.tester):
        write = refusal(elasticsearch, "PUT", f"{index}/_doc/1", {"a": "y"}, user=user)
        delete = refusal(elasticsearch, "DELETE", index, user=user)
        assert write == delete == (403, "security_exception")


def _answer(cluster: Cluster, path: str, user: User) -> object:
    try:
        return cluster.request("GET", path, user=user)
    except Refused as refused:
        return refused


def test_a_wrong_password_is_refused(elasticsearch: Cluster) -> None:
    stranger = User(elasticsearch.users.reader.name, "guessed", "")
    assert refusal(elasticsearch, "GET", "_search", user=stranger) == (401, "security_exception")


def test_an_unknown_field_type_is_refused(indices: Indices) -> None:
    with pytest.raises(Refused, match=r"mapper type \[nonsense\] declared on field \[a\]"):
        indices.create({"properties": {"a": {"type": "nonsense"}}})


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A server in Elasticsearch's shape that does what a shell script in its home says."""
    program = "#!/bin/sh\ncd $(dirname $0)/..\n. ./script\n"
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w") as content:
        content.writestr(f"elasticsearch-{VERSION}/bin/elasticsearch", program)
        content.writestr(f"elasticsearch-{VERSION}/config/roles.yml", "")
    return path


def address(archive: Path, script: str, seconds: float = 60) -> tuple[str, Path]:
    """Return what a server that runs `script` is reached at, and the folder that it was in."""
    with installed(archive, new_users()) as home:
        (home / "script").write_text(script, encoding="utf-8")
        with started(home, Path("/java")) as server:
            try:
                return server.address_when_started(seconds), home
            except StartError as error:
                error.add_note(str(home))
                raise


STARTS = """
echo "[INFO ][o.e.h.AbstractHttpServerTransport] [tests] publish_address {127.0.0.1:$$}, bound"
echo "[INFO ][o.e.n.Node               ] [tests] started {tests}{id}"
exec sleep 600
"""


def test_a_server_ends_when_the_run_does_and_leaves_nothing(archive: Path) -> None:
    found, home = address(archive, STARTS)
    assert found.startswith("127.0.0.1:")
    assert not home.parent.exists()
    assert not is_running(int(found.partition(":")[2]))


def test_two_servers_do_not_collide(archive: Path) -> None:
    with ThreadPoolExecutor() as threads:
        places, homes = zip(*threads.map(address, [archive] * 2, [STARTS] * 2), strict=True)
    assert len(set(places)) == len(set(homes)) == 2


def test_a_server_that_does_not_start_says_why(archive: Path) -> None:
    with pytest.raises(StartError, match=r"(?s)Elasticsearch ended.*unknown setting \[x\]") as told:
        address(archive, "echo 'unknown setting [x]'; exit 1\n")
    assert not Path(told.value.__notes__[0]).exists()


def test_a_server_that_takes_too_long_says_how_far_it_came(archive: Path) -> None:
    with pytest.raises(StartError, match=r"(?s)did not say within 1 s.*loading modules"):
        address(archive, "echo 'loading modules'; exec sleep 600\n", seconds=1)


def test_a_server_ends_with_a_run_that_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    command = [sys.executable, keeper.__file__, str(folder), "-"]
    program = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    # The run is a process of its own, which holds the keeper's standard input and is then killed.
    run = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys\nsubprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE).wait()",
            *command,
            sys.executable,
            "-c",
            program,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with run:
        assert run.stdout is not None
        server = int(run.stdout.readline())
        assert is_running(server)
        run.kill()
        # The end of what the server could have written for 600 s: it is gone.
        assert run.stdout.read() == ""


def is_running(process: int) -> bool:
    asked = subprocess.run(["kill", "-0", str(process)], check=False, capture_output=True)
    return asked.returncode == 0


def fake_java(home: Path, version: str) -> Path:
    (home / "bin").mkdir(parents=True)
    program = home / "bin" / "java"
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n", encoding="utf-8")
    program.chmod(0o755)
    return home


@pytest.mark.parametrize("variable", ["ES_JAVA_HOME", "JAVA_HOME", "JAVA_HOME_21_X64"])
def test_a_java_is_found_that_is_new_enough(tmp_path: Path, variable: str) -> None:
    old = fake_java(tmp_path / "old", "1.8.0_402")
    new = fake_java(tmp_path / "new", "98.0.1")
    environment = {"PATH": str(old / "bin"), variable: str(new)}
    assert find_java(90, environment) == new


def test_no_java_names_what_was_looked_at(tmp_path: Path) -> None:
    environment = {"PATH": "", "JAVA_HOME": str(fake_java(tmp_path / "jdk", "17.0.9"))}
    with pytest.raises(MissingPart, match=r"Java 90 or newer is needed: .*jdk is Java 17"):
        find_java(90, environment)


def test_a_missing_part_is_a_skip_but_a_failure_in_ci() -> None:
    missing = MissingPart("no Java")
    with pytest.raises(pytest.skip.Exception, match="no Java"):
        skip_or_fail(missing, in_ci=False)
    with pytest.raises(pytest.fail.Exception, match="CI must not skip"):
        skip_or_fail(missing, in_ci=True)


def test_tests_that_need_the_server_are_marked(
    elasticsearch: Cluster, request: pytest.FixtureRequest
) -> None:
    assert request.node.get_closest_marker("elasticsearch")
