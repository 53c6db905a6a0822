"""What the targets lucene, eql and esql share: two files a rule.

`<id>.json` is for programs: what the rule is, where to search, the query as text, and the unusual
values of which it says otherwise. `<id>.txt` is for people, to review and to paste: nothing but the
query, as JSON would double every backslash and Lucene's syntax has no comments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from sigma2hive.compiler.dsl.nodes import Leaf
from sigma2hive.compiler.exact.rules import Statement, say_rule
from sigma2hive.compiler.rendering import pretty_json
from sigma2hive.compiler.targets import Artefact, Refusal
from sigma2hive.diagnostics import Diagnostic, Severity
from sigma2hive.model.rules import CompiledCorrelation, CompiledRule

#: The version of the JSON's form. A change that a reader would stumble over is a new one.
VERSION = 1


class Language(Protocol):
    """Writes conditions on fields of the index in one language; `name` is its target's."""

    name: str

    def write_leaf(self, leaf: Leaf) -> str:
        """Return a leaf as text.

        Raises:
            Unsayable: the language cannot say it.
        """
        ...

    def write(self, statement: Statement, indices: tuple[str, ...]) -> str:
        """Return the whole query, in one line or several, without a final newline."""
        ...


class TextTarget:
    """Writes a rule as text in a query language, or refuses it."""

    suffix = ".json"

    def __init__(self, language: Language) -> None:
        self._language = language
        self.name = language.name
        self.mark = f'{{\n  "_sigma2hive": {{\n    "target": "{language.name}",'

    def emit(self, rule: CompiledRule) -> Artefact | Refusal:
        """Return the rule's files, or the findings that say which part cannot be said."""
        statement = say_rule(rule, self.name, self._language.write_leaf)
        if not isinstance(statement, Statement):
            return Refusal(statement)
        query = self._language.write(statement, rule.indices)
        content = {
            "_sigma2hive": {"target": self.name, "version": VERSION},
            "id": rule.info.id,
            "title": rule.info.title,
            "level": rule.info.level.value if rule.info.level else None,
            "path": rule.info.location.path,
            "digest": rule.digest,
            "profile": rule.profile,
            "silent": rule.silent,
            "indices": list(rule.indices),
            "query": query,
            "margins": [margin.value for margin in statement.margins],
            "unseen": list(statement.unseen),
        }
        text = pretty_json(content) + "\n"
        return Artefact(f"{rule.info.id}{self.suffix}", text, plain=query + "\n")

    def emit_correlation(
        self,
        correlation: CompiledCorrelation,
        rules: Mapping[str, CompiledRule],  # noqa: ARG002
    ) -> Refusal:
        """Refuse the correlation: none of the languages slides a window over event time."""
        finding = Diagnostic(
            "S2H302",
            Severity.ERROR,
            correlation.info.location,
            f"{self.name} cannot say a correlation of the type {correlation.kind.value}: "
            f"{_REASONS[self.name]}",
            "the target dsl can: sigma2hive counts what its queries find",
        )
        return Refusal((finding,))


_REASONS = {
    "lucene": "a query string looks at one event at a time",
    "eql": (
        "a sequence asks for events that differ, drops those without the group's field, and begins "
        "anew after each hit, where Sigma's window slides over event time"
    ),
    "esql": "its buckets of time do not slide, so that what lies across two of them is not counted",
}
