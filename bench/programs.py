"""The programs that bench.engine compares: ours, and those of the peers that are there.

Takes where each is (the path, or an environment variable with the words of its command line);
gives the command that matches all rules of a folder on all events of a file or folder, and how
its hits are counted. One entry of `KNOWN` is all that a program needs.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

NDJSON, EVTX = "NDJSON", ".evtx"


@dataclass(frozen=True, slots=True)
class Task:
    """All rules of a folder over events: a file of NDJSON, or a folder with .evtx files."""

    rules: Path
    events: Path
    form: str


@dataclass(frozen=True, slots=True)
class Program:
    """One program: its name, the words that start it, and what is known of its command line."""

    name: str
    words: tuple[str, ...]
    kind: Kind

    def command(self, task: Task) -> list[str]:
        """Return the command line for a task."""
        return [*self.words, *self.kind.arguments(self, task)]

    @property
    def beside(self) -> Path:
        """The folder of the program's file: the last word that is one."""
        for word in reversed(self.words):
            found = shutil.which(word) or word
            if Path(found).is_file():
                return Path(found).resolve().parent
        return Path()


@dataclass(frozen=True, slots=True)
class Kind:
    """How a program is called and what it reads.

    `hits` takes the folder that it ran in; None where it does not say. `convert` gives the command
    that turns a folder of rules into `converted`, a pattern in the folder that it ran in, for a
    program that would otherwise do so in every run.
    """

    forms: frozenset[str]
    arguments: Callable[[Program, Task], Sequence[str]]
    hits: Callable[[Path], int | None]
    convert: Callable[[Program, Task], Sequence[str]] | None = None
    converted: str = ""
    missing: Callable[[Program], str | None] = lambda _program: None
    environment: tuple[tuple[str, str], ...] = ()


def ours() -> Program:
    """Return our own program, of the environment that this one runs in."""
    found = Path(sys.executable).parent / "sigma2hive"
    return Program(
        "sigma2hive", tuple(shlex.split(os.environ.get("SIGMA2HIVE", str(found)))), _OURS
    )


def ours_looking_back() -> Program:
    """Return our own program as a back-test: the same matching, counted and not made alerts of."""
    return replace(ours(), name="sigma2hive backtest", kind=_BACKTEST)


def ours_into_ecs() -> Program:
    """Return our own program as it brings raw Windows events into the fields of an index first."""
    return replace(ours(), name="sigma2hive, into ECS", kind=_INTO_ECS)


def peers() -> tuple[list[Program], list[str]]:
    """Return the peers that are there, and in words what is not, and why."""
    there, absent = [], []
    for name, kind in KNOWN.items():
        words = tuple(shlex.split(os.environ.get(name.upper(), name)))
        program = Program(name, words, kind)
        if not words or shutil.which(words[0]) is None:
            absent.append(f"{name}: not on the path, and {name.upper()} does not name it")
        elif reason := kind.missing(program):
            absent.append(f"{name}: {reason}")
        else:
            there.append(program)
    return there, absent


# --- ours: the only place that knows our command line ---

#: Reads both forms, in Sigma's own field names as the peers do.
PROFILE = "windows-flat"


def _our_arguments(_program: Program, task: Task) -> Sequence[str]:
    return _our_run(PROFILE, task)


def _our_run_into_ecs(_program: Program, task: Task) -> Sequence[str]:
    return _our_run("winlogbeat", task)


def _our_run(profile: str, task: Task) -> Sequence[str]:
    where = ("--rules", str(task.rules), "--events", str(task.events))
    # On one thread, as the peers are run.
    return ("run", "--once", "--dry-run", "--processes", "1", "--profile", profile, *where)


def _our_backtest(_program: Program, task: Task) -> Sequence[str]:
    where = ("--rules", str(task.rules), "--events", str(task.events))
    return ("backtest", "--profile", PROFILE, *where)


def _our_hits(folder: Path) -> int | None:
    """Read the line that ends every run and back-test: "… events, … rules, … alerts …"."""
    counts = re.findall(r"([\d,]+) alerts?\b", _tail(folder / "stdout"))
    return int(counts[-1].replace(",", "")) if counts else None


