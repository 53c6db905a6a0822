"""TheHive's own API description, asked whether a request or an answer fits.

Takes ../shared/data/thehive/openapi-5.7.3.yaml (never part of this repository); gives what is
wrong with a body. Where the file is absent, `builtin.py` says the little that the double relies on.

Three places where the description is known to be wrong are left out: the operations of a query (it
wants `_filter` and `_sort`, thehive4py and TheHive's own pages say `filter` and `sort`), 207 of
creating observables (see observables.py), and `oneOf`, read as `anyOf`: an empty list is a list of
each kind.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from tests.doubles.thehive import builtin

_ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("SIGMA2HIVE_TEST_SHARED") or _ROOT.parent / "shared")
FILE = SHARED / "data" / "thehive" / "openapi-5.7.3.yaml"

_JSON = "application/json"
_REFERENCE = "#/components/schemas/"

#: Statuses that the description does not have; observables.py and application.py say where from.
_UNDESCRIBED = {207, 413, 501}

_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("int32")
def _is_int32(value: object) -> bool:
    return not isinstance(value, int) or -(2**31) <= value < 2**31


@_FORMATS.checks("int64")
def _is_int64(value: object) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that does not fit: where, what is expected ("" if it is missing), what is there."""

    name: str
    expected: str
    found: object

    def __str__(self) -> str:
        return f"{self.name}: {self.expected or 'missing'}, found {self.found!r:.300}"


class Description:
    """The description, or the built-in schemas where it is absent (`is_complete` is False then)."""

    def __init__(self, document: Mapping[str, Any], *, is_complete: bool) -> None:
        self.is_complete = is_complete
        self._paths: Mapping[str, Any] = document["paths"]
        self._schemas: Mapping[str, Any] = document["components"]["schemas"]
        self._validators: dict[tuple[object, ...], Draft202012Validator] = {}

    def request(self, method: str, path: str, content_type: str, body: object) -> list[Mismatch]:
        """Return what does not fit in a request's JSON; nothing where no body is described."""
        content = self._operation(method, path).get("requestBody", {}).get("content", {})
        if not content or path == "/api/v1/query":
            return []
        if content_type not in content:
            return [Mismatch("content type", " or ".join(content), content_type)]
        schema = content[content_type]["schema"]
        if content_type != _JSON:
            schema = schema.get("properties", {}).get("_json", {})
        return self._check(("in", method, path, content_type), schema, body)

    def answer(self, method: str, path: str, status: int, body: object) -> list[Mismatch]:
        """Return what does not fit in an answer of ours; a field that TheHive lacks does not."""
        responses = self._operation(method, path).get("responses", {})
        if not responses or status in _UNDESCRIBED:
            return []
        if str(status) not in responses:
            return [Mismatch("status", " or ".join(responses), status)]
        content = responses[str(status)].get("content", {})
        if _JSON not in content:
            return [] if body is None or content else [Mismatch("body", "no body", body)]
        return self._check(("out", method, path, status), content[_JSON]["schema"], body)

    def item(self, kind: str, body: object) -> list[Mismatch]:
        """Return what does not fit in one item of a query's answer."""
        schema = self._schemas.get(f"Output{kind}")
        return [] if schema is None else self._check(("out", kind), schema, body)

    def fields(self, kind: str) -> frozenset[str] | None:
        """Return the fields that a kind has, None where nobody knows."""
        schema = self._schemas.get(f"Output{kind}")
        return frozenset(schema["properties"]) if schema else None

    def knows(self, method: str, path: str) -> bool:
        """Return whether TheHive has an endpoint for a path, whatever its parameters are."""
        parts = path.split("/")
        for template in self._paths:
            wanted = template.split("/")
            if len(wanted) == len(parts) and self._operation(method, template):
                pairs = zip(wanted, parts, strict=True)
                if all(want.startswith("{") or want == part for want, part in pairs):
                    return True
        return False

    def needs_body(self, method: str, path: str) -> bool:
        """Return whether a request without a body is no request."""
        return bool(self._operation(method, path).get("requestBody", {}).get("required"))

    def _operation(self, method: str, path: str) -> Mapping[str, Any]:
        found = self._paths.get(path, {}).get(method.lower(), {})
        return found if isinstance(found, Mapping) else {}

    def _check(self, place: tuple[object, ...], schema: object, body: object) -> list[Mismatch]:
        if place not in self._validators:
            whole = self._inlined(schema, (), is_closed=place[0] == "out")
            self._validators[place] = Draft202012Validator(whole, format_checker=_FORMATS)
        return list(_mismatches(self._validators[place].iter_errors(body)))

    def _inlined(self, node: Any, above: tuple[str, ...], *, is_closed: bool) -> Any:
        """Return a schema without references: looking them up takes most of the time of a check.

        With `is_closed`, a field that no schema has is wrong. A schema inside itself is not read.
        """
        if isinstance(node, list):
            return [self._inlined(one, above, is_closed=is_closed) for one in node]
        if not isinstance(node, Mapping):
            return node
        if isinstance(reference := node.get("$ref"), str):
            name = reference.removeprefix(_REFERENCE)
            if name in above:
                return {}
            return self._inlined(self._schemas[name], (*above, name), is_closed=is_closed)
        whole = {k: self._inlined(v, above, is_closed=is_closed) for k, v in node.items()}
        if "oneOf" in whole:
            whole["anyOf"] = whole.pop("oneOf")
        names = set(node["properties"]) if isinstance(node.get("properties"), Mapping) else set()
        if is_closed and names and names != {"type", "message"}:  # an error may say more
            whole.setdefault("additionalProperties", False)
        return whole


def load_description(file: Path = FILE) -> Description:
    """Return the description, or the built-in one where the file is absent."""
    if not file.is_file():
        return Description(builtin.DOCUMENT, is_complete=False)
    text = file.read_text(encoding="utf-8")
    document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return Description(document, is_complete=True)


def _mismatches(errors: Iterator[ValidationError]) -> Iterator[Mismatch]:
    """Yield what is wrong; jsonschema says one error for each field that is missing."""
    for error in errors:
        place = [str(part) for part in error.absolute_path]
        if error.validator == "required":
            name = error.message.split("'")[1]
            yield Mismatch(".".join([*place, name]), "", None)
        else:
            yield Mismatch(".".join(place) or "body", _expected(error), error.instance)


def _expected(error: ValidationError) -> str:
    if error.validator == "type":
        return str(error.validator_value)
    if error.validator in {"maxLength", "minLength", "enum", "format", "pattern"}:
        return f"{error.validator} {error.validator_value}"
    return error.message if error.validator == "additionalProperties" else str(error.validator)
