"""Builds the native library, when sigma2hive is installed: a build hook of hatchling.

It needs no headers of Python, since the library knows nothing of it. Where the machine has a C
compiler (`CC`, `cc`, `gcc` or `clang`) that is taken, else the one that PyPI's `ziglang` brings.
`SIGMA2HIVE_NATIVE=0` leaves it out: everything works without, several times slower where it counts.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("src/sigma2hive/native")
#: The names are also in src/sigma2hive/native/library.py.
BUILT, SWITCH = FOLDER / "scan.native", "SIGMA2HIVE_NATIVE"
SOURCES = tuple(FOLDER / name for name in ("scan.c", "search.c"))
FLAGS = ("-std=c11", "-O3", "-fPIC", "-shared", "-fvisibility=hidden")
ZIG = "ziglang>=0.14"


def compiler() -> list[str] | None:
    """Return the command of this machine's C compiler."""
    if named := os.environ.get("CC"):
        return shlex.split(named)
    found = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    return [found] if found else None


class NativeHook(BuildHookInterface[Any]):
    """Compiles the library and puts it into what is installed."""

    def dependencies(self) -> list[str]:
        """Return what the build needs from PyPI."""
        return [] if compiler() or os.environ.get(SWITCH) == "0" else [ZIG]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Compile; a source distribution holds only the source."""
        built = Path(self.root) / BUILT
        with suppress(OSError):  # what may not be written may be used
            built.unlink(missing_ok=True)
        if self.target_name != "wheel" or os.environ.get(SWITCH) == "0":
            return
        command = compiler() or [sys.executable, "-m", "ziglang", "cc"]
        # Made beside it and moved, so that a process that uses the last one keeps that.
        made = built.with_suffix(f".{os.getpid()}")
        try:
            subprocess.run(
                [
                    *command,
                    *FLAGS,
                    "-o",
                    str(made),
                    *(str(Path(self.root) / name) for name in SOURCES),
                ],
                check=True,
            )
            made.replace(built)
        except (OSError, subprocess.CalledProcessError) as error:
            with suppress(OSError):
                made.unlink(missing_ok=True)
            self.app.display_warning(
                f"the native library was not built, reading events will be slower: {error}"
            )
            return
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"
        build_data["artifacts"].append(BUILT.as_posix())
