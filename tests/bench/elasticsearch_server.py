"""A real Elasticsearch on this machine, for one test run.

Takes a folder for downloads and the environment; gives a running server with users. It is one node
that listens on the loopback interface, at a port that the system chose, in a folder of its own: two
test runs at once share nothing but the download. It runs as a plain user, as Elasticsearch demands,
and ends with the process that started it.

What comes from Maven Central is the distribution that Elasticsearch's own plugin tests use: core
and security, without the modules and the JDK. It has no field types wildcard, constant_keyword and
match_only_text, no data streams, no scripts, no ES|QL, and answers 405 to `GET /`.
"""

import contextlib
import hashlib
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from tests.bench import keeper
from tests.bench.accounts import ROLES, Users, users_file, users_roles_file
from tests.bench.java import find_java
from tests.bench.missing import MissingPart

VERSION = "9.3.2"
GROUP = "org.elasticsearch.distribution.integ-test-zip"
#: What is run here is code from elsewhere: this file and no other.
SHA256 = "99b5b540c8d3a5c53cbe1e4f35c46acefff59131760ddc330a7616cd319086f1"
OLDEST_JAVA = 21

#: It takes 8 s on two idle cores; a busy machine gets time.
START_SECONDS = 300

#: Half the time to start, and slower afterwards: not for measuring speed.
QUICK_START = "-Xms256m -Xmx1g -XX:-AlwaysPreTouch -XX:TieredStopAtLevel=1"
#: For measuring speed.
FULL_SPEED = "-Xms1g -Xmx1g"

_ADDRESS = re.compile(r"AbstractHttpServerTransport\b.*publish_address \{(127\.0\.0\.1:\d+)\}")
_STARTED = re.compile(r"\bo\.e\.n\.Node\b.*\] started \{")

SETTINGS = {
    "cluster.name": "sigma2hive-tests",
    "node.name": "tests",
    "discovery.type": "single-node",
    "network.host": "127.0.0.1",
    "http.port": 0,
    "transport.port": 0,
    "xpack.security.enabled": True,
    "xpack.security.autoconfiguration.enabled": False,
    # How full the machine's disk is says nothing about the tests.
    "cluster.routing.allocation.disk.threshold_enabled": False,
}


class StartError(Exception):
    """The server did not start; the message ends with what it wrote last."""


@contextlib.contextmanager
def running_elasticsearch(
    downloads: Path, users: Users, java_options: str = QUICK_START
) -> Iterator[str]:
    """Give the URL of a server that has these users, and end it afterwards.

    Raises:
        MissingPart: there is no Java, or the server cannot be downloaded.
        StartError: it does not start.
    """
    java = find_java(OLDEST_JAVA, os.environ)
    archive = download(downloads)
    with installed(archive, users) as home, started(home, java, java_options) as server:
        yield f"http://{server.address_when_started(START_SECONDS)}"


