"""Templates: what they can say, what they refuse, and that they stay small."""

import time
from dataclasses import replace

import pytest

from sigma2hive.alerts.environment import Mode
from sigma2hive.alerts.facts import AlertContext, Facts
from sigma2hive.alerts.templates import Renderer, check_template, render_number
from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.fields import Field
from sigma2hive.model.mappings import TemplateText
from sigma2hive.model.versions import RuleVersion, VersionState
from tests.alerts.matches import LOGON, episode, event, event_with, match

PLACE = Location("mappings/alerts.yml", 7, 3)


def facts(*names: str) -> Facts:
    events = tuple(event(n, user__name=name) for n, name in enumerate(names or ("anna",)))
    return Facts(episode(*events), AlertContext(), owner="soc@corp.example")


def rendered(template: str, of: Facts | None = None, mode: Mode = Mode.TITLE) -> str:
    result = Renderer(of or facts()).render(template, mode, 1000)
    assert result.problem == ""
    return result.text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Failed logons from {source.ip}", "Failed logons from 203.0.113.5"),
        ("{{ event['source.ip'] }}", "203.0.113.5"),
        ("{{ event.source.ip }}", "203.0.113.5"),
        ("{{ field('source.ip') }}", "203.0.113.5"),
        ('{{ field("user.name") | upper }}', "ANNA"),
        ("on {no.such.field}", "on unknown"),
        ("on {{ event['no.such'] }} {{ event.no.such }}", "on unknown unknown"),
        ("{{ field('no.such') or 'nobody' }}", "nobody"),
        ("{{ field('no.such') | default('nobody') }}", "nobody"),
        ("{% if field('no.such') %}yes{% else %}no{% endif %}", "no"),
        ("{% if event['source.ip'] == '203.0.113.5' %}yes{% endif %}", "yes"),
        ("{rule.title} ({rule.level})", "Failed logons from one address (high)"),
        ("{{ rule.id }}", "7f1a2c0e-58f4-4c3c-9d2e-0a6f0c1d2e3f"),
        ("{count} events since {first_time}", "1 events since 2025-11-24 16:00:00 UTC"),
        (
            "{% for name, value in group %}{{ name }}={{ value }}{% endfor %}",
            "source.ip=203.0.113.5",
        ),
        ("{% for v in values('user.name') %}<{{ v }}>{% endfor %}", "<anna>"),
        ("{{ {} }}braces { } {a b} {1}", None),
        ("braces { } {a b} {1} {}", "braces { } {a b} {1} {}"),
        ("{{ 'a' ~ field('user.name') }}", "aanna"),
        ("{{ event.no.such | default('nobody') }}", "nobody"),
        ("{% if event.no.such is defined %}yes{% else %}no{% endif %}", "no"),
    ],
)
def test_what_templates_can_say(template: str, text: str | None) -> None:
    if text is None:
        assert Renderer(facts()).render(template, Mode.TITLE, 100).problem
    else:
        assert rendered(template) == text


def test_many_values_are_named_shortly() -> None:
    assert rendered("{user.name}", facts("a", "b", "c", "d", "e")) == "a, b +3 more"
    assert rendered("{{ event['user.name'] }}", facts("a", "b", "c", "d")) == "a"
    assert rendered("{{ values('user.name') | length }}", facts("a", "b", "c", "d")) == "4"


@pytest.mark.parametrize(
    "template",
    [
        "{rule.title} on {host.name}",
        "{% for v in values('host.name') %}{{ v }} {% endfor %}",
        "{{ event.host.name }}{% if field('host.name') %}{count}{% endif %}",
    ],
)
def test_each_match_has_its_own_values(template: str) -> None:
    hosts = ["a", "b", "a", "x" * 600]
    of_hosts = [Facts(match(event(host__name=host)), AlertContext()) for host in hosts]
    texts = [rendered(template, of) for of in of_hosts]
    assert all(host[:50] in text for host, text in zip(hosts, texts, strict=True))
    assert texts[0] == texts[2] != texts[1]


def test_a_grouping_field_has_one_value_however_the_events_write_it() -> None:
    spelled = episode(event(0, source__ip="2001:DB8::1"), event(1), address="2001:db8::1")
    assert rendered("{source.ip}", Facts(spelled, AlertContext())) == "2001:db8::1"


def test_a_sigma_field_name_is_understood_too() -> None:
    context = AlertContext(fields={"IpAddress": (Field("nope"), Field("source.ip"))})
    assert rendered("{IpAddress}", Facts(match(), context)) == "203.0.113.5"


def test_an_empty_value_is_not_unknown() -> None:
    seen = match(event_with({**LOGON, "user.name": ("",)}))
    assert rendered("[{user.name}]", Facts(seen, AlertContext())) == "[]"


def test_values_are_code_in_markdown_and_the_templates_own_text_is_not() -> None:
    text = rendered("**{user.name}** {{ rule.title }}", facts("*x*"), Mode.MARKDOWN)
    assert text == "**`*x*`** Failed logons from one address"


