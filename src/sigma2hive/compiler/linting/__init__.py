"""Rules that are read well and mean nothing, or cost much: what a check says of conditions."""

from sigma2hive.compiler.linting.conditions import lint_compiled, lint_condition

__all__ = ["lint_compiled", "lint_condition"]
