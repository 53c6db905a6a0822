"""How a service delivers to local files: each alert is there, whole, when it is noted."""

import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sigma2hive.clock import FrozenClock
from sigma2hive.diagnostics import SinkError
from sigma2hive.sinks import Inbox, Outcome, SinkRequest, open_courier, open_sink
from sigma2hive.sinks.courier import Courier, Delivered, Paused
from sigma2hive.sinks.lines import parse_alert
from tests.sinks.alerts import T0, alert, without_values


def courier_of(spec: str, folder: Path) -> Courier:
    return open_courier(SinkRequest(spec, folder), FrozenClock(T0))


def refs(file: Path) -> list[str]:
    return [parse_alert(line).source_ref for line in file.read_text().splitlines()]


def test_a_line_is_there_once_the_alert_is_delivered(tmp_path: Path) -> None:
    courier = courier_of("jsonl:out/alerts.jsonl", tmp_path)
    file = tmp_path / "out" / "alerts.jsonl"
    for number in (1, 2, 3):
        assert courier.deliver(alert(source_ref=f"ref-{number}"), was_delivered=False)
        assert refs(file) == [f"ref-{n}" for n in range(1, number + 1)]
    assert file.stat().st_mode & 0o777 == 0o600


def test_half_a_line_of_a_crash_gives_way(tmp_path: Path) -> None:
    courier = courier_of("jsonl:alerts.jsonl", tmp_path)
    courier.deliver(alert(source_ref="ref-1"), was_delivered=False)
    with (tmp_path / "alerts.jsonl").open("a") as stream:
        stream.write('{"type":"sigma","sou' + "x" * 200_000)
    courier.deliver(alert(source_ref="ref-2"), was_delivered=False)
    assert refs(tmp_path / "alerts.jsonl") == ["ref-1", "ref-2"]


def test_a_run_joins_what_a_service_has_added(tmp_path: Path) -> None:
    courier = courier_of("jsonl:alerts.jsonl", tmp_path)
    courier.deliver(alert(1), was_delivered=False)
    courier.deliver(alert(1, 2), was_delivered=True)
    sink = open_sink(SinkRequest("jsonl:alerts.jsonl", tmp_path))
    assert sink.push(alert(1, 2)) is Outcome.ALREADY_THERE
    sink.push(alert(source_ref="ref-2"))
    sink.close()
    first, _ = (tmp_path / "alerts.jsonl").read_text().splitlines()
    assert parse_alert(first) == without_values(alert(1, 2))
    # And the service goes on with the new file.
    courier.deliver(alert(source_ref="ref-3"), was_delivered=False)
    assert refs(tmp_path / "alerts.jsonl") == ["ab" * 32, "ref-2", "ref-3"]


def test_a_file_that_cannot_be_written_pauses_the_sink(tmp_path: Path) -> None:
    courier = courier_of("jsonl:alerts.jsonl", tmp_path)
    (tmp_path / "alerts.jsonl").mkdir()
    verdict = courier.deliver(alert(1), was_delivered=False)
    assert isinstance(verdict, Paused)
    assert "jsonl:alerts.jsonl" in verdict.reason


@pytest.mark.parametrize("spec", ["jsonl:notes.txt", "inbox:notes.txt"])
def test_a_file_of_others_is_refused_at_the_start(spec: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("buy milk\n")
    with pytest.raises(SinkError):
        courier_of(spec, tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "buy milk\n"


def test_the_inbox_holds_an_alert_once_from_whichever_thread_it_comes(tmp_path: Path) -> None:
    courier = courier_of("inbox:my.db", tmp_path)
    verdicts: list[object] = []

    def deliver(number: int) -> None:
        given = replace(alert(1, 2), source_ref=f"ref-{number % 2}")
        verdicts.append(courier.deliver(given, was_delivered=False))

    for number in range(4):
        thread = threading.Thread(target=deliver, args=(number,))
        thread.start()
        thread.join()
    assert verdicts == [Delivered()] * 2 + [Delivered(outcome=Outcome.ALREADY_THERE)] * 2
    with closing(Inbox(tmp_path / "my.db", read_only=True)) as inbox:
        assert len(inbox.list_alerts(10)) == 2
