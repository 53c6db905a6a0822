"""Reads sigma2hive.yml and the environment into `Settings`.

Takes the folder to start from and a collector; gives settings that can be used even where the file
has mistakes: what is wrong becomes a finding, and the default holds in its place. Whether to go on
is the caller's decision (the CLI ends with exit code 3). Never looks at what the paths point to.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from sigma2hive.diagnostics import Diagnostics, Location, nearest
from sigma2hive.records import dataclass
from sigma2hive.settings.keys import (
    ENVIRONMENT_PREFIX,
    SECRETS,
    Kind,
    Row,
    SectionRow,
    Settings,
    Spec,
    all_rows,
    rows_of,
)
from sigma2hive.settings.secrets import (
    conceal_credentials,
    has_url_credential,
    is_credential_name,
)
from sigma2hive.yamlmarks import Document, parse_yaml, read_content

SETTINGS_FILE = "sigma2hive.yml"
_NEAR_MISS = "sigma2hive.yaml"

#: A text or path: not blank, no control characters. The JSON Schema has the same pattern.
TEXT_PATTERN = r"^(?=.*\S)[^\x00-\x1f\x7f]+$"


def find_settings_file(start: Path) -> Path | None:
    """Return the nearest sigma2hive.yml in `start` or above it, inside its Git repository.

    Outside a repository only `start` counts: a stranger's file in a folder above, such as /tmp,
    takes no effect.
    """
    folders = [start, *start.parents]
    roots = [number for number, folder in enumerate(folders) if (folder / ".git").exists()]
    for folder in folders[: roots[0] + 1] if roots else [start]:
        file = folder / SETTINGS_FILE
        if file.is_file():
            return file
    return None


def load_settings(
    start: Path,
    explicit: Path | None,
    diagnostics: Diagnostics,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings of the repository that `start` lies in.

    `explicit` is a settings file to take instead of searching. Environment variables override the
    file, the file overrides the defaults. Relative paths count from the settings file's folder, or
    from `start` where there is no file; in findings the file is named as seen from that folder.
    """
    start = Path(os.path.abspath(start))  # noqa: PTH100 - resolve() would follow symbolic links
    file = start / explicit if explicit else find_settings_file(start)
    root = file.parent if file else start
    if file is None:
        if (start / _NEAR_MISS).exists():
            diagnostics.warning(
                "S2H402",
                Location(_NEAR_MISS),
                f"this file is not read: settings are in {SETTINGS_FILE}",
                f"rename it to {SETTINGS_FILE}",
            )
        document = None
    else:
        document = _read_document(file, diagnostics)
    base = replace(Settings(), root=root, file=file)
    given = os.environ if environment is None else environment
    return _Reader(document, diagnostics, root, given).read(base)


def _read_document(file: Path, diagnostics: Diagnostics) -> Document | None:
    if not os.path.lexists(file):
        diagnostics.error(
            "S2H108", Location(file.name), "there is no such settings file", "check --settings"
        )
        return None
    hint = "leave in it what differs from the defaults"
    content = read_content(file, file.name, diagnostics, if_larger=hint)
    if content is None:
        return None
    documents = parse_yaml(file.name, content, diagnostics)
    if len(documents) > 1:
        diagnostics.error(
            "S2H107",
            documents[1].at(),
            "the settings file has a second document",
            "keep one, and remove the line ---",
        )
    if not documents:
        return None
    if not isinstance(documents[0].value, dict):
        diagnostics.error(
            "S2H107",
            documents[0].at(),
            f"settings are a map of keys, found {_describe(documents[0].value)}",
            "begin with a key, such as: rules: [sigma_rules]",
        )
        return None
    return documents[0]


class _Invalid(Exception):
    def __init__(self, message: str, *keys: str | int) -> None:
        super().__init__(message)
        self.message, self.keys = message, keys