_OURS = Kind(frozenset({NDJSON, EVTX}), _our_arguments, _our_hits)
_INTO_ECS = Kind(frozenset({NDJSON, EVTX}), _our_run_into_ecs, _our_hits)
_BACKTEST = Kind(frozenset({NDJSON, EVTX}), _our_backtest, _our_hits)


# --- peers ---


def _rsigma(_program: Program, task: Task) -> Sequence[str]:
    return ("--quiet", "engine", "eval", "-r", str(task.rules), "-e", f"@{task.events}")


def _zircolite(program: Program, task: Task) -> Sequence[str]:
    form = ("--json-input",) if task.form == NDJSON else ()
    events = ("--events", str(task.events), *form, "--ruleset", str(task.rules))
    return (*events, "--config", str(_zircolite_config(program)), "--no-parallel", "--quiet")


def _zircolite_convert(program: Program, task: Task) -> Sequence[str]:
    return (*_zircolite(program, task), "-sr", "-p", "sysmon", "-p", "windows-logsources")


def _zircolite_config(program: Program) -> Path:
    return program.beside / "config" / "config.yaml"


def _zircolite_missing(program: Program) -> str | None:
    config = _zircolite_config(program)
    return None if config.is_file() else f"no {config.name} in config/ beside it"


def _zircolite_hits(folder: Path) -> int | None:
    found = folder / "detected_events.json"
    return (
        sum(rule["count"] for rule in json.loads(found.read_bytes())) if found.is_file() else None
    )


def _chainsaw(program: Program, task: Task) -> Sequence[str]:
    rules = ("--sigma", str(task.rules), "--mapping", str(_chainsaw_mapping(program)))
    options = (
        "--num-threads",
        "1",
        "--no-banner",
        "hunt",
        "--jsonl",
        "-q",
        "--preprocess",
        "--skip-errors",
    )
    return (*options, *rules, str(task.events))


def _chainsaw_mapping(program: Program) -> Path:
    usual = program.beside / "mappings" / "sigma-event-logs-all.yml"
    return Path(os.environ.get("CHAINSAW_MAPPING", usual))


def _chainsaw_missing(program: Program) -> str | None:
    there = _chainsaw_mapping(program).is_file()
    return None if there else "no mappings/ beside it, and CHAINSAW_MAPPING names no file"


def _hayabusa(program: Program, task: Task) -> Sequence[str]:
    """Hayabusa reads no rules but its own conversion of SigmaHQ's, whatever the task says."""
    rules = ("--rules", str(_hayabusa_rules(program)), "--directory", str(task.events))
    options = ("--no-wizard", "--quiet", "--quiet-errors", "--no-summary", "--threads", "1")
    output = ("--output-type", "jsonl", "--output", "hits.jsonl", "--clobber")
    return ("dfir-timeline", *rules, *options, *output)


def _hayabusa_rules(program: Program) -> Path:
    return Path(os.environ.get("HAYABUSA_RULES", program.beside / "rules" / "sigma"))


def _hayabusa_missing(program: Program) -> str | None:
    there = _hayabusa_rules(program).is_dir()
    return None if there else "no rules/sigma beside it, and HAYABUSA_RULES names no folder"


def _lines_of(name: str) -> Callable[[Path], int | None]:
    def count(folder: Path) -> int | None:
        if not (folder / name).is_file():
            return None
        with (folder / name).open("rb") as stream:
            return sum(1 for line in stream if line.strip())

    return count


def _tail(path: Path, size: int = 4096) -> str:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - size))
        return stream.read().decode("utf-8", "replace")


KNOWN = {
    "rsigma": Kind(frozenset({NDJSON}), _rsigma, _lines_of("stdout")),
    "zircolite": Kind(
        frozenset({NDJSON, EVTX}),
        _zircolite,
        _zircolite_hits,
        convert=_zircolite_convert,
        converted="ruleset-*.json",
        missing=_zircolite_missing,
    ),
    "chainsaw": Kind(
        frozenset({EVTX}),
        _chainsaw,
        _lines_of("stdout"),
        missing=_chainsaw_missing,
        environment=(("RAYON_NUM_THREADS", "1"),),
    ),
    "hayabusa": Kind(
        frozenset({EVTX}), _hayabusa, _lines_of("hits.jsonl"), missing=_hayabusa_missing
    ),
}
