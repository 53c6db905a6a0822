"""Compiling all rules beside sigma-cli: whole processes, in turn, on the same cores.

`sigma convert -t lucene` with the pipelines that its documentation names for Winlogbeat, and ours:
the target dsl, again with one rule changed, all targets, all again with one rule changed and with
nothing changed, and a check. Python keeps its bytecode, as it does of installed programs.
Each round runs all of them, so that whatever else the machine does slows all; the median counts.

    SIGMA_CLI=/path/to/sigma make bench-compile
    python -m bench.compile --rounds 1 --every 8
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import statistics
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.programs import ours
from bench.usage import Surroundings, Usage, usage_of

ROOT = Path(__file__).resolve().parent.parent
PIPELINES = ("sysmon", "windows-logsources", "ecs_windows")
#: How often memory is looked at.
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Row:
    """A command line, and how it starts: `cold` with nothing kept, `changed` with one rule new.

    `goal` is what is wanted of its wall time: seconds, or as a share of sigma-cli's.
    """

    name: str
    words: tuple[str, ...]
    goal: str = ""
    cold: bool = True
    changed: bool = False


def rows(rules: Path, sigma: Sequence[str]) -> list[Row]:
    """Return what is measured, sigma-cli first."""
    program = (*ours().words, "compile", "--rules", str(rules), "--profile", "winlogbeat")
    pipelines = [part for name in PIPELINES for part in ("-p", name)]
    convert = (*sigma, "convert", "-t", "lucene", *pipelines, "-s", "-o", "out.txt", str(rules))
    dsl = (*program, "--target", "dsl", "--output", "dsl")
    everything = (*program, "--target", "all", "--output", "all")
    return [
        Row("sigma convert -t lucene", convert),
        Row("dsl, cold", dsl, "at most 0.25 ×"),
        Row("dsl, one rule changed", dsl, "under 1.0 s", cold=False, changed=True),
        Row("all targets, cold", everything, "at most 1.5 ×"),
        Row("all targets, one rule changed", everything, "under 1.0 s", cold=False, changed=True),
        Row("all targets, nothing changed", everything, "", cold=False),
        Row("--check, cold", (*program, "--check", "--fail-on", "never"), "under 15 s"),
    ]


def main() -> None:
    """Print the table."""
    asked = _asked()
    sigma = tuple(shlex.split(os.environ.get("SIGMA_CLI", "sigma")))
    if shutil.which(sigma[0]) is None:
        sys.exit(f"skipped: no {sigma[0]} (pip install sigma-cli, or SIGMA_CLI=/path/to/sigma)")
    if not asked.rules.is_dir():
        sys.exit(f"skipped: no folder {asked.rules} (set SIGMA2HIVE_TEST_SHARED, or --rules)")
    with tempfile.TemporaryDirectory(prefix="sigma2hive-bench-") as name:
        folder = Path(name)
        files = _copied(asked.rules, folder / "rules", asked.every)
        wanted = rows(folder / "rules", sigma)
        taken: dict[Row, list[Usage]] = {row: [] for row in wanted}
        places = _Places(folder)
        for number in range(asked.rounds):
            for row in wanted:
                taken[row].append(_run(row, places, files))
                _tell(f"round {number + 1}", row, taken[row][-1])
        memory: dict[Row, float] = {}
        # In a round of its own: to look ten times a second slows what runs on all cores.
        for row in wanted:
            with _memory_of_children() as most:
                used = _run(row, places, files)
            memory[row] = most() or used.peak_mb
            _tell("memory ", row, replace(used, peak_mb=memory[row]))
        _show(taken, memory, len(files))


def _asked() -> argparse.Namespace:
    shared = Path(os.environ.get("SIGMA2HIVE_TEST_SHARED") or ROOT.parent / "shared")
    parser = argparse.ArgumentParser(description="Time and memory of compiling, beside sigma-cli")
    parser.add_argument("--rules", type=Path, default=shared / "data" / "sigmahq")
    parser.add_argument("--every", type=int, default=1, help="take every so many rule files")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def _copied(rules: Path, into: Path, every: int) -> list[Path]:
    """Copy rules into a folder in which one may be changed."""
    files = []
    for path in sorted(rules.rglob("*.yml"))[::every]:
        place = into / path.relative_to(rules)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
        files.append(place)
    return files


class _Places:
    """Folders for runs: new ones for each that starts cold, and none is removed meanwhile.

    ext4 passes over the inodes of files that were removed a moment ago, one by one, so that making
    files after a removal costs ten times as much: what one run left would be on another's account.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._made = folder, 0

    def place(self, *, is_new: bool) -> tuple[Path, Path]:
        """Return where a program runs, and where it keeps what it wants to know again."""
        self._made += is_new
        place = self._folder / str(self._made)
        (place / "here").mkdir(parents=True, exist_ok=True)
        return place / "here", place / "kept"


