"""In-process evaluation: the reference evaluator and correlations."""

from typing import TYPE_CHECKING

from sigma2hive.lazily import importing

if TYPE_CHECKING:
    from sigma2hive.engine.batches import Engine, Hits
    from sigma2hive.engine.columns import Columns
    from sigma2hive.engine.correlations import (
        Correlated,
        Episode,
        Group,
        Known,
        Past,
        correlate,
        least_count,
        occurrences_of,
    )
    from sigma2hive.engine.explaining import explain, explain_rule
    from sigma2hive.engine.extending import with_rules
    from sigma2hive.engine.grouping import Found, Occurrence, group_events, group_values
    from sigma2hive.engine.patience import Undecided, take_undecided
    from sigma2hive.engine.program import Program, compile_program
    from sigma2hive.engine.reference import (
        Decision,
        Reasons,
        holds,
        matches,
        prepare,
        prepare_reasons,
        reasons_for,
    )
    from sigma2hive.engine.tallies import CORRELATIONS, Run
    from sigma2hive.engine.variants import (
        Variant,
        case_changed,
        case_deciders,
        case_variant,
        missing_variants,
        without,
    )
    from sigma2hive.engine.windows import Followed, Window

__all__ = [
    "CORRELATIONS",
    "Columns",
    "Correlated",
    "Decision",
    "Engine",
    "Episode",
    "Followed",
    "Found",
    "Group",
    "Hits",
    "Known",
    "Occurrence",
    "Past",
    "Program",
    "Reasons",
    "Run",
    "Undecided",
    "Variant",
    "Window",
    "case_changed",
    "case_deciders",
    "case_variant",
    "compile_program",
    "correlate",
    "explain",
    "explain_rule",
    "group_events",
    "group_values",
    "holds",
    "least_count",
    "matches",
    "missing_variants",
    "occurrences_of",
    "prepare",
    "prepare_reasons",
    "reasons_for",
    "take_undecided",
    "with_rules",
    "without",
]


# Hidden from type checkers, which would take any name for one of these. Whoever only compiles rules
# needs nothing that matches events.
if not TYPE_CHECKING:
    __getattr__ = importing(
        __name__,
        {
            "CORRELATIONS": "tallies",
            "Columns": "columns",
            "Correlated": "correlations",
            "Decision": "reference",
            "Engine": "batches",
            "Episode": "correlations",
            "Followed": "windows",
            "Found": "grouping",
            "Group": "correlations",
            "Hits": "batches",
            "Known": "correlations",
            "Occurrence": "grouping",
            "Past": "correlations",
            "Program": "program",
            "Reasons": "reference",
            "Run": "tallies",
            "Undecided": "patience",
            "Variant": "variants",
            "Window": "windows",
            "case_changed": "variants",
            "case_deciders": "variants",
            "case_variant": "variants",
            "compile_program": "program",
            "correlate": "correlations",
            "explain": "explaining",
            "explain_rule": "explaining",
            "group_events": "grouping",
            "group_values": "grouping",
            "holds": "reference",
            "least_count": "correlations",
            "matches": "reference",
            "missing_variants": "variants",
            "occurrences_of": "correlations",
            "prepare": "reference",
            "prepare_reasons": "reference",
            "reasons_for": "reference",
            "take_undecided": "patience",
            "with_rules": "extending",
            "without": "variants",
        },
    )
