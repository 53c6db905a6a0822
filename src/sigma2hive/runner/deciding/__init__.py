"""Slices read and decided by a second process, while this one does everything else.

Takes slices; gives decided batches as one process would. What counts, raises, stores and delivers
stays where it is: the other process has no effect but to read, and whatever becomes of it, a slice
is stored whole or not at all.
"""

from sigma2hive.runner.deciding.decider import Decider, RepeatError
from sigma2hive.runner.deciding.messages import Work
from sigma2hive.runner.deciding.slices import decided_in

__all__ = ["Decider", "RepeatError", "Work", "decided_in"]
