"""What a correlation counts, and in which fields a name of it is read there.

Takes the rules and correlations that were compiled so far; gives `Counted`s: a detection rule or
another correlation. Reports nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from sigma2hive.model.fields import Field
from sigma2hive.model.profiles import LogsourcePlace
from sigma2hive.model.rules import Chained, CompiledCorrelation, CompiledRule, RuleInfo

#: The candidate fields of a name, by the id of the detection rule whose events have them.
ByLeaf = Mapping[str, tuple[Field, ...]]


class Counted(Protocol):
    """What a correlation counts, under its own `info`."""

    @property
    def info(self) -> RuleInfo:
        """What the rule or correlation says about itself."""
        ...

    @property
    def leaves(self) -> Sequence[str]:
        """The ids of the detection rules whose events it is about."""
        ...

    def knows(self, sigma_field: str) -> bool:
        """Whether anything says that its events have the field."""
        ...

    def fields(self, sigma_field: str) -> ByLeaf:
        """Return where the field is read in its events."""
        ...

    def known_names(self) -> Sequence[str]:
        """Return the names that may have been meant by one that is not known."""
        ...

    @property
    def place(self) -> LogsourcePlace:
        """Where its events lie; of several log sources the first."""
        ...


@dataclass(frozen=True)
class CountedRule:
    """A detection rule, and where its events lie."""

    rule: CompiledRule
    place: LogsourcePlace

    @property
    def info(self) -> RuleInfo:
        """The rule's own."""
        return self.rule.info

    @property
    def leaves(self) -> Sequence[str]:
        """The rule itself."""
        return (self.rule.info.id,)

    def knows(self, sigma_field: str) -> bool:
        """Whether the rule, its log source or the index's types name the field."""
        if sigma_field in self.rule.fields or sigma_field in self.place.paths:
            return True
        return any(not entry.dynamic for entry in self.place.resolve(sigma_field))

    def fields(self, sigma_field: str) -> ByLeaf:
        """Return what the log source's place reads it from."""
        return {self.rule.info.id: self.place.grouping(sigma_field)}

    def known_names(self) -> Sequence[str]:
        """Return what the log source and the rule call fields."""
        return (*self.place.paths, *self.rule.fields)


@dataclass(frozen=True)
class CountedCorrelation:
    """A correlation that another one counts; its own names for fields, aliases too, go first."""

    correlation: CompiledCorrelation
    below: Mapping[str, CountedRule]

    @property
    def info(self) -> RuleInfo:
        """The correlation's own."""
        return self.correlation.info

    @property
    def leaves(self) -> Sequence[str]:
        """The detection rules that feed it."""
        return self.correlation.leaves

    def knows(self, sigma_field: str) -> bool:
        """Whether it has a name for the field, or any of its rules knows it."""
        return sigma_field in self._own or any(
            self.below[leaf].knows(sigma_field) for leaf in self.leaves
        )

    def fields(self, sigma_field: str) -> ByLeaf:
        """Return what it reads the name from itself, else what each of its rules does."""
        own = self._own.get(sigma_field)
        if own is not None:
            return own
        return {leaf: self.below[leaf].place.grouping(sigma_field) for leaf in self.leaves}

    def known_names(self) -> Sequence[str]:
        """Return its own names, and those of its rules."""
        return (
            *self._own,
            *(name for leaf in self.leaves for name in self.below[leaf].rule.fields),
        )

    @property
    def place(self) -> LogsourcePlace:
        """That of its first rule's events."""
        return self.below[self.leaves[0]].place

    def chained(self, sigma_fields: Mapping[str, str]) -> Chained:
        """Return how it is read where it is counted, by `sigma_fields`: name there → field."""
        fields = {name: self.fields(sigma_field) for name, sigma_field in sigma_fields.items()}
        groups = {name: self._own[name] for name, _ in self.correlation.group_by}
        inherited = {
            name: group
            for name, by_leaf in fields.items()
            for group, own in groups.items()
            if own == by_leaf
        }
        return Chained(self.correlation.epoch, tuple(self.leaves), fields, inherited)

    @cached_property
    def _own(self) -> Mapping[str, ByLeaf]:
        correlation = self.correlation
        made: dict[str, dict[str, tuple[Field, ...]]] = {}
        for name, by_rule in (*correlation.values, *correlation.group_by):
            by_leaf = made[name] = dict(by_rule)
            for inner in correlation.chained.values():
                for leaf, fields in inner.fields[name].items():
                    by_leaf.setdefault(leaf, fields)
        return made
