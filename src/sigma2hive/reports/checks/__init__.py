"""What a check found, in the forms that other programs read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sigma2hive.model.checks import CheckReport


def _written_by(module: str, name: str) -> Callable[[CheckReport], str]:
    """Return a form that is imported when it is asked for: most starts only want its name."""

    def write(report: CheckReport) -> str:
        text: str = getattr(import_module(f"{__name__}.{module}"), name)(report)
        return text

    return write


#: Forms of a check's report for other programs, by their name in `--format`. Each gives the whole
#: text, with a line break at its end where there is any text.
CHECK_REPORTS: Mapping[str, Callable[[CheckReport], str]] = {
    "json": _written_by("json_form", "check_json"),
    "github": _written_by("github", "github_annotations"),
    "sarif": _written_by("sarif", "sarif_log"),
    "junit": _written_by("junit", "check_junit"),
}

__all__ = ["CHECK_REPORTS"]
