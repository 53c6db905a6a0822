"""How the service stands, for Prometheus: figures of the store, read when they are asked for.

Takes what gives a `Standing`; gives metrics over HTTP. Nothing is counted here, so that a restart
changes no figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from sigma2hive.diagnostics import ConfigurationError, Diagnostics, Location
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.runner.service.standing import OUTDATED, Standing


class Standings(Collector):
    """Asks for the standing at each scrape."""

    def __init__(self, standing: Callable[[], Standing]) -> None:
        self._standing = standing

    def describe(self) -> list[GaugeMetricFamily]:
        """Return nothing, so that registering it asks for no standing."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield all metrics."""
        standing = self._standing()
        yield from _of_cycle(standing)
        yield from _of_patterns(standing)
        yield from _of_rules(standing)
        yield from _of_correlations(standing)
        yield from _of_sinks(standing)
        yield from _of_filters(standing)


def _of_cycle(standing: Standing) -> Iterator[GaugeMetricFamily]:
    for key, name, what in (
        ("began_ns", "sigma2hive_cycle_began_seconds", "When the last cycle began."),
        ("ended_ns", "sigma2hive_cycle_ended_seconds", "When the last cycle ended."),
    ):
        value = standing.cycle.get(key)
        if isinstance(value, int):
            yield _gauge(name, what, value / NANOSECONDS)
    for key, name, what in (
        ("events", "sigma2hive_cycle_events", "Events that the last cycle read."),
        ("failed", "sigma2hive_cycle_failed_slices", "Slices that it has to read again."),
    ):
        value = standing.cycle.get(key)
        if isinstance(value, int):
            yield _gauge(name, what, value)
    outdated = bool(standing.cycle.get(OUTDATED))
    what = "Whether files have changed that cannot be loaded: rules of before are at work."
    yield _gauge("sigma2hive_rules_outdated", what, outdated)
    failed = bool(standing.cycle.get("error"))
    yield _gauge("sigma2hive_cycle_failed", "Whether anything failed in the last cycle.", failed)


def _of_filters(standing: Standing) -> Iterator[GaugeMetricFamily]:
    suppressed = GaugeMetricFamily(
        "sigma2hive_suppressed_matches",
        "Matches that a filter took away since the state was made.",
        labels=["filter", "title"],
    )
    for entry in standing.suppressed:
        suppressed.add_metric([entry.filter_id, entry.title], entry.matches)
    yield suppressed


def _of_patterns(standing: Standing) -> Iterator[GaugeMetricFamily]:
    searched = GaugeMetricFamily(
        "sigma2hive_pattern_searched_to_seconds",
        "Up to when all that Elasticsearch took was searched.",
        labels=["pattern"],
    )
    heard = GaugeMetricFamily(
        "sigma2hive_pattern_last_event_seconds", "When events came last.", labels=["pattern"]
    )
    for entry in standing.patterns:
        if entry.searched_to_ns is not None:
            searched.add_metric([entry.pattern], entry.searched_to_ns / NANOSECONDS)
        if entry.heard_ns is not None:
            heard.add_metric([entry.pattern], entry.heard_ns / NANOSECONDS)
    yield searched
    yield heard
    yield _each(
        "sigma2hive_lost_intervals",
        "Intervals that were never read: their index was deleted before.",
        "index",
        sorted(Counter(entry.target for entry in standing.losses).items()),
    )
    last_ns = max((entry.interval.end_ns for entry in standing.losses), default=0)
    yield _gauge(
        "sigma2hive_last_loss_seconds", "When anything was lost last.", last_ns / NANOSECONDS
    )
    yield _gauge(
        "sigma2hive_put_aside_documents",
        "Documents at which sigma2hive itself fails: no rule has looked at them.",
        len(standing.put_aside),
    )
    yield _gauge(
        "sigma2hive_undecided_expressions",
        "Expressions of rules that were given up on a value: they count as not found there.",
        len(standing.undecided),
    )


