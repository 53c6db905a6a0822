"""The link into Kibana's Discover: it opens the alert's events, all of them and no others."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.alerts import AlertContext, Lookup
from sigma2hive.alerts.rison import rison
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.alerts import Alert
from sigma2hive.model.events import Event
from sigma2hive.model.fields import Derived, Field, FieldType, Part
from sigma2hive.model.mappings import TemplateText
from sigma2hive.model.matches import Match
from sigma2hive.model.profiles import Logsource
from sigma2hive.schema import load_profile
from sigma2hive.settings import KibanaSettings
from sigma2hive.sources.hits import elasticsearch_event_key
from tests.alerts.discover_links import Opened, opened, read_rison
from tests.alerts.inert import active_parts
from tests.alerts.matches import alert_of, episode, event, match
from tests.alerts.test_builder import with_alerts

KIBANA = KibanaSettings("https://kibana.example/base/", None, "winlogbeat-view")
INDEX = ".ds-winlogbeat-9.2.0-2025.11.24-000007"


def hit(number: int, document_id: str, index: str = INDEX, **changes: str) -> Event:
    """An event as the search finds it, `number` seconds after the start."""
    made = event(number, **changes)
    key = elasticsearch_event_key(index, document_id, made.time_ns)
    return replace(made, key=key, origin=f"{index}/{document_id}")


def context(kibana: KibanaSettings = KIBANA, **changes: object) -> AlertContext:
    profile = load_profile("winlogbeat", None, Diagnostics())
    assert profile is not None
    place = profile.place(Logsource("windows", None, "security"))
    assert place is not None
    made = AlertContext(lookup=Lookup((place,)), kibana=kibana)
    return replace(made, **changes)  # type: ignore[arg-type]


def sent(found: Match, known: AlertContext | None = None) -> Alert:
    alert = alert_of(found, context=known or context())
    assert len(alert.external_link) <= 4096
    return alert


def link_of(found: Match, known: AlertContext | None = None) -> Opened:
    return opened(sent(found, known).external_link)


def test_one_event_is_opened_by_its_id_index_and_time() -> None:
    got = link_of(match(hit(0, "AZqWxK3jT9uQ0b7Cz1aB")))
    assert got.page == "https://kibana.example/base/app/discover"
    assert got.data_view == "winlogbeat-view"
    assert got.ids() == {"*winlogbeat-9.2.0*": ["AZqWxK3jT9uQ0b7Cz1aB"]}
    # START_NS is 16:00:00.123456789 of that day.
    assert (got.start, got.end) == ("2025-11-24T16:00:00.000Z", "2025-11-24T16:00:01.000Z")
    (shown,) = got.filters
    assert shown["meta"] == {
        "alias": "Events of this alert",
        "disabled": False,
        "index": "winlogbeat-view",
        "key": "bool",
        "negate": False,
        "type": "custom",
    }
    assert shown["$state"] == {"store": "appState"}


def test_all_events_of_an_episode_are_opened_wherever_they_lie() -> None:
    events = [hit(n, f"id-{n}") for n in range(6)]
    events += [hit(61, "id-0", "logs-system.security-default")]
    got = link_of(episode(*events))
    assert got.ids() == {
        "*winlogbeat-9.2.0*": [f"id-{n}" for n in range(6)],
        "*logs-system.security-default*": ["id-0"],
    }
    assert (got.start, got.end) == ("2025-11-24T16:00:00.000Z", "2025-11-24T16:01:02.000Z")


@pytest.mark.parametrize(
    ("kibana", "page"),
    [
        (KibanaSettings("https://k.example", "soc", "v"), "https://k.example/s/soc/app/discover"),
        (KibanaSettings("https://k.example", "default", "v"), "https://k.example/app/discover"),
        (KibanaSettings("http://k.example:5601/kb", "soc"), "http://k.example:5601/kb/s/soc/app/r"),
    ],
)
def test_the_link_leads_into_the_space(kibana: KibanaSettings, page: str) -> None:
    assert link_of(match(hit(0, "a")), context(kibana)).page == page


def test_without_a_data_view_the_link_brings_the_rules_index_patterns() -> None:
    got = link_of(match(hit(0, "a")), context(KibanaSettings("https://k.example")))
    assert (got.patterns, got.ids()) == ("winlogbeat-*", {"*winlogbeat-9.2.0*": ["a"]})
    assert (got.start, got.end) == ("2025-11-24T16:00:00.000Z", "2025-11-24T16:00:01.000Z")


@pytest.mark.parametrize("data_view", ["view", None])
def test_more_events_than_a_link_holds_are_opened_by_their_group(data_view: str | None) -> None:
    known = context(KibanaSettings("https://k.example", None, data_view))
    alert = sent(episode(*(hit(n, f"{n:020}") for n in range(300))), known)
    got = opened(alert.external_link)
    (shown,) = got.filters
    assert shown["query"] == {
        "bool": {
            "filter": [
                {
                    "bool": {
                        "should": [{"match_phrase": {"source.ip": "203.0.113.5"}}],
                        "minimum_should_match": 1,
                    }
                }
            ]
        }
    }
    assert shown["meta"]["alias"] == "Group of this alert"
    assert (got.start, got.end) == ("2025-11-24T16:00:00.000Z", "2025-11-24T16:05:00.000Z")
    assert "opens what is of the same group and time" in alert.description


def test_as_many_events_as_fit_are_opened_exactly() -> None:
    """Elasticsearch's own ids have 20 characters; some hundred and twenty of them are a link."""
    got = link_of(episode(*(hit(n, f"A{n:019}") for n in range(120))))
    (ids,) = got.ids().values()
    assert len(ids) == 120


