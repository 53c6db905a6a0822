"""Whole alerts, as an analyst sees them."""

from dataclasses import replace
from functools import partial
from itertools import product

import pytest

from sigma2hive.alerts import AlertBuilder, AlertContext, Detail, build_alert
from sigma2hive.alerts.templates import Renderer
from sigma2hive.model.mappings import AlertOverride, AlertSettings, Mappings, TemplateText
from sigma2hive.model.profiles import Logsource
from sigma2hive.model.rules import Level
from sigma2hive.model.versions import RuleVersion, VersionState
from tests.alerts.matches import (
    LOGON,
    MAPPINGS,
    RULE,
    RULE_ID,
    SECOND_NS,
    START_NS,
    alert_of,
    atom,
    episode,
    event,
    event_with,
    match,
    rule,
)


def with_alerts(**changes: object) -> Mappings:
    return replace(MAPPINGS, alerts=replace(MAPPINGS.alerts, **changes))  # type: ignore[arg-type]


def with_settings(**changes: object) -> Mappings:
    settings = replace(MAPPINGS.alerts.settings, **changes)  # type: ignore[arg-type]
    return with_alerts(settings=settings)


def test_brute_force_as_an_analyst_sees_it() -> None:
    info = rule(custom={"title": "Failed logons from {source.ip}"})
    events = tuple(event(30 * n, user__name=f"user{n}") for n in range(6))
    alert = alert_of(episode(*events, info=info))
    assert alert.title == "Failed logons from 203.0.113.5"
    assert alert.severity == 3
    assert alert.date_ns == START_NS
    assert alert.events == events
    assert {(entry.data_type, entry.data) for entry in alert.observables} >= {
        ("ip", "203.0.113.5"),
        ("fqdn", "dc01.corp.example"),
        ("other", "user0"),
        ("other", "user5"),
    }
    for line in (
        "Rule **Failed logons from one address** (level high) matched 6 events "
        "on `DC01.corp.example`.",
        "- First event: 2025-11-24 16:00:00 UTC",
        "- Last event: 2025-11-24 16:02:30 UTC (2 min 30 s later)",
        "- Counted when it fired: 6",
        "- Grouped by `source.ip`: `203.0.113.5`",
        "| `selection` | `EventID` `4625` | `event.code` | `4625` |",
        "| Account | `user.name` | `user0` ×1, `user1` ×1, `user2` ×1, `user3` ×1, `user4` ×1, "
        "`user5` ×1 |",
        "| Source | `source.ip` | `203.0.113.5` |",
        "- A service with an old password",
        "- <https://example.org/brute-force?x=1>",
        "- [T1110.003](https://attack.mitre.org/techniques/T1110/003/)",
        "3 of 6 raw logs are shown whole here. "
        "All of them are kept with this alert, byte for byte.",
    ):
        assert line in alert.description.split("\n")
    assert f"names rule `{RULE_ID}`" in alert.description
    assert "`sigma_rules/windows/failed_logons.yml:12:1`" in alert.description


def test_a_single_match_names_rule_and_host() -> None:
    alert = alert_of(match())
    assert alert.title == "Failed logons from one address on DC01.corp.example"
    assert alert.description.startswith(
        "Rule **Failed logons from one address** (level high) matched one event at "
        "2025-11-24 16:00:00 UTC on `DC01.corp.example`."
    )
    assert '```\n{"event": {"code": 4625}}\n```' in alert.description


def test_an_episode_without_a_title_of_its_own_names_its_group() -> None:
    alert = alert_of(episode(event(0), event(1)))
    assert alert.title == "Failed logons from one address: source.ip 203.0.113.5"


def test_a_url_in_a_title_is_defanged_once() -> None:
    info = rule(custom={"title": "See {url.full} or https://help.example/x"})
    alert = alert_of(match(event(url__full="http://evil.example/a"), info=info))
    assert alert.title == "See hxxp[://]evil[.]example/a or hxxps[://]help[.]example/x"


def test_an_absent_field_is_unknown_in_the_title() -> None:
    info = rule(custom={"title": "Logon from {source.geo.name}"})
    assert alert_of(match(info=info)).title == "Logon from unknown"


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        (Level.INFORMATIONAL, 1),
        (Level.LOW, 1),
        (Level.MEDIUM, 2),
        (Level.HIGH, 3),
        (Level.CRITICAL, 4),
        (None, 2),
    ],
)
def test_severity_follows_the_level(level: Level | None, severity: int) -> None:
    assert alert_of(match(info=rule(level=level))).severity == severity


