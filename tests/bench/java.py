"""Finds a Java on this machine.

Takes the environment and the usual folders; gives a Java's home. Never installs one.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.bench.missing import MissingPart

#: Where Linux distributions and macOS keep theirs.
_FOLDERS = (Path("/usr/lib/jvm"), Path("/usr/java"), Path("/Library/Java/JavaVirtualMachines"))


def find_java(at_least: int, environment: Mapping[str, str]) -> Path:
    """Return the home of a Java of version `at_least` or newer, the first that runs.

    Raises:
        MissingPart: there is none; says which ones were looked at.
    """
    seen = []
    for home in dict.fromkeys(_candidates(environment)):
        version = java_version(home)
        if version >= at_least:
            return home
        seen.append(f"{home} is {'no Java' if not version else f'Java {version}'}")
    found = "; ".join(seen) or "found none"
    raise MissingPart(f"Java {at_least} or newer is needed: {found} (set ES_JAVA_HOME)")


def java_version(home: Path) -> int:
    """Return the major version of the Java in `home`, 0 where none runs there."""
    try:
        told = subprocess.run(
            [home / "bin" / "java", "-version"],
            check=False,
            capture_output=True,
            text=True,
            timeout=30,
        ).stderr
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    return int(found[1]) if found else 0


def _candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    # JAVA_HOME_21_X64 and the like are what hosted CI machines set.
    ranked = sorted(name for name in environment if re.fullmatch(r"JAVA_HOME_\d+_\w+", name))
    for name in ("ES_JAVA_HOME", "JAVA_HOME", *ranked):
        if environment.get(name):
            yield Path(environment[name])
    if on_path := shutil.which("java", path=environment.get("PATH", os.defpath)):
        yield Path(on_path).resolve().parent.parent
    for folder in _FOLDERS:
        if folder.is_dir():
            for home in sorted(folder.iterdir(), reverse=True):
                bundle = home / "Contents" / "Home"
                yield bundle if bundle.is_dir() else home
