"""`doctor`: what it says of settings, state and TheHive, and that it changes nothing."""

import json
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from click.testing import CliRunner, Result

from sigma2hive.cli import main
from sigma2hive.runner.store.sqlite import SqliteStore
from sigma2hive.workflows.doctor import CHECKS, Status
from sigma2hive.workflows.doctor.transport import look_at_address
from tests.bench.answering import Answer, answering
from tests.cli.run_world import RULE, write_world
from tests.doubles.running import TheHive
from tests.runner.store.test_contract import step_of

API_KEY = "SIGMA2HIVE_THEHIVE_API_KEY"
#: What must not show anywhere.
SECRET = "hunter2-is-the-key"
TAGGED = RULE.replace("level: high", "level: high\ntags: [attack.t1110, attack.t1059.001]")


@dataclass
class Examined:
    """What `doctor --json` said, and what it ended with."""

    result: Result
    checks: list[dict[str, Any]] = field(default_factory=list)

    def of(self, check: str, part: str = "") -> list[tuple[str, str]]:
        """Return status and text of a check's lines, with the names that it is about."""
        return [
            (one["status"], " ".join([one["seen"], *one["names"]]))
            for one in self.checks
            if one["check"] == check and part in {"", one["part"]}
        ]

    def statuses(self, check: str) -> list[str]:
        return [status for status, _ in self.of(check)]

    def to_do(self, check: str) -> str:
        return " ".join(one["to_do"] for one in self.checks if one["check"] == check)


