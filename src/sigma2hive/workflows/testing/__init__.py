"""`sigma2hive test`: tests of rules, read, run and judged."""

from typing import TYPE_CHECKING

from sigma2hive.lazily import importing

if TYPE_CHECKING:
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

# Hidden from type checkers, which would take any name for one of these. A check only looks for
# tests; what runs them imports the engine and Elasticsearch's client.
if not TYPE_CHECKING:
    __getattr__ = importing(
        __name__,
        {
            "Least": "running",
            "TestCluster": "cluster",
            "Watched": "watching",
            "gate_findings": "loading",
            "open_cluster": "cluster",
            "run_tests": "running",
            "tests_of": "loading",
        },
    )
