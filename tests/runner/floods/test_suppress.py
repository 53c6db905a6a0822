"""Rules whose further matches join an open alert, and by what matches are told apart."""

import pytest

from sigma2hive.model.service import Fate
from sigma2hive.settings import FloodSettings
from tests.runner.floods.conftest import Make
from tests.runner.floods_world import (
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    episode,
    event,
    match,
    rule,
    users_of,
)

JOINING = rule(custom={"suppress": {"for": "1h"}})


def test_further_matches_join_the_open_alert_until_its_time_is_over(make: Make) -> None:
    world = make()
    world.step([match(event(n), JOINING) for n in range(10)], NOW)
    world.step([match(event(n), JOINING) for n in range(10, 20)], NOW + HOUR - 1)
    world.start()
    world.step([match(event(20), JOINING)], NOW + HOUR - 1)
    (alert,) = world.alerts()
    assert len(alert.events) == 21
    assert world.fates() == {Fate.ALERT: 21}
    assert {found.alert for found in world.recorded()} == {alert.identity}
    world.step([match(event(30), JOINING)], NOW + HOUR)
    assert [len(alert.events) for alert in world.alerts()] == [21, 1]


def test_an_alert_that_grew_is_what_one_of_all_its_events_is(make: Make) -> None:
    world = make()
    for n in range(3):
        world.step([match(event(n, NOW + n * SECOND), JOINING)], NOW + n)
    (alert,) = world.alerts()
    assert "dc01" in alert.title
    assert "3 events" in alert.description
    whole = world.raiser.maker.build(
        episode(*(event(n, NOW + n * SECOND) for n in range(3)), info=JOINING)
    )
    assert {(entry.data_type, entry.data) for entry in alert.observables} == {
        (entry.data_type, entry.data) for entry in whole.observables
    }


def test_other_groups_have_alerts_of_their_own(make: Make) -> None:
    world = make()
    names = ["anna", "ben", "ANNA", "carl", "ben"]
    world.step([match(event(n, user_name=name), JOINING) for n, name in enumerate(names)])
    assert [users_of(alert) for alert in world.alerts()] == [
        ["anna", "ANNA"],
        ["ben", "ben"],
        ["carl"],
    ]


def test_a_failed_commit_joins_nothing(make: Make) -> None:
    world = make()
    world.step([match(event(1), JOINING)])
    world.step([match(event(2), JOINING)], fails=True)
    world.step([match(event(3), JOINING)])
    assert [len(alert.events) for alert in world.alerts()] == [2]


def test_an_alert_grows_to_a_bound_and_a_summary_tells_of_the_rest(make: Make) -> None:
    world = make(FloodSettings(events_per_alert=10))
    world.step([match(event(n), JOINING) for n in range(25)])
    (alert,) = world.alerts()
    assert len(alert.events) == 10
    assert world.fates() == {Fate.ALERT: 10, Fate.SUMMARISED: 15}


def test_episodes_of_a_group_may_join_too(make: Make) -> None:
    world = make()
    group = (("user.name", "anna"),)
    first = episode(event(1), event(2), group=group, info=JOINING)
    second = episode(event(5), event(6), group=group, info=JOINING)
    world.step([first])
    world.step([second], NOW + MINUTE)
    grown = episode(event(5), event(6), event(7), group=group, info=JOINING)
    world.step([grown], NOW + 2 * MINUTE)
    (alert,) = world.alerts()
    assert len(alert.events) == 5


@pytest.mark.parametrize(
    ("custom", "alerts"),
    [
        ({}, 3),
        ({"group": ["host.name"]}, 1),
        ({"group": []}, 1),
        ({"suppress": {"by": ["source.ip"], "for": "1m"}}, 2),
    ],
)
def test_a_rule_says_what_its_matches_are_told_apart_by(
    make: Make, custom: dict[str, object], alerts: int
) -> None:
    world = make(FloodSettings(per_group=1))
    info = rule(custom=custom)
    sources = [("anna", "203.0.113.5"), ("ben", "203.0.113.5"), ("anna", "::ffff:198.51.100.7")]
    found = [event(n, user_name=user, source_ip=ip) for n, (user, ip) in enumerate(sources)]
    again = [event(n + 9, user_name=user, source_ip=ip) for n, (user, ip) in enumerate(sources)]
    world.step([match(one, info) for one in (*found, *again)])
    assert len(world.alerts()) == alerts
