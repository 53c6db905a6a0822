"""Rules made ready for a profile, and the targets that write them for others."""

from collections.abc import Mapping

from sigma2hive.compiler.blindness import Blindness, find_blindness
from sigma2hive.compiler.dsl import DslQuery, DslTarget, Residual, compile_query
from sigma2hive.compiler.forms import condition_as_json
from sigma2hive.compiler.rules import Compiled, compile_all
from sigma2hive.compiler.targets import Artefact, Refusal, Target, emit_all

__all__ = [
    "TARGETS",
    "Artefact",
    "Blindness",
    "Compiled",
    "DslQuery",
    "Refusal",
    "Residual",
    "Target",
    "compile_all",
    "compile_query",
    "condition_as_json",
    "emit_all",
    "find_blindness",
]

#: What `compile --target` takes.
TARGETS: Mapping[str, Target] = {target.name: target for target in (DslTarget(),)}
