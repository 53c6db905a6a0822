"""In-process evaluation: the reference evaluator and correlations."""

from sigma2hive.engine.batches import Engine, Hits
from sigma2hive.engine.columns import Columns, rows_of
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
from sigma2hive.engine.program import Program, compile_program
from sigma2hive.engine.reference import Decision, holds, matches, prepare, reasons_for
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
    "Run",
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
    "reasons_for",
    "rows_of",
    "with_rules",
    "without",
]
