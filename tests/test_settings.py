"""Settings: what a person writes, what holds, and what is said about mistakes."""

import copy
import dataclasses
import json
import logging
import pickle
import traceback
from pathlib import Path

import pytest

from sigma2hive.diagnostics import ConfigurationError, Diagnostics, Severity
from sigma2hive.settings import (
    ElasticsearchSettings,
    FloodSettings,
    KibanaSettings,
    Secret,
    Settings,
    conceal_credentials,
    is_credential_name,
    load_settings,
    secret_from_environment,
)
from sigma2hive.settings.keys import SECRETS, Kind, all_rows


def load(
    folder: Path, text: str | None = None, environment: dict[str, str] | None = None
) -> tuple[Settings, list[str]]:
    """Return the settings and the findings as "line:column code" in a folder with that file."""
    if text is not None:
        (folder / "sigma2hive.yml").write_text(text, encoding="utf-8")
    diagnostics = Diagnostics()
    settings = load_settings(folder, None, diagnostics, environment or {})
    return settings, [
        f"{found.location.line}:{found.location.column} {found.code}" for found in diagnostics
    ]


def test_defaults_hold_in_a_folder_without_a_file(tmp_path: Path) -> None:
    settings, findings = load(tmp_path)
    assert findings == []
    assert settings == Settings(
        root=tmp_path,
        file=None,
        rules=(tmp_path / "sigma_rules",),
        mappings=tmp_path / "mappings",
        profile="winlogbeat",
        sinks=("inbox",),
        state=tmp_path / ".sigma2hive",
        placeholders=None,
    )
    assert settings.sources.events == ()


def test_each_value_is_known_by_where_it_was_written(tmp_path: Path) -> None:
    text = "profile: site\nsinks:\n  - inbox\n  - jsonl:a\nlimits: {max_event_bytes: 10}\n"
    settings, _ = load(tmp_path, text, {"SIGMA2HIVE_RULES": "a,b"})
    assert str(settings.place_of("profile")) == "sigma2hive.yml:1:10"
    assert str(settings.place_of("sinks", 1)) == "sigma2hive.yml:4:5"
    assert str(settings.place_of("limits.max_event_bytes")) == "sigma2hive.yml:5:27"
    assert str(settings.place_of("rules", 1)) == "environment variable SIGMA2HIVE_RULES"
    assert settings.is_written("rules")
    assert not settings.is_written("mappings")


@pytest.mark.parametrize("key", ["rules", "sinks"])
def test_an_empty_list_that_would_do_nothing_is_refused(key: str, tmp_path: Path) -> None:
    settings, findings = load(tmp_path, f"{key}: []\nsources: {{events: []}}\n")
    assert findings == ["1:1 S2H402"]
    assert getattr(settings, key)


def test_every_key_is_read(tmp_path: Path) -> None:
    text = """
rules: [a, /srv/b]
mappings: m
profile: ecs
sources: {events: [e]}
sinks: [inbox, "jsonl:out.jsonl"]
state: /var/lib/sigma2hive
placeholders: p.yml
limits: {max_event_bytes: 10, max_event_fields: 20}
elasticsearch: {urls: ["https://es:9200"], ca_file: ca.pem, username: anna, timeout_seconds: 5}
kibana: {url: "https://k", space: soc, data_view: logs}
floods: {per_group: 1, per_rule: 2, in_all: 3, new_group_hours: 4, shadow_experimental: true}
"""
    settings, findings = load(tmp_path, text)
    assert findings == []
    assert settings.rules == (tmp_path / "a", Path("/srv/b"))
    assert settings.mappings == tmp_path / "m"
    assert settings.profile == "ecs"
    assert settings.sources.events == (tmp_path / "e",)
    assert settings.sinks == ("inbox", "jsonl:out.jsonl")
    assert settings.state == Path("/var/lib/sigma2hive")
    assert settings.placeholders == tmp_path / "p.yml"
    assert (settings.limits.max_event_bytes, settings.limits.max_event_fields) == (10, 20)
    assert settings.elasticsearch == ElasticsearchSettings(
        ("https://es:9200",), tmp_path / "ca.pem", "anna", 5
    )
    assert settings.kibana == KibanaSettings("https://k", "soc", "logs")
    assert settings.floods == FloodSettings(1, 2, 3, 4, shadow_experimental=True)


