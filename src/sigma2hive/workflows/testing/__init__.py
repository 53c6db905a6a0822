"""`sigma2hive test`: tests of rules, read, run and judged."""

from sigma2hive.workflows.testing.cluster import TestCluster, open_cluster
from sigma2hive.workflows.testing.loading import gate_findings, tests_of
from sigma2hive.workflows.testing.running import Least, run_tests
from sigma2hive.workflows.testing.watching import Watched

__all__ = [
    "Least",
    "TestCluster",
    "Watched",
    "gate_findings",
    "open_cluster",
    "run_tests",
    "tests_of",
]
