"""Rules in shadow, maintenance windows, mutes: no alert, and every match kept."""

from dataclasses import replace

import pytest

from sigma2hive.model.maintenance import MaintenanceWindow
from sigma2hive.model.service import Fate, Mute
from sigma2hive.settings import FloodSettings
from tests.runner.floods.conftest import Make
from tests.runner.floods_world import (
    HOUR,
    MINUTE,
    NOW,
    OTHER_ID,
    RULE_ID,
    World,
    episode,
    event,
    match,
    rule,
)


def mute(world: World, *where: tuple[str, str], hours: int = 4, since_ns: int = NOW) -> Mute:
    asked = Mute(0, RULE_ID, where, since_ns, since_ns + hours * HOUR, "patch day", "ann")
    return world.store.mute(asked)


def in_maintenance(world: World, **said: object) -> None:
    window = MaintenanceWindow("patches", "platform-team", **said)  # type: ignore[arg-type]
    world.mappings = replace(world.mappings, maintenance=(window,))
    world.start()


@pytest.mark.parametrize(
    ("custom", "status", "setting", "fate"),
    [
        ({"shadow": True}, "stable", False, Fate.SHADOW),
        ({}, "experimental", True, Fate.SHADOW),
        ({}, "experimental", False, Fate.ALERT),
        ({"shadow": False}, "experimental", True, Fate.ALERT),
        ({}, "stable", True, Fate.ALERT),
    ],
)
def test_a_rule_in_shadow_makes_no_alert_until_it_is_promoted(
    make: Make, custom: dict[str, object], status: str, setting: bool, fate: Fate
) -> None:
    world = make(FloodSettings(shadow_experimental=setting))
    world.step([match(event(1), rule(custom=custom, status=status))])
    assert world.fates() == {fate: 1}
    assert len(world.alerts()) == (fate is Fate.ALERT)


def test_a_mute_hides_counts_and_ends_by_itself(make: Make) -> None:
    world = make()
    world.step([match(event(0))], NOW - 1)
    muted = mute(world)
    world.step([match(event(1)), match(event(2)), match(event(3), rule(OTHER_ID))], NOW)
    world.step([match(event(4))], NOW + 4 * HOUR - 1)
    assert world.fates(RULE_ID) == {Fate.ALERT: 1, Fate.MUTED: 3}
    assert world.fates(OTHER_ID) == {Fate.ALERT: 1}
    (shown,) = world.store.mutes(NOW)
    assert (shown.number, shown.hidden) == (muted.number, 3)
    world.step([match(event(5)), match(event(6))], NOW + 4 * HOUR)
    told = [alert.description for alert in world.alerts() if alert.rule_id == RULE_ID]
    assert "3 matches were muted until 2025-11-24 20:00:00 UTC, by ann: patch day" in told[1]
    assert "muted until" not in told[0]
    assert "muted until" not in told[2]


def test_a_mute_that_was_told_is_not_told_again_after_a_restart(make: Make) -> None:
    world = make()
    mute(world, hours=1)
    world.step([match(event(1))], NOW)
    world.step([match(event(2))], NOW + HOUR)
    world.start()
    world.step([match(event(3))], NOW + HOUR + 1)
    assert ["muted until" in alert.description for alert in world.alerts()] == [True, False]


def test_a_mute_is_seen_in_the_next_step_and_may_be_ended(make: Make) -> None:
    world = make()
    world.step([match(event(1))], NOW)
    muted = mute(world)
    world.step([match(event(2))], NOW + 1)
    assert world.store.unmute(muted.number, NOW + 2)
    world.step([match(event(3))], NOW + 3)
    assert world.fates() == {Fate.ALERT: 2, Fate.MUTED: 1}
    assert "1 match was muted until" in world.alerts()[-1].description


def test_a_mute_with_conditions_hides_nothing_else(make: Make) -> None:
    world = make()
    mute(world, ("user.name", "ANNA"), ("host.name", "dc01"))
    matches = [
        match(event(1)),
        match(event(2, user_name="ben")),
        match(event(3, host_name="dc02")),
        # An episode is hidden where all of its events are meant.
        episode(event(4), event(5)),
        episode(event(6), event(7, user_name="ben")),
    ]
    world.step(matches)
    fates = [found.fate for found in world.recorded()]
    assert fates == [Fate.MUTED, Fate.ALERT, Fate.ALERT, Fate.MUTED, Fate.ALERT]
    world.step([match(event(8))], NOW + 5 * HOUR)
    note = "muted until 2025-11-24 20:00:00 UTC with user.name=ANNA and host.name=dc01"
    assert note in world.alerts()[-1].description.replace("\\", "")


def test_a_maintenance_window_goes_by_when_events_happened(make: Make) -> None:
    world = make()
    in_maintenance(world, hosts=("dc*",), start_ns=NOW, end_ns=NOW + HOUR)
    late = NOW + 5 * HOUR
    matches = [
        match(event(1, NOW)),
        match(event(2, NOW + HOUR)),
        match(event(3, NOW - 1)),
        match(event(4, NOW, host_name="web01")),
        match(event(5, NOW, host_name="DC02")),
        match(event(6, NOW, host_name="")),
    ]
    world.step(matches, late)
    fates = [found.fate for found in world.recorded()]
    hidden, told = Fate.MAINTENANCE, Fate.ALERT
    assert fates == [hidden, told, told, told, hidden, told]


def test_a_maintenance_window_may_be_about_rules_or_tags(make: Make) -> None:
    world = make()
    in_maintenance(world, rules=(RULE_ID.upper(),), start_ns=NOW, end_ns=NOW + HOUR)
    world.step([match(event(1)), match(event(2), rule(OTHER_ID))])
    assert world.fates(RULE_ID) == {Fate.MAINTENANCE: 1}
    assert world.fates(OTHER_ID) == {Fate.ALERT: 1}
    in_maintenance(world, tags=("attack.T1110",), start_ns=NOW, end_ns=NOW + HOUR)
    world.step([match(event(3), rule(OTHER_ID))])
    assert world.fates(OTHER_ID) == {Fate.ALERT: 1, Fate.MAINTENANCE: 1}


def test_quiet_matches_take_nothing_from_the_caps(make: Make) -> None:
    world = make(FloodSettings(per_group=1))
    muted = mute(world)
    world.step([match(event(n)) for n in range(50)])
    world.store.unmute(muted.number, NOW + 1)
    world.step([match(event(100))], NOW + MINUTE)
    assert world.fates() == {Fate.MUTED: 50, Fate.ALERT: 1}
