"""The sink `elasticsearch:INDEX`: alerts in an index of the cluster that events are read from.

Takes requests; gives sinks and couriers. No rule ever sees what is in INDEX (`runner.own`).
"""

from __future__ import annotations

import re

from sigma2hive.clients.elasticsearch import open_client
from sigma2hive.clock import Clock, WallClock
from sigma2hive.diagnostics import ConfigurationError, Diagnostics
from sigma2hive.sinks.courier import Courier
from sigma2hive.sinks.direct import DirectSink
from sigma2hive.sinks.elasticsearch.courier import IndexCourier
from sigma2hive.sinks.interface import Sink, SinkRequest

#: Source: https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-create
_INDEX = re.compile(r"(?![-_+.])[^A-Z\\/*?\"<>| ,#:]{1,255}")


def open_elasticsearch(request: SinkRequest) -> Sink:
    """Open the sink for one run.

    Raises:
        ConfigurationError: the index's name, the settings or the credentials cannot be used.
    """
    return DirectSink(request.spec, elasticsearch_courier(request, WallClock()))


def check_elasticsearch(request: SinkRequest) -> None:
    """Find out, without asking the cluster anything, whether the sink could be opened.

    Raises:
        ConfigurationError: it could not.
    """
    _check_name(request)
    open_client(request.elasticsearch).close()


def elasticsearch_courier(request: SinkRequest, clock: Clock) -> Courier:
    """Return how a service delivers into the index.

    Raises:
        ConfigurationError: the index's name, the settings or the credentials cannot be used.
    """
    _check_name(request)
    return IndexCourier(request.target, request.elasticsearch, clock)


def _check_name(request: SinkRequest) -> None:
    if _INDEX.fullmatch(request.target) is None:
        diagnostics = Diagnostics()
        diagnostics.error(
            "S2H402",
            request.place,
            f"{request.target!r} is no name of an index",
            "for example elasticsearch:sigma2hive-alerts (lower case, no patterns)",
        )
        raise ConfigurationError(diagnostics)
