"""`sigma2hive compile --check`: all that is wrong with a repository, found without writing."""

from sigma2hive.workflows.check.checking import CheckOptions, check, report_of
from sigma2hive.workflows.check.gathering import Against, Servers

__all__ = ["Against", "CheckOptions", "Servers", "check", "report_of"]
