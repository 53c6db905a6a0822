"""From the sinks that are asked for to what a service delivers with.

Takes requests; gives couriers by the name of their sink, as the outbox knows it. A sink that alerts
are not really sent to (`live`) gets none, and nothing is kept for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sigma2hive.clock import Clock
from sigma2hive.records import dataclass
from sigma2hive.sinks import Courier, SinkRequest, is_live, open_courier


@dataclass(frozen=True, slots=True)
class Couriers:
    """What is delivered with; `held_back` are the sinks that would get alerts if asked for."""

    by_sink: Mapping[str, Courier]
    held_back: tuple[str, ...] = ()


def open_couriers(requests: Sequence[SinkRequest], clock: Clock) -> Couriers:
    """Open all of them or none.

    Raises:
        ConfigurationError: there is no such sink, or its settings or secret cannot be used.
        SinkError: a sink cannot be written.
    """
    opened: dict[str, Courier] = {}
    try:
        for request in requests:
            if is_live(request):
                opened[request.spec] = open_courier(request, clock)
    except BaseException:
        for courier in opened.values():
            courier.close()
        raise
    return Couriers(opened, tuple(one.spec for one in requests if one.spec not in opened))
