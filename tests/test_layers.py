"""Imports go one way, and each third-party library is met in one place (ARCHITECTURE.md)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

#: Lower ones first. A module may import what stands on a lower level, never its own or a higher.
LEVELS = (
    {"diagnostics", "lazily", "native", "signals"},
    {"model", "yamlmarks"},
    {"settings"},
    {"clients", "clock", "processes", "sigma", "storage"},
    {"repository", "schema", "compiler", "engine", "alerts", "sources", "sinks", "reports"},
    {"runner", "deploy"},
    {"workflows"},
    {"cli"},
    {"__main__"},
)

#: Data files, the version, what makes classes: anyone may ask for them, and they import nothing.
FREE = {"data", "__init__", "records"}

#: Third-party library → the parts of sigma2hive that may import it.
HOMES = {
    "sigma": {"sigma"},
    "elasticsearch": {"clients"},
    "elastic_transport": {"clients"},
    "thehive4py": {"clients"},
    "hvac": {"clients"},
    "requests": {"clients"},
    "httpx": {"clients"},
    "urllib3": {"clients"},
    "yaml": {"yamlmarks"},
    "click": {"cli"},
    "jinja2": {"alerts"},
    "prometheus_client": {"runner"},
    "evtx": {"sources"},
    "orjson": {"sources", "engine", "clients", "compiler"},
    "ahocorasick_rs": {"engine"},
}

PACKAGE = "sigma2hive"


def level_of(part: str) -> int | None:
    return next((level for level, parts in enumerate(LEVELS) if part in parts), None)


def imported_names(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) for every import in `tree`; `package` resolves relative ones.

    Imports inside functions and under TYPE_CHECKING count too. `from a import b` gives "a.b", since
    b may be a module.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and (name := _name_passed_to_import(node)):
            yield node.lineno, name


def _name_passed_to_import(call: ast.Call) -> str:
    function = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if function in {"import_module", "__import__"} and call.args:
        argument = call.args[0]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            return argument.value
    return ""


def violations(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """Return what is wrong with the imports of a module, given its source and dotted name."""
    part = [*module.split("."), "__init__"][1]
    package = module if is_package else module.rpartition(".")[0]
    own_level = level_of(part)
    if own_level is None and part not in FREE:
        return [f"{module}: {part!r} stands in no layer: add it to LEVELS"]
    found = []
    for line, name in imported_names(ast.parse(source), package):
        top, _, rest = name.partition(".")
        if top != PACKAGE:
            if part not in HOMES.get(top, {part}):
                found.append(f"{module}:{line}: only {', '.join(HOMES[top])} may import {top}")
            continue
        other = rest.partition(".")[0]
        if other == part or other in FREE or other.startswith("__version"):
            continue
        other_level = level_of(other)
        if own_level is None or other_level is None or other_level >= own_level:
            found.append(f"{module}:{line}: {part} may not import {other or PACKAGE}")
    return found


def modules(src: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted((src / PACKAGE).rglob("*.py")):
        parts = path.relative_to(src).with_suffix("").parts
        yield path, ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_module_imports_against_the_layers(project_root: Path) -> None:
    checked = list(modules(project_root / "src"))
    assert len(checked) > 10
    found = [
        finding
        for path, module in checked
        for finding in violations(
            path.read_text(encoding="utf-8"), module, is_package=path.name == "__init__.py"
        )
    ]
    assert found == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        pytest.param("sigma2hive.model.events", "import sigma2hive.cli.run", id="upwards"),
        pytest.param("sigma2hive.model.events", "from sigma2hive import engine", id="from-root"),
        pytest.param("sigma2hive.engine.matcher", "from sigma2hive.alerts import x", id="sideways"),
        pytest.param("sigma2hive.engine.matcher", "from ..alerts import x", id="relative"),
        pytest.param("sigma2hive.engine", "from .. import schema", id="relative-from-root"),
        pytest.param("sigma2hive.diagnostics", "from sigma2hive.model import x", id="bottom"),
        pytest.param(
            "sigma2hive.sinks.jsonl", "def f():\n  import sigma2hive.runner", id="in-function"
        ),
        pytest.param(
            "sigma2hive.sinks.jsonl",
            "import importlib\nimportlib.import_module('sigma2hive.runner')",
            id="import-module",
        ),
        pytest.param(
            "sigma2hive.schema.ecs",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  import sigma2hive.sinks",
            id="for-types-only",
        ),
        pytest.param("sigma2hive.data", "import sigma2hive.model", id="data-imports"),
        pytest.param("sigma2hive.utils", "", id="no-layer"),
        pytest.param("sigma2hive.repository.rules", "from sigma.rule import SigmaRule", id="sigma"),
        pytest.param("sigma2hive.settings", "import yaml", id="yaml"),
        pytest.param("sigma2hive.workflows.check", "import click", id="click"),
        pytest.param("sigma2hive.sinks.thehive", "import thehive4py.client", id="thehive4py"),
        pytest.param("sigma2hive.sources.elastic", "import elasticsearch", id="elasticsearch"),
        pytest.param("sigma2hive.reports.html", "import jinja2", id="jinja2"),
    ],
)
def test_the_checker_finds_a_violation(module: str, source: str) -> None:
    assert len(violations(source, module, is_package=module == "sigma2hive.engine")) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("sigma2hive.cli.run", "import click\nfrom sigma2hive.workflows import check"),
        ("sigma2hive.engine.matcher", "from sigma2hive.model.events import Event"),
        ("sigma2hive.engine.matcher", "from .atoms import x\nfrom sigma2hive.engine import y"),
        ("sigma2hive.sigma.reading", "from sigma.rule import SigmaRule"),
        ("sigma2hive.cli", "from sigma2hive import __version__"),
        ("sigma2hive.model.folding", "from sigma2hive import data\nimport json"),
        ("sigma2hive.model.rules", "from sigma2hive.diagnostics import Location"),
    ],
)
def test_the_checker_lets_rightful_imports_pass(module: str, source: str) -> None:
    assert violations(source, module) == []
