"""Rules written for Kibana, out of files or out of text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema

from sigma2hive.compiler import Artefact, Refusal, compile_all, emit_all
from sigma2hive.compiler.kibana import KibanaTarget
from sigma2hive.compiler.kibana.filling import Filling
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import Compiled
from sigma2hive.repository import load_repository
from sigma2hive.schema import load_profile
from sigma2hive.settings.keys import KibanaRuleSettings

RULE_ID = "5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d"


def profile_named(name: str) -> Profile:
    found = load_profile(name, None, Diagnostics())
    assert found is not None
    return found


def compiled_for(paths: Sequence[Path], root: Path, profile: Profile) -> Compiled:
    repository = load_repository(list(paths), root, {}, Diagnostics())
    return compile_all(repository, profile, Diagnostics())


def emitted(
    paths: Sequence[Path], root: Path, profile: str, settings: KibanaRuleSettings | None = None
) -> list[Artefact | Refusal]:
    found = profile_named(profile)
    target = KibanaTarget(Filling(settings or KibanaRuleSettings(), found))
    return [made for _, made in emit_all(target, compiled_for(paths, root, found))]


def rule_of(
    folder: Path, text: str, profile: str = "winlogbeat", settings: KibanaRuleSettings | None = None
) -> dict[str, Any]:
    """Return the only detection rule that a file of Sigma rules becomes."""
    path = folder / "rule.yml"
    path.write_text(text, encoding="utf-8")
    made = emitted([path], folder, profile, settings)
    (artefact,) = (entry for entry in made if isinstance(entry, Artefact))
    body: dict[str, Any] = json.loads(artefact.text)
    return body


def refusals_of(folder: Path, text: str, profile: str = "winlogbeat") -> list[tuple[str, str]]:
    """Return code and message of every refusal."""
    path = folder / "rule.yml"
    path.write_text(text, encoding="utf-8")
    return [
        (finding.code, finding.message)
        for entry in emitted([path], folder, profile)
        if isinstance(entry, Refusal)
        for finding in entry.findings
    ]


def validator(shared: Path, kind: str) -> jsonschema.Draft4Validator:
    """Return the published schema of a type of rule."""
    path = shared / f"data/kibana/9.5.{kind}.json"
    return jsonschema.Draft4Validator(json.loads(path.read_text(encoding="utf-8")))
