"""An expression that only Python can decide is given up where it takes too long, and told."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sigma2hive.engine import Engine, take_undecided
from sigma2hive.engine.regexes import regex_predicate
from sigma2hive.model.bitmaps import rows_of
from sigma2hive.model.conditions import Regex
from tests.compiler.dsl_world import compile_detection, load_world
from tests.engine.lines import columns_of_lines

#: Each takes longer than anybody waits on the value beside it, and is found in the last one.
EXPLODING = [
    (r"^(\w|\w\w)+=\1$", "a" * 60 + "=!", "ab=b"),
    (r"^(?=(a+)+$)a", "a" * 60 + "!", "aaa"),
    (r"(?<!x)(a|aa)+\1$", "a" * 60 + "!", "aa"),
    (r"^(b)?(?(1)c|(a|aa)+$)", "a" * 60 + "!", "aa"),
]


@pytest.fixture(autouse=True)
def little_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("sigma2hive.engine.patience._FIRST_SECONDS", 0.05)
    take_undecided()
    yield
    take_undecided()


@pytest.mark.parametrize(("pattern", "value", "found"), EXPLODING)
def test_a_value_on_which_it_takes_too_long_is_told_and_others_are_decided(
    pattern: str, value: str, found: str
) -> None:
    test = Regex(pattern)
    is_in = regex_predicate(test)
    assert is_in(found)
    assert take_undecided() == ()
    assert not is_in(value)
    # Again and again, in less time each.
    assert not any(is_in(value + "!" * number) for number in range(5))
    told = take_undecided()
    assert [(one.test, one.size) for one in told] == [
        (test, len(value) + number) for number in (0, *range(5))
    ]
    assert all(value.startswith(one.start[:50]) for one in told)
    assert take_undecided() == ()
    assert is_in(found)


def test_nothing_of_the_timer_is_left() -> None:
    before = signal.getsignal(signal.SIGVTALRM)
    pattern, value, found = EXPLODING[0]
    is_in = regex_predicate(Regex(pattern))
    assert not is_in(value)
    assert is_in(found)
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGVTALRM) == before


def test_another_thread_decides_without_a_bound() -> None:
    """Signals come to the main thread alone; what is decided there is the same."""
    is_in = regex_predicate(Regex(r"^(\w|\w\w)+=\1$"))
    answers: list[bool] = []
    value = "a" * 20
    thread = threading.Thread(
        target=lambda: answers.extend((is_in(f"{value}=a"), is_in(f"{value}=!")))
    )
    thread.start()
    thread.join()
    assert answers == [True, False]
    assert take_undecided() == ()


@pytest.mark.parametrize(("pattern", "value", "found"), EXPLODING)
def test_nobody_waits_for_events_that_the_rest_of_a_rule_takes_away(
    tmp_path: Path, pattern: str, value: str, found: str
) -> None:
    rule = compile_detection(
        {"a": {"kw": "asked", "sub|re": pattern}, "condition": "a"}, load_world(tmp_path), tmp_path
    )
    assert rule is not None
    documents = [{"kw": "asked", "sub": text} for text in (found, "-", "+")]
    documents.insert(1, {"kw": "another", "sub": value})
    columns = columns_of_lines(json.dumps(document).encode() for document in documents)
    assert [list(rows_of(hits.rows)) for hits in Engine([rule]).hits_in(columns)] == [[0]]
    assert take_undecided() == ()
