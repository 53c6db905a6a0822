"""How many alerts a flood makes, which ones, and what the summary says of the rest."""

import random

import pytest

from sigma2hive.model.service import Fate
from sigma2hive.settings import FloodSettings
from tests.runner.floods.conftest import Make
from tests.runner.floods_world import (
    HOUR,
    MINUTE,
    NOW,
    OTHER_ID,
    RULE_ID,
    SECOND,
    episode,
    event,
    match,
    rule,
    users_of,
)


@pytest.mark.parametrize("is_restarted", [False, True])
def test_alerts_of_a_clock_that_was_ahead_use_up_no_cap(make: Make, *, is_restarted: bool) -> None:
    world = make(FloodSettings(per_group=5, per_rule=5, in_all=5))
    world.step([match(event(number)) for number in range(5)], NOW + 9_000 * HOUR)
    if is_restarted:
        world.raiser.judge.discard()
    world.step([match(event(number)) for number in range(5, 12)], NOW)
    assert world.fates() == {Fate.ALERT: 10, Fate.SUMMARISED: 2}


def test_ten_thousand_matches_of_one_group_are_five_alerts_and_a_summary(make: Make) -> None:
    world = make()
    for part in range(10):
        numbers = range(part * 1000, part * 1000 + 1000)
        world.step([match(event(number, NOW + number * 1000)) for number in numbers], NOW + part)
    assert world.fates() == {Fate.ALERT: 5, Fate.SUMMARISED: 9_995}
    summary = world.summary()
    assert summary.title == "Flood: Failed logon"
    assert "**9,995 matches made no alert of their own**" in summary.description
    assert "### Groups (1)" in summary.description
    assert "host.name=dc01, source.ip=203.0.113.5, user.name=anna" in summary.description
    assert "| `dc01` | 9,995 |" in summary.description
    assert "| `anna` | 9,995 |" in summary.description
    assert f"sigma2hive matches --rule {RULE_ID} --fate summarised" in summary.description
    assert {found.alert for found in world.recorded() if found.fate is Fate.SUMMARISED} == {
        summary.identity
    }


def test_a_thousand_new_groups_are_alerts_up_to_the_cap_of_all(make: Make) -> None:
    world = make()
    world.step([match(event(number, user_name=f"user{number}")) for number in range(1000)])
    assert world.fates() == {Fate.ALERT: 300, Fate.SUMMARISED: 700}
    summary = world.summary()
    assert summary.title == "Flood: Matches of severity medium beyond the cap of all rules"
    assert "**700 matches" in summary.description
    assert "### Groups (700)" in summary.description
    assert "675 more rows" in summary.description
    assert "| `Failed logon` |  | 700 |" in summary.description


def test_a_new_group_is_told_in_the_middle_of_a_flood(make: Make) -> None:
    world = make()
    # 60 groups that are known by now, one alert each an hour ago.
    groups = [{"user_name": f"user{number}"} for number in range(60)]
    world.step([match(event(n, **group)) for n, group in enumerate(groups)], NOW - 2 * HOUR)
    world.step([match(event(100 + n, **group)) for n, group in enumerate(groups)])
    assert world.fates() == {Fate.ALERT: 60 + 50, Fate.SUMMARISED: 10}
    world.step([match(event(999, user_name="mallory"))], NOW + MINUTE)
    assert users_of(world.alerts()[-1]) == ["mallory"]


def test_a_group_is_new_again_after_a_day(make: Make) -> None:
    world = make(FloodSettings(per_rule=1))
    world.step([match(event(1)), match(event(2, user_name="ben"))])
    world.step([match(event(3)), match(event(4, user_name="ben"))], NOW + 24 * HOUR - 1)
    # One of the two: the rule's cap.
    assert world.fates() == {Fate.ALERT: 3, Fate.SUMMARISED: 1}
    world.step([match(event(5, user_name="ben"))], NOW + 24 * HOUR)
    assert world.fates()[Fate.ALERT] == 4


def test_the_hour_slides(make: Make) -> None:
    world = make(FloodSettings(per_group=2))
    world.step([match(event(1))], NOW)
    world.step([match(event(2))], NOW + 30 * MINUTE)
    world.step([match(event(3))], NOW + HOUR - 1)
    assert world.fates() == {Fate.ALERT: 2, Fate.SUMMARISED: 1}
    world.step([match(event(4)), match(event(5))], NOW + HOUR)
    assert world.fates() == {Fate.ALERT: 3, Fate.SUMMARISED: 2}


def test_each_hour_and_each_rule_has_a_summary_of_its_own(make: Make) -> None:
    world = make(FloodSettings(per_group=1, per_rule=1))
    other = rule(OTHER_ID, title="Other", level="high")
    world.step([match(event(n), info) for n in range(3) for info in (rule(), other)])
    world.step([match(event(9), other)], NOW + 30 * MINUTE)
    assert [(alert.rule_id, alert.severity) for alert in world.summaries()] == [
        (RULE_ID, 2),
        (OTHER_ID, 3),
    ]
    # The first alert is an hour old by then, so that one more is made before the cap.
    world.step([match(event(10 + n), other) for n in range(2)], NOW + HOUR)
    assert [alert.title for alert in world.summaries()] == [
        "Flood: Failed logon",
        "Flood: Other",
        "Flood: Other",
    ]


