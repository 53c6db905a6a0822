"""What a repository holds: rules, correlations, filters, placeholders and mappings."""

from sigma2hive.repository.mapping_files import SCHEMAS_FOLDER, report_unread_files
from sigma2hive.repository.mappings import load_mappings
from sigma2hive.repository.past import PastTree, open_past
from sigma2hive.repository.regression_tests import load_regression_tests
from sigma2hive.repository.rules import load_placeholders, load_repository, shown_path
from sigma2hive.repository.tests import load_tests
from sigma2hive.repository.versions import Versions

__all__ = [
    "SCHEMAS_FOLDER",
    "PastTree",
    "Versions",
    "load_mappings",
    "load_placeholders",
    "load_regression_tests",
    "load_repository",
    "load_tests",
    "open_past",
    "report_unread_files",
    "shown_path",
]
