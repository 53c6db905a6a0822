"""Whatever comes, every match ends in exactly one way, and alerts stay within the caps."""

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sigma2hive.model.maintenance import MaintenanceWindow
from sigma2hive.model.service import Fate, Mute
from sigma2hive.settings import FloodSettings
from tests.runner.floods_world import (
    HOUR,
    MINUTE,
    NOW,
    OTHER_ID,
    RULE_ID,
    World,
    event,
    match,
    rule,
)

SHADOW_ID = "33333333-3333-4333-8333-333333333333"
RULES = (
    rule(RULE_ID),
    rule(OTHER_ID, {"suppress": {"for": "30m"}}),
    rule(SHADOW_ID, {"shadow": True}),
)
CAPS = FloodSettings(per_group=2, per_rule=4, in_all=7, events_per_alert=4)

step = st.fixed_dictionaries(
    {
        "minutes": st.integers(0, 40),
        "matches": st.lists(
            st.tuples(st.sampled_from(RULES), st.sampled_from("abcde"), st.sampled_from("xy")),
            max_size=12,
        ),
        "fails": st.booleans(),
        "restarts": st.booleans(),
        "mutes": st.sampled_from([None, None, None, "a", ""]),
    }
)


@settings(max_examples=40, deadline=None)
@given(st.lists(step, max_size=8))
def test_every_match_ends_in_exactly_one_way(steps: list[dict[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), CAPS)
        window = MaintenanceWindow("x", "y", hosts=("y",), start_ns=NOW, end_ns=NOW + HOUR)
        object.__setattr__(world.mappings, "maintenance", (window,))
        made, now_ns = 0, NOW
        for each in steps:
            now_ns += int(str(each["minutes"])) * MINUTE
            if each["mutes"] is not None:
                where = (("user.name", str(each["mutes"])),) if each["mutes"] else ()
                world.store.mute(Mute(0, RULE_ID, where, now_ns, now_ns + HOUR, "r", "b"))
            if each["restarts"]:
                world.start()
            matches = each["matches"]
            assert isinstance(matches, list)
            found = [
                match(event(made + n, now_ns, user_name=user, host_name=host), info)
                for n, (info, user, host) in enumerate(matches)
            ]
            made += len(found)
            if each["fails"]:
                world.step(found, now_ns, fails=True)
            world.step(found, now_ns)
        check(world, made)
        world.store.close()


def check(world: World, made: int) -> None:
    recorded = world.recorded()
    assert len(recorded) == made
    told: Counter[object] = Counter()
    for found in recorded:
        assert (found.alert is not None) == (found.fate in (Fate.ALERT, Fate.SUMMARISED))
        assert (found.muted_by is not None) == (found.fate is Fate.MUTED)
        if found.alert is None:
            continue
        alert = world.store.alert(found.alert)
        assert alert is not None
        if found.fate is Fate.ALERT:
            assert found.event.key in {entry.key for entry in alert.events}
        told[alert.identity, found.fate] += 1
    for identity in {found.alert for found in recorded if found.fate is Fate.SUMMARISED}:
        summary = world.store.alert(identity) if identity else None
        assert summary is not None
        assert f"**{told[identity, Fate.SUMMARISED]:,} match" in summary.description
    assert sum(mute.hidden for mute in world.store.mutes()) == world.fates().get(Fate.MUTED, 0)
    within_caps(world)


def within_caps(world: World) -> None:
    """In no hour there are more alerts than the cap of all, nor of one group than its cap."""
    own = world.store.own_alerts(0)
    for last in own:
        hour = [one for one in own if last.made_ns - HOUR < one.made_ns <= last.made_ns]
        assert len(hour) <= CAPS.in_all
        of_group = [
            one for one in hour if (one.rule_id, one.grouped_by) == (last.rule_id, last.grouped_by)
        ]
        assert len(of_group) <= CAPS.per_group
