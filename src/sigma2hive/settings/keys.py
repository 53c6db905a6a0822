"""Every setting, once: its type, default, meaning and example.

Gives the `Settings` dataclass and, from the same declarations, the rows that the reader, the JSON
Schema (docs/schemas/sigma2hive.schema.json) and the page docs/settings.md are made of. Never reads
a file. To add a setting, add a field with `_setting` or a section with `_section`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, fields
from enum import Enum
from pathlib import Path
from typing import TypeVar

from sigma2hive.diagnostics import Location
from sigma2hive.records import dataclass

ENVIRONMENT_PREFIX = "SIGMA2HIVE_"

T = TypeVar("T")


class Kind(Enum):
    """What one value may be; the value says it in words, as errors and docs do."""

    TEXT = "text"
    PATH = "a path"
    NUMBER = "a whole number above 0"
    SWITCH = "true or false"


@dataclass(frozen=True, slots=True)
class Spec:
    """What a declaration says: `many` makes it a list of `kind`, which may only be empty where
    `optional`; `example` is YAML. A number is at least `least`, a text one of `choices`, where
    there are any."""

    kind: Kind
    many: bool
    meaning: str
    example: str
    optional: bool
    least: int = 1
    choices: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """Return in words what the value must be."""
        if self.choices:
            return " or ".join(self.choices)
        if self.least > 1:
            return f"a whole number, {self.least} at least"
        if not self.many:
            return self.kind.value
        return "a list of paths" if self.kind is Kind.PATH else "a list of texts"


def _setting(  # noqa: PLR0913 - a declaration
    default: T,
    kind: Kind,
    meaning: str,
    example: str,
    *,
    many: bool = False,
    least: int = 1,
    choices: tuple[str, ...] = (),
) -> T:
    # Where nothing is a default, a list may be left empty; elsewhere that would do nothing at all.
    optional = default == () or not many
    spec = Spec(kind, many, " ".join(meaning.split()), example, optional, least, choices)
    return field(default=default, metadata={"spec": spec})


def _section(section: type[T], meaning: str) -> T:
    metadata = {"section": section, "meaning": meaning}
    return field(default_factory=section, metadata=metadata)


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """Where events come from."""

    events: tuple[Path, ...] = _setting(
        (),
        Kind.PATH,
        """Event files and folders that `run` reads when `--events` is not given: NDJSON and
        JSON arrays, also as .gz, and .evtx.""",
        "events: [examples]",
        many=True,
    )
    processes: int | None = _setting(
        None,
        Kind.NUMBER,
        """How many processes read and match large event files; as many as there are cores where
        nothing is said. 1 keeps everything in one. `--processes` overrides it.""",
        "processes: 4",
    )
    own_indices: tuple[str, ...] = _setting(
        (".alerts-*", ".internal.alerts-*"),
        Kind.TEXT,
        """Index patterns that no rule looks at beside `sigma2hive-*` and those of our own sinks:
        alerts of other programs, of which ours would make alerts again. Shipped are Kibana's.""",
        'own_indices: [".alerts-*", ".internal.alerts-*"]',
        many=True,
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """Where an event is put aside, with a reason, before it costs more."""

    max_event_bytes: int = _setting(
        1024 * 1024,
        Kind.NUMBER,
        "Bytes of one event as it came; a larger one is put aside (S2H502).",
        "max_event_bytes: 1048576",
    )
    max_event_fields: int = _setting(
        10_000,
        Kind.NUMBER,
        "Values in one event; an event with more is put aside (S2H502).",
        "max_event_fields: 10000",
    )