@dataclass(frozen=True, slots=True)
class _Reader:
    document: Document | None
    diagnostics: Diagnostics
    root: Path
    environment: Mapping[str, str]
    places: dict[str, tuple[Location, ...]] = field(default_factory=dict)

    def read(self, base: Settings) -> Settings:
        written = self.document.value if self.document else {}
        if self.document:
            self._refuse_credentials(self.document)
        self._warn_of_misspelt_variables()
        read: Settings = self._section(base, written, "")
        return replace(read, places=self.places)

    def _section(self, base: Any, written: Mapping[Any, Any], prefix: str) -> Any:
        """Return `base`, a dataclass of settings, with what the file and environment say."""
        rows = list(rows_of(type(base), prefix))
        names = {row.key.removeprefix(prefix): row for row in rows}
        for key in written:
            if str(key) not in names:
                self._report_unknown(key, prefix, list(names))
        changes: dict[str, object] = {}
        for name, row in names.items():
            if isinstance(row, SectionRow):
                inner = self._inner(row, written.get(name, {}))
                changes[name] = self._section(getattr(base, name), inner, row.key + ".")
            else:
                changes[name] = self._value(row, written, name)
        return replace(base, **changes)

    def _inner(self, row: SectionRow, value: object) -> Mapping[Any, Any]:
        if isinstance(value, dict):
            return value
        known = ", ".join(inner.key for inner in rows_of(row.section))
        self.diagnostics.error(
            "S2H402",
            self._place(*_steps(row.key)),
            f"{row.key} must be a map, found {_describe(value)}",
            f"known keys in it: {known}; remove {row.key} where none is needed",
        )
        return {}

    def _value(self, row: Row, written: Mapping[Any, Any], name: str) -> object:
        value = row.default
        if name in written:
            try:
                value = _check(row.spec, written[name])
                self.places[row.key] = self._value_places(row, value)
            except _Invalid as invalid:
                message = f"{row.key} {invalid.message}"
                place = self._place(*_steps(row.key), *invalid.keys)
                self.diagnostics.error("S2H402", place, message, f"for example: {row.spec.example}")
        if text := self.environment.get(row.environment):
            place = Location(f"environment variable {row.environment}")
            try:
                value = _check(row.spec, _from_text(row.spec, text))
                self.places[row.key] = (place,)
            except _Invalid as invalid:
                message = f"{row.key} {invalid.message}"
                self.diagnostics.error("S2H402", place, message, "mend the variable, or unset it")
        return self._resolved(value)

    def _value_places(self, row: Row, value: object) -> tuple[Location, ...]:
        assert self.document is not None  # noqa: S101 - what is written was written somewhere
        steps = _steps(row.key)
        if isinstance(value, tuple) and value:
            return tuple(self.document.at(*steps, item) for item in range(len(value)))
        return (self.document.value_at(*steps),)

    def _resolved(self, value: object) -> object:
        if isinstance(value, Path):
            return self.root / value
        if isinstance(value, tuple):
            return tuple(self._resolved(item) for item in value)
        return value

    def _place(self, *steps: str | int) -> Location:
        assert self.document is not None  # noqa: S101 - what is written was written somewhere
        return self.document.at(*steps)

    def _report_unknown(self, key: object, prefix: str, siblings: list[str]) -> None:
        name = str(key)
        if is_credential_name(name):
            return  # already refused as a credential
        self.diagnostics.error(
            "S2H401",
            self._place(*_steps(prefix), name),
            f"unknown setting {prefix + name!r}",
            _suggestion(name, siblings),
        )

    def _refuse_credentials(self, document: Document) -> None:
        for path, value in _walk(document.value):
            key = path[-1]
            by_name = isinstance(key, str) and is_credential_name(key) and value is not None
            if by_name or (isinstance(value, str) and has_url_credential(value)):
                what = f"{key!r} looks like a credential" if by_name else "a password in a URL"
                self.diagnostics.error(
                    "S2H407",
                    document.at(*path),
                    f"{what}: secrets never stand in a file that is committed",
                    "put it in the environment or a mounted file; change it if it was committed",
                )

    def _warn_of_misspelt_variables(self) -> None:
        known = [row.environment for row in all_rows()]
        known += [name + ending for name in SECRETS for ending in ("", "_FILE")]
        for name in sorted(self.environment):
            if not name.startswith(ENVIRONMENT_PREFIX) or name in known:
                continue
            if near := difflib.get_close_matches(name, known, 1, cutoff=0.9):
                self.diagnostics.warning(
                    "S2H401",
                    Location(f"environment variable {name}"),
                    "no setting has this name, so it changes nothing",
                    f"did you mean {near[0]}?",
                )


def _steps(key: str) -> list[str]:
    return [step for step in key.split(".") if step]


def _suggestion(name: str, siblings: list[str]) -> str:
    elsewhere = {row.key.rpartition(".")[2]: row.key for row in all_rows()}
    if not difflib.get_close_matches(name.lower(), siblings, 1) and (
        near := difflib.get_close_matches(name.lower(), list(elsewhere), 1)
    ):
        return f"did you mean '{elsewhere[near[0]]}'?"
    return nearest(name, siblings)


def _walk(value: object) -> Iterator[tuple[tuple[str | int, ...], object]]:
    """Yield the path and value of everything below `value`; the reader bounds depth and size."""
    items: Iterator[tuple[Any, object]]
    if isinstance(value, dict):
        items = iter(value.items())
    elif isinstance(value, list):
        items = iter(enumerate(value))
    else:
        return
    for key, child in items:
        step = key if isinstance(key, int) and isinstance(value, list) else str(key)
        yield (step,), child
        for path, below in _walk(child):
            yield (step, *path), below


def _check(spec: Spec, value: object) -> object:
    if not spec.many:
        return _check_one(spec, value)
    if not isinstance(value, list):
        raise _Invalid(f"must be {spec.expected}, found {_describe(value)}")
    if not value and not spec.optional:
        raise _Invalid(f"must be {spec.expected}, at least one, found an empty list")
    return tuple(_check_one(spec, item, index) for index, item in enumerate(value))


def _check_one(spec: Spec, value: object, *keys: int) -> object:
    where = f" as item {keys[0] + 1}" if keys else ""
    if spec.kind is Kind.NUMBER:
        if isinstance(value, int) and not isinstance(value, bool) and value >= spec.least:
            return value
        raise _Invalid(f"must be {spec.expected}, found {_describe(value)}{where}", *keys)
    if spec.kind is Kind.SWITCH and isinstance(value, bool):
        return value
    if spec.kind is Kind.SWITCH or not isinstance(value, str):
        raise _Invalid(f"must be {spec.expected}, found {_describe(value)}{where}", *keys)
    if not re.fullmatch(TEXT_PATTERN, value):
        problem = "a control character" if value.strip() else "blank text"
        raise _Invalid(f"must be {spec.expected}, found {problem}{where}", *keys)
    if spec.choices and value not in spec.choices:
        raise _Invalid(f"must be {spec.expected}, found {_describe(value)}{where}", *keys)
    return Path(value) if spec.kind is Kind.PATH else value


def _from_text(spec: Spec, text: str) -> object:
    """Return an environment variable's text as YAML would have given the value."""
    if spec.many:
        return [item.strip() for item in text.split(",") if item.strip()]
    if spec.kind is Kind.NUMBER and text.strip().isdecimal():
        return int(text)
    if spec.kind is Kind.SWITCH:
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    return text


def _describe(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            shown = conceal_credentials(value)
            return f"the text {shown if len(shown) <= 40 else shown[:40] + '…'!r}"
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
        case _:
            return "a map"
