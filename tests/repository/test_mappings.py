"""Reading mapping files: what a team adds, and mistakes with their place."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from sigma2hive.alerts import check_mappings
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.mappings import SERVER_TYPES, Mappings, ObservableMapping
from sigma2hive.repository.mappings import load_mappings


def load(folder: Path, **files: str) -> tuple[Mappings, Diagnostics]:
    for name, text in files.items():
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    diagnostics = Diagnostics()
    return load_mappings(folder, diagnostics), diagnostics


def shipped() -> Mappings:
    return load_mappings(None, Diagnostics())


def rows_of(mappings: Mappings, path: str) -> list[ObservableMapping]:
    return [row for row in mappings.observables.rows if row.field == path]


def test_the_shipped_mappings_load_and_render() -> None:
    diagnostics = Diagnostics()
    mappings = load_mappings(None, diagnostics)
    assert check_mappings(mappings, diagnostics)
    assert list(diagnostics) == []
    assert len(mappings.observables.rows) > 50
    assert mappings.alerts.severity["critical"] == 4


def test_this_repositorys_own_mappings_load_and_render(project_root: Path) -> None:
    diagnostics = Diagnostics()
    mappings = load_mappings(project_root / "mappings", diagnostics)
    assert check_mappings(mappings, diagnostics)
    assert list(diagnostics) == []
    assert set(shipped().observables.rows) < set(mappings.observables.rows)


def test_no_shipped_row_takes_an_account_name_for_a_user_agent() -> None:
    for row in shipped().observables.rows:
        if row.field.endswith(("user.name", "UserName")):
            assert row.type == "account"
        assert row.type in {*SERVER_TYPES, "account", "host"}


def test_an_empty_or_missing_folder_gives_the_shipped_mappings(tmp_path: Path) -> None:
    assert load(tmp_path) == (shipped(), Diagnostics())
    assert load_mappings(tmp_path / "none", Diagnostics()) == shipped()


def test_a_team_adds_rows_lists_and_settings(tmp_path: Path) -> None:
    mappings, diagnostics = load(
        tmp_path,
        observables="""
extends: default
data_types: [iban]
account_types: [login]
limit: 50
internal:
  networks: [198.51.100.0/24, 10.0.0.0/8]
  domains: [Corp.Example]
ignore: {ip: [192.0.2.1], iban: [none]}
observables:
  - {field: payment.iban, type: iban, tags: [money], ioc: true, tlp: red, pap: green}
  - {field: source.ip, type: ip, tags: [attacker], similarity: false, internal: true}
  - {field: url.path, type: none}
""",
        alerts="""
extends: default
type: detection
severity: {low: 2, none: critical}
tlp: green
tags: ["team:soc"]
custom_fields: {host: "{host.name}", score: 3}
raw_events: 1
overrides:
  - when: {level: [high, critical], product: windows}
    severity: critical
    case_template: urgent