def test_values_in_links_are_quoted() -> None:
    text = rendered("https://kibana.example/q?user={user.name}", facts("a b&c=/../"), Mode.LINK)
    assert text == "https://kibana.example/q?user=a%20b%26c%3D/../"


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{ source.ip }}", "'source', which there is not"),
        ("{{ evnt['x'] }}", "'evnt', which there is not"),
        ("{{ rule.titel }}", "a rule has no 'titel'"),
        ("{rule.titel} {{ rule.titel }}", "a rule has no 'titel'"),
        ("{{ field('x' }}", "cannot be read"),
        ("{% if count %}", "cannot be read"),
        ("a\n{{ count | shout }}", "No filter named 'shout'. (line 2"),
        ("{{ 7 * 7 }}", "cannot use 'mul'"),
        ("{{ 9 ** 9 ** 9 }}", "cannot use 'pow'"),
        ("{% for i in range(1000000000) %}{% endfor %}", "field(…) and values(…) only"),
        ("{% macro a() %}x{% endmacro %}", "cannot use 'macro'"),
        ("{% set x = 1 %}", "cannot use 'assign'"),
        ("{% include '/etc/passwd' %}", "cannot use 'include'"),
        ("{% import 'x' as y %}", "cannot use 'import'"),
        ("{% extends 'x' %}", "cannot use 'extends'"),
        ("{{ ''.__class__.__mro__ }}{{ 'a'.ljust(99) }}", "field(…) and values(…) only"),
        ("{{ 'a' | center(1000000000) }}", "No filter named 'center'"),
        ("{{ field('x') | safe }}", "No filter named 'safe'"),
        ("{% for a in group %}" * 3 + "{% endfor %}" * 3, "nested at most 2"),
        ("{% for a in group recursive %}{% endfor %}", "recursively"),
        ("{{ " + "(" * 5000 + " }}", "cannot be read"),
    ],
)
def test_mistakes_are_found_when_mappings_are_loaded(template: str, says: str) -> None:
    diagnostics = Diagnostics()
    assert not check_template(TemplateText(template, PLACE), diagnostics)
    (finding,) = diagnostics
    assert (finding.code, finding.location) == ("S2H406", PLACE)
    assert says in finding.message
    assert finding.hint
    assert Renderer(facts()).render(template, Mode.TITLE, 100).problem == finding.message


@pytest.mark.parametrize(
    ("template", "hint"),
    [
        ("{{ source.ip }}", "a field is written {source.ip}"),
        (
            "{% if winlog.event_data.IpAddress == '-' %}x{% endif %}",
            "{winlog.event_data.IpAddress}",
        ),
        ("{{ user }}", "a field is written {user}"),
        (
            "{{ zzz }}",
            "known are count, event, field, figure, first_ms, first_time, group, last_ms",
        ),
    ],
)
def test_a_field_written_as_a_variable_is_told_how_fields_are_written(
    template: str, hint: str
) -> None:
    diagnostics = Diagnostics()
    check_template(TemplateText(template, PLACE), diagnostics)
    (finding,) = diagnostics
    assert hint in finding.hint


@pytest.mark.parametrize(
    "template",
    ["{{ field('x').a.b.c }}", "{{ rule['__class__'] }}", "{{ event._lookup }}", "{{ loop }}",
     "{{ event.__init__.__globals__ }}", "{{ group.append }}", "{{ field }}"],
)  # fmt: skip
def test_nothing_of_python_is_reachable(template: str) -> None:
    result = Renderer(facts()).render(template, Mode.TITLE, 1000)
    assert result.problem or result.text == "unknown" or "field_text" in result.text
    for word in ("builtin", "globals", "module", "jinja", "object at 0x"):
        assert word not in result.text


def test_what_a_template_does_at_run_time_cannot_raise() -> None:
    result = Renderer(facts()).render(
        "{% for field in group %}{{ field('x') }}{% endfor %}", Mode.TITLE, 99
    )
    assert result.text == ""
    assert "TypeError" in result.problem
    assert "not" in Renderer(facts()).render("{{ count < 'x' }}", Mode.TITLE, 99).problem


@pytest.mark.parametrize(
    "template",
    [
        "{% if 'admin' in event.no.such %}yes{% endif %}",
        "{% for part in event.no.such %}{{ part }}{% endfor %}",
        "{% for part in event %}{% endfor %}",
        "{{ event.no.such | join }}",
        "{{ event.no.such | sort | join }}",
    ],
)
def test_what_an_event_lacks_holds_nothing(template: str) -> None:
    # Python would ask for a first, a second … part for ever.
    assert rendered(template) == ""


def test_output_is_bounded() -> None:
    many = Facts(match(event_with({"a": tuple(map(str, range(100_000)))})), AlertContext())
    started = time.process_time()
    loops = (
        "{% for a in values('a') %}{% for b in values('a') %}{{ a }}{{ b }}{% endfor %}{% endfor %}"
    )
    assert len(Renderer(many).render(loops, Mode.TITLE, 512).text) <= 513
    assert time.process_time() - started < 2


def test_a_single_counted_variable_is_a_number() -> None:
    assert render_number("{count}", facts("a", "b")) == 2
    assert render_number(" {first_ms} ", facts()) == 1_764_000_000_123
    assert render_number("{count} events", facts()) is None
    assert render_number("{source.ip}", facts()) is None


def test_absent_fields_are_told() -> None:
    assert Renderer(facts()).render("{a.b} {source.ip}", Mode.DATA, 99).absent == ("a.b",)
    bare = Facts(match(info=replace(match().rule, level=None)), AlertContext())
    assert Renderer(bare).render("{rule.level}", Mode.DATA, 99).absent == ("rule.level",)


@pytest.mark.parametrize(
    ("template", "is_asked"),
    [
        ("{rule.title} on {host.name}", False),
        ("{{ rule['title'] }}", False),
        ("{rule.commit}", True),
        ("{{ rule['commit'] }}", True),
        ("{{ rule['com' ~ 'mit'] }}", True),
        ("{% for key in rule %}{{ rule[key] }}{% endfor %}", True),
    ],
)
def test_git_is_asked_for_a_commit_only_by_what_may_say_it(template: str, is_asked: bool) -> None:
    asked: list[bool] = []

    def version() -> RuleVersion:
        asked.append(True)
        return RuleVersion(VersionState.COMMITTED, "c0ffee")

    text = rendered(template, Facts(match(), AlertContext(version_of=version)))
    assert bool(asked) == is_asked == ("c0ffee" in text)