def test_tags_keep_sigmas_form_and_absent_ones_are_left_out() -> None:
    custom = {"tags": ["team:soc", "from:{source.ip}", "geo:{source.geo.name}"]}
    alert = alert_of(match(info=rule(custom=custom)))
    assert alert.tags == (
        "attack.credential-access",
        "attack.t1110.003",
        f"sigma:rule={RULE_ID}",
        "sigma:level=high",
        "team:soc",
        "from:203.0.113.5",
    )
    assert not any("level" in tag for tag in alert_of(match(info=rule(level=None))).tags)


def test_tags_are_unique_and_within_thehives_limits() -> None:
    tags = ("A", "a", "x" * 300, *(f"tag{n}" for n in range(200)))
    alert = alert_of(match(info=rule(tags=tags)))
    assert len(alert.tags) == 128
    assert alert.tags[0] == "A"
    assert alert.tags[1].endswith("… [cut]")
    assert len(alert.tags[1]) == 128
    assert "tags are left out" in alert.description


def test_the_rules_attribute_goes_over_overrides_and_those_over_the_mapping() -> None:
    overrides = (
        AlertOverride((Level.HIGH,), Logsource(), AlertSettings(severity=4, tlp=3, pap=0)),
        AlertOverride((), Logsource("windows"), AlertSettings(case_template="windows", tlp=1)),
        AlertOverride((), Logsource("linux"), AlertSettings(case_template="linux")),
        AlertOverride((Level.LOW,), Logsource(), AlertSettings(case_template="low")),
    )
    context = AlertContext(logsource=Logsource("windows", None, "security"))
    info = rule(custom={"pap": 1})
    alert = alert_of(match(info=info), with_alerts(overrides=overrides), context)
    assert (alert.severity, alert.tlp, alert.pap) == (4, 1, 1)
    assert alert.case_template == "windows"


def test_custom_fields_keep_numbers_and_leave_out_what_is_absent() -> None:
    fields = {
        "host": TemplateText("{host.name}"),
        "events": TemplateText("{count}"),
        "first": TemplateText("{first_ms}"),
        "geo": TemplateText("{source.geo.name}"),
        "score": 1.5,
        "auto": True,
    }
    alert = alert_of(episode(event(0), event(1)), with_settings(custom_fields=fields))
    assert alert.custom_fields == {
        "host": "DC01.corp.example",
        "events": 2,
        "first": 1_764_000_000_123,
        "score": 1.5,
        "auto": True,
    }


def test_the_owner_is_told_whom_to_ask() -> None:
    alert = alert_of(match(info=rule(custom={"owner": "blue-team"})))
    assert "tell blue-team;" in alert.description


def test_a_rule_of_a_link_to_its_file() -> None:
    template = TemplateText("https://git.example/soc/blob/main/{rule.path}#L{rule.line}")
    alert = alert_of(match(), with_alerts(external_link=template))
    assert (
        alert.external_link
        == "https://git.example/soc/blob/main/sigma_rules/windows/failed_logons.yml#L12"
    )


def test_a_link_that_is_none_is_left_out_and_told() -> None:
    alert = alert_of(match(), with_alerts(external_link=TemplateText("{user.name}:alert(1)")))
    assert alert.external_link == ""
    assert "The external link is left out" in alert.description


def test_the_title_has_thehives_length_and_the_cut_is_shown() -> None:
    info = rule(custom={"title": "From {user.name}"})
    alert = alert_of(match(event(user__name="\U0001f600" * 600), info=info))
    assert len(alert.title.encode("utf-16-le")) // 2 <= 512
    assert alert.title.endswith("… [cut]")
    assert "The title is cut" in alert.description


def test_a_broken_template_costs_its_part_only_and_is_told() -> None:
    info = rule(custom={"title": "{{ nope }}", "custom_fields": {"x": "{{ nope }}"}})
    alert = alert_of(match(info=info))
    assert alert.title == RULE.title
    assert alert.custom_fields == {}
    assert "The template of the title failed" in alert.description
    broken = with_alerts(description=TemplateText("{% if %}"))
    assert "The description's template failed" in alert_of(match(), broken).description


def test_a_description_template_may_pick_sections() -> None:
    template = TemplateText("# {{ rule.title }}\n\n{{ why }}\n\nFrom {source.ip}")
    alert = alert_of(match(), with_alerts(description=template))
    assert alert.description == (
        "# Failed logons from one address\n\n### Why it matched\n\n"
        "| Part of the rule | Asks for | Field | In the event |\n|---|---|---|---|\n"
        "| `selection` | `EventID` `4625` | `event.code` | `4625` |\n\nFrom `203.0.113.5`"
    )


def test_the_dates_are_the_events_own() -> None:
    late_first = match(event(5), event(2), event(9))
    alert = alert_of(late_first)
    assert alert.date_ns == START_NS + 2 * SECOND_NS
    assert alert.procedures[0].occurred_ns == alert.date_ns