def test_a_switch_is_true_or_false(tmp_path: Path) -> None:
    assert load(tmp_path, "")[0].thehive.live is False
    assert load(tmp_path, "thehive: {live: true}\n")[0].thehive.live is True
    for text in ("'true'", "1", "[]", "on please"):
        settings, findings = load(tmp_path, f"thehive: {{live: {text}}}\n")
        assert findings == ["1:11 S2H402"]
        assert settings.thehive.live is False


@pytest.mark.parametrize(
    ("text", "is_live"), [("true", True), ("False", False), ("yes", None), ("1", None)]
)
def test_a_switch_in_the_environment(tmp_path: Path, text: str, is_live: bool | None) -> None:
    diagnostics = Diagnostics()
    environment = {"SIGMA2HIVE_THEHIVE_LIVE": text}
    settings = load_settings(tmp_path, None, diagnostics, environment)
    assert settings.thehive.live is bool(is_live)
    assert (is_live is None) == bool(diagnostics.errors)


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n"])
def test_an_empty_file_means_the_defaults(tmp_path: Path, text: str) -> None:
    settings, findings = load(tmp_path, text)
    assert findings == []
    assert settings.profile == "winlogbeat"
    assert settings.file == tmp_path / "sigma2hive.yml"


def test_the_file_is_found_from_a_folder_below(tmp_path: Path) -> None:
    (tmp_path / "sigma2hive.yml").write_text("profile: ecs\n", encoding="utf-8")
    (tmp_path / ".git").mkdir()
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    settings, _ = load(below)
    assert (settings.root, settings.profile) == (tmp_path, "ecs")
    assert settings.rules == (tmp_path / "sigma_rules",)


def test_outside_a_repository_no_strangers_file_above_takes_effect(tmp_path: Path) -> None:
    (tmp_path / "sigma2hive.yml").write_text("profile: ecs\n", encoding="utf-8")
    below = tmp_path / "team"
    below.mkdir()
    settings, _ = load(below)
    assert (settings.root, settings.profile) == (below, "winlogbeat")


def test_the_search_ends_at_the_root_of_a_repository(tmp_path: Path) -> None:
    (tmp_path / "sigma2hive.yml").write_text("profile: ecs\n", encoding="utf-8")
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    settings, _ = load(repository)
    assert (settings.root, settings.profile) == (repository, "winlogbeat")


def test_an_explicit_file_is_taken_instead(tmp_path: Path) -> None:
    (tmp_path / "sigma2hive.yml").write_text("profile: ecs\n", encoding="utf-8")
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci" / "mine.yml").write_text("state: s\n", encoding="utf-8")
    settings = load_settings(tmp_path, Path("ci/mine.yml"), Diagnostics(), {})
    assert (settings.profile, settings.state) == ("winlogbeat", tmp_path / "ci" / "s")


def test_an_explicit_file_that_is_missing_is_a_finding(tmp_path: Path) -> None:
    diagnostics = Diagnostics()
    settings = load_settings(tmp_path, Path("gone.yml"), diagnostics, {})
    assert [finding.code for finding in diagnostics] == ["S2H108"]
    assert settings.profile == "winlogbeat"


def test_a_folder_in_the_files_place_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "odd.yml").mkdir()
    diagnostics = Diagnostics()
    load_settings(tmp_path, Path("odd.yml"), diagnostics, {})
    assert [finding.code for finding in diagnostics] == ["S2H101"]