#: Every secret: the environment variable that holds it, and what it is. The reader knows that they
#: are no settings, and docs/settings.md lists them.
SECRETS = {
    "SIGMA2HIVE_ELASTICSEARCH_API_KEY": "API key of Elasticsearch, as Kibana shows it or as id:key",
    "SIGMA2HIVE_ELASTICSEARCH_PASSWORD": "password of `elasticsearch.username`",
    "SIGMA2HIVE_THEHIVE_API_KEY": "API key of TheHive's user that sends alerts",
    "SIGMA2HIVE_WEBHOOK_AUTHORIZATION": "what webhooks get as the header Authorization, such as "
    "`Bearer …`",
}


@dataclass(frozen=True, slots=True)
class ElasticsearchSettings:
    """Where Elasticsearch is. Secrets are apart, in `SECRETS`; certificates are always verified."""

    urls: tuple[str, ...] = _setting(
        (),
        Kind.TEXT,
        """Addresses of one cluster's nodes, or of what stands before it; the next is asked where
        one does not answer. With http:// in place of https://, events and credentials can be read
        on the way. Without a port it is 443 or 80, as everywhere.""",
        "urls: [https://elastic.example:9200]",
        many=True,
    )
    ca_file: Path | None = _setting(
        None,
        Kind.PATH,
        """Certificates (PEM) of the authority that signed the server's, trusted in place of the
        system's. There is no way to leave the check out.""",
        "ca_file: certs/ca.pem",
    )
    username: str | None = _setting(
        None,
        Kind.TEXT,
        """User whose password is in SIGMA2HIVE_ELASTICSEARCH_PASSWORD. Leave it out to use an API
        key.""",
        "username: sigma2hive",
    )
    timeout_seconds: int = _setting(
        60,
        Kind.NUMBER,
        "How long one request may take before it counts as failed.",
        "timeout_seconds: 60",
    )
    snapshot_days: int = _setting(
        30,
        Kind.NUMBER,
        """From so many days on `compile --check` says that the snapshot of the cluster's fields
        (`schema pull`) is old.""",
        "snapshot_days: 30",
    )


@dataclass(frozen=True, slots=True)
class TheHiveSettings:
    """Where TheHive is, and as whom alerts are sent. The API key is apart, in `SECRETS`."""

    url: str | None = _setting(
        None,
        Kind.TEXT,
        """Address of TheHive 5, with its context path if it has one. With http:// in place of
        https://, alerts and the API key can be read on the way.""",
        "url: https://thehive.example",
    )
    organisation: str | None = _setting(
        None,
        Kind.TEXT,
        """Organisation that gets the alerts, by its name or its id (~123). Without it, the default
        one of the API key's user.""",
        "organisation: soc",
    )
    ca_file: Path | None = _setting(
        None,
        Kind.PATH,
        """Certificates (PEM) of the authority that signed the server's, trusted in place of the
        system's. There is no way to leave the check out.""",
        "ca_file: certs/ca.pem",
    )
    proxy: str | None = _setting(
        None,
        Kind.TEXT,
        """Proxy on the way to TheHive. Without it, HTTPS_PROXY, HTTP_PROXY and NO_PROXY hold, which
        may also carry a proxy's password.""",
        "proxy: http://proxy.example:3128",
    )
    timeout_seconds: int = _setting(
        30,
        Kind.NUMBER,
        "How long connecting, each wait for TheHive, and reading an answer may take.",
        "timeout_seconds: 30",
    )
    live: bool = _setting(
        False,
        Kind.SWITCH,
        """Whether alerts are really sent. Without it, or `--live`, a run says what it would have
        sent. `--dry-run` sends nothing, whatever stands here.""",
        "live: true",
    )
    concurrency: int = _setting(
        8,
        Kind.NUMBER,
        "Alerts that are sent at the same time.",
        "concurrency: 8",
    )
    requests_per_second: int = _setting(
        300,
        Kind.NUMBER,
        "Requests to TheHive at most; a plain alert is one.",
        "requests_per_second: 300",
    )
    service_concurrency: int = _setting(
        4,
        Kind.NUMBER,
        "The same for the service: alerts that are sent at the same time.",
        "service_concurrency: 4",
    )
    service_requests_per_second: int = _setting(
        5,
        Kind.NUMBER,
        """The same for the service: requests to TheHive at most, so that analysts do not wait for
        it.""",
        "service_requests_per_second: 5",
    )
    patience_seconds: int = _setting(
        60,
        Kind.NUMBER,
        """How long a run goes on while nothing gets through: TheHive does not answer, or asks to
        wait (Retry-After). Then nothing more is sent, and the run ends with exit code 4.""",
        "patience_seconds: 60",
    )
    attachment_bytes: int = _setting(
        16 * 1024 * 1024,
        Kind.NUMBER,
        """Bytes of one file of raw logs; such files are attached to an alert whose description does
        not show all of them whole.""",
        "attachment_bytes: 16777216",
    )


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """How alerts are posted to `webhook:URL`. What authorizes us is apart, in `SECRETS`."""

    ca_file: Path | None = _setting(
        None,
        Kind.PATH,
        """Certificates (PEM) of the authority that signed the receiver's, trusted in place of the
        system's. There is no way to leave the check out.""",
        "ca_file: certs/ca.pem",
    )
    timeout_seconds: int = _setting(
        30,
        Kind.NUMBER,
        "How long connecting, each wait for the receiver, and reading its answer may take.",
        "timeout_seconds: 30",
    )
    live: bool = _setting(
        False,
        Kind.SWITCH,
        """Whether alerts are really posted. Without it, or `--live`, a run says what it would have
        sent.""",
        "live: true",
    )
    concurrency: int = _setting(
        2,
        Kind.NUMBER,
        "Alerts that are posted at the same time.",
        "concurrency: 2",
    )
    requests_per_second: int = _setting(
        5,
        Kind.NUMBER,
        "Requests to one receiver at most; an alert is one.",
        "requests_per_second: 5",
    )


