"""What became of tests of rules."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from sigma2hive.diagnostics import Diagnostic, Location
from sigma2hive.model.explanations import ExplainedRule
from sigma2hive.model.rule_tests import RuleTest
from sigma2hive.model.rules import RuleInfo
from sigma2hive.records import dataclass


class Outcome(StrEnum):
    """What became of one test."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that was not as wanted: what, and where it is of one event, which and why."""

    message: str
    origin: str = ""
    explained: tuple[ExplainedRule, ...] = ()


@dataclass(frozen=True, slots=True)
class TestResult:
    """What became of a test.

    `events` and `variants` are how many were decided; `notes` are worth knowing and no failure;
    `reason` says why it was skipped. Unless it `is_telling`, no event could have matched, and the
    test says nothing of the rule.
    """

    __test__ = False  # pytest: this is no test class

    test: RuleTest
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    events: int = 0
    variants: int = 0
    reason: str = ""
    is_telling: bool = True

    @property
    def outcome(self) -> Outcome:
        """Whether it passed."""
        if self.failures:
            return Outcome.FAILED
        return Outcome.SKIPPED if self.reason else Outcome.PASSED


@dataclass(frozen=True, slots=True)
class Unseen:
    """A selection that no event of the rule's tests has shown from both sides."""

    selection: str
    location: Location
    was_true: bool
    was_false: bool


@dataclass(frozen=True, slots=True)
class RuleResult:
    """A rule with its tests.

    `missing` says in words which tests it must have and lacks. `is_counted`: it only feeds
    correlations, and is tested with these.
    """

    info: RuleInfo
    tests: tuple[TestResult, ...] = ()
    missing: tuple[str, ...] = ()
    unseen: tuple[Unseen, ...] = ()
    is_counted: bool = False

    @property
    def is_failed(self) -> bool:
        """Whether one of its tests failed."""
        return any(test.outcome is Outcome.FAILED for test in self.tests)


@dataclass(frozen=True, slots=True)
class TestReport:
    """All rules, in the order of path and document.

    `cluster` is the server that was asked too; `findings` are about the events of all tests.
    """

    __test__ = False  # pytest: this is no test class

    rules: tuple[RuleResult, ...]
    cluster: str = ""
    findings: tuple[Diagnostic, ...] = ()

    @property
    def tests(self) -> Sequence[TestResult]:
        """The tests of all rules."""
        return [test for rule in self.rules for test in rule.tests]

    @property
    def passed(self) -> int:
        """How many tests passed."""
        return self._count(Outcome.PASSED)

    @property
    def failed(self) -> int:
        """How many tests failed."""
        return self._count(Outcome.FAILED)

    @property
    def skipped(self) -> int:
        """How many tests could not be run here."""
        return self._count(Outcome.SKIPPED)

    def _count(self, outcome: Outcome) -> int:
        return sum(test.outcome is outcome for test in self.tests)