def test_a_file_with_the_other_ending_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "sigma2hive.yaml").write_text("profile: ecs\n", encoding="utf-8")
    diagnostics = Diagnostics()
    settings = load_settings(tmp_path, None, diagnostics, {})
    assert settings.profile == "winlogbeat"
    assert [(found.severity, str(found.location)) for found in diagnostics] == [
        (Severity.WARNING, "sigma2hive.yaml")
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("profle: ecs", "1:1 S2H401", id="misspelt"),
        pytest.param("limits:\n  max_bytes: 3", "2:3 S2H401", id="misspelt-in-section"),
        pytest.param("1: x", "1:1 S2H401", id="number-as-key"),
        pytest.param("a.b: x", "1:1 S2H401", id="dotted-key"),
        pytest.param("sources.events: [x]", "1:1 S2H401", id="dotted-known-key"),
        pytest.param("rules: sigma_rules", "1:1 S2H402", id="text-for-list"),
        pytest.param("rules: [a, [b]]", "1:12 S2H402", id="list-in-list"),
        pytest.param("sinks:\n  - inbox\n  - 3", "3:5 S2H402", id="number-in-list"),
        pytest.param("profile: [ecs]", "1:1 S2H402", id="list-for-text"),
        pytest.param("profile:", "1:1 S2H402", id="nothing"),
        pytest.param("profile: ' '", "1:1 S2H402", id="blank"),
        pytest.param('state: "a\\0b"', "1:1 S2H402", id="control-character"),
        pytest.param("sources: [a]", "1:1 S2H402", id="list-for-section"),
        pytest.param("limits: {max_event_bytes: 0}", "1:10 S2H402", id="zero"),
        pytest.param("limits: {max_event_bytes: true}", "1:10 S2H402", id="true-for-number"),
        pytest.param("limits: {max_event_bytes: '9'}", "1:10 S2H402", id="text-for-number"),
        pytest.param("limits: {max_event_bytes: 9.5}", "1:10 S2H402", id="fraction"),
        pytest.param("- rules", "1:1 S2H107", id="list-for-file"),
        pytest.param("profile: ecs\n---\nprofile: ecs", "3:1 S2H107", id="two-documents"),
        pytest.param("profile: a\nprofile: b", "2:1 S2H103", id="duplicate"),
        pytest.param("profile: [", "2:1 S2H102", id="no-yaml"),
    ],
)
def test_a_mistake_is_one_finding_at_its_place(tmp_path: Path, text: str, expected: str) -> None:
    settings, findings = load(tmp_path, text)
    assert findings == [expected]
    if "S2H107" not in expected:
        assert settings == dataclasses.replace(load(tmp_path, "")[0])


def test_one_mistake_does_not_hide_the_rest(tmp_path: Path) -> None:
    settings, findings = load(tmp_path, "rulez: [a]\nprofile: 3\nstate: s\n")
    assert findings == ["1:1 S2H401", "2:1 S2H402"]
    assert settings.state == tmp_path / "s"


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("rule", "did you mean 'rules'?"),
        ("Profile", "did you mean 'profile'?"),
        ("events", "did you mean 'sources.events'?"),
        ("max_event_byte", "did you mean 'limits.max_event_bytes'?"),
        (
            "zzz",
            "known are "
            "rules, mappings, profile, sources, elasticsearch, thehive, webhook, service, kibana, "
            "elastalert, sinks, "
            "state, state_store, "
            "placeholders, limits, backtest, floods",
        ),
    ],
)
def test_an_unknown_key_gets_the_nearest_known_one(tmp_path: Path, key: str, hint: str) -> None:
    (tmp_path / "sigma2hive.yml").write_text(f"{key}: x\n", encoding="utf-8")
    diagnostics = Diagnostics()
    load_settings(tmp_path, None, diagnostics, {})
    assert [finding.hint for finding in diagnostics] == [hint]


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    environment = {
        "SIGMA2HIVE_PROFILE": "elastic-agent",
        "SIGMA2HIVE_RULES": "a, b",
        "SIGMA2HIVE_LIMITS_MAX_EVENT_BYTES": "77",
        "SIGMA2HIVE_SOURCES_EVENTS": "/logs",
        "SIGMA2HIVE_STATE": "",
    }
    settings, findings = load(tmp_path, "profile: ecs\nstate: s\n", environment)
    assert findings == []
    assert settings.profile == "elastic-agent"
    assert settings.rules == (tmp_path / "a", tmp_path / "b")
    assert settings.limits.max_event_bytes == 77
    assert settings.sources.events == (Path("/logs"),)
    assert settings.state == tmp_path / "s"  # an empty variable is not set


