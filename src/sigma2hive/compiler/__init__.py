"""Rules made ready for a profile, and the targets that write them for others."""

from typing import TYPE_CHECKING

from sigma2hive.lazily import importing

if TYPE_CHECKING:
    from sigma2hive.compiler.blindness import find_blindness
    from sigma2hive.compiler.dsl import DslQuery, Residual, compile_query
    from sigma2hive.compiler.exceptions import Exceptions, without_ended
    from sigma2hive.compiler.linting import lint_compiled, lint_condition
    from sigma2hive.compiler.registry import TARGETS
    from sigma2hive.compiler.rules import Compiling, Outcome, Outcomes, compile_all, gate_of
    from sigma2hive.compiler.targets import (
        Artefact,
        Refusal,
        RuleAlerts,
        Target,
        alerting,
        configured,
        emit_all,
    )

__all__ = [
    "TARGETS",
    "Artefact",
    "Compiling",
    "DslQuery",
    "Exceptions",
    "Outcome",
    "Outcomes",
    "Refusal",
    "Residual",
    "RuleAlerts",
    "Target",
    "alerting",
    "compile_all",
    "compile_query",
    "configured",
    "emit_all",
    "find_blindness",
    "gate_of",
    "lint_compiled",
    "lint_condition",
    "without_ended",
]

# Hidden from type checkers, which would take any name for one of these.
if not TYPE_CHECKING:
    __getattr__ = importing(
        __name__,
        {
            "TARGETS": "registry",
            "Artefact": "targets",
            "Compiling": "rules",
            "DslQuery": "dsl",
            "Exceptions": "exceptions",
            "Outcome": "rules",
            "Outcomes": "rules",
            "Refusal": "targets",
            "Residual": "dsl",
            "RuleAlerts": "targets",
            "Target": "targets",
            "alerting": "targets",
            "compile_all": "rules",
            "compile_query": "dsl",
            "configured": "targets",
            "emit_all": "targets",
            "find_blindness": "blindness",
            "gate_of": "rules",
            "lint_compiled": "linting",
            "lint_condition": "linting",
            "without_ended": "exceptions",
        },
    )
