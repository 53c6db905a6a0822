"""What a repository holds: rules, correlations, filters, placeholders and mappings."""

from typing import TYPE_CHECKING

from sigma2hive.lazily import importing
from sigma2hive.repository.git import commit_of
from sigma2hive.repository.mapping_files import SCHEMAS_FOLDER, report_unread_files
from sigma2hive.repository.mappings import load_mappings
from sigma2hive.repository.rule_files import RuleFiles, rule_files, shown_path
from sigma2hive.repository.source_files import SourceFiles
from sigma2hive.repository.versions import Versions

if TYPE_CHECKING:
    from sigma2hive.repository.changes import changed_files
    from sigma2hive.repository.linting import Linted, LintedDocument, lint_documents, lint_files
    from sigma2hive.repository.past import PastTree, open_past
    from sigma2hive.repository.regression_tests import load_regression_tests
    from sigma2hive.repository.rules import (
        RuleFile,
        load_placeholders,
        load_repository,
        parse_rule_file,
    )
    from sigma2hive.repository.tests import load_tests

__all__ = [
    "SCHEMAS_FOLDER",
    "Linted",
    "LintedDocument",
    "PastTree",
    "RuleFile",
    "RuleFiles",
    "SourceFiles",
    "Versions",
    "changed_files",
    "commit_of",
    "lint_documents",
    "lint_files",
    "load_mappings",
    "load_placeholders",
    "load_regression_tests",
    "load_repository",
    "load_tests",
    "open_past",
    "parse_rule_file",
    "report_unread_files",
    "rule_files",
    "shown_path",
]

# Hidden from type checkers, which would take any name for one of these.
if not TYPE_CHECKING:
    __getattr__ = importing(
        __name__,
        {
            "Linted": "linting",
            "LintedDocument": "linting",
            "PastTree": "past",
            "RuleFile": "rules",
            "changed_files": "changes",
            "lint_documents": "linting",
            "lint_files": "linting",
            "load_placeholders": "rules",
            "load_regression_tests": "regression_tests",
            "load_repository": "rules",
            "load_tests": "tests",
            "open_past": "past",
            "parse_rule_file": "rules",
        },
    )