def test_raw_logs_are_kept_and_only_shown_whole() -> None:
    small, large = b'{"a": 1}', b"x" * 19_990 + b"tail"
    alert = alert_of(episode(event(0, small), event(1, large), event(2, small)))
    assert [entry.raw for entry in alert.events] == [small, large, small]
    assert "tail" not in alert.description
    assert "1 of 3 raw logs are shown whole here." in alert.description


def test_a_raw_log_longer_than_the_bound_is_cut_in_the_open() -> None:
    alert = alert_of(match(event(0, "ü".encode() * 30_000)))
    assert "Cut here: this log has 60,000 bytes, and the first 20,000" in alert.description
    assert "ü" * 20_000 in alert.description
    assert "ü" * 20_001 not in alert.description


def test_raw_bytes_that_are_no_text_are_shown_as_such() -> None:
    alert = alert_of(match(event(0, b"\xff\xfe{}")))
    assert "```\n\\xff\\xfe{}\n```" in alert.description


def test_raw_logs_may_be_left_out_of_the_description() -> None:
    alert = alert_of(match(), with_alerts(raw_events=0))
    assert "0 of 1 raw logs are shown whole here." in alert.description


def test_why_it_matched_joins_what_one_item_asked() -> None:
    reasons = tuple(
        atom("CommandLine|contains", v, "process.command_line") for v in ("-enc", "iex")
    )
    values = {**LOGON, "process.command_line": ("powershell -enc AAAA | iex",)}
    alert = alert_of(match(event_with(values), reasons=reasons))
    assert (
        "| `selection` | `CommandLine\\|contains` `-enc`, `iex` | `process.command_line` "
        "| `powershell -enc AAAA \\| iex` |"
    ) in alert.description


def test_a_keyword_search_shows_only_the_values_that_hold_the_word() -> None:
    keyword = replace(atom("", "MIMIKATZ", "*"), name=None)
    fields = tuple(replace(keyword.fields[0], path=path) for path in ("message", "user.name"))
    values = {**LOGON, "message": ("run Mimikatz now",)}
    alert = alert_of(match(event_with(values), reasons=(replace(keyword, fields=fields),)))
    assert "| `keyword` `MIMIKATZ` | `message` | `run Mimikatz now` |" in alert.description


def test_a_match_without_events_is_refused() -> None:
    with pytest.raises(ValueError, match="has no event"):
        alert_of(replace(match(), events=()))


def test_a_bar_is_shown_as_itself_outside_tables() -> None:
    """In a table's cell it is escaped, in code too; elsewhere the backslash would be seen."""
    events = [event_with({**LOGON, "user.name": ("a|b",), "host.name": ("dc|01",)})]
    found = replace(episode(*events), group=(("user.name", "a|b"),))
    alert = alert_of(found)
    lines = alert.description.splitlines()
    assert "- Grouped by `user.name`: `a|b`" in lines
    assert "| Account | `user.name` | `a\\|b` |" in lines
    assert "- `dc|01` (host): not a name of a host or domain" in lines
    assert " on `dc|01`." in lines[0]


def test_what_logs_write_for_nothing_is_not_listed_as_left_out() -> None:
    alert = alert_of(match(event(user__name="-", source__ip="127.0.0.1")))
    assert "- `127.0.0.1` (ip): on the ignore list" in alert.description
    assert "- `-`" not in alert.description
    assert "-" in {entry.data for entry in alert.left_out}


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (RuleVersion(), ""),
        (RuleVersion(VersionState.COMMITTED, "ab" * 20), f", commit `{'ab' * 20}`"),
        (
            RuleVersion(VersionState.CHANGED, "ab" * 20),
            f", changed since commit `{'ab' * 20}` and not committed",
        ),
        (RuleVersion(VersionState.NEW), ", not committed to Git"),
    ],
    ids=["unknown", "committed", "changed", "new"],
)
def test_the_footer_names_the_rule_its_commit_and_its_owner(
    version: RuleVersion, said: str
) -> None:
    mappings = with_settings(owner="identity-team")
    alert = alert_of(match(), mappings, AlertContext(version_of=lambda: version))
    footer = alert.description.rpartition("### ")[2]
    assert footer == (
        f"The rule\n\n- File: `sigma_rules/windows/failed_logons.yml:12:1`{said}\n"
        f"- Id: `{RULE_ID}`\n- Owner: identity-team"
    )


