"""Options and errors about rules and fields that people name."""

from __future__ import annotations

from typing import Any

import click

from sigma2hive.cli.exits import Exit, print_findings
from sigma2hive.cli.output import tell
from sigma2hive.model.rules import CompiledCorrelation, CompiledRule
from sigma2hive.model.visible import visible
from sigma2hive.workflows.explain import find_rules
from sigma2hive.workflows.naming_rules import nearest_rule, unknown_field
from sigma2hive.workflows.project import Project

#: A rule or correlation.
Rule = CompiledRule | CompiledCorrelation


class Condition(click.ParamType[tuple[str, str]]):
    """A field and the value that it must have: host.name=dc01."""

    name = "condition"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return field and value.

        Raises:
            click.BadParameter: it is no condition.
        """
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        if not equals or not name.strip():
            self.fail(f"{value!r} is no condition; write host.name=dc01", param, ctx)
        return name.strip(), text


def rules_named(project: Project, asked: str) -> list[Rule]:
    """Return the rules that are meant, or end the command with the nearest name."""
    rules = find_rules(project, asked)
    if rules:
        return rules
    findings = [entry for entry in project.findings if entry.location.path == asked]
    print_findings(findings, project.settings.root)
    hint = "" if findings else f"\n  hint: {visible(nearest_rule(project, asked))}"
    what = "cannot be used" if findings else "is not there"
    tell(f"error: the rule {visible(asked)!r} {what}{hint}")
    raise click.exceptions.Exit(Exit.CONFIGURATION)


def check_fields(project: Project, rule: Rule, where: tuple[tuple[str, str], ...]) -> None:
    """End the command where events of a rule are not known to have a field."""
    for name, _ in where:
        if hint := unknown_field(project, rule, name):
            tell(
                f"error: events of the rule {visible(rule.info.title)!r} are not known to have the "
                f"field {visible(name)!r}\n  hint: {visible(hint)}"
            )
            raise click.exceptions.Exit(Exit.CONFIGURATION)
