"""Titles that several rules have: an analyst cannot tell their alerts apart."""

from __future__ import annotations

from collections.abc import Iterable

from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.yamlmarks import Document


def title_of(document: Document) -> tuple[str, Location] | None:
    """Return what a title says, however it is written, and where; filters raise no alerts."""
    title = document.value.get("title")
    if not isinstance(title, str) or "filter" in document.value:
        return None
    return " ".join(title.lower().split()), document.at("title")


def report_repeated_titles(titles: Iterable[tuple[str, Location]], findings: Diagnostics) -> None:
    """Report each title that an earlier document has."""
    first: dict[str, Location] = {}
    for title, place in titles:
        earlier = first.setdefault(title, place)
        if earlier is not place:
            findings.warning(
                "S2H221",
                place,
                f"{earlier} has the same title",
                "say in the title what sets the two apart; analysts know alerts by it",
            )
