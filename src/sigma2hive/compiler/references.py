"""What the ids and names stand for by which correlations and filters refer to rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sigma2hive.model.rules import DetectionRepository, RuleInfo


class References:
    """Every rule and correlation of a repository, by its id and by its name."""

    def __init__(self, repository: DetectionRepository) -> None:
        self._rules = _by_text([entry.info for entry in repository.rules])
        correlations = [entry.info for entry in repository.correlations]
        refused = [entry.info for entry in repository.refused]
        self._correlations = _by_text([*correlations, *refused])

    def rules(self, text: str) -> Sequence[RuleInfo]:
        """Return the rules that `text` may mean: none, one, or several of one name."""
        return self._rules.get(text, ())

    def correlations(self, text: str) -> Sequence[RuleInfo]:
        """Return the correlations that `text` may mean, be they left out: none, one or several."""
        return self._correlations.get(text, ())

    def is_correlation(self, text: str) -> bool:
        """Whether `text` is the id or name of a correlation, be it one that is left out."""
        return text in self._correlations

    def namesakes(self, text: str) -> Sequence[RuleInfo]:
        """Return all that share a name; empty where it means one thing or nothing."""
        found = (*self._rules.get(text, ()), *self._correlations.get(text, ()))
        return found if len(found) > 1 else ()

    def __iter__(self) -> Iterator[str]:
        """Iterate over everything that a rule may be called."""
        return iter(self._rules)


def _by_text(infos: Sequence[RuleInfo]) -> Mapping[str, tuple[RuleInfo, ...]]:
    found: dict[str, tuple[RuleInfo, ...]] = {info.id: (info,) for info in infos if info.id}
    ids = frozenset(found)
    for info in infos:
        # An id always means its own rule, whatever another may be called.
        if info.name and info.name not in ids:
            found[info.name] = (*found.get(info.name, ()), info)
    return found