def test_what_is_beyond_the_cap_of_all_is_told_with_its_severity(make: Make) -> None:
    world = make(FloodSettings(in_all=1))
    other = rule("33333333-3333-4333-8333-333333333333", title="Third", level="low")
    world.step([match(event(1))])
    world.step([match(event(2), rule(OTHER_ID, level="critical")), match(event(3))], NOW + 1)
    world.step([match(event(4), other), match(event(5))], NOW + 2)
    found = {
        alert.severity: alert.description.partition(" match")[0] for alert in world.summaries()
    }
    assert found == {1: "**1", 2: "**2", 4: "**1"}


def test_a_restart_in_the_middle_changes_nothing(make: Make) -> None:
    settings = FloodSettings(per_group=3)
    matches = [match(event(n, NOW + n * SECOND, user_name=f"u{n % 2}")) for n in range(40)]
    one, two = make(settings), make(settings)
    for n in range(0, 40, 5):
        one.step(matches[n : n + 5], NOW + n)
        two.step(matches[n : n + 5], NOW + n)
        two.start()
    assert one.fates() == two.fates() == {Fate.ALERT: 6, Fate.SUMMARISED: 34}
    assert one.alerts() == two.alerts()
    assert one.summary().description == two.summary().description
    assert [entry.key for entry in one.summary().events] == [
        entry.key for entry in two.summary().events
    ]


def test_what_could_not_be_stored_counts_nowhere(make: Make) -> None:
    settings = FloodSettings(per_group=3)
    matches = [match(event(n)) for n in range(10)]
    one, two = make(settings), make(settings)
    for part in (matches[:2], matches[2:6], matches[6:]):
        one.step(part)
        two.step(part, fails=True)
        two.step(part, fails=True)
        two.step(part)
    assert one.fates() == two.fates() == {Fate.ALERT: 3, Fate.SUMMARISED: 7}
    assert one.alerts() == two.alerts()
    assert one.summary() == two.summary()


def test_how_many_alerts_a_group_makes_does_not_hang_on_the_order(make: Make) -> None:
    matches = [match(event(n, user_name=f"u{n % 4}")) for n in range(100)]
    found = []
    for seed in range(3):
        world = make()
        random.Random(seed).shuffle(matches)
        world.step(matches)
        users = sorted(user for alert in world.alerts() for user in users_of(alert))
        found.append((users, world.summary().description))
    assert found[0][0] == ["u0"] * 5 + ["u1"] * 5 + ["u2"] * 5 + ["u3"] * 5
    assert found[0] == found[1] == found[2]


def test_a_summary_tells_the_owner_and_is_assigned(make: Make) -> None:
    world = make(FloodSettings(per_group=1))
    custom: dict[str, object] = {"owner": "identity-team", "assignee": "anna@soc.example"}
    world.step([match(event(n), rule(custom=custom)) for n in range(3)])
    summary = world.summary()
    assert "For identity-team, who owns the rule: it reached a cap" in summary.description
    assert summary.assignee == "anna@soc.example"


def test_a_summary_says_from_when_to_when_by_the_events_own_times(make: Make) -> None:
    world = make(FloodSettings(per_group=1))
    times = [NOW, NOW - 5 * MINUTE, NOW - 9 * MINUTE, NOW - 2 * MINUTE]
    world.step([match(event(n, at)) for n, at in enumerate(times)])
    summary = world.summary()
    assert summary.date_ns == NOW - 9 * MINUTE
    assert "- Events from 2025-11-24 15:51:00 UTC to 2025-11-24 15:58:00 UTC" in summary.description
    assert "- Found from 2025-11-24 16:00:00 UTC to 2025-11-24 17:00:00 UTC" in summary.description


def test_hostile_values_stay_values_in_a_summary(make: Make) -> None:
    world = make(FloodSettings(per_group=1))
    name = "x` | [click](https://evil.example) \u202e"
    world.step([match(event(n, user_name=name)) for n in range(3)])
    text = world.summary().description
    assert "https://evil.example" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize("steps", [1, 2])
def test_an_episode_that_grows_is_judged_once(make: Make, steps: int) -> None:
    world = make(FloodSettings(per_group=1))
    group = (("user.name", "anna"),)
    first, second = episode(event(1), group=group), episode(event(2), group=group)
    world.step([first, second])
    for n in range(steps):
        grown = episode(event(1), event(10 + n), group=group)
        beyond = episode(event(2), event(20 + n), group=group)
        world.step([grown, beyond], NOW + (1 + n) * 2 * HOUR)
    assert world.fates() == {Fate.ALERT: 1, Fate.SUMMARISED: 1}
    (alert,) = world.alerts()
    assert len(alert.events) == 1 + steps
    assert "**1 match made no alert of its own**" in world.summary().description