def _risk_score(level: str, score: int) -> int:
    return _setting(
        score,
        Kind.NUMBER,
        f"Risk score of rules of level {level}, at most 100.",
        f"{level}: {score}",
    )


@dataclass(frozen=True, slots=True)
class RiskScores:
    """By level: the risk score of Kibana's detection rules."""

    critical: int = _risk_score("critical", 99)
    high: int = _risk_score("high", 73)
    medium: int = _risk_score("medium", 47)
    low: int = _risk_score("low", 21)
    informational: int = _risk_score("informational", 5)


@dataclass(frozen=True, slots=True)
class KibanaRuleSettings:
    """How `compile --target kibana` fills detection rules, where Sigma says nothing of it."""

    enabled: bool = _setting(
        False,
        Kind.SWITCH,
        "Whether rules run as soon as they are imported.",
        "enabled: true",
    )
    interval_minutes: int = _setting(
        5, Kind.NUMBER, "How often Kibana runs a rule.", "interval_minutes: 5"
    )
    look_back_minutes: int = _setting(
        5,
        Kind.NUMBER,
        """How much of the time before a run looks at again, beyond the interval: events come late,
        and a run may start late. Kibana raises one alert for an event that several runs find.""",
        "look_back_minutes: 5",
    )
    max_signals: int = _setting(
        1_000,
        Kind.NUMBER,
        """Alerts of one rule in one run; Kibana drops what is beyond. It takes more than 1000 only
        where its own xpack.alerting.rules.run.alerts.max was raised.""",
        "max_signals: 1000",
    )
    allow_approximate: bool = _setting(
        False,
        Kind.SWITCH,
        """Whether correlations may become threshold rules, which count what one run sees and not
        what lies in a sliding window. A rule may allow it for itself alone.""",
        "allow_approximate: true",
    )
    requirements: bool = _setting(
        False,
        Kind.SWITCH,
        """Whether rules list the fields and integrations that they need (`required_fields`,
        `related_integrations`), as Kibana's API takes them. The schemas of 9.5 that are published
        know less of both than Kibana does, and refuse them; without it, rules hold by both.""",
        "requirements: true",
    )
    namespace: str | None = _setting(
        None,
        Kind.TEXT,
        """Namespace of the Elastic Agent's data streams that rules search, in place of every one:
        logs-system.security-* becomes logs-system.security-prod.""",
        "namespace: prod",
    )
    risk_scores: RiskScores = _section(RiskScores, "Risk scores by level.")


