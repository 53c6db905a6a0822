"""What filters took away, as `run` and `backtest` tell it; exceptions with who answers for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from sigma2hive.cli.columns import wrap
from sigma2hive.compiler import Exceptions
from sigma2hive.model.matches import Suppression
from sigma2hive.model.rules import FilterException
from sigma2hive.model.visible import visible


def suppressed_lines(
    suppressed: Mapping[Suppression, int], exceptions: Exceptions, most: int
) -> Iterator[str]:
    """Yield what each filter took away, whatever the rule; of `most` filters, the rest counted."""
    by_filter: Counter[tuple[str, str]] = Counter()
    for entry, count in suppressed.items():
        by_filter[entry.filter_id, entry.filter_title] += count
    for (filter_id, title), count in by_filter.most_common(most):
        matches = f"{count:,} {'match' if count == 1 else 'matches'}"
        what = _what(title, exceptions.in_force.get(filter_id))
        yield from wrap(f"suppressed: {matches} by {what}", rest="  ")
    if (more := len(by_filter) - most) > 0:
        yield f"  and by {more:,} more; --json has all of them"


def _what(title: str, exception: FilterException | None) -> str:
    if exception is None:
        return f"filter '{visible(title)}'"
    ends = f"{visible(exception.ticket)}, until {exception.expires}"
    return f"exception '{visible(title)}' ({ends})"


def suppressed_as_json(
    suppressed: Mapping[Suppression, int], exceptions: Exceptions
) -> list[dict[str, object]]:
    """Return the same, by filter and rule."""
    return [
        {
            "filter": entry.filter_id,
            "title": entry.filter_title,
            "rule": entry.rule_id,
            "matches": count,
            **_exception_as_json(exceptions.in_force.get(entry.filter_id)),
        }
        for entry, count in suppressed.items()
    ]


def _exception_as_json(exception: FilterException | None) -> dict[str, object]:
    if exception is None:
        return {}
    return {
        "exception": {
            "owner": exception.owner,
            "ticket": exception.ticket,
            "expires": exception.expires.isoformat(),
        }
    }