@contextlib.contextmanager
def installed(archive: Path, users: Users) -> Iterator[Path]:
    """Give the home of a server unpacked into a folder of its own, which is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="sigma2hive-elasticsearch-"))
    try:
        home = unpack(archive, folder)
        configure(home / "config", users)
        yield home
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def started(home: Path, java: Path, java_options: str = QUICK_START) -> Iterator["Server"]:
    """Start the server in `home`, and end it afterwards."""
    folder = home.parent
    owner = _give_to_plain_user(folder)
    keeping = [sys.executable, "-I", keeper.__file__, str(folder), owner]
    process = subprocess.Popen(
        [*keeping, str(home / "bin" / "elasticsearch")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**_environment(java, folder), "ES_JAVA_OPTS": java_options},
        # Ctrl-C is for the test run, which then ends the server in good order.
        start_new_session=True,
    )
    server = Server(process)
    try:
        yield server
    finally:
        server.end()


class Restartable:
    """A server that may be stopped, killed and started again, at the same address with its data."""

    def __init__(self, home: Path, java: Path, stack: contextlib.ExitStack) -> None:
        self._home, self._java, self._stack = home, java, stack
        self._server: Server | None = None
        self.url = ""

    def start(self) -> None:
        """Start it, and wait until it takes requests.

        Raises:
            StartError: it does not start.
        """
        self._server = self._stack.enter_context(started(self._home, self._java))
        address = self._server.address_when_started(START_SECONDS)
        if not self.url:
            self.url = f"http://{address}"
            # Whoever knows its address finds it there again.
            settings = self._home / "config" / "elasticsearch.yml"
            port = address.rpartition(":")[2]
            text = settings.read_text(encoding="utf-8").replace(
                "http.port: 0", f"http.port: {port}"
            )
            settings.write_text(text, encoding="utf-8")

    def stop(self, *, is_killed: bool = False) -> None:
        """End it in good order, or as a crash does."""
        assert self._server is not None
        self._server.end(keeper.KILL if is_killed else keeper.STOP)


@contextlib.contextmanager
def restartable_elasticsearch(downloads: Path, users: Users) -> Iterator[Restartable]:
    """Give a server that has been started, and end it afterwards.

    Raises:
        MissingPart: there is no Java, or the server cannot be downloaded.
        StartError: it does not start.
    """
    java = find_java(OLDEST_JAVA, os.environ)
    archive = download(downloads)
    with installed(archive, users) as home, contextlib.ExitStack() as stack:
        server = Restartable(home, java, stack)
        server.start()
        yield server


def download(folder: Path) -> Path:
    """Return the distribution's archive, fetched once into `folder`.

    Raises:
        MissingPart: it cannot be had.
        StartError: it is another file than the one that is known here.
    """
    kept = folder / f"elasticsearch-{VERSION}-{SHA256[:12]}.zip"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # Another run may be fetching it as well: each into a folder of its own, the last one wins.
        with tempfile.TemporaryDirectory(dir=folder) as own:
            fetched = _fetch(Path(own))
            with fetched.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            if digest != SHA256:
                raise StartError(f"Elasticsearch {VERSION} from Maven Central is not what it was")
            fetched.replace(kept)
    return kept


def _fetch(folder: Path) -> Path:
    from jgo.maven import MavenContext  # noqa: PLC0415 - slow, and needed once a machine

    component = MavenContext(repo_cache=folder).project(GROUP, "elasticsearch").at_version(VERSION)
    try:
        path = component.artifact(packaging="zip").resolve()
    except Exception as error:
        raise MissingPart(
            f"Elasticsearch {VERSION} cannot be downloaded from Maven Central: {error} "
            "(SIGMA2HIVE_TEST_ELASTICSEARCH_URL uses one that runs)"
        ) from error
    return Path(path)


def unpack(archive: Path, folder: Path) -> Path:
    """Return the server's home below `folder`."""
    with zipfile.ZipFile(archive) as content:
        content.extractall(folder)
    home = folder / f"elasticsearch-{VERSION}"
    for program in (home / "bin").iterdir():
        program.chmod(0o755)  # zipfile leaves permissions out
    (folder / "home").mkdir()
    return home


def configure(folder: Path, users: Users) -> None:
    """Write the settings, users and roles."""
    texts = {
        "elasticsearch.yml": "".join(f"{k}: {json.dumps(v)}\n" for k, v in SETTINGS.items()),
        "roles.yml": "".join(f"{name}: {json.dumps(role)}\n" for name, role in ROLES.items()),
        "users": users_file(users),
        "users_roles": users_roles_file(users),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def _environment(java: Path, folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "ES_JAVA_HOME": str(java),
        # Not `folder` itself: Elasticsearch may write there, and so refuses to have its home below.
        "HOME": str(folder / "home"),
        "ES_TMPDIR": str(folder / "home"),
    }


def _give_to_plain_user(folder: Path) -> str:
    """Return "uid:gid" of who is to run the server, now the owner of `folder`; "-" for oneself.

    Elasticsearch refuses to run as root.
    """
    if os.geteuid() != 0:
        return "-"
    try:
        nobody = pwd.getpwnam("nobody")
        user, group = nobody.pw_uid, nobody.pw_gid
    except KeyError:
        user = group = 65534
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, group, follow_symlinks=False)
    return f"{user}:{group}"


class Server:
    """A started server and what it writes: read to the end, so that no full pipe holds it up."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._tail: deque[str] = deque(maxlen=40)
        self._address = ""
        self._told = threading.Event()  # the server has started, or has ended
        self._started = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._tail.append(line)
            if found := _ADDRESS.search(line):
                self._address = found[1]
            elif _STARTED.search(line):
                self._started = True
                self._told.set()
        self._told.set()

    def address_when_started(self, seconds: float) -> str:
        """Wait until the server says that it has started.

        Raises:
            StartError: it ended, or took longer.
        """
        in_time = self._told.wait(seconds)
        if self._started and self._address:
            return self._address
        what = "ended" if in_time else f"did not say within {seconds:.0f} s that it runs"
        raise StartError(f"Elasticsearch {what}. It wrote last:\n{''.join(self._tail)}")

    def end(self, order: bytes = b"") -> None:
        """End the server, and wait until it and its folder are gone.

        `order` keeps the folder: keeper.STOP, or keeper.KILL for an end as a crash is.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if self._process.stdin.closed:
            return
        with self._process.stdin as pipe:  # closed, the keeper tidies up
            pipe.write(order.decode())
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()