@dataclass(frozen=True, slots=True)
class KibanaSettings:
    """Where analysts open events, and how detection rules are filled. Kibana itself is not asked:
    links and rules are made of these alone."""

    url: str | None = _setting(
        None,
        Kind.TEXT,
        """Address of Kibana as an analyst's browser reaches it, with its base path if it has one.
        Alerts about events in Elasticsearch then have a link to these events in Discover.""",
        "url: https://kibana.example",
    )
    space: str | None = _setting(
        None,
        Kind.TEXT,
        """Space of Kibana that links lead into, by its identifier. Without it, the default one.""",
        "space: soc",
    )
    data_view: str | None = _setting(
        None,
        Kind.TEXT,
        """Data view that links open, by its id: what stands after `/dataView/` in the address of
        its page in Kibana's Stack Management. Without it, each link brings a data view of the index
        patterns that its rule searches, which Kibana keeps for that session only.""",
        "data_view: 8f1d2c3e-5a4b-4c6d-9e7f-0a1b2c3d4e5f",
    )
    rules: KibanaRuleSettings = _section(KibanaRuleSettings, "What detection rules say besides.")


@dataclass(frozen=True, slots=True)
class ElastalertSettings:
    """How `compile --target elastalert` fills rules of ElastAlert 2."""

    alerts: tuple[str, ...] = _setting(
        ("thehive",),
        Kind.TEXT,
        """Where ElastAlert 2 sends alerts by itself: `thehive` (TheHive's API v1), `hivealerter`
        (ElastAlert's own, with API v0), `webhook`, `slack`. Addresses and credentials are
        environment variables of ElastAlert ([targets.md](targets.md#elastalert)).""",
        "alerts: [thehive, slack]",
        many=True,
    )
    allow_approximate: bool = _setting(
        False,
        Kind.SWITCH,
        """Whether correlations may be written, though ElastAlert 2 counts otherwise than Sigma.
        `compile --allow-approximate` says the same.""",
        "allow_approximate: true",
    )
    realert_minutes: int | None = _setting(
        None,
        Kind.NUMBER,
        """How long ElastAlert keeps quiet about a rule and its group (`group` of alerts.yml) after
        an alert. Without it every match raises an alert; with it matches are lost.""",
        "realert_minutes: 5",
    )
    buffer_minutes: int = _setting(
        15,
        Kind.NUMBER,
        """How much of the past each run looks at again, for events that come late. ElastAlert's own
        memory keeps an event from being seen twice.""",
        "buffer_minutes: 15",
    )
    ca_file: str | None = _setting(
        None,
        Kind.TEXT,
        """Where, on ElastAlert's machine, the certificates of TheHive's authority are. Without it,
        those that Python's requests trusts.""",
        "ca_file: /etc/elastalert/ca.pem",
    )


@dataclass(frozen=True, slots=True)
class FloodSettings:
    """How many alerts of their own matches make at most; beyond, a summary tells of them."""

    per_group: int = _setting(
        5,
        Kind.NUMBER,
        """Alerts within an hour of one rule for one group: what its correlation groups by, or
        `group` in alerts.yml or the rule.""",
        "per_group: 5",
    )
    per_rule: int = _setting(50, Kind.NUMBER, "Alerts within an hour of one rule.", "per_rule: 50")
    in_all: int = _setting(
        300, Kind.NUMBER, "Alerts within an hour of all rules together.", "in_all: 300"
    )
    new_group_hours: int = _setting(
        24,
        Kind.NUMBER,
        """A group of which no alert told for so long is new: its next match makes an alert whatever
        its rule has made, up to `in_all`.""",
        "new_group_hours: 24",
    )
    events_per_alert: int = _setting(
        1_000,
        Kind.NUMBER,
        """Events up to which an alert of a rule with `suppress` grows; further ones are beyond a
        cap.""",
        "events_per_alert: 1000",
    )
    shadow_experimental: bool = _setting(
        False,
        Kind.SWITCH,
        """Whether rules of status experimental are in shadow, as if they said `shadow: true`: their
        matches are kept, and make no alerts. A rule that says `shadow: false` is not.""",
        "shadow_experimental: true",
    )