@pytest.mark.parametrize(
    ("name", "value", "severity"),
    [
        ("SIGMA2HIVE_LIMITS_MAX_EVENT_BYTES", "many", Severity.ERROR),
        ("SIGMA2HIVE_LIMITS_MAX_EVENT_BYTES", "-1", Severity.ERROR),
        ("SIGMA2HIVE_PROFLE", "ecs", Severity.WARNING),
        ("SIGMA2HIVE_ELASTICSEARCH_APIKEY", "hunter2", Severity.WARNING),
    ],
)
def test_a_wrong_variable_is_named(
    tmp_path: Path, name: str, value: str, severity: Severity
) -> None:
    diagnostics = Diagnostics()
    settings = load_settings(tmp_path, None, diagnostics, {name: value})
    assert [(found.severity, str(found.location)) for found in diagnostics] == [
        (severity, f"environment variable {name}")
    ]
    assert settings.limits.max_event_bytes == Settings().limits.max_event_bytes
    assert "hunter2" not in str(diagnostics.found)


def test_a_secrets_variable_is_no_misspelt_setting(tmp_path: Path) -> None:
    environment = {name + ending: "x" for name in SECRETS for ending in ("", "_FILE")}
    assert load(tmp_path, environment=environment)[1] == []


def test_every_setting_can_be_overridden(tmp_path: Path) -> None:
    environment = {
        row.environment: "true" if row.spec.kind is Kind.SWITCH else "7" for row in all_rows()
    }
    environment["SIGMA2HIVE_STATE_STORE"] = "elasticsearch"
    environment["SIGMA2HIVE_SERVICE_WAY"] = "auto"
    settings, findings = load(tmp_path, environment=environment)
    defaults, _ = load(tmp_path)
    assert findings == []
    assert len(environment) > 50
    for row in all_rows():
        changed, default = settings, defaults
        for step in row.key.split("."):
            changed, default = getattr(changed, step), getattr(default, step)
        assert changed != default, row.key


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "service: {keep_days: 1}",
            "service.keep_days must be a whole number, 2 at least, found the number 1",
        ),
        ("state_store: redis", "state_store must be sqlite or elasticsearch, found the text"),
    ],
)
def test_a_number_too_small_and_an_unknown_choice_are_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "sigma2hive.yml").write_text(text, encoding="utf-8")
    diagnostics = Diagnostics()
    settings = load_settings(tmp_path, None, diagnostics, {})
    (finding,) = diagnostics
    assert finding.message.startswith(message)
    assert (settings.service.keep_days, settings.state_store) == (90, "sqlite")


def test_a_section_in_a_section_is_read_and_checked(tmp_path: Path) -> None:
    text = "backtest:\n  max_per_day: {high: 5, hihg: 3, low: 0}\n"
    settings, findings = load(tmp_path, text)
    assert settings.backtest.max_per_day.high == 5
    assert settings.backtest.max_per_day.low is None
    assert findings == ["2:26 S2H401", "2:35 S2H402"]
    assert load(tmp_path, "backtest:\n  max_per_day: 5\n")[1] == ["2:3 S2H402"]


