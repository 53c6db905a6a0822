"""Rules made ready for a profile, and (in time) the targets that write them for others."""

from sigma2hive.compiler.forms import condition_as_json
from sigma2hive.compiler.rules import Compiled, compile_all

__all__ = ["Compiled", "compile_all", "condition_as_json"]
