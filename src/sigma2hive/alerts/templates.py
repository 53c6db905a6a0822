"""The template language of titles, tags, custom fields and descriptions.

Takes template texts and the facts of a match; gives text within a length. Jinja2 in a sandbox, cut
down to what needs neither trust nor much time: conditions, loops over values, a few filters; no
arithmetic, macros, assignments or includes. `{source.ip}` is short for `{{ field("source.ip") }}`.
Every value is made safe as it is written out. Event data is never read as a template.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any

from jinja2 import Template, TemplateError, TemplateSyntaxError, nodes

from sigma2hive.alerts.environment import (
    COUNTS,
    MAX_TEXT,
    SIMPLE,
    VARIABLES,
    Absent,
    Mode,
    Notes,
    compiled,
    tree_of,
)
from sigma2hive.alerts.facts import RULE_KEYS, Facts, RuleSide
from sigma2hive.alerts.outlines import outlined
from sigma2hive.alerts.text import Markdown, code_span, joined, markdown_text, plain
from sigma2hive.diagnostics import Diagnostics, nearest
from sigma2hive.model.folding import fold
from sigma2hive.model.mappings import TemplateText
from sigma2hive.model.rules import Figure
from sigma2hive.model.times import shown_time
from sigma2hive.model.versions import RuleVersion
from sigma2hive.records import dataclass

_FUNCTIONS = ("field", "values")
#: Of what a template may ask for, that which nearly each match has another of.
_OF_MATCH = frozenset(VARIABLES) - {"group", "rule"}
_AS_CODE = frozenset({"commit", "id", "line", "path", "place"})
_WITHOUT_COMMIT = frozenset(RULE_KEYS) - {"commit"}
_UNTOLD = RuleVersion()
_MAX_LOOPS = 2
MAX_VALUES = 100
#: Characters of values with which a rendered template is remembered.
_MAX_REMEMBERED = 500
_NODES = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Tuple),
    *(nodes.List, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Call, nodes.Keyword),
    *(nodes.Filter, nodes.Test, nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand),
    *(nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Concat, nodes.For),
)


#: Names with a value, as the group has them, and with all of a field's.
_Named = tuple[tuple[str, str], ...]
_Fields = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered template: its text, the fields it asked for in vain, and what went wrong."""

    text: str
    absent: tuple[str, ...] = ()
    problem: str = ""


class _EventView(Absent):
    """`event` in a template: the first event's fields, by path or part by part.

    Absent itself, so that a path which leads nowhere is empty in loops and tests, as a field is.
    """

    __slots__ = ("_lookup",)

    def __init__(self, lookup: Callable[[str], tuple[str, ...]], path: str = "") -> None:
        super().__init__(name=path or None)
        self._lookup = lookup

    def __getitem__(self, key: object) -> Any:
        path = f"{self._undefined_name}.{key}" if self._undefined_name else str(key)
        found = self._lookup(path)
        return joined(found) if found else _EventView(self._lookup, path)

    def __getattr__(self, name: str) -> Any:
        # Jinja asks for the item then; an undefined value would answer with itself.
        raise AttributeError(name)


def check_template(
    template: TemplateText, diagnostics: Diagnostics, extra: tuple[str, ...] = ()
) -> bool:
    """Report (S2H406) what keeps a template from being rendered; return whether it can be.

    `extra` are variables beyond the usual ones.
    """
    problem = _problem(template.text, extra)
    if problem is None:
        return True
    message, hint = problem
    diagnostics.error("S2H406", template.location, message, hint)
    return False


def asked_fields(text: str) -> tuple[str, ...]:
    """Return the fields that a template names, in order; none where it cannot be read."""
    try:
        tree = tree_of(text)
    except (TemplateError, RecursionError):
        return ()
    found: list[str] = []
    for node in _walk(tree):
        if isinstance(node, nodes.Call) and node.args and isinstance(node.args[0], nodes.Const):
            found.append(str(node.args[0].value))
        elif isinstance(node, (nodes.Getattr, nodes.Getitem)) and (path := _event_path(node)):
            found.append(path)
    # Of event.source.ip, which is read step by step, only the whole is a field.
    whole = [name for name in found if not any(other.startswith(f"{name}.") for other in found)]
    return tuple(dict.fromkeys(whole))