def test_a_link_to_a_rule_in_git_leads_to_the_commit_that_has_its_text() -> None:
    template = TemplateText("https://git.example/blob/{rule.commit}/{rule.path}")
    mappings = with_alerts(external_link=template)
    for state, link in (
        (VersionState.COMMITTED, "https://git.example/blob/c0ffee/sigma_rules/windows/"),
        (VersionState.CHANGED, ""),  # that commit has another text
    ):
        context = AlertContext(version_of=partial(RuleVersion, state, "c0ffee"))
        alert = alert_of(match(), mappings, context)
        assert alert.external_link.startswith(link)
        assert bool(alert.external_link) == bool(link)


def test_titles_of_one_builder_say_what_each_match_is() -> None:
    asking = "{rule.title}{{ ' of ' ~ rule.commit if rule.commit }} on {host.name}"
    for template in (asking, "{rule.title} on {host.name}"):
        builder = AlertBuilder(with_settings(title=TemplateText(template)))
        titles = [
            builder.build(
                match(event(host__name=host), info=rule(title=title)),
                AlertContext(version_of=partial(RuleVersion, VersionState.COMMITTED, commit)),
            ).title
            for host in ("a", "b")
            for commit in ("c0ffee", "decade")
            for title in ("One", "Two")
            for _ in range(2)
        ]
        is_asked = template is asking
        assert titles == [
            f"{title} of {commit} on {host}" if is_asked else f"{title} on {host}"
            for host in ("a", "b")
            for commit in ("c0ffee", "decade")
            for title in ("One", "Two")
            for _ in range(2)
        ]


def test_a_title_that_is_cut_is_noted_each_time() -> None:
    builder = AlertBuilder(with_settings(title=TemplateText("{{ 'long ' ~ rule.description }}")))
    long = rule(description="x" * 600)
    notes = {builder.build(match(info=long), AlertContext()).description for _ in range(2)}
    assert len(notes) == 1
    assert "The title is cut to TheHive's 512 characters." in notes.pop()


def test_rules_that_share_a_builder_do_not_share_what_they_say() -> None:
    custom = {"title": "{user.name} again", "owner": "soc", "tags": ["team:{user.name}"]}
    infos = [
        RULE,
        rule(title="Another", description="Other words.", tags=("attack.t1078",)),
        rule(id="00000000-0000-4000-8000-000000000000", custom=custom),
        # The id of the first, as after a change of the file.
        rule(custom={"severity": "low"}),
        RULE,
    ]
    contexts = [
        AlertContext(logsource=Logsource("windows")),
        AlertContext(version_of=partial(RuleVersion, VersionState.COMMITTED, "c0ffee")),
    ]
    builder = AlertBuilder(MAPPINGS)
    for info in infos:
        for context in contexts:
            for found in (match(info=info), match(event(user__name="ben"), info=info)):
                assert builder.build(found, context) == build_alert(found, MAPPINGS, context)


@pytest.mark.parametrize("detail", Detail)
def test_one_builder_makes_of_many_matches_what_each_says_alone(detail: Detail) -> None:
    override = AlertOverride(
        (Level.LOW,), Logsource(category="dns"), AlertSettings(severity=4, owner="dns@corp")
    )
    mappings = with_alerts(overrides=(override,))
    rules = [
        rule(id=f"{number:08}-0000-4000-8000-000000000000", title=f"{title}", level=level, **own)
        for number, (title, level, own) in enumerate(
            [
                ("First", Level.LOW, {}),
                ("Second", Level.LOW, {}),
                ("http://third.example", Level.HIGH, {}),
                ("Fourth", None, {"custom": {"title": "{rule.title} of {user.name}", "tlp": 0}}),
                ("Fifth", Level.LOW, {"custom": {"tags": ["t:{host.name}"]}}),
            ]
        )
    ]
    contexts = [AlertContext(), AlertContext(logsource=Logsource(category="dns"))]
    events = [event(number, host__name=f"dc{number % 2:02}") for number in range(3)]
    builder = AlertBuilder(mappings, detail)
    for info, context, found in product(rules, contexts, events):
        alone = AlertBuilder(mappings, detail).build(match(found, info=info), context)
        for _ in range(2):
            assert builder.build(match(found, info=info), context) == alone


def test_a_title_is_rendered_once_for_a_rule_and_what_it_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rendered: list[str] = []
    render = Renderer.render

    def noted(self: Renderer, text: str, *rest: object) -> object:
        rendered.append(text)
        return render(self, text, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Renderer, "render", noted)
    builder = AlertBuilder(MAPPINGS, Detail.LISTED)
    rules = [rule(id=f"0000000{number}-0000-4000-8000-000000000000") for number in range(3)]
    contexts = [AlertContext() for _ in rules]
    for number in range(30):
        found = match(event(number, host__name=f"dc{number % 2:02}"), info=rules[number % 3])
        builder.build(found, contexts[number % 3])
    assert len(rendered) == 6
