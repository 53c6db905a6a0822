"""How a service delivers to what is on this machine: the sink is opened for each alert.

Takes what opens a sink; nothing is kept between two alerts, so another run may use it meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable

from sigma2hive.diagnostics import Sigma2hiveError
from sigma2hive.model.alerts import Alert
from sigma2hive.records import dataclass
from sigma2hive.sinks.courier import Delivered, Paused, Verdict
from sigma2hive.sinks.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class LocalCourier:
    """Delivers with `put`, which has stored an alert once it returns."""

    put: Callable[[Alert], Outcome]
    workers: int = 1

    def deliver(self, alert: Alert, *, was_delivered: bool) -> Verdict:  # noqa: ARG002
        """Deliver the alert."""
        try:
            return Delivered(outcome=self.put(alert))
        except Sigma2hiveError as error:
            return Paused(str(error))  # a disk or a file: it is the same for each alert

    def stop(self) -> None:
        """Do nothing: nothing takes long."""

    def close(self) -> None:
        """Do nothing: nothing is open."""
