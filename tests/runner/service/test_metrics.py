"""What Prometheus reads is what the store says, at the moment of asking."""

from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from sigma2hive.diagnostics import ConfigurationError, Location
from sigma2hive.model.alerts import Alert
from sigma2hive.model.service import Interval, QueuedAlert, RuleRecord, Searched, Step
from sigma2hive.runner.service.metrics import metrics_at
from sigma2hive.runner.service.standing import CYCLE, HEARD, Standing, standing_of
from sigma2hive.runner.service.suppressed import SUPPRESSED
from sigma2hive.runner.store.sqlite import SqliteStore

SECOND = 1_000_000_000
NOW = 1_764_000_000 * SECOND
PLACE = Location("service.metrics")


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "state.db")


def standing(store: SqliteStore) -> Callable[[], Standing]:
    return lambda: standing_of(store, NOW)


def test_metrics_say_what_status_says(store: SqliteStore) -> None:
    store.open_sinks(["thehive"])
    interval = Interval(NOW - 60 * SECOND, NOW - 10 * SECOND)
    alert = Alert("t", "s", "ref", "r", "rule", "title", "", 2, NOW, 2, 2)
    store.commit(
        Step(
            alerts=(QueuedAlert(alert, made_ns=NOW),),
            searched=(Searched("pattern:logs-*", "logs-*", interval, patterns=("logs-*",)),),
        )
    )
    store.save_rules(
        [
            RuleRecord("good", "d", NOW - 60 * SECOND, ("logs-*",)),
            RuleRecord("bad", "d", NOW - 900 * SECOND, ("other-*",)),
        ]
    )
    store.note(CYCLE, {"began_ns": NOW - 5 * SECOND, "ended_ns": NOW - 4 * SECOND, "events": 7})
    store.note(HEARD, {"logs-*": {"last_ns": NOW - 5 * SECOND, "is_told": False}})
    store.note(SUPPRESSED, {"f": {"title": "Scanner", "matches": 12, "last_ns": NOW}})
    with metrics_at("127.0.0.1:0", standing(store), PLACE) as address:
        lines = requests.get(address, timeout=10).text.splitlines()
        assert "sigma2hive_cycle_events 7.0" in lines
        assert 'sigma2hive_pattern_searched_to_seconds{pattern="logs-*"} 1.76399999e+09' in lines
        assert 'sigma2hive_rules{state="looking"} 1.0' in lines
        assert 'sigma2hive_rules{state="blind"} 1.0' in lines
        assert 'sigma2hive_rule_blind_since_seconds{rule_id="bad"} 1.7639991e+09' in lines
        assert 'sigma2hive_outbox_alerts{sink="thehive",state="waiting"} 1.0' in lines
        assert 'sigma2hive_suppressed_matches{filter="f",title="Scanner"} 12.0' in lines
        store.delivered(store.due("thehive", NOW, 1)[0], NOW)
        lines = requests.get(address, timeout=10).text.splitlines()
        assert 'sigma2hive_outbox_alerts{sink="thehive",state="delivered"} 1.0' in lines
    store.close()


@pytest.mark.parametrize("address", ["9464", "127.0.0.1:x", "127.0.0.1:99999", "192.0.2.1:9464"])
def test_an_address_that_cannot_be_listened_at_is_told(store: SqliteStore, address: str) -> None:
    with pytest.raises(ConfigurationError) as raised, metrics_at(address, standing(store), PLACE):
        pass
    (finding,) = raised.value.diagnostics.found
    assert finding.location == PLACE
    assert address in finding.message
    store.close()