def _event_path(node: nodes.Node) -> str:
    """Return "source.ip" for event.source.ip and event["source.ip"]; "" for anything else."""
    parts: list[str] = []
    while isinstance(node, (nodes.Getattr, nodes.Getitem)):
        if isinstance(node, nodes.Getattr):
            parts.append(node.attr)
        elif isinstance(node.arg, nodes.Const):
            parts.append(str(node.arg.value))
        else:
            return ""
        node = node.node
    is_event = isinstance(node, nodes.Name) and node.name == "event"
    return ".".join(reversed(parts)) if is_event else ""


@dataclass(frozen=True)
class Renderer:
    """Renders templates about one match."""

    facts: Facts

    def render(
        self, text: str, mode: Mode, limit: int, sections: Mapping[str, Markdown] | None = None
    ) -> Rendered:
        """Return the template rendered within `limit` characters; never raises for what it gets.

        `sections` are further variables of a description. With a `problem`, the text is "".
        """
        if not text:
            return Rendered("")
        if _is_of_rule(text):
            return _render_of_rule(text, self._side_for(text), mode, limit)
        is_short_text = mode is not Mode.MARKDOWN and not sections
        if is_short_text and not self.facts.group:
            simple = self._simply_rendered(text, mode, limit)
            if simple is not None:
                return simple
        asked = None if sections else fields_alone(text)
        if asked is not None:
            values = tuple(map(self.facts.values, asked))
            if is_short(values):
                side, group = self._side_for(text), self.facts.group
                fields = tuple(zip(asked, values, strict=True))
                return _render_of_fields(text, side, mode, limit, (group, fields))
        rule = _rule_variables(self._side_for(text), mode is Mode.MARKDOWN)
        return _rendered(text, mode, limit, {**self._variables, "rule": rule, **(sections or {})})

    def _simply_rendered(self, text: str, mode: Mode, limit: int) -> Rendered | None:
        """Return the same, faster, where the template only puts texts together."""
        if _problem(text, ()) is not None:
            return None
        side = self._side_for(text)
        found = outlined(text, mode, side.text, lambda name: _shown(self.facts.values(name)))
        # What is too long is cut while it is rendered.
        return None if found is None or len(found[0]) > limit else Rendered(*found)

    def _side_for(self, text: str) -> RuleSide:
        # To tell the commit, Git is run.
        return self.facts.rule_side if asks_for_commit(text) else self.facts.side_of(_UNTOLD)

    @cached_property
    def _variables(self) -> Mapping[str, object]:
        return _variables(self.facts)


def is_short(values: Iterable[tuple[str, ...]]) -> bool:
    """Whether what is made of these values of fields may be remembered."""
    return sum(len(value) for found in values for value in found) <= _MAX_REMEMBERED


@lru_cache(maxsize=4096)
def _render_of_rule(text: str, side: RuleSide, mode: Mode, limit: int) -> Rendered:
    """Render what asks for the rule alone, once for all of its matches."""
    return _rendered(text, mode, limit, {"rule": _rule_variables(side, mode is Mode.MARKDOWN)})


@lru_cache(maxsize=4096)
def _render_of_fields(
    text: str, side: RuleSide, mode: Mode, limit: int, asked: tuple[_Named, _Fields]
) -> Rendered:
    """Render what asks for some fields alone, once for all matches of a rule with these values."""
    group, fields = asked
    known = {
        "rule": _rule_variables(side, mode is Mode.MARKDOWN),
        "group": list(group),
        **_functions(dict(fields).__getitem__),
    }
    return _rendered(text, mode, limit, known)


def _rendered(text: str, mode: Mode, limit: int, known: Mapping[str, object]) -> Rendered:
    problem = _problem(text, tuple(name for name in known if name not in VARIABLES))
    if problem is not None:
        return Rendered("", problem=problem[0])
    notes = Notes()
    variables = {**known, "_notes": notes}
    try:
        pieces = list(_pieces(compiled(text, mode), variables, limit))
    except Exception as error:  # a template may fail in any way; its alert must not
        return Rendered("", problem=f"{type(error).__name__}: {plain(str(error), 200)}")
    return Rendered("".join(pieces), tuple(dict.fromkeys(notes.absent)))