def _run(row: Row, places: _Places, files: Sequence[Path]) -> Usage:
    here, kept = places.place(is_new=row.cold)
    if row.changed:
        file = files[len(files) // 2]
        file.write_text(file.read_text("utf-8") + "# changed\n", "utf-8")
    environment = {**os.environ, "XDG_CACHE_HOME": str(kept)}
    # Without bytecode each start compiles this program's text anew: no installation does.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    usage = usage_of(row.words, Surroundings(here, environment, 1800))
    if not usage.is_good:
        last = (here / "stderr").read_text("utf-8", "replace").strip().splitlines()[-3:]
        sys.exit(f"{row.name}: exit code {usage.exit_code}: {' / '.join(last)}")
    return usage


@contextmanager
def _memory_of_children() -> Iterator[Callable[[], float | None]]:
    """Look at the memory of all processes below this one meanwhile; what they share counts once."""
    most: list[float] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_SECONDS):
            most.append(sum(map(_memory_mb, _below(os.getpid()))))

    thread = threading.Thread(target=look, daemon=True)
    if Path("/proc/self/smaps_rollup").exists():
        thread.start()
    try:
        yield lambda: max(most, default=None)
    finally:
        ended.set()
        if thread.is_alive():
            thread.join()


def _below(pid: int) -> Iterator[int]:
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(word) for word in path.read_text().split()]
        except OSError:
            continue
        for child in children:
            yield child
            yield from _below(child)


def _memory_mb(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1000
    except OSError:
        pass  # it has ended
    return 0


def _tell(what: str, row: Row, used: Usage) -> None:
    print(
        f"{what} {used.cpu_seconds:8.2f} s CPU {used.wall_seconds:8.2f} s "
        f"{used.peak_mb:6.0f} MB  {row.name}",
        file=sys.stderr,
        flush=True,
    )


def _show(taken: dict[Row, list[Usage]], memory: dict[Row, float], rules: int) -> None:
    """Print the medians, and the median of each round's share of sigma-cli's."""
    print(f"\n{rules:,} rule files, {os.cpu_count()} cores, load {os.getloadavg()[0]:.0f}\n")
    print("| | wall, s | × sigma-cli | CPU, s | × sigma-cli | all processes, MB | wanted, wall |")
    print("|---|---|---|---|---|---|---|")
    first = next(iter(taken.values()))
    for row, runs in taken.items():
        wall = statistics.median(run.wall_seconds for run in runs)
        cpu = statistics.median(run.cpu_seconds for run in runs)
        pairs = list(zip(runs, first, strict=True))
        walls = statistics.median(a.wall_seconds / b.wall_seconds for a, b in pairs)
        cpus = statistics.median(a.cpu_seconds / b.cpu_seconds for a, b in pairs)
        print(
            f"| {row.name} | {wall:.2f} | {walls:.2f} | {cpu:.2f} | {cpus:.2f} | "
            f"{memory[row]:.0f} | {row.goal} |"
        )


if __name__ == "__main__":
    main()
