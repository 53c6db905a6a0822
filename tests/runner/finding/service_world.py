"""A service over a real index, in this process: cycle by cycle, started again in any way.

Takes an index and rules; gives what its store has: matches, alerts, the ledger. Time is moved by
hand, beginning now, since Elasticsearch has a clock of its own.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.clock import FrozenClock
from sigma2hive.diagnostics import Diagnostic, Diagnostics
from sigma2hive.model.service import MatchFilter
from sigma2hive.model.times import NANOSECONDS, render_time
from sigma2hive.runner.deciding import Decider
from sigma2hive.runner.service.loop import Loop, LoopSettings
from sigma2hive.runner.service.outcomes import CycleOutcome
from sigma2hive.runner.service.standing import Standing, standing_of
from sigma2hive.runner.store.sqlite import SqliteStore
from sigma2hive.settings import ElasticsearchSettings, load_settings
from sigma2hive.workflows.project import ProjectOptions
from sigma2hive.workflows.serving import RepositoryLoading

NEVER = threading.Event()
MAPPING: Mapping[str, Any] = {
    "properties": {
        "@timestamp": {"type": "date"},
        "event": {"properties": {"code": {"type": "keyword"}, "ingested": {"type": "date"}}},
        "source": {"properties": {"ip": {"type": "ip"}}},
        "process": {"properties": {"command_line": {"type": "keyword", "ignore_above": 32}}},
    }
}
#: The longest regular expression that the index takes: one rule's is longer.
SETTINGS = {"index.max_regex_length": 60}
PROFILE = """\
profile: site
title: A site's own
field_types:
    source.ip: ip
    event.code: keyword
    process.command_line: {{type: keyword, ignore_above: 32}}
logsources:
    - {{product: windows, service: security, indices: ["{pattern}"]}}
"""


def rule(number: int, detection: str, more: str = "") -> str:
    return f"""\
title: Rule {number}
id: {number:08}-3333-4333-8333-333333333333
name: rule_{number}
level: high
logsource: {{product: windows, service: security}}
{more}detection:
    selection: {detection}
    condition: selection
"""


REGEX = "^power.{1,9}shell.{1,9}(hidden|minimi[sz]ed|maximi[sz]ed|normal|default)$"
LOGON, EVERY, LONG, REFUSED = range(1, 5)
RULES = "---\n".join(
    [
        rule(LOGON, "{event.code: 4625}"),
        rule(EVERY, "{source.ip|cidr: 10.0.0.0/8}"),
        rule(LONG, "{process.command_line|contains: 'EVIL'}"),
        rule(REFUSED, f"{{process.command_line|re: '{REGEX}'}}"),
        """\
title: Many failed logons
id: 00000005-3333-4333-8333-333333333333
level: high
correlation:
    type: event_count
    rules: [rule_1]
    group-by: [source.ip]
    timespan: 10m
    condition: {gte: 3}
    generate: true
""",
        *(
            f"""\
title: Known addresses {number}
id: 0000000{number}-3333-4333-8333-333333333333
logsource: {{product: windows, service: security}}
filter:
    rules: [rule_1]
    selection: {{source.ip: {addresses}}}
    condition: not selection
"""
            for number, addresses in ((6, "[10.0.0.1]"), (7, "[10.0.0.0, 10.0.0.1]"))
        ),
    ]
)
COMMANDS = ("cmd.exe", "x" * 40 + " -evil", "powershell hidden", "power  shell  hidden", "evil")


@dataclass
class Place:
    """The repository in `folder`, and the index that it looks at."""

    folder: Path
    client: ElasticsearchClient
    index: str
    clock: FrozenClock = field(default_factory=lambda: FrozenClock(time.time_ns()))
    told: list[Diagnostic] = field(default_factory=list)
    slice_documents: int = 250
    #: What reads beside this process, and of which cluster, if anything does.
    decider: Decider | None = None
    cluster: ElasticsearchSettings = field(default_factory=ElasticsearchSettings)

    def write(self, rules: str = RULES) -> None:
        schemas = self.folder / "mappings" / "schemas"
        schemas.mkdir(parents=True)
        (schemas / "site.yml").write_text(PROFILE.format(pattern=self.index))
        (self.folder / "sigma_rules").mkdir()
        (self.folder / "sigma_rules" / "rules.yml").write_text(rules)
        (self.folder / "sigma2hive.yml").write_text("profile: site\n")

    def document(self, number: int, ago_s: float = 1) -> dict[str, Any]:
        at = render_time(self.clock.now_ns() - int(ago_s * NANOSECONDS) + number * 1_000_000)
        return {
            "@timestamp": at,
            "event": {"code": str(4620 + number % 10), "ingested": at},
            "source": {"ip": f"10.0.0.{number % 7}"},
            "process": {"command_line": COMMANDS[number % len(COMMANDS)]},
        }

    @contextmanager
    def service(self, way: str, state: str = "state") -> Iterator["Started"]:
        """Start the service as it stands in a state, and end it."""
        settings = load_settings(self.folder, None, Diagnostics())
        service = replace(
            settings.service,
            way=way,
            slice_documents=self.slice_documents,
            watermark_seconds=1,
            # Some pages a slice, once it is known how large its documents are.
            page_bytes=20_000,
        )
        settings = replace(settings, service=service, elasticsearch=self.cluster)
        (self.folder / state).mkdir(exist_ok=True)
        store = SqliteStore(self.folder / state / "state.db")
        options = ProjectOptions(self.folder)
        loading = RepositoryLoading(
            *(options, settings, self.client), tell_finding=self.told.append, decider=self.decider
        )
        try:
            store.open_sinks(["sink"])
            loop = Loop(loading, store, self.clock, LoopSettings())
            yield Started(loop, store)
        finally:
            loading.close()
            store.close()


@dataclass
class Started:
    """A service at work."""

    loop: Loop
    store: SqliteStore

    def __post_init__(self) -> None:
        self.version = self.loop.loading.load(self.store, self.loop.clock.now_ns())

    def cycle(self) -> CycleOutcome:
        outcome = self.loop.cycle(self.version, NEVER)
        self.loop.note(self.version, outcome)
        return outcome

    def standing(self) -> Standing:
        return standing_of(self.store, self.loop.clock.now_ns())

    def matches(self) -> list[tuple[object, ...]]:
        """Return every match with what became of it, sorted."""
        walked = self.store.walk(MatchFilter())
        return sorted(
            (match.rule_id, match.event.origin, match.fate.value, match.event.raw)
            for match in walked
        )

    def alerts(self) -> list[tuple[object, ...]]:
        """Return every alert that waits: what it is known by, and what it says."""
        return sorted(
            (
                entry.alert.source_ref,
                entry.alert.title,
                entry.alert.severity,
                tuple(sorted(event.origin for event in entry.alert.events)),
                tuple(entry.alert.tags),
                entry.alert.description,
            )
            for entry in self.store.due("sink", 2**62, 100_000)
        )


def ways_of(outcomes: Sequence[CycleOutcome]) -> list[str]:
    return [done.way for outcome in outcomes for done in outcome.slices if done.events]