""",
    )
    assert list(diagnostics) == []
    base, observables, alerts = shipped(), mappings.observables, mappings.alerts
    assert rows_of(mappings, "payment.iban") == [
        ObservableMapping("payment.iban", "iban", ("money",), ioc=True, tlp=4, pap=1)
    ]
    assert [row.tags for row in rows_of(mappings, "source.ip")] == [("attacker",)]
    assert rows_of(mappings, "url.path") == []
    assert rows_of(mappings, "destination.ip") == rows_of(base, "destination.ip")
    assert ip_network("198.51.100.0/24") in observables.internal.networks
    assert ip_network("192.168.0.0/16") in observables.internal.networks
    assert "corp.example" in observables.internal.domains
    assert "192.0.2.1" in observables.ignore["ip"]
    assert "127.0.0.1" in observables.ignore["ip"]
    assert (observables.account_types, observables.limit) == (("login",), 50)
    assert (alerts.type, alerts.source, alerts.raw_events) == ("detection", "sigma2hive", 1)
    assert (alerts.severity["low"], alerts.severity["none"], alerts.severity["high"]) == (2, 4, 3)
    assert [tag.text for tag in alerts.settings.tags][-1] == "team:soc"
    assert len(alerts.settings.tags) == len(base.alerts.settings.tags) + 1
    assert alerts.settings.title == base.alerts.settings.title
    assert (alerts.settings.tlp, alerts.settings.pap) == (1, 2)
    (override,) = alerts.overrides
    assert [str(level) for level in override.levels] == ["high", "critical"]
    assert (override.settings.severity, override.settings.case_template) == (4, "urgent")


def test_without_extends_the_files_lists_stand_alone(tmp_path: Path) -> None:
    mappings, diagnostics = load(
        tmp_path,
        observables="observables:\n  - {field: a, type: ip}\n",
        alerts="tags: [only]\n",
    )
    assert list(diagnostics) == []
    assert mappings.observables.rows == (ObservableMapping("a", "ip"),)
    assert mappings.observables.internal.networks == ()
    assert mappings.observables.ignore == {}
    assert [tag.text for tag in mappings.alerts.settings.tags] == ["only"]
    assert mappings.alerts.severity == shipped().alerts.severity


OBSERVABLE_MISTAKES = {
    "unknown key": ("extends: default\nobservable: []\n", 2, 1, "did you mean 'observables'?"),
    "extends": ("extends: defualt\n", 1, 1, "extends: default"),
    "row without type": ("observables:\n  - field: a\n", 2, 5, "write `- {field"),
    "unknown type": ("observables:\n  - {field: a, type: ipp}\n", 2, 16, "did you mean 'ip'?"),
    "attachment": ("observables:\n  - {field: a, type: file}\n", 2, 16, "'filename'"),
    "row key": ("observables:\n  - {field: a, type: ip, tag: [x]}\n", 2, 26, "'tags'"),
    "tlp": ("observables:\n  - {field: a, type: ip, tlp: 5}\n", 2, 26, ""),
    "flag": ("observables:\n  - {field: a, type: ip, ioc: 1}\n", 2, 26, ""),
    "long tag": (f"observables:\n  - {{field: a, type: ip, tags: [{'x' * 129}]}}\n", 2, 33, ""),
    "rows are a map": ("observables:\n  a: ip\n", 1, 1, ""),
    "row is text": ("observables:\n  - source.ip\n", 2, 5, "- key: value"),
    "network": ("internal:\n  networks:\n    - 10.0.0.0/33\n", 3, 7, "192.0.2.0/24"),
    "network with host bits": ("internal: {networks: [10.0.0.1/8]}\n", 1, 23, "192.0.2.0/24"),
    "internal key": ("internal: {network: []}\n", 1, 12, "did you mean 'networks'?"),
    "ignore kind": ("ignore: {ips: [a]}\n", 1, 10, "did you mean 'ip'?"),
    "ignore number": ("ignore: {ip: [1]}\n", 1, 15, "quotation marks"),
    "limit": ("limit: 0\n", 1, 1, ""),
}

ALERT_MISTAKES = {
    "unknown key": ("titel: x\n", 1, 1, "did you mean 'title'?"),
    "long type": (f"type: {'x' * 33}\n", 1, 1, ""),
    "long source": (f"source: {'x' * 33}\n", 1, 1, ""),
    "semicolon in type": ("type: a;b\n", 1, 1, "another character"),
    "semicolon in source": ("tlp: 1\nsource: ';'\n", 2, 1, "another character"),
    "blank source": ("source: ' '\n", 1, 1, "leave the key out"),
    "severity number": ("severity: 3\n", 1, 1, ""),
    "severity level": ("severity: {hihg: 3}\n", 1, 12, "did you mean 'high'?"),
    "severity value": ("severity: {high: 5}\n", 1, 12, ""),
    "pap": ("pap: 4\n", 1, 1, ""),
    "override without when": ("overrides:\n  - tlp: red\n", 2, 5, "when: {level: high}"),
    "override of a level": ("overrides:\n  - when: {level: hgh}\n    tlp: 1\n", 2, 12, "'high'"),
    "override of no key": ("overrides:\n  - when: {levle: low}\n", 2, 12, "'level'"),
    "override setting": ("overrides:\n  - when: {level: low}\n    tpl: 1\n", 3, 5, "'tlp'"),
}


@pytest.mark.parametrize(
    ("name", "text", "line", "column", "hint"),
    [
        *(("observables", *case) for case in OBSERVABLE_MISTAKES.values()),
        *(("alerts", *case) for case in ALERT_MISTAKES.values()),
    ],
    ids=[
        *(f"observables: {name}" for name in OBSERVABLE_MISTAKES),
        *(f"alerts: {name}" for name in ALERT_MISTAKES),
    ],
)
def test_mistakes_have_a_place_and_a_hint(
    tmp_path: Path, name: str, text: str, line: int, column: int, hint: str
) -> None:
    _, diagnostics = load(tmp_path, **{name: text})
    (finding,) = diagnostics
    assert finding.code == "S2H405"
    assert finding.location.path == str(tmp_path / f"{name}.yml")
    assert (finding.location.line, finding.location.column) == (line, column)
    assert hint in finding.hint


def test_a_wrong_row_or_override_leaves_the_others(tmp_path: Path) -> None:
    mappings, diagnostics = load(
        tmp_path,
        observables="observables:\n  - {field: a, type: nope}\n  - {field: b, type: ip}\n",
        alerts="overrides:\n  - {when: {level: x}, tlp: 1}\n  - {when: {level: low}, tlp: 1}\n",
    )
    assert len(diagnostics) == 2
    assert [row.field for row in mappings.observables.rows] == ["b"]
    assert len(mappings.alerts.overrides) == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"observables: [", "S2H102"),
        (b"limit: 1\nlimit: 2\n", "S2H103"),
        (b"\xff\xfe\x00", "S2H106"),
        (b"- a\n- b\n", "S2H405"),
        (b"limit: 1\n---\nlimit: 2\n", "S2H405"),
        (b"", None),
    ],
)
def test_files_that_are_no_mapping(tmp_path: Path, content: bytes, code: str | None) -> None:
    (tmp_path / "observables.yml").write_bytes(content)
    diagnostics = Diagnostics()
    mappings = load_mappings(tmp_path, diagnostics)
    assert [finding.code for finding in diagnostics] == ([code] if code else [])
    assert mappings.alerts == shipped().alerts


def test_a_folder_in_a_files_place_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "alerts.yml").mkdir()
    mappings, diagnostics = load(tmp_path)
    assert [finding.code for finding in diagnostics] == ["S2H101"]
    assert mappings == shipped()


def test_a_broken_template_is_found_at_its_place(tmp_path: Path) -> None:
    mappings, diagnostics = load(tmp_path, alerts='tlp: 1\ntags:\n  - ok\n  - "{{ 1 * 1 }}"\n')
    assert not check_mappings(mappings, diagnostics)
    (finding,) = diagnostics
    assert (finding.code, finding.location.line, finding.location.column) == ("S2H406", 4, 5)


def test_key_fields_are_added_to_by_category_and_taken_away_by_an_empty_list(
    tmp_path: Path,
) -> None:
    text = "extends: default\nkey_fields: {Payment: [payment.iban], Host: []}\n"
    (tmp_path / "alerts.yml").write_text(text)
    diagnostics = Diagnostics()
    found = load_mappings(tmp_path, diagnostics).alerts.key_fields
    assert list(diagnostics) == []
    assert found["Payment"] == ("payment.iban",)
    assert "Account" in found
    assert "Host" not in found


def test_key_fields_stand_alone_without_extends(tmp_path: Path) -> None:
    (tmp_path / "alerts.yml").write_text("key_fields: {Payment: payment.iban, '': [x]}\n")
    diagnostics = Diagnostics()
    found = load_mappings(tmp_path, diagnostics).alerts.key_fields
    assert found == {"Payment": ("payment.iban",)}
    assert [finding.code for finding in diagnostics] == ["S2H405"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("mute_by: [user.name]", ("user.name",)), ("mute_by: []", ())],
)
def test_what_an_alert_is_muted_by_replaces_what_is_shipped(
    tmp_path: Path, text: str, expected: tuple[str, ...]
) -> None:
    assert "host.name" in load_mappings(None, Diagnostics()).alerts.mute_by
    (tmp_path / "alerts.yml").write_text(f"extends: default\n{text}\n")
    diagnostics = Diagnostics()
    assert load_mappings(tmp_path, diagnostics).alerts.mute_by == expected
    assert list(diagnostics) == []


def test_a_password_in_a_url_of_a_mapping_is_refused_and_not_repeated(tmp_path: Path) -> None:
    text = "extends: default\nexternal_link: https://bot:hunter2@git.example.org/{rule.path}\n"
    (tmp_path / "alerts.yml").write_text(text)
    diagnostics = Diagnostics()
    load_mappings(tmp_path, diagnostics)
    assert [(finding.code, finding.location.line) for finding in diagnostics] == [("S2H407", 2)]
    assert "hunter2" not in str(diagnostics.found)


@pytest.mark.parametrize("value", ["*", "**", " * "])
def test_ignoring_everything_is_refused(tmp_path: Path, value: str) -> None:
    text = f"extends: default\nignore: {{domain: [a.example, '{value}']}}\n"
    (tmp_path / "observables.yml").write_text(text)
    diagnostics = Diagnostics()
    ignore = load_mappings(tmp_path, diagnostics).observables.ignore
    assert ignore["domain"] == ("localhost", "a.example")
    assert [finding.code for finding in diagnostics] == ["S2H405"]
    assert "would ignore everything" in next(iter(diagnostics)).message


def test_groups_open_alerts_and_shadow_may_be_said_in_general_and_for_some(tmp_path: Path) -> None:
    mappings, found = load(
        tmp_path,
        alerts="extends: default\ngroup: [host.name]\nshadow: false\n"
        "overrides:\n  - when: {level: low}\n    suppress: {by: user.name, for: 90m}\n"
        "    shadow: true\n",
    )
    assert list(found) == []
    general = mappings.alerts.settings
    (override,) = mappings.alerts.overrides
    merged = override.settings.over(general)
    assert (general.group, general.suppress, general.shadow) == (("host.name",), None, False)
    assert merged.suppress is not None
    assert (merged.suppress.by, merged.suppress.for_ns) == (("user.name",), 5400 * 1_000_000_000)
    assert (merged.group, merged.shadow) == (("host.name",), True)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("suppress: 1h", 1, 1, "'suppress' takes a map of keys"),
        ("suppress: {by: [a]}", 1, 1, "'suppress' does not say for how long"),
        ("suppress: {for: 25h}", 1, 12, "'25h' is no span of time up to 24h"),
        ("suppress: {for: 1}", 1, 12, "'for' takes text"),
        ("suppress: {For: 1h}", 1, 12, "'For' is no key here"),
        ("group: [a]\nsuppress: {by: [b], for: 1h}", 2, 12, "name different fields"),
        ("shadow: maybe", 1, 1, "'shadow' takes true or false"),
        (f"group: [{', '.join(map('f{}'.format, range(11)))}]", 1, 1, "at most 10 fields"),
    ],
)
def test_mistakes_about_floods_have_their_place(
    tmp_path: Path, text: str, line: int, column: int, message: str
) -> None:
    _, found = load(tmp_path, alerts=text + "\n")
    finding = next(entry for entry in found if message in entry.message)
    assert (finding.code, finding.location.line) == ("S2H405", line)
    assert finding.location.column == column
