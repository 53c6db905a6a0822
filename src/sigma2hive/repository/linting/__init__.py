"""What can be said of rule files that no run needs to know: titles, dates, tags, selections."""

from sigma2hive.repository.linting.documents import Linted, lint_files

__all__ = ["Linted", "lint_files"]