@pytest.mark.parametrize(
    "text",
    [
        "api_key: hunter2",
        "password: hunter2",
        "thehive_token: hunter2",
        "sinks: [inbox, 'thehive:https://anna:hunter2@hive.example']",
        "sinks: 'thehive:https://anna:hunter2@hive.example'",
        "limits: {client-secret: hunter2}",
        "profile: [{apiKey: hunter2}]",
    ],
)
def test_a_credential_in_the_file_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    (tmp_path / "sigma2hive.yml").write_text(text, encoding="utf-8")
    diagnostics = Diagnostics()
    load_settings(tmp_path, None, diagnostics, {})
    assert "S2H407" in [finding.code for finding in diagnostics]
    assert "hunter2" not in str(diagnostics.found)


def test_a_path_to_a_secret_is_no_credential() -> None:
    assert not is_credential_name("api_key_file")
    assert is_credential_name("API-Key")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("api_key: hunter2 # mine", "api_key: ***"),
        ("  - 'api_key':   hunter2", "  - 'api_key':   ***"),
        ("thehive: {url: x, token: hunter2}", "thehive: {url: x, token: ***"),
        ('{"token":"hunter2"}', '{"token":***'),
        ("url: https://anna:hunter2@hive.example/", "url: https://***@hive.example/"),
        ("  CommandLine|contains: 'net user /token: x'",) * 2,
        ("profile: ecs",) * 2,
        ("password:",) * 2,
    ],
)
def test_credentials_in_a_line_are_concealed(line: str, shown: str) -> None:
    assert conceal_credentials(line) == shown


def test_a_secret_never_prints(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret("hunter2")

    @dataclasses.dataclass
    class Holder:
        key: Secret

    logging.getLogger("test").warning("%s %r", secret, secret)
    texts = [
        str(secret),
        repr(secret),
        f"{secret} {secret!r} {secret:>20}",
        "%s" % secret,  # noqa: UP031
        repr(Holder(secret)),
        str(dataclasses.asdict(Holder(secret))),
        json.dumps({"key": secret}, default=str),
        pickle.dumps(secret).decode("latin-1"),
        copy.deepcopy(secret).reveal(),
        caplog.text,
    ]
    assert "hunter2" not in "".join(texts)
    assert all("***" in text for text in texts)
    with pytest.raises(TypeError) as caught:
        json.dumps(secret)
    assert "hunter2" not in str(caught.value)
    assert secret.reveal() == "hunter2"


def test_a_secret_comes_from_a_variable_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from file \n", encoding="utf-8")
    from_variable = secret_from_environment("KEY", {"KEY": "from variable"})
    from_file = secret_from_environment("KEY", {"KEY": "", "KEY_FILE": str(file)})
    assert from_variable is not None
    assert from_variable.reveal() == "from variable"
    assert from_file is not None
    assert from_file.reveal() == "from file "
    assert secret_from_environment("KEY", {}) is None


def test_a_secret_is_read_from_the_real_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGMA2HIVE_THEHIVE_API_KEY", "hunter2")
    secret = secret_from_environment("SIGMA2HIVE_THEHIVE_API_KEY")
    assert secret is not None
    assert secret.reveal() == "hunter2"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b"\n", "is empty"),
        (b"hunter2 \xff", "not UTF-8"),
        (b"hunter2" * 10_000, "more than a secret"),
    ],
)
def test_an_unusable_secret_file_is_refused(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=reason) as caught:
        secret_from_environment("KEY", {"KEY_FILE": str(file)})
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert [str(found.location) for found in caught.value.diagnostics] == [
        "environment variable KEY_FILE"
    ]


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="both set"):
        secret_from_environment("KEY", {"KEY": "hunter2", "KEY_FILE": str(tmp_path / "key")})


def test_our_own_settings_file_has_the_default_limits(project_root: Path) -> None:
    diagnostics = Diagnostics()
    settings = load_settings(project_root, None, diagnostics, {})
    assert list(diagnostics) == []
    assert settings.file == project_root / "sigma2hive.yml"
    assert settings.limits == Settings().limits