@dataclass
class World:
    """A repository with one rule, where `doctor` is run."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def settings(self, text: str) -> None:
        (self.folder / "sigma2hive.yml").write_text(text)

    def run(self, *options: str, **variables: str) -> Result:
        return CliRunner().invoke(main, ["doctor", *options], env={**self.environment, **variables})

    def examine(self, *options: str, **variables: str) -> Examined:
        result = self.run("--json", *options, **variables)
        checks = json.loads(result.stdout)["checks"] if result.stdout else []
        wanting = [one for one in checks if one["status"] in {"warning", "problem"}]
        assert all(one["to_do"] for one in wanting)
        return Examined(result, checks)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    write_world(tmp_path)
    (tmp_path / "sigma_rules" / "rule.yml").write_text(TAGGED)
    monkeypatch.chdir(tmp_path)
    return World(tmp_path)


@pytest.fixture
def linked(world: World, thehive: TheHive) -> World:
    """The same, with TheHive as a sink."""
    world.settings(f"thehive: {{url: '{thehive.url}'}}\nsinks: [thehive]\n")
    return World(world.folder, {API_KEY: thehive.key})


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Settings, secrets, state


def test_without_any_server_it_is_fine_and_says_what_it_skipped(world: World) -> None:
    before = files(world.folder)
    found = world.examine()
    assert found.result.exit_code == 0
    assert found.statuses("elasticsearch") == ["skipped"]
    assert "elasticsearch.urls" in found.to_do("elasticsearch")
    assert found.statuses("thehive") == ["skipped"]
    assert files(world.folder) == before


@pytest.mark.parametrize("is_built", [True, False])
def test_reading_in_python_alone_is_told(
    is_built: bool, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sigma2hive.workflows.doctor.local.is_available", lambda: is_built)
    lines = world.run().stdout
    assert ("warning reading: events are taken apart in Python" in lines) is not is_built
    assert ("ok      reading: events are taken apart in C" in lines) is is_built


def test_the_text_fits_a_terminal_and_ends_with_the_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sigma2hive.workflows.doctor.local.is_available", lambda: True)
    world.settings("elasticsearch: {urls: ['http://127.0.0.1:1']}\n")
    result = world.run()
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "6 ok, 1 warning, 1 problem, 5 skipped; nothing was written or sent"
    assert [line for line in lines if line[:1] != " "][:-1] == ["local", "elasticsearch", "thehive"]
    assert "skipped privileges, indices, cursors: not looked at" in result.stdout


def test_where_secrets_come_from_is_told_and_never_what_they_are(world: World) -> None:
    (world.folder / "key").write_text(f"{SECRET}\n")
    names = {
        f"{API_KEY}_FILE": str(world.folder / "key"),
        "SIGMA2HIVE_ELASTICSEARCH_API_KEY": SECRET,
        "SIGMA2HIVE_THEHIVE_URL": "http://127.0.0.1:1",
        "SIGMA2HIVE_ELASTICSEARCH_URLS": "http://127.0.0.1:1",
    }
    for options in ((), ("--json",)):
        result = world.run(*options, **names)
        assert SECRET not in result.output
    ((status, seen),) = world.examine(**names).of("secrets")
    assert status == "ok"
    assert f"{API_KEY} from the file {world.folder / 'key'}" in seen
    assert "SIGMA2HIVE_ELASTICSEARCH_API_KEY from the environment" in seen
    settings = world.examine(**names).of("settings")
    assert settings[1][1].endswith("SIGMA2HIVE_ELASTICSEARCH_URLS SIGMA2HIVE_THEHIVE_URL")


@pytest.mark.parametrize(
    ("settings", "variables", "said"),
    [
        ("sinks: [thehive]\n", {API_KEY: SECRET}, "thehive.url is not set"),
        ("thehive: {url: 'https://thehive.example'}\n", {}, f"{API_KEY} is not set"),
        (
            "elasticsearch: {urls: ['https://es.example'], username: anna}\n",
            {},
            "elasticsearch.username has no password",
        ),
        ("sinks: [elsewhere]\n", {}, "there is no sink 'elsewhere'"),
    ],
)
def test_what_has_to_be_set_first_ends_with_3(
    world: World, settings: str, variables: dict[str, str], said: str
) -> None:
    world.settings(settings)
    found = world.examine(**variables)
    assert found.result.exit_code == 3
    problems = [one for one in found.checks if one["status"] == "problem"]
    assert [said in one["seen"] for one in problems] == [True]
    assert problems[0]["to_do"]


def test_settings_that_cannot_be_read_are_told_as_everywhere(world: World) -> None:
    world.settings("thehiv: {}\n")
    result = world.run()
    assert (result.exit_code, result.stdout) == (3, "")
    assert "S2H401" in result.stderr


def test_rules_that_are_left_out_are_counted_by_reason(world: World) -> None:
    (world.folder / "sigma_rules" / "other.yml").write_text(
        RULE.replace("windows", "beos").replace("5f0e0e0a", "5f0e0e0b")
    )
    found = world.examine()
    assert found.result.exit_code == 0
    ((status, seen),) = found.of("rules")
    assert status == "warning"
    assert seen.startswith("ready: 1 rule, 0 correlations; 1 left out")
    assert "1 for S2H404 (log source has no place in the profile)" in seen


def test_no_rule_at_all_is_a_mistake_in_the_settings(world: World) -> None:
    world.settings("rules: [nowhere]\n")
    found = world.examine()
    assert found.result.exit_code == 3
    assert found.statuses("rules") == ["problem", "warning", "problem"]


@pytest.mark.skipif(os.name == "nt", reason="modes are those of Unix")
def test_a_state_that_others_may_read_is_told(world: World) -> None:
    state = world.folder / ".sigma2hive"
    assert CliRunner().invoke(main, ["run", "--once", "--events", "events.ndjson"]).exit_code == 0
    assert world.examine().statuses("state") == ["ok"]
    (state / "inbox.db").chmod(0o644)
    state.chmod(0o755)
    found = world.examine()
    assert found.result.exit_code == 0
    assert found.statuses("state") == ["warning", "warning"]
    for command in ("chmod 700 .sigma2hive", "chmod 600 .sigma2hive/inbox.db"):
        assert command in found.to_do("state")


def test_a_state_that_cannot_be_used_ends_with_3(world: World) -> None:
    (world.folder / ".sigma2hive").mkdir()
    (world.folder / ".sigma2hive" / "inbox.db").write_text("something else")
    found = world.examine()
    assert found.result.exit_code == 3
    assert found.statuses("state") == ["problem"]
    assert "is not a database" in found.of("state")[0][1]


def test_alerts_that_wait_for_a_sink_that_is_named_no_more_are_told(world: World) -> None:
    world.settings("sinks: ['jsonl:alerts.jsonl']\n")
    (world.folder / ".sigma2hive").mkdir(mode=0o700)
    store = SqliteStore(world.folder / ".sigma2hive" / "state.db")
    store.open_sinks(["thehive", "jsonl:alerts.jsonl"])
    store.commit(step_of(1, 2))
    store.close()
    before = files(world.folder)
    found = world.examine()
    assert found.of("sinks")[1] == ("warning", "2 alerts wait for thehive, which is named no more")
    assert "name it under `sinks` again" in found.to_do("sinks")
    assert files(world.folder) == before


def test_a_change_of_names_is_told_before_a_run_refuses_it(world: World) -> None:
    assert CliRunner().invoke(main, ["run", "--once", "--events", "events.ndjson"]).exit_code == 0
    assert world.examine().of("names") == [
        ("ok", "alerts have the type 'sigma' and the source 'sigma2hive'")
    ]
    (world.folder / "mappings").mkdir()
    (world.folder / "mappings" / "alerts.yml").write_text("extends: default\nsource: other\n")
    found = world.examine()
    assert found.result.exit_code == 3
    assert found.statuses("names") == ["problem"]
    assert "--new-identity" in found.to_do("names")


# TheHive


def test_a_thehive_with_all_that_is_needed_is_fine(linked: World, thehive: TheHive) -> None:
    thehive.skip_if_real("show what it was asked")
    found = linked.examine()
    assert found.result.exit_code == 0, found.result.output
    assert {one["status"] for one in found.checks if one["part"] == "thehive"} == {"ok", "skipped"}
    assert "TheHive 5.7.3" in found.of("thehive")[0][1]
    assert "sigma2hive@soc.example in the organisation 'soc'" in found.of("key")[0][1]
    assert "2 techniques" in found.of("techniques")[0][1]
    asked = {(one["method"], one["path"]) for one in thehive.journal()}
    assert {path for method, path in asked if method != "GET"} == {"/api/v1/query"}


def test_permissions_that_are_missing_are_each_told(linked: World, thehive: TheHive) -> None:
    thehive.skip_if_real("have such users")
    found = linked.examine(**{API_KEY: "key-feeder"})
    assert found.result.exit_code == 1
    assert found.statuses("permissions") == ["problem"] * 3
    for name in ("manageAlert/update", "manageObservable", "manageProcedure"):
        assert f"add {name} to the profile 'alert-feeder'" in found.to_do("permissions")


def test_permissions_that_are_too_many_are_a_warning(linked: World, thehive: TheHive) -> None:
    thehive.skip_if_real("have such users")
    found = linked.examine(**{API_KEY: "key-analyst"})
    assert found.result.exit_code == 0
    ((status, seen),) = found.of("permissions")
    assert status == "warning"
    assert "manageAlert/delete" in seen
    assert "manageAlert/create" not in seen


def test_a_key_that_is_wrong_ends_the_questions(linked: World) -> None:
    found = linked.examine(**{API_KEY: SECRET})
    assert found.result.exit_code == 1
    assert found.statuses("key") == ["problem"]
    assert "SIGMA2HIVE_THEHIVE_API_KEY" in found.to_do("key")
    assert SECRET not in found.result.output
    for name in ("licence", "permissions", "data types", "techniques"):
        assert found.statuses(name) == ["skipped"]
    assert found.statuses("test alert") == []


def test_the_organisation_of_administrators_gets_no_alerts(world: World, thehive: TheHive) -> None:
    thehive.skip_if_real("have such users")
    world.settings(f"thehive: {{url: '{thehive.url}'}}\nsinks: ['thehive:admin']\n")
    found = world.examine(**{API_KEY: "key-admin"})
    assert found.result.exit_code == 1
    assert found.statuses("key") == ["problem"]
    assert "thehive.organisation" in found.to_do("key")


def test_each_organisation_that_a_sink_names_is_asked(world: World, thehive: TheHive) -> None:
    thehive.skip_if_real("have such users")
    world.settings(f"thehive: {{url: '{thehive.url}'}}\nsinks: [thehive, 'thehive:partner']\n")
    found = world.examine(**{API_KEY: "key-both"})
    assert "organisation 'soc'" in found.of("key", "thehive")[0][1]
    assert "organisation 'partner'" in found.of("key", "thehive:partner")[0][1]


def test_a_lapsed_licence_is_a_problem(linked: World, thehive: TheHive) -> None:
    thehive.set_up(behaviour={"read_only": True})
    found = linked.examine()
    assert found.result.exit_code == 1
    assert found.statuses("licence") == ["problem"]


def test_a_thehive_out_of_reach_ends_with_4(world: World) -> None:
    world.settings("thehive: {url: 'http://127.0.0.1:1'}\n")
    found = world.examine(**{API_KEY: SECRET})
    assert found.result.exit_code == 4
    assert "cannot be reached" in found.of("thehive")[0][1]
    assert found.statuses("permissions") == ["skipped"]


def test_another_version_of_thehive_is_told(world: World) -> None:
    status = {"version": "4.1.24-1", "license": {"isValid": True}}
    with answering(Answer(status)) as server:
        world.settings(f"thehive: {{url: '{server.url}'}}\n")
        found = world.examine(**{API_KEY: SECRET})
    assert (
        found.statuses("thehive")[0],
        next(one["to_do"] for one in found.checks if one["check"] == "thehive"),
    ) == ("problem", "TheHive 5 is needed")


def test_the_sink_that_was_forgotten_is_told(world: World, thehive: TheHive) -> None:
    world.settings(f"thehive: {{url: '{thehive.url}'}}\n")
    found = world.examine(**{API_KEY: thehive.key})
    assert found.statuses("sinks") == ["warning"]
    assert "add thehive to sinks" in found.to_do("sinks")


def test_what_a_server_says_cannot_steer_the_terminal(world: World) -> None:
    status = {"version": "5.7\x1b[2J", "license": {"isValid": True}}
    with answering(Answer(status)) as server:
        world.settings(f"thehive: {{url: '{server.url}'}}\n")
        result = world.run(**{API_KEY: SECRET})
    assert "\x1b" not in result.output
    assert "5.7<U+001B>[2J" in result.stdout


def test_whose_certificate_is_trusted_is_told(world: World) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(world.folder / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with answering(Answer({"version": "5.7.3-1"}), context=context) as server:
        world.settings(f"thehive: {{url: '{server.url}'}}\n")
        found = world.examine(**{API_KEY: SECRET})
        assert (found.result.exit_code, found.statuses("thehive")) == (1, ["problem"])
        assert "thehive.ca_file" in found.to_do("thehive")
        world.settings(f"thehive: {{url: '{server.url}', ca_file: ca.pem}}\n")
        found = world.examine(**{API_KEY: SECRET})
    assert found.statuses("thehive") == ["ok", "ok"]
    assert found.of("thehive")[1][1] == "TLS: the certificate is trusted by ca.pem"


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("http://thehive.example", Status.WARNING),
        ("http://192.0.2.1:9000", Status.WARNING),
        ("http://localhost:9000", Status.OK),
        ("http://[::1]:9000", Status.OK),
        ("https://thehive.example", Status.OK),
    ],
)
def test_a_way_without_tls_is_told_unless_it_ends_here(url: str, status: Status) -> None:
    (found,) = look_at_address(url, None, "thehive.url")
    assert found.status is status
    assert ("https://" in found.to_do) is (status is Status.WARNING)


# What mappings and rules name there


def test_what_thehive_lacks_of_what_mappings_name_is_a_problem(
    linked: World, thehive: TheHive
) -> None:
    thehive.skip_if_real("set up catalogues")
    mappings = linked.folder / "mappings"
    mappings.mkdir()
    (mappings / "observables.yml").write_text(
        "extends: default\ndata_types: [sid]\nobservables: [{field: user.id, type: sid}]\n"
    )
    (mappings / "alerts.yml").write_text(
        "extends: default\ncase_template: intrusion\ncustom_fields: {asset: '{host.name}', n: 3}\n"
    )
    own = "sigma2hive: {case_template: ransomware, custom_fields: {tier: 1}}\ndetection:"
    rule = linked.folder / "sigma_rules" / "rule.yml"
    rule.write_text(TAGGED.replace("detection:", own).replace("t1110", "t1999"))
    found = linked.examine()
    assert found.result.exit_code == 1
    assert found.of("data types") == [
        ("problem", "TheHive lacks 1 observable type that the mapping names sid")
    ]
    assert found.of("custom fields")[0][1].endswith("asset n tier")
    assert found.of("case templates")[0][1].endswith("intrusion ransomware")
    assert found.of("techniques")[0] == (
        "warning",
        "the ATT&CK catalogue lacks 1 of 2 techniques, which alerts go without T1999",
    )
    fields = {"asset": "string", "n": "date", "tier": "integer"}
    thehive.set_up(
        catalogue={
            "observable_types": ["SID"],
            "custom_fields": [{"name": name, "type": kind} for name, kind in fields.items()],
            "case_templates": [{"name": "intrusion"}, {"name": "ransomware"}],
            "patterns": {"T1999": ["made up", []]},
        }
    )
    found = linked.examine()
    assert found.statuses("data types") == ["ok"]
    assert found.statuses("case templates") == ["ok"]
    assert found.statuses("techniques") == ["ok"]
    ((status, seen),) = found.of("custom fields")
    assert status == "problem"
    assert seen.endswith("n (date)")


@pytest.mark.parametrize(
    ("template", "takes"),
    [
        ("{count}", {"integer", "float"}),
        ("{figure}", {"integer", "float"}),
        ("{first_ms}", {"integer", "float", "date"}),
        (" {last_ms} ", {"integer", "float", "date"}),
        ("{count} events", {"string", "url"}),
        ("{host.name}", {"string", "url"}),
    ],
)
def test_a_counted_variable_fits_the_fields_that_a_run_can_set_with_it(
    linked: World, thehive: TheHive, template: str, takes: set[str]
) -> None:
    thehive.skip_if_real("set up catalogues")
    kinds = ("string", "url", "integer", "float", "boolean", "date")
    thehive.set_up(catalogue={"custom_fields": [{"name": kind, "type": kind} for kind in kinds]})
    mappings = linked.folder / "mappings"
    mappings.mkdir()
    fields = dict.fromkeys(kinds, template)
    (mappings / "alerts.yml").write_text(json.dumps({"custom_fields": fields}))
    ((status, seen),) = linked.examine().of("custom fields")
    assert status == "problem"
    assert {kind for kind in kinds if f"{kind} ({kind})" not in seen} == takes


def test_each_value_of_a_custom_field_is_looked_at(linked: World, thehive: TheHive) -> None:
    thehive.skip_if_real("set up catalogues")
    thehive.set_up(catalogue={"custom_fields": [{"name": "tier", "type": "integer"}]})
    mappings = linked.folder / "mappings"
    mappings.mkdir()
    override = {"when": {"level": "low"}, "custom_fields": {"tier": 3}}
    alerts = {"custom_fields": {"tier": "{host.name}"}, "overrides": [override]}
    (mappings / "alerts.yml").write_text(json.dumps(alerts))
    ((status, seen),) = linked.examine().of("custom fields")
    assert status == "problem" and seen.endswith("tier (integer)")


def test_an_empty_catalogue_is_a_problem(linked: World, thehive: TheHive) -> None:
    thehive.skip_if_real("lack techniques")
    rule = linked.folder / "sigma_rules" / "rule.yml"
    rule.write_text(TAGGED.replace("t1110", "t1999").replace("t1059.001", "t1998"))
    found = linked.examine()
    assert found.result.exit_code == 1
    assert found.statuses("techniques") == ["problem"]
    assert "import the catalogue" in found.to_do("techniques")


def test_a_better_type_for_account_names_is_proposed(linked: World, thehive: TheHive) -> None:
    thehive.set_up(catalogue={"observable_types": ["username"]})
    found = linked.examine()
    assert found.result.exit_code == 0
    assert "data_types: [username]" in found.to_do("data types")
    (linked.folder / "mappings").mkdir()
    (linked.folder / "mappings" / "observables.yml").write_text(
        "extends: default\ndata_types: [username]\n"
    )
    assert linked.examine().statuses("data types") == ["ok"]


# The test alert


def test_the_test_alert_arrives_once_and_says_how_to_delete_it(
    linked: World, thehive: TheHive
) -> None:
    thehive.skip_if_real("begin without alerts")
    linked.examine()
    assert thehive.alerts() == []
    found = linked.examine("--send-test-alert")
    (alert,) = thehive.alerts()
    assert "Test alert" in alert["title"]
    assert (alert["type"], alert["source"]) == ("sigma", "sigma2hive")
    assert (alert["severity"], len(alert["observables"])) == (1, 1)
    ((status, seen),) = found.of("test alert")
    assert (found.result.exit_code, status) == (0, "ok")
    assert seen.startswith("sent and read back")
    assert alert["_id"] in seen
    assert f"DELETE {thehive.url}/api/v1/alert/{alert['_id']}" in found.to_do("test alert")
    again = linked.examine("--send-test-alert")
    assert again.of("test alert")[0][1].startswith("there already (New)")
    assert len(thehive.alerts()) == 1


def test_a_test_alert_whose_answer_was_lost_is_found(linked: World, thehive: TheHive) -> None:
    thehive.fail("reset", path="/api/v1/alert", method="POST", stored=True)
    found = linked.examine("--send-test-alert")
    assert found.statuses("test alert") == ["ok"]
    assert len(thehive.alerts()) == 1


def test_a_test_alert_that_is_refused_is_a_problem(linked: World, thehive: TheHive) -> None:
    thehive.skip_if_real("have such users")
    found = linked.examine("--send-test-alert", **{API_KEY: "key-reader"})
    assert found.result.exit_code == 1
    assert found.statuses("test alert") == ["problem"]
    assert thehive.alerts() == []


def test_a_test_alert_needs_a_thehive(world: World) -> None:
    found = world.examine("--send-test-alert")
    assert found.result.exit_code == 3
    assert "thehive.url" in found.to_do("thehive")


def test_the_page_has_a_row_for_every_check(project_root: Path) -> None:
    page = (project_root / "docs" / "doctor.md").read_text("utf-8")
    assert [name for name in CHECKS if f"| {name} |" not in page] == []


def test_webhooks_are_looked_at(world: World) -> None:
    assert len(world.examine().statuses("sinks")) == 1
    world.settings("sinks: ['webhook:https://soar.example/hook?token=hunter2']\n")
    refused = world.examine()
    assert refused.statuses("sinks") == ["ok", "problem"]
    assert "hunter2" not in refused.result.output
    world.settings("sinks: ['webhook:http://soar.example/hook/abc']\nwebhook: {live: true}\n")
    seen = world.examine()
    assert seen.statuses("sinks") == ["ok", "ok", "warning"]
    assert "http://soar.example: webhook.live is true" in seen.of("sinks")[1][1]
    # What is in the path may be a secret.
    assert "abc" not in " ".join(text for _, text in seen.of("sinks"))
