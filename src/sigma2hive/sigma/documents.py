"""One YAML document of a rules folder to a rule, a correlation or a filter.

Takes a `yamlmarks.Document`; gives a `model.rules` object, or None and the findings that say why
not. Metadata is checked here, detection logic in `detections`, correlations in `correlations`.

Source: https://github.com/SigmaHQ/sigma-specification (Sigma 2.1: rules, filters, correlations)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from uuid import UUID, uuid5

from sigma2hive.diagnostics import Diagnostics, nearest
from sigma2hive.model.profiles import Logsource
from sigma2hive.model.rules import (
    CorrelationRule,
    DetectionRule,
    FilterRule,
    Level,
    RefusedCorrelation,
    RuleInfo,
)
from sigma2hive.sigma.correlations import read_correlation, refused_correlation
from sigma2hive.sigma.detections import DetectionReader
from sigma2hive.sigma.exceptions import read_exception
from sigma2hive.sigma.references import canonical_id, read_references
from sigma2hive.sigma.tallies import Placeholders
from sigma2hive.sigma.telling import kind_of, shown_value
from sigma2hive.yamlmarks import Document

SigmaDocument = DetectionRule | CorrelationRule | FilterRule | RefusedCorrelation

_SECTIONS = ("detection", "correlation", "filter")
#: Keys that the standard knows; a rule may have any others of its own.
_STANDARD_KEYS = (
    *("title", "id", "name", "related", "taxonomy", "status", "description", "license"),
    *("author", "references", "date", "modified", "logsource", *_SECTIONS, "fields"),
    *("falsepositives", "level", "tags", "scope", "sigma2hive"),
)
_LOGSOURCE_KEYS = ("product", "category", "service", "definition")
_STATUSES = ("stable", "test", "experimental", "deprecated", "unsupported")
#: Namespace of the ids of filters that have none.
_FILTERS = UUID("0d7f2c5e-8f57-4a0c-9f2b-6f0f5f3f9a41")
#: How alike a key is to one that is missing for it to be taken for a slip of the pen.
_ALIKE = 0.75


def is_sigma_document(document: Document) -> bool:
    """Whether the document means to be a rule, a correlation or a filter."""
    return isinstance(document.value, Mapping) and any(
        section in document.value for section in _SECTIONS
    )


def parse_document(
    document: Document, placeholders: Placeholders, diagnostics: Diagnostics
) -> SigmaDocument | None:
    """Return what the document says, or None where a finding leaves it out.

    A correlation that is left out is a `RefusedCorrelation`, for the sake of its base rules.
    `placeholders` are the values of `|expand`, name (without percent signs) → values.
    """
    if not isinstance(document.value, Mapping):
        diagnostics.error(
            "S2H107",
            document.at(),
            f"a rule is a map of keys, not {kind_of(document.value)}",
            "start with title, id, logsource and detection",
        )
        return None
    if not is_sigma_document(document):
        diagnostics.error(
            "S2H107",
            document.at(),
            "the document has no detection, correlation or filter section",
            "move files that are no Sigma rules out of the rules folder",
        )
        return None
    mark = len(diagnostics.errors)
    _warn_of_misspelt_keys(document, (), _STANDARD_KEYS, diagnostics)
    info = _Metadata(document, diagnostics).read()
    if "correlation" in document.value:
        correlation = read_correlation(document, info, diagnostics)
        if correlation is not None and len(diagnostics.errors) == mark:
            return correlation
        return refused_correlation(document, info)
    logsource = _logsource(document, diagnostics)
    section = "filter" if "filter" in document.value else "detection"
    condition = DetectionReader(document, section, placeholders, diagnostics).read()
    rules = _filtered_rules(document, diagnostics) if section == "filter" else None
    exception = read_exception(document, diagnostics) if section == "filter" else None
    if condition is None or logsource is None or len(diagnostics.errors) > mark:
        return None
    if section == "filter":
        place = document.at("filter", "rules")
        return FilterRule(info, logsource, rules, condition, place, exception)
    return DetectionRule(info, logsource, condition, document.at("logsource"))


class _Metadata:
    """Reads what a rule says about itself."""

    def __init__(self, document: Document, diagnostics: Diagnostics) -> None:
        self._document, self._value = document, document.value
        self._diagnostics = diagnostics

    def read(self) -> RuleInfo:
        custom = self._value.get("sigma2hive", {})
        if not isinstance(custom, Mapping):
            self._wrong("sigma2hive", "a map of keys")
            custom = {}
        return RuleInfo(
            id=self._id(),
            title=self._title(),
            location=self._document.at(),
            level=self._level(),
            date=self._date("date"),
            modified=self._date("modified"),
            name=self._text("name"),
            status=self._status(),
            description=self._text("description"),
            author=self._text("author"),
            license=self._text("license"),
            tags=self._list("tags"),
            references=self._list("references"),
            falsepositives=self._list("falsepositives"),
            fields=self._list("fields"),
            custom=custom,
            custom_places=self._document.places_below("sigma2hive") if custom else {},
            document=self._document.index,
            regression_tests=self._text("regression_tests_path"),
        )

    def _id(self) -> str:
        value = self._value.get("id")
        if value is None and "filter" in self._value:
            # The standard asks for none, and nothing that lasts is called by a filter's id.
            return str(uuid5(_FILTERS, f"{self._document.path}#{self._document.index}"))
        if value is None:
            self._diagnostics.error(
                "S2H201",
                self._document.at(),
                "the rule has no id, so its alerts would have no identity",
                "add `id:` with a new UUID (python -c 'import uuid; print(uuid.uuid4())')",
            )
            return ""
        try:
            return canonical_id(str(value))
        except ValueError:
            self._diagnostics.error(
                "S2H202",
                self._document.at("id"),
                f"{shown_value(value)} is no UUID",
                "use a UUID of version 4",
            )
            return ""

    def _title(self) -> str:
        title = self._value.get("title")
        if not isinstance(title, str) or not title.strip():
            self._wrong("title", "a line of text")
            return ""
        return title.strip()

    def _level(self) -> Level | None:
        value = self._value.get("level")
        if value is None:
            if "filter" not in self._value:
                self._diagnostics.warning(
                    "S2H213",
                    self._document.at(),
                    "the rule has no level, so its alerts get the severity of no level",
                    f"add `level:` with one of {', '.join(Level)}",
                )
            return None
        try:
            return Level(value)
        except ValueError:
            self._diagnostics.error(
                "S2H204",
                self._document.at("level"),
                f"{shown_value(value)} is no level of Sigma",
                nearest(str(value), Level),
            )
            return None

    def _status(self) -> str:
        status = self._text("status")
        if status and status not in _STATUSES:
            self._diagnostics.warning(
                "S2H204",
                self._document.at("status"),
                f"'{status}' is no status of Sigma",
                nearest(status, _STATUSES),
            )
        return status

    def _text(self, key: str) -> str:
        value = self._value.get(key)
        if value is None:
            return ""
        if isinstance(value, (Mapping, list)):
            self._wrong(key, "text")
            return ""
        return str(value).strip()

    def _date(self, key: str) -> str:
        value = self._value.get(key)
        return "" if value is None else str(value)

    def _list(self, key: str) -> tuple[str, ...]:
        value = self._value.get(key)
        if value is None:
            return ()
        # Many rules write a single reference or false positive without the list.
        entries = value if isinstance(value, list) else [value]
        if any(isinstance(entry, (Mapping, list)) for entry in entries):
            self._wrong(key, "a list of texts")
            return ()
        return tuple(str(entry) for entry in entries if entry is not None)

    def _wrong(self, key: str, wanted: str) -> None:
        found = self._value.get(key)
        what = "is missing" if found is None else f"is {kind_of(found)}"
        self._diagnostics.error(
            "S2H204", self._document.at(key), f"`{key}` {what}", f"give {wanted}"
        )


def _warn_of_misspelt_keys(
    document: Document, keys: tuple[str, ...], known: Sequence[str], diagnostics: Diagnostics
) -> None:
    """Warn of keys that are very like a known one that is missing: it would be without effect."""
    value = document.value_of(*keys)
    missing = [name for name in known if name not in value]
    for key in value:
        if key not in known and (near := get_close_matches(key, missing, 1, _ALIKE)):
            diagnostics.warning(
                "S2H204",
                document.at(*keys, key),
                f"`{key}` has no meaning in Sigma, and there is no `{near[0]}`",
                f"did you mean '{near[0]}'?",
            )


def _logsource(document: Document, diagnostics: Diagnostics) -> Logsource | None:
    value = document.value.get("logsource")
    place = document.at("logsource")
    if not isinstance(value, Mapping):
        what = "is missing" if value is None else f"is {kind_of(value)}"
        diagnostics.error(
            "S2H204", place, f"the log source {what}", "add a map of product, category or service"
        )
        return None
    _warn_of_misspelt_keys(document, ("logsource",), _LOGSOURCE_KEYS, diagnostics)
    parts: dict[str, str] = {}
    for key in ("product", "category", "service"):
        part = value.get(key)
        if part is None:
            continue
        if not isinstance(part, str):
            diagnostics.error(
                "S2H204", document.at("logsource", key), f"`{key}` is {kind_of(part)}", "give text"
            )
            return None
        parts[key] = part
    if not parts:
        diagnostics.error(
            "S2H204", place, "the log source is empty", "add product, category or service"
        )
        return None
    return Logsource(**parts)


def _filtered_rules(document: Document, diagnostics: Diagnostics) -> tuple[str, ...] | None:
    section = document.value["filter"]
    value = section.get("rules") if isinstance(section, Mapping) else None
    if isinstance(value, str) and value.lower() == "any":
        return None
    if rules := read_references(value):
        return rules
    diagnostics.error(
        "S2H211",
        document.at("filter", "rules"),
        "the filter does not say which rules it is for",
        "add `rules:` with rule ids or names, or `any`",
    )
    return None