def _noise_limit(level: str, example: int) -> int | None:
    return _setting(
        None,
        Kind.NUMBER,
        f"""Alerts that one rule of level {level} may raise on any day (UTC) of a back-test; with
        more, it ends with 1 and names the rule.""",
        f"{level}: {example}",
    )


@dataclass(frozen=True, slots=True)
class NoiseLimits:
    """By level: how many alerts a day one rule may raise."""

    critical: int | None = _noise_limit("critical", 2)
    high: int | None = _noise_limit("high", 5)
    medium: int | None = _noise_limit("medium", 20)
    low: int | None = _noise_limit("low", 50)
    informational: int | None = _noise_limit("informational", 100)


@dataclass(frozen=True, slots=True)
class BacktestSettings:
    """When a back-test finds a rule too noisy."""

    max_per_day: NoiseLimits = _section(NoiseLimits, "Alerts a day that one rule may raise.")


#: The ways in which the service finds what meets rules.
SERVICE_WAYS = ("stream", "query", "auto")


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """How `run` goes on reading new events of Elasticsearch."""

    way: str = _setting(
        "stream",
        Kind.TEXT,
        """How new events are matched, with the same result: `stream` fetches each once and decides
        all rules here, `query` asks Elasticsearch for each rule and decides what it finds, `auto`
        takes for each index pattern what costs less. `--way` overrides it. See
        [service.md](service.md#ways-to-match).""",
        "way: stream",
        choices=SERVICE_WAYS,
    )

    cadence_seconds: int = _setting(
        10,
        Kind.NUMBER,
        "How often it is looked for new events.",
        "cadence_seconds: 10",
    )
    first_start_seconds: int = _setting(
        900,
        Kind.NUMBER,
        """How far back the first look at an index pattern begins. An index that appears later is
        read from its beginning.""",
        "first_start_seconds: 900",
    )
    watermark_seconds: int = _setting(
        60,
        Kind.NUMBER,
        """How long a correlation waits after an event before it fires, for others that happened
        earlier and come later. What comes later still joins the alert that there is.""",
        "watermark_seconds: 60",
    )
    slice_documents: int = _setting(
        20_000,
        Kind.NUMBER,
        """Events that are read, decided and stored as one: a crash repeats no more of a shard.
        After downtime the newest so many are read first, and what is older beside them.""",
        "slice_documents: 20000",
    )
    catch_up_slices: int = _setting(
        5,
        Kind.NUMBER,
        "Slices of older events that are read between two looks for new ones.",
        "catch_up_slices: 5",
    )
    page_bytes: int = _setting(
        8 * 1024 * 1024,
        Kind.NUMBER,
        """Bytes that one answer of Elasticsearch should have; how many events that are follows from
        their size so far. While the events of one answer are decided, the next one is fetched.""",
        "page_bytes: 8388608",
    )
    processes: int | None = _setting(
        None,
        Kind.NUMBER,
        """How many processes the service works with. With 2 one of them reads events and decides
        rules, and the other one makes, stores and delivers alerts meanwhile; more are not used.
        With 1 one does everything, in about 100 MB less. Where nothing is said they are 2, if there
        is more than one core. See [service.md](service.md#two-processes).""",
        "processes: 1",
    )
    overlap_seconds: int = _setting(
        10,
        Kind.NUMBER,
        """How much of the time before is read again with each look, where events are read by time;
        at least twice the index's refresh interval. Later ones are found by sweeps.""",
        "overlap_seconds: 10",
    )
    first_sweep_seconds: int = _setting(
        120,
        Kind.NUMBER,
        """Where events are read by time, every stretch of it is read again after so long, for
        events that came late.""",
        "first_sweep_seconds: 120",
    )
    second_sweep_seconds: int = _setting(
        3_600,
        Kind.NUMBER,
        "The same, for those of @timestamp.",
        "second_sweep_seconds: 3600",
    )
    last_sweep_seconds: int = _setting(
        90_000,
        Kind.NUMBER,
        "The same, for the last time: an event that is later than this is not found.",
        "last_sweep_seconds: 90000",
    )
    most_waiting: int = _setting(
        100_000,
        Kind.NUMBER,
        """Alerts that may wait for one sink. With more, nothing is read until some are delivered:
        events stay where they are, in Elasticsearch.""",
        "most_waiting: 100000",
    )
    silence_seconds: int = _setting(
        3_600,
        Kind.NUMBER,
        """When no event has come into an index pattern for so long, where events came before, an
        alert says so.""",
        "silence_seconds: 3600",
    )
    metrics: str | None = _setting(
        None,
        Kind.TEXT,
        """HOST:PORT at which Prometheus finds figures of the service (`/metrics`). Whoever reaches
        it may read them: index patterns, ids of rules that are blind, numbers of alerts.""",
        "metrics: 127.0.0.1:9464",
    )
    lease_seconds: int = _setting(
        30,
        Kind.NUMBER,
        """Where several runners share a state store in Elasticsearch: how long what one of them
        reads stays its own when nothing is heard of it. Then another takes over.""",
        "lease_seconds: 30",
        least=5,
    )
    keep_days: int = _setting(
        90,
        Kind.NUMBER,
        """How long matches, delivered alerts, ended mutes and what the ledger says are kept. What
        waits and dead letters stay. Sweeps find events of the last 25 hours again, so two days are
        the least.""",
        "keep_days: 90",
        least=2,
    )
    keep_bytes: int = _setting(
        10 * 1024 * 1024 * 1024,
        Kind.NUMBER,
        """Room that the state may take; beyond, what is oldest is forgotten, but nothing of the
        last two days.""",
        "keep_bytes: 10737418240",
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for every command in a repository.

    `root` is the folder that relative paths are seen from; paths from `load_settings` are absolute.
    `file` is the settings file, None where there is none and the defaults hold. `places` says where
    each setting that is no default was written, an item each of a list.
    """

    root: Path = Path()
    file: Path | None = None
    places: Mapping[str, tuple[Location, ...]] = field(
        default_factory=dict, compare=False, repr=False
    )
    rules: tuple[Path, ...] = _setting(
        (Path("sigma_rules"),),
        Kind.PATH,
        "Files and folders with Sigma rules, correlations and filters.",
        "rules: [sigma_rules]",
        many=True,
    )
    mappings: Path = _setting(
        Path("mappings"),
        Kind.PATH,
        """Folder with what turns matches into alerts: observables.yml, alerts.yml, and your own
        index profiles in schemas/.""",
        "mappings: mappings",
    )
    profile: str = _setting(
        "winlogbeat",
        Kind.TEXT,
        """Which fields the index has: `winlogbeat`, `elastic-agent`, `ecs`, or one of your own in
        mappings/schemas/.""",
        "profile: winlogbeat",
    )
    sources: SourceSettings = _section(SourceSettings, "Where events come from.")
    elasticsearch: ElasticsearchSettings = _section(
        ElasticsearchSettings, "Where Elasticsearch is, and who asks."
    )
    thehive: TheHiveSettings = _section(
        TheHiveSettings, "Where TheHive is, and as whom alerts are sent."
    )
    webhook: WebhookSettings = _section(WebhookSettings, "How alerts are posted to webhooks.")
    service: ServiceSettings = _section(
        ServiceSettings, "How new events of Elasticsearch are read."
    )
    kibana: KibanaSettings = _section(KibanaSettings, "Links into Kibana, and its detection rules.")
    elastalert: ElastalertSettings = _section(
        ElastalertSettings, "What ElastAlert 2 does with rules that are written for it."
    )
    sinks: tuple[str, ...] = _setting(
        ("inbox",),
        Kind.TEXT,
        """Where alerts go: `inbox` (a SQLite file in `state`), `inbox:FILE`, `jsonl:FILE`,
        `jsonl:-` for standard output, `thehive`, or `thehive:ORGANISATION` for another organisation
        than that of the section `thehive`, `webhook:URL`, or `elasticsearch:INDEX` for an index of
        the cluster of the section `elasticsearch`. Both kinds of file hold each alert once and are
        only ever added to; a file that holds something else is left alone, and the run refused
        (S2H506).""",
        "sinks: [inbox]",
        many=True,
    )
    state: Path = _setting(
        Path(".sigma2hive"),
        Kind.PATH,
        "Folder that sigma2hive may write to; keep it out of Git.",
        "state: .sigma2hive",
    )
    state_store: str = _setting(
        "sqlite",
        Kind.TEXT,
        """Where the service remembers how far it read, what it found and what is still to be told:
        `sqlite` is a file in `state`, for one runner; `elasticsearch` are hidden indices
        `sigma2hive-state-*` in the cluster of the section `elasticsearch`, for several runners. See
        [state.md](state.md).""",
        "state_store: sqlite",
        choices=("sqlite", "elasticsearch"),
    )
    placeholders: Path | None = _setting(
        None,
        Kind.PATH,
        """YAML file of `name: [values]` for `%name%` in rules with the modifier `|expand`. Without
        it, such rules are left out (S2H212).""",
        "placeholders: placeholders.yml",
    )
    limits: Limits = _section(Limits, "Where an event is put aside before it costs more.")
    backtest: BacktestSettings = _section(
        BacktestSettings, "When a back-test finds a rule too noisy."
    )
    floods: FloodSettings = _section(
        FloodSettings, "How many alerts matches make at most; beyond, a summary tells of them."
    )

    def is_written(self, key: str) -> bool:
        """Whether someone has written this setting, in the file or the environment."""
        return key in self.places

    def place_of(self, key: str, item: int = 0) -> Location:
        """Return where a setting, or an item of it, was written; for a default its name."""
        places = self.places.get(key)
        return places[min(item, len(places) - 1)] if places else Location(f"the default of {key}")


@dataclass(frozen=True, slots=True)
class Row:
    """One setting: `key` is dotted where it stands in a section."""

    key: str
    spec: Spec
    default: object

    @property
    def environment(self) -> str:
        """Return the environment variable that overrides it."""
        return ENVIRONMENT_PREFIX + self.key.replace(".", "_").upper()


@dataclass(frozen=True, slots=True)
class SectionRow:
    """One section: a key that holds settings."""

    key: str
    section: type
    meaning: str


def rows_of(section: type, prefix: str = "") -> Iterator[Row | SectionRow]:
    """Yield what a dataclass of settings declares, in order; sections are not entered."""
    for declared in fields(section):
        key = prefix + declared.name
        if spec := declared.metadata.get("spec"):
            yield Row(key, spec, declared.default)
        elif nested := declared.metadata.get("section"):
            yield SectionRow(key, nested, declared.metadata["meaning"])


def all_rows(section: type = Settings, prefix: str = "") -> Iterator[Row]:
    """Yield every setting, those in sections too."""
    for row in rows_of(section, prefix):
        if isinstance(row, SectionRow):
            yield from all_rows(row.section, row.key + ".")
        else:
            yield row