def counted_variable(text: str) -> str | None:
    """Return the name where the whole template is one counted variable, as `{count}`.

    Those that end in `_ms` are times, in milliseconds since the epoch.
    """
    found = SIMPLE.fullmatch(text.strip())
    return found[1] if found is not None and found[1] in COUNTS else None


def render_number(text: str, facts: Facts) -> int | float | None:
    """Return the number where the whole template is one counted variable."""
    name = counted_variable(text)
    return None if name is None else _numbers(facts)[name]


def _pieces(template: Template, variables: Mapping[str, object], limit: int) -> Iterator[str]:
    room = limit
    for piece in template.generate(variables):
        if len(piece) > room:
            # One character more than allowed lets the caller see that it has to cut.
            yield piece[: room + 1]
            return
        yield piece
        room -= len(piece)


@lru_cache(maxsize=4096)
def _rule_variables(side: RuleSide, is_markdown: bool) -> Mapping[str, object]:
    """Return `rule` of the templates."""
    texts = side.texts()
    if is_markdown:
        texts = {
            key: Markdown(code_span(text) if key in _AS_CODE else markdown_text(text))
            for key, text in texts.items()
            if text
        }
    return {key: texts.get(key) or Absent(name=f"rule.{key}") for key in RULE_KEYS}


def _variables(facts: Facts) -> dict[str, object]:
    """Return all variables and functions but `rule`."""

    def lookup_first(path: str) -> tuple[str, ...]:
        return facts.values_in(path, facts.first.values)

    return {
        **_numbers(facts),
        "group": list(facts.group),
        "event": _EventView(lookup_first),
        "first_time": Markdown(shown_time(facts.first.time_ns)),
        "last_time": Markdown(shown_time(facts.last.time_ns)),
        **_functions(facts.values),
    }


def _functions(values_of: Callable[[str], tuple[str, ...]]) -> dict[str, object]:
    def field_text(name: object) -> object:
        text = _shown(values_of(str(name)))
        return Absent(name=str(name)) if text is None else text

    return {
        "field": field_text,
        "values": lambda name: list(values_of(str(name))[:MAX_VALUES]),
    }


def _shown(values: tuple[str, ...]) -> str | None:
    """Return how a field's values are written; None where it has none."""
    # One name in two spellings is one name to a reader.
    spelled = {fold(value[:MAX_TEXT]): value for value in reversed(values)}
    return joined(tuple(reversed(spelled.values()))) if spelled else None


def _numbers(facts: Facts) -> dict[str, int | float]:
    return {
        "count": len(facts.match.events),
        "figure": _figure(facts.match.figure),
        "first_ms": facts.first.time_ns // 1_000_000,
        "last_ms": facts.last.time_ns // 1_000_000,
    }


def _figure(figure: Figure) -> int | float:
    """Return what templates can work with: a whole number exactly, another as near as it goes."""
    return figure if isinstance(figure, int) else float(figure)


@lru_cache(maxsize=4096)
def _is_of_rule(text: str) -> bool:
    """Whether a template can be rendered, and asks for nothing but `rule`."""
    if _problem(text, ()) is not None:
        return False
    tree = tree_of(text)
    return all(node.name == "rule" for node in tree.find_all(nodes.Name))


@lru_cache(maxsize=4096)
def fields_alone(text: str) -> tuple[str, ...] | None:
    """Return the fields that are all a template asks of a match, beside rule and group.

    None where it may ask for anything else.
    """
    if _problem(text, ()) is not None:
        return None
    tree = tree_of(text)
    if not _OF_MATCH.isdisjoint(node.name for node in tree.find_all(nodes.Name)):
        return None
    names = [call.args[0] if len(call.args) == 1 else None for call in tree.find_all(nodes.Call)]
    if not all(isinstance(name, nodes.Const) and isinstance(name.value, str) for name in names):
        return None
    return tuple(dict.fromkeys(name.value for name in names if isinstance(name, nodes.Const)))


