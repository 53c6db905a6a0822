"""A rule's own attribute, and the templates of the mappings, checked when they are loaded."""

from dataclasses import replace
from typing import Any

import pytest

from sigma2hive.alerts import check_custom, check_mappings
from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.mappings import TemplateText
from tests.alerts.matches import MAPPINGS, RULE, alert_of, match, rule


def test_a_full_attribute_is_right() -> None:
    custom = {
        "title": "Failed logons from {source.ip}",
        "severity": 4,
        "tlp": "amber+strict",
        "pap": 2,
        "tags": ["a", "b:{host.name}"],
        "custom_fields": {"n": "{count}", "score": 3},
        "case_template": "brute-force",
        "owner": "soc",
        "observables": [
            {"field": "x.y", "type": "url", "tags": ["a"], "ioc": True, "message": "m", "pap": 0}
        ],
    }
    diagnostics = Diagnostics()
    assert check_custom(rule(custom=custom), diagnostics)
    assert list(diagnostics) == []


@pytest.mark.parametrize("link", ["javascript:alert(1)", "git.example.org/{rule.path}", "ftp://x/"])
def test_a_link_that_can_be_no_web_address_is_refused(link: str) -> None:
    place = Location("mappings/alerts.yml", 3, 1)
    alerts = replace(MAPPINGS.alerts, external_link=TemplateText(link, place))
    diagnostics = Diagnostics()
    assert not check_mappings(replace(MAPPINGS, alerts=alerts), diagnostics)
    (finding,) = diagnostics
    assert (finding.code, finding.location) == ("S2H405", place)
    assert "http" in finding.message


@pytest.mark.parametrize(
    "link", ["", "https://git.example.org/{rule.path}", "HTTP://x/", "{{ field('url.full') }}"]
)
def test_a_link_that_can_be_one_is_not(link: str) -> None:
    alerts = replace(MAPPINGS.alerts, external_link=TemplateText(link))
    assert check_mappings(replace(MAPPINGS, alerts=alerts), Diagnostics())


@pytest.mark.parametrize(
    ("custom", "code", "message", "hint"),
    [
        ({"titel": "x"}, "S2H405", "'titel' is no key here", "did you mean 'title'?"),
        ({"severity": 5}, "S2H405", "a whole number from 1 to 4", ""),
        ({"severity": True}, "S2H405", "a whole number from 1 to 4", ""),
        ({"tlp": "purple"}, "S2H405", "clear, green, amber, amber+strict, red", ""),
        ({"title": ["x"]}, "S2H405", "'title' takes text", ""),
        ({"tags": [1]}, "S2H405", "'1' is not text", ""),
        ({"custom_fields": {"x": [1]}}, "S2H405", "text, a number or a boolean", ""),
        ({"custom_fields": "x"}, "S2H405", "a map of keys", ""),
        ({"case_template": "x" * 129}, "S2H405", "at most 128 characters", ""),
        ({"observables": {"field": "x"}}, "S2H405", "a list of maps", ""),
        ({"observables": ["x"]}, "S2H405", "not a map of keys", ""),
        ({"observables": [{"type": "ip"}]}, "S2H405", "no 'field'", ""),
        ({"observables": [{"field": "x"}]}, "S2H405", "no 'type'", ""),
        (
            {"observables": [{"field": "x", "type": "user_agent"}]},
            "S2H405",
            "'user_agent' is no observable type",
            "did you mean 'user-agent'?",
        ),
        ({"observables": [{"field": "x", "type": "file"}]}, "S2H405", "needs an attachment", ""),
        ({"observables": [{"field": "x", "type": "ip", "iok": 1}]}, "S2H405", "'iok'", "'ioc'"),
        ({"title": "{{ nope }}"}, "S2H406", "'nope'", ""),
        ({"tags": ["{% if %}"]}, "S2H406", "cannot be read", ""),
        ({"custom_fields": {"x": "{{ 1 * 1 }}"}}, "S2H406", "cannot use 'mul'", ""),
    ],
)
def test_mistakes_are_found_at_the_rule(
    custom: dict[str, Any], code: str, message: str, hint: str
) -> None:
    diagnostics = Diagnostics()
    assert not check_custom(rule(custom=custom), diagnostics)
    (finding,) = diagnostics
    assert (finding.code, finding.location) == (code, RULE.location)
    assert message in finding.message
    assert hint in finding.hint
    alert_of(match(info=rule(custom=custom)))  # what is right still makes an alert


def test_what_is_right_beside_a_mistake_counts() -> None:
    custom = {"severity": 9, "tlp": "red", "observables": [{"field": "user.name"}, None]}
    alert = alert_of(match(info=rule(custom=custom)))
    assert (alert.severity, alert.tlp) == (3, 4)


def test_the_teams_own_observable_types_are_known() -> None:
    info = rule(custom={"observables": [{"field": "x", "type": "iban"}]})
    assert not check_custom(info, Diagnostics())
    assert check_custom(info, Diagnostics(), data_types=("iban",))


def test_the_shipped_mappings_pass() -> None:
    diagnostics = Diagnostics()
    assert check_mappings(MAPPINGS, diagnostics)
    assert list(diagnostics) == []


def test_a_broken_template_of_the_mapping_is_found_at_its_place() -> None:
    place = Location("mappings/alerts.yml", 3, 1)
    alerts = replace(MAPPINGS.alerts, help=TemplateText("{{ body }}", place))
    diagnostics = Diagnostics()
    assert not check_mappings(replace(MAPPINGS, alerts=alerts), diagnostics)
    (finding,) = diagnostics
    assert (finding.code, finding.location) == ("S2H406", place)
