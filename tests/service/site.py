"""A site as a team has it: a repository, an index that grows, TheHive, the service's process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.bench.accounts import User
from tests.bench.cluster import Cluster, Indices
from tests.doubles.running import TheHive

MAPPING = {
    "properties": {
        "@timestamp": {"type": "date"},
        "event": {"properties": {"code": {"type": "keyword"}, "ingested": {"type": "date"}}},
        "source": {"properties": {"ip": {"type": "ip"}}},
        "user": {"properties": {"name": {"type": "keyword"}}},
        "host": {"properties": {"name": {"type": "keyword"}}},
        "number": {"type": "long"},
    }
}
PROFILE = """\
profile: site
title: A site's own
field_types: {{source.ip: ip, event.code: keyword}}
logsources:
    - {{product: windows, service: security, indices: ["{pattern}"]}}
"""
SERVICE_RULE = "33333333-3333-4333-8333-333333333333"
RULES = f"""\
title: Failed logon
id: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d
name: failed_logon
level: low
logsource: {{product: windows, service: security}}
detection:
    selection: {{event.code: 4625}}
    condition: selection
---
title: Many failed logons
id: 22222222-2222-4222-8222-222222222222
level: high
sigma2hive: {{title: 'Failed logons from {{source.ip}}'}}
correlation:
    type: event_count
    rules: [failed_logon]
    group-by: [source.ip]
    timespan: 10m
    condition: {{gte: 6}}
---
title: Service installed
id: {SERVICE_RULE}
level: critical
logsource: {{product: windows, service: security}}
sigma2hive: {{title: 'Service {{number}} installed on {{host.name}}'}}
detection:
    selection: {{event.code: 7045}}
    condition: selection
"""
#: Seconds that anything may take on a busy machine before the test gives up.
PATIENCE = 300


def at(seconds_ago: float = 0) -> str:
    moment = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def service_installed(number: int, seconds_ago: float = 0) -> dict[str, Any]:
    return {
        "@timestamp": at(seconds_ago),
        "event": {"code": "7045", "ingested": at()},
        "host": {"name": f"host-{number % 50}"},
        "number": number,
    }


def other(number: int, seconds_ago: float = 0) -> dict[str, Any]:
    return {**service_installed(number, seconds_ago), "event": {"code": "4624", "ingested": at()}}


def failed_logon(number: int, address: str, seconds_ago: float = 0) -> dict[str, Any]:
    return {
        **service_installed(number, seconds_ago),
        "event": {"code": "4625", "ingested": at()},
        "source": {"ip": address},
    }


@dataclass
class Site:
    """The repository in `folder`; `index` is where events come in."""

    folder: Path
    cluster: Cluster
    indices: Indices
    thehive: TheHive
    user: User
    settings: dict[str, Any] = field(default_factory=dict)
    index: str = ""
    processes: list[Process] = field(default_factory=list)
    #: What is run, as a module, and what its environment has besides.
    program: str = "sigma2hive"
    variables: dict[str, str] = field(default_factory=dict)
    _next: int = 0

    def set_up(
        self,
        rules: str = RULES,
        *,
        mapping: Mapping[str, Any] = MAPPING,
        profile: str = PROFILE,
        index_settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.index = self.indices.create(mapping, settings=index_settings)
        schemas = self.folder / "mappings" / "schemas"
        schemas.mkdir(parents=True)
        (schemas / "site.yml").write_text(profile.format(pattern=self.index))
        (self.folder / "sigma_rules").mkdir()
        (self.folder / "sigma_rules" / "rules.yml").write_text(rules)
        self.write_settings()

    def write_settings(self, **changed: Any) -> None:
        self.settings |= changed
        written = {
            "profile": "site",
            "sinks": ["thehive"],
            "elasticsearch": {"urls": [self.cluster.url], "username": self.user.name},
            "thehive": {
                "url": self.thehive.url,
                "timeout_seconds": 5,
                "service_concurrency": 4,
                "service_requests_per_second": 1000,
            },
            **self.settings,
        }
        (self.folder / "sigma2hive.yml").write_text(json.dumps(written))

    def add(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Let events come in, visible at once."""
        batch = list(documents)
        self.indices.add(self.index, batch, self._next)
        self._next += len(batch)

    @property
    def added(self) -> int:
        """How many events have come in."""
        return self._next

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "SIGMA2HIVE_ELASTICSEARCH_PASSWORD": self.user.password,
            "SIGMA2HIVE_THEHIVE_API_KEY": self.thehive.key,
            **self.variables,
        }

    def start(
        self, *options: str, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL
    ) -> Process:
        """Start the service."""
        command = [sys.executable, "-m", self.program, "run", "--live", *options]
        process = Process(
            subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        self.processes.append(process)
        return process

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another command beside the service."""
        command = [sys.executable, "-m", self.program, *words]
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.command("status", "--json").stdout))

    def titles(self) -> list[str]:
        return sorted(alert["title"] for alert in self.thehive.alerts())

    def wait_for_titles(self, *titles: str) -> None:
        """Wait until TheHive has exactly these alerts; another process brings them."""
        wanted = sorted(titles)
        until = time.monotonic() + PATIENCE
        while (found := self.titles()) != wanted and time.monotonic() < until:
            time.sleep(0.1)
        told = [line for process in self.processes for line in process.lines]
        assert found == wanted, "\n".join(told)

    def references(self) -> list[str]:
        return sorted(alert["sourceRef"] for alert in self.thehive.alerts())


def deciders_of(pid: int) -> list[int]:
    """Return the processes that a service's process has to read and decide beside it."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    started = [child for task in tasks for child in (task / "children").read_text().split()]
    return [int(child) for child in started if _is_decider(child)]


def _is_decider(pid: str) -> bool:
    try:
        return b"sigma2hive.runner.deciding" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it ends just now
        return False


class Process:
    """The service's process; what it tells is read as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._came = threading.Condition()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._came:
                self.lines.append(line.rstrip("\n"))
                self._came.notify_all()
        with self._came:
            self._came.notify_all()

    def wait_for(self, *texts: str) -> None:
        """Wait until each of the texts was told, in any line."""
        with self._came:
            is_there = self._came.wait_for(
                lambda: self._has(texts) or not self._reading.is_alive(), PATIENCE
            )
        assert is_there and self._has(texts), "\n".join(self.lines)

    def _has(self, texts: Iterable[str]) -> bool:
        return all(any(text in line for line in self.lines) for text in texts)

    def end(self) -> int:
        """Ask it to end, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        self._close()
        return code

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self.process.wait(PATIENCE)
        self._close()

    def _close(self) -> None:
        self._reading.join(PATIENCE)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