def _of_rules(standing: Standing) -> Iterator[GaugeMetricFamily]:
    blind = standing.blind
    states = (("looking", len(standing.rules) - len(blind)), ("blind", len(blind)))
    yield _each("sigma2hive_rules", "Rules by how they stand.", "state", states)
    yield _each(
        "sigma2hive_rule_blind_since_seconds",
        "Since when a rule is blind; a rule that looks has no figure.",
        "rule_id",
        ((entry.record.rule_id, (entry.blind_since_ns or 0) / NANOSECONDS) for entry in blind),
    )
    fates = sorted(standing.fates.items())
    yield _each("sigma2hive_matches_of_day", "Matches of the last 24 hours.", "fate", fates)
    yield _gauge("sigma2hive_mutes", "Mutes that hold.", len(standing.mutes))


def _of_correlations(standing: Standing) -> Iterator[GaugeMetricFamily]:
    blind = standing.blind_correlations
    exact = [entry for entry in standing.correlations if entry.is_exact(standing.now_ns)]
    yield _each(
        "sigma2hive_correlations",
        "Correlations by what their windows see: all, all but gaps, or nothing that is exact.",
        "state",
        (
            ("exact", len(exact)),
            ("with_gaps", len(standing.correlations) - len(exact) - len(blind)),
            ("blind", len(blind)),
        ),
    )
    yield _each(
        "sigma2hive_correlation_blind",
        "A correlation that cannot be worked out; one that can has no figure.",
        "rule_id",
        ((entry.rule_id, 1) for entry in blind),
    )


def _of_sinks(standing: Standing) -> Iterator[GaugeMetricFamily]:
    alerts = GaugeMetricFamily(
        "sigma2hive_outbox_alerts", "Alerts by how they stand.", labels=["sink", "state"]
    )
    oldest = GaugeMetricFamily(
        "sigma2hive_outbox_oldest_seconds",
        "When the oldest alert that waits was queued.",
        labels=["sink"],
    )
    paused = GaugeMetricFamily(
        "sigma2hive_sink_paused", "Whether nothing is sent to a sink.", labels=["sink"]
    )
    opened = GaugeMetricFamily(
        "sigma2hive_sink_open",
        "Whether alerts go to a sink: what waits for another one holds nothing up.",
        labels=["sink"],
    )
    for name, counts in sorted(standing.sinks.items()):
        alerts.add_metric([name, "waiting"], counts.waiting)
        alerts.add_metric([name, "delivered"], counts.delivered)
        alerts.add_metric([name, "dead"], counts.dead)
        paused.add_metric([name], bool(counts.paused) and counts.is_open)
        opened.add_metric([name], counts.is_open)
        if counts.waiting and counts.oldest_ns is not None:
            oldest.add_metric([name], counts.oldest_ns / NANOSECONDS)
    yield alerts
    yield oldest
    yield paused
    yield opened


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, value=value)


def _each(
    name: str, what: str, label: str, figures: Iterable[tuple[str, float]]
) -> GaugeMetricFamily:
    """Return a metric that has a figure for each value of a label."""
    family = GaugeMetricFamily(name, what, labels=[label])
    for value, figure in figures:
        family.add_metric([value], figure)
    return family


@contextmanager
def metrics_at(address: str, standing: Callable[[], Standing], asked_at: Location) -> Iterator[str]:
    """Serve metrics at "HOST:PORT" meanwhile; give the address where they are.

    Raises:
        ConfigurationError: it is no address, or cannot be listened at.
    """
    host, _, port = address.rpartition(":")
    registry = CollectorRegistry()
    registry.register(Standings(standing))
    try:
        number = int(port)
        server, thread = start_http_server(number, host.strip("[]"), registry=registry)
    except (OSError, OverflowError, ValueError) as error:
        diagnostics = Diagnostics()
        diagnostics.error(
            "S2H402",
            asked_at,
            f"metrics cannot be served at {address}: {error}",
            "write HOST:PORT of this machine that nothing else listens at, as in 127.0.0.1:9464",
        )
        raise ConfigurationError(diagnostics) from None
    try:
        yield f"http://{host or '127.0.0.1'}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