def test_each_spelling_of_the_groups_value_is_sought() -> None:
    events = [hit(n, f"{n:020}", user__name=("anna", "ANNA")[n % 2]) for n in range(300)]
    found = replace(episode(*events), group=(("user.name", "anna"),))
    (shown,) = link_of(found).filters
    (group,) = shown["query"]["bool"]["filter"]
    assert group["bool"]["should"] == [
        {"match_phrase": {"user.name": "anna"}},
        {"match_phrase": {"user.name": "ANNA"}},
    ]


@pytest.mark.parametrize(
    "field",
    [
        Field("user", derived=Derived((Part("user.name"),))),
        Field("user.name", FieldType.NESTED),
    ],
    ids=["derived", "nested"],
)
def test_what_the_index_cannot_be_asked_for_makes_the_link_wider(field: Field) -> None:
    known = context(fields={"User": (field,)})
    events = [hit(n, f"{n:020}") for n in range(300)]
    groups = (("source.ip", "203.0.113.5"), ("User", "anna"))
    (shown,) = link_of(replace(episode(*events), group=groups), known).filters
    assert len(shown["query"]["bool"]["filter"]) == 1
    got = link_of(replace(episode(*events), group=groups[1:]), known)
    assert (got.filters, got.end) == ([], "2025-11-24T16:05:00.000Z")


def test_values_that_do_not_fit_make_the_link_wider() -> None:
    """Longer values are not in the index either (ignore_above)."""
    events = [hit(n, f"{n:020}", user__name="x" * 5000) for n in range(300)]
    found = replace(episode(*events), group=(("user.name", "x" * 5000),))
    assert link_of(found).filters == []


def test_events_from_files_have_no_link() -> None:
    assert sent(match(event())).external_link == ""
    assert sent(episode(hit(0, "a"), event(1))).external_link == ""


def test_without_kibana_there_is_no_link() -> None:
    assert sent(match(hit(0, "a")), context(KibanaSettings())).external_link == ""


def test_a_teams_own_link_goes_first_and_the_events_are_in_the_text() -> None:
    found = match(hit(0, "a(b)!'"))
    mappings = with_alerts(external_link=TemplateText("https://git.example/{rule.path}"))
    alert = alert_of(found, mappings, context())
    assert alert.external_link.startswith("https://git.example/")
    start = alert.description.index("[Open in Kibana Discover](<")
    (line,) = alert.description[start:].splitlines()[:1]
    address = line.partition("<")[2].partition(">")[0]
    assert opened(address).ids() == {"*winlogbeat-9.2.0*": ["a(b)!'"]}
    own = f"[Open in Kibana Discover](<{address}>)"
    assert active_parts(alert.description.replace(own, "")) == []


HOSTILE = [
    "') OR 1=1",
    "!'),(meta:(disabled:!t))",
    '"><script>alert(1)</script>',
    "a&_a=(filters:!())#/x?y=z",
    "%27%29",
    "a b+c\\d*?",
    "javascript:alert(1)",
    "\u202e\u200b日本🐝",
    "\n\r\t\0",
    "{{7*7}}",
]


@pytest.mark.parametrize("data_view", ["view", None, "a'b&c"])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_ids_and_values_stay_what_they_are(text: str, data_view: str | None) -> None:
    known = context(KibanaSettings("https://k.example", None, data_view))
    alert = sent(match(hit(0, text)), known)
    got = opened(alert.external_link)
    assert got.ids() == {"*winlogbeat-9.2.0*": [text]}
    assert got.data_view == (data_view or "")
    assert set(alert.external_link) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~:/?#&=%!(),"
    )
    many = [hit(n, f"{n:020}", user__name=text) for n in range(300)]
    (shown,) = link_of(replace(episode(*many), group=(("user.name", text),)), known).filters
    (group,) = shown["query"]["bool"]["filter"]
    assert group["bool"]["should"] == [{"match_phrase": {"user.name": text}}]


def test_an_id_that_elasticsearch_cannot_have_is_no_link() -> None:
    assert sent(match(hit(0, "a\ud800"))).external_link == ""


@pytest.mark.parametrize("index", ["a*b", "a?b", "a\\b"])
def test_a_name_that_is_a_pattern_is_escaped(index: str) -> None:
    (pattern,) = link_of(match(hit(0, "x", index))).ids()
    assert pattern == "*" + index.replace(index[1], "\\" + index[1]) + "*"


def test_an_event_of_another_cluster_is_opened_too() -> None:
    """Its index is then called cluster:.ds-name, with the mark in the middle."""
    got = link_of(match(hit(0, "x", f"paris:{INDEX}")))
    assert list(got.ids()) == ["*winlogbeat-9.2.0*"]


def test_an_event_at_the_end_of_time_costs_the_link_at_most() -> None:
    late = replace(hit(0, "a"), key=elasticsearch_event_key(INDEX, "a", 253_402_300_799 * 10**9))
    assert sent(match(late)).external_link == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
    max_leaves=20,
)


@given(JSON)
def test_rison_is_read_back_as_it_was_written(value: object) -> None:
    assert read_rison(rison(value)) == value
