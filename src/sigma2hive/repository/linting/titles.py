"""Titles that several rules have: an analyst cannot tell their alerts apart."""

from __future__ import annotations

from collections.abc import Iterable

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.yamlmarks import Document


def report_repeated_titles(documents: Iterable[Document], findings: Diagnostics) -> None:
    """Report each document whose title an earlier one has; filters raise no alerts."""
    first: dict[str, Document] = {}
    for document in documents:
        title = document.value.get("title")
        if not isinstance(title, str) or "filter" in document.value:
            continue
        earlier = first.setdefault(" ".join(title.lower().split()), document)
        if earlier is not document:
            findings.warning(
                "S2H221",
                document.at("title"),
                f"{earlier.at('title')} has the same title",
                "say in the title what sets the two apart; analysts know alerts by it",
            )
