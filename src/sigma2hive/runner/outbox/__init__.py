"""The outbox's other end: alerts on their way are delivered to every sink, each by itself."""

from sigma2hive.runner.outbox.dispatcher import Dispatcher
from sigma2hive.runner.outbox.lane import Rules
from sigma2hive.runner.outbox.opening import Couriers, open_couriers

__all__ = ["Couriers", "Dispatcher", "Rules", "open_couriers"]
