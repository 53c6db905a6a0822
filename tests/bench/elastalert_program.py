"""A real ElastAlert 2, in a virtual environment of its own that is made once and kept.

Takes a folder for it; gives what runs it on folders of rules. It needs Python 3.12 or 3.13, which a
machine may have beside the one that runs the tests: SIGMA2HIVE_TEST_ELASTALERT_PYTHON, the path and
pyenv's folder are looked at.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.missing import MissingPart

VERSION = "2.31.0"
DRIVER = Path(__file__).parent / "elastalert_driver.py"
_VARIABLE = "SIGMA2HIVE_TEST_ELASTALERT_PYTHON"
#: Read on import: what tests see is an environment without it.
_GIVEN = os.environ.get(_VARIABLE) or ""
_NAMES = ("python3.12", "python3.13")
#: Seconds to install it, and for one call.
_INSTALL_SECONDS = 600
_CALL_SECONDS = 900
#: How we know that an installation came to its end.
_READY = "ready"


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a call: names of the rules, matches by name, what it wrote to its log."""

    rules: list[str]
    matches: Mapping[str, int]
    disabled: list[str]
    log: str


@dataclass(frozen=True, slots=True)
class Elastalert:
    """ElastAlert 2 at `home`."""

    home: Path

    def run(
        self,
        config: Mapping[str, Any],
        environment: Mapping[str, str],
        start: str = "",
        end: str = "",
    ) -> Ran:
        """Load the rules that `config` names, and run each once from `start` to `end`."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "config.yaml"
            path.write_text(json.dumps(config), encoding="ascii")
            done = self._call(["-P", str(DRIVER), str(path), start, end], environment, folder)
        assert done.returncode == 0, done.stderr[-5000:]
        return Ran(**json.loads(done.stdout), log=done.stderr)

    def make_indices(self, config: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        """Make the indices that ElastAlert keeps its state in."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "config.yaml"
            path.write_text(json.dumps(config), encoding="ascii")
            module = ["-m", "elastalert.create_index", "--config", str(path)]
            done = self._call(module, environment, folder)
        assert done.returncode == 0, done.stderr[-5000:] + done.stdout[-2000:]

    def _call(
        self, arguments: list[str], environment: Mapping[str, str], folder: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.home / "bin" / "python"), *arguments],
            cwd=folder,
            env={"PATH": os.defpath, "HOME": folder, **environment},
            capture_output=True,
            text=True,
            timeout=_CALL_SECONDS,
            check=False,
        )


def installed_elastalert(folder: Path, home: Path) -> Elastalert:
    """Return the ElastAlert 2 that is kept in `folder`, made there if need be.

    Raises:
        MissingPart: there is no interpreter for it, or it cannot be downloaded.
    """
    kept = folder / f"elastalert2-{VERSION}"
    if not (kept / _READY).exists():
        python = _interpreter(home)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(kept, ignore_errors=True)
        subprocess.run([python, "-m", "venv", str(kept)], check=True, capture_output=True)
        _install(kept)
        (kept / _READY).touch()
    return Elastalert(kept)


def _install(kept: Path) -> None:
    pip = [str(kept / "bin" / "python"), "-m", "pip", "install", "-q", "--no-input"]
    done = subprocess.run(
        [*pip, f"elastalert2=={VERSION}"],
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
        check=False,
    )
    if done.returncode:
        raise MissingPart(f"elastalert2 {VERSION} cannot be installed: {done.stderr[-1000:]}")


def _interpreter(home: Path) -> str:
    for candidate in _candidates(home):
        if candidate and Path(candidate).is_file():
            return candidate
    raise MissingPart(
        f"ElastAlert 2 {VERSION} needs Python 3.12 or 3.13, and there is none "
        f"({_VARIABLE} names one)"
    )


def _candidates(home: Path) -> Iterator[str]:
    yield _GIVEN
    if sys.version_info[:2] in ((3, 12), (3, 13)):
        yield sys.executable
    for name in _NAMES:
        for root in sorted((home / ".pyenv" / "versions").glob(f"{name[6:]}*"), reverse=True):
            yield str(root / "bin" / name)
        # pyenv's own stand-in answers for versions that are not chosen, so it comes last.
        yield shutil.which(name) or ""
