"""Processes forked for work: order, what is ahead, and no process left whatever happens."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sigma2hive.diagnostics import SourceError
from sigma2hive.processes import Processes

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


def forked(count: int, do: Callable[[int], Iterable[object]]) -> Processes[int, object]:
    return Processes(count, do, lambda unit: f"unit {unit}")


def is_gone(pid: object) -> bool:
    assert isinstance(pid, int)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("count", [1, 2, 3])
def test_results_come_in_the_order_of_the_units_however_long_each_takes(count: int) -> None:
    def do(unit: int) -> Iterator[object]:
        # The first ones have most to send, and are through last.
        yield from ((unit, number, b"x" * 1000) for number in range(max(1, 500 - 100 * unit)))

    with closing(forked(count, do)) as processes:
        found = [result for _, result in processes.results(iter(range(12)))]
    assert found == [result for unit in range(12) for result in do(unit)]


def test_more_than_pipes_hold_waits_for_its_turn() -> None:
    large = b"x" * (8 * 1024 * 1024)

    def do(unit: int) -> Iterator[object]:
        yield from ((unit, number, large) for number in range(12))

    with closing(forked(3, do)) as processes:
        for position, (unit, result) in enumerate(processes.results(iter(range(4)))):
            assert result == (unit, position % 12, large)
    assert position == 47


def test_few_units_are_begun_before_the_first_is_through() -> None:
    begun: list[int] = []

    def units() -> Iterator[int]:
        for unit in range(20):
            begun.append(unit)
            yield unit

    with closing(forked(2, lambda unit: [unit])) as processes:
        for unit, _ in processes.results(units()):
            assert len(begun) <= unit + 4
    assert len(begun) == 20


def test_a_killed_process_is_told_with_its_unit_and_none_is_left() -> None:
    def do(unit: int) -> Iterator[object]:
        yield os.getpid()
        if unit == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    pids = set()
    with (
        closing(forked(2, do)) as processes,
        pytest.raises(SourceError, match=r"unit 2: .* by signal 9 .* may be missing") as told,
    ):
        pids.update(pid for _, pid in processes.results(iter(range(9))))
    assert "--processes" in told.value.hint
    assert pids
    assert all(map(is_gone, pids))


def test_a_killed_process_is_told_where_the_system_takes_ended_ones_away() -> None:
    def do(unit: int) -> Iterator[object]:
        os.kill(os.getpid(), signal.SIGKILL)
        yield unit

    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # as a supervisor may hand it on
    try:
        with (
            closing(forked(1, do)) as processes,
            pytest.raises(SourceError, match="unit 7: the process that read it was ended; "),
        ):
            list(processes.results(iter([7])))
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_mistake_in_a_process_is_raised_with_its_unit() -> None:
    def do(unit: int) -> Iterator[object]:
        yield 1 // (1 - unit)

    with (
        closing(forked(2, do)) as processes,
        pytest.raises(RuntimeError, match=r"(?s)unit 1:.*ZeroDivisionError"),
    ):
        list(processes.results(iter(range(9))))


def test_ctrl_c_is_the_parents_and_leaves_no_process(tmp_path: Path) -> None:
    def do(unit: int) -> Iterator[object]:
        (tmp_path / str(os.getpid())).touch()
        if unit == 1:
            # A terminal sends it to all of them.
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getppid(), signal.SIGINT)
            signal.pause()
        yield unit

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with closing(forked(2, do)) as processes, pytest.raises(KeyboardInterrupt):
            list(processes.results(iter(range(2))))
    finally:
        signal.signal(signal.SIGINT, before)
    pids = [int(file.name) for file in tmp_path.iterdir()]
    assert pids
    assert all(map(is_gone, pids))


def test_processes_that_nobody_gave_work_are_ended_too() -> None:
    with closing(forked(2, lambda unit: [os.getpid()])) as processes:
        pids = [pid for _, pid in processes.results(iter(range(6)))]
        assert os.getpid() not in pids
    assert all(map(is_gone, pids))
