"""`sigma2hive compile --check`: all that is wrong with a repository, found without writing."""

from typing import TYPE_CHECKING

from sigma2hive.lazily import importing
from sigma2hive.workflows.check.asked import CheckOptions, Servers

if TYPE_CHECKING:
    from sigma2hive.workflows.check.checking import check, report_of

__all__ = ["CheckOptions", "Servers", "check", "report_of"]

# Hidden from type checkers, which would take any name for one of these. What looks for mistakes
# takes long to import, and `compile` without --check needs none of it.
if not TYPE_CHECKING:
    __getattr__ = importing(__name__, {"check": "checking", "report_of": "checking"})
