"""What can be said of rule files that no run needs to know: titles, dates, tags, selections."""

from sigma2hive.repository.linting.documents import (
    Linted,
    LintedDocument,
    lint_documents,
    lint_files,
)

__all__ = ["Linted", "LintedDocument", "lint_documents", "lint_files"]