@lru_cache(maxsize=4096)
def asks_for_commit(text: str) -> bool:
    """Whether a template may say which commit its rule is from."""
    try:
        tree = tree_of(text)
    except (TemplateError, RecursionError):
        return True
    rules = [node for node in tree.find_all(nodes.Name) if node.name == "rule"]
    keys = [
        *(node.attr for node in tree.find_all(nodes.Getattr) if node.node in rules),
        *(_key_of(node) for node in tree.find_all(nodes.Getitem) if node.node in rules),
    ]
    # Where not all keys are known, any may be asked for.
    return len(keys) < len(rules) or not _WITHOUT_COMMIT.issuperset(keys)


def _key_of(node: nodes.Getitem) -> str:
    return str(node.arg.value) if isinstance(node.arg, nodes.Const) else ""


_TOO_DEEP = (
    "the template cannot be read: it is nested too deep",
    "make it simpler; see docs/mappings.md",
)


@lru_cache(maxsize=4096)
def _problem(text: str, extra: tuple[str, ...]) -> tuple[str, str] | None:
    try:
        tree = tree_of(text)
        found = _forbidden(tree) or _unknown_names(tree, extra)
        if found is None:
            compiled(text, Mode.TITLE)
    except TemplateSyntaxError as error:
        where = f" (line {error.lineno} of the template)" if "\n" in text else ""
        return f"the template cannot be read: {error.message}{where}", "see docs/mappings.md"
    except RecursionError:  # Python's own words depend on where it was met
        return _TOO_DEEP
    except (TemplateError, SyntaxError, ValueError) as error:
        return f"the template cannot be read: {error}", "make it simpler; see docs/mappings.md"
    return found


def _forbidden(tree: nodes.Template) -> tuple[str, str] | None:
    hint = "templates are values, conditions and short loops; see docs/mappings.md"
    for node in _walk(tree):
        what = type(node).__name__.lower()
        if not isinstance(node, _NODES):
            if isinstance(node, nodes.Helper | nodes.EvalContextModifier):
                continue
            return f"templates cannot use '{what}'", hint
        if isinstance(node, nodes.Call) and not (
            isinstance(node.node, nodes.Name) and node.node.name in _FUNCTIONS
        ):
            return "templates can call field(…) and values(…) only", hint
        if isinstance(node, nodes.For) and node.recursive:
            return "templates cannot loop recursively", hint
    if _loop_depth(tree) > _MAX_LOOPS:
        return f"loops are nested at most {_MAX_LOOPS} deep", hint
    return None


def _dotted(tree: nodes.Template, name: nodes.Name) -> str:
    """Return the whole of `source.ip` where the template says it of `source`."""
    longest: nodes.Expr = name
    for access in reversed(list(tree.find_all(nodes.Getattr))):
        if access.node is longest:
            longest = access
    parts = []
    while isinstance(longest, nodes.Getattr):
        parts.append(longest.attr)
        longest = longest.node
    return ".".join((name.name, *reversed(parts)))


def _unknown_names(tree: nodes.Template, extra: tuple[str, ...]) -> tuple[str, str] | None:
    known = {*VARIABLES, *_FUNCTIONS, *extra}
    assigned = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"}
    for node in tree.find_all(nodes.Name):
        if node.ctx == "load" and node.name not in known | assigned | {"loop"}:
            return (
                f"the template asks for '{node.name}', which there is not",
                f"{nearest(node.name, known)}; a field is written {{{_dotted(tree, node)}}}",
            )
    for access in tree.find_all(nodes.Getattr):
        of_rule = isinstance(access.node, nodes.Name) and access.node.name == "rule"
        if of_rule and access.attr not in RULE_KEYS:
            return f"a rule has no '{access.attr}' in templates", nearest(access.attr, RULE_KEYS)
    return None


def _walk(tree: nodes.Node) -> Iterator[nodes.Node]:
    stack = [tree]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(node.iter_child_nodes())


def _loop_depth(node: nodes.Node) -> int:
    below = max((_loop_depth(child) for child in node.iter_child_nodes()), default=0)
    return below + isinstance(node, nodes.For)
