"""The target `kibana`: detection rules of Elastic Security, for its import and its API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sigma2hive.compiler.exact import Statement, say_rule
from sigma2hive.compiler.kibana.filling import Filling, filling_of
from sigma2hive.compiler.kibana.rules import (
    MARK,
    as_import,
    id_in_import,
    query_rule,
    render_rule,
)
from sigma2hive.compiler.kibana.thresholds import threshold_rule
from sigma2hive.compiler.targets import Artefact, Refusal, only_counted
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import CompiledCorrelation, CompiledRule
from sigma2hive.settings import Settings

__all__ = ["KibanaTarget"]

#: All rules in one file, as Kibana imports them, or in as few as it takes.
_IMPORT = "rules"
#: Bytes that Kibana takes in one import, less what a form around them has.
#: Source: elastic/kibana, security_solution/server/config.ts, maxRuleImportPayloadBytes
_MAX_IMPORT = 10 * 1024 * 1024 - 64 * 1024
#: Rules that it takes in one import. Source: the same, maxRuleImportExportSize
_MAX_RULES = 10_000


class KibanaTarget:
    """One JSON file a rule, as the API takes it, and one NDJSON file of all for the import.

    Rules are of type `query` with Query DSL as their filter. Kibana decides nothing again, so what
    Query DSL cannot say exactly is refused. Correlations are refused too, since no type of rule
    counts in a sliding window, but where a threshold rule was asked for.
    """

    name = "kibana"
    suffix = ".json"
    mark = MARK
    gathered_suffix = ".ndjson"

    def __init__(self, filling: Filling | None = None) -> None:
        self._filling = filling or Filling()

    def configured(self, settings: Settings, profile: Profile) -> KibanaTarget:
        """Return the target for a repository.

        Raises:
            ConfigurationError: a setting of `kibana.rules` cannot be used (S2H402).
        """
        return KibanaTarget(filling_of(settings, profile))

    def emit(self, rule: CompiledRule) -> Artefact | Refusal:
        """Return the detection rule, or which part of the rule cannot be said, and why."""
        if rule.silent:
            return only_counted(rule.info, self.name)
        said = say_rule(rule, self.name, _anything)
        if not isinstance(said, Statement):
            return Refusal(said)
        return self._artefact(rule.info.id, query_rule(rule, said, self._filling))

    def emit_correlation(
        self, correlation: CompiledCorrelation, rules: Mapping[str, CompiledRule]
    ) -> Artefact | Refusal:
        """Return a threshold rule where one was asked for, else why there is none."""
        if correlation.silent:
            return only_counted(correlation.info, self.name)
        made = threshold_rule(correlation, rules, self._filling)
        if isinstance(made, Refusal):
            return made
        return self._artefact(correlation.info.id, made)

    def line_of(self, text: str) -> str:
        """Return a rule's line of the import."""
        return as_import(text)

    def lines_in(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield the lines of an import that we made, each with the name of the rule's file."""
        for line in text.split("\n"):
            rule_id = id_in_import(line)
            if rule_id is not None:
                yield self._name_of(rule_id), f"{line}\n"

    def gather(self, lines: Mapping[str, str]) -> Iterator[Artefact]:
        """Yield what Kibana imports: rules.ndjson, and rules-2.ndjson for what is too much."""
        for number, chunk in enumerate(_chunks([lines[name] for name in sorted(lines)]), start=1):
            suffix = f"-{number}" if number > 1 else ""
            yield Artefact(f"{_IMPORT}{suffix}{self.gathered_suffix}", "".join(chunk))

    def _artefact(self, rule_id: str, body: Mapping[str, object]) -> Artefact:
        return Artefact(self._name_of(rule_id), render_rule(body))

    def _name_of(self, rule_id: str) -> str:
        return f"{rule_id}{self.suffix}"


def _chunks(lines: Sequence[str]) -> Iterator[list[str]]:
    """Yield the lines in as many lists as Kibana has to be given them in."""
    chunk: list[str] = []
    size = 0
    for line in lines:
        if chunk and (size + len(line) > _MAX_IMPORT or len(chunk) >= _MAX_RULES):
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += len(line)
    if chunk:
        yield chunk


def _anything(_leaf: object) -> None:
    """Query DSL says every leaf."""
