"""All Windows rules over real events: ours beside the peers that are there, whole processes.

Every program runs in turn, round after round, on the same rules and events, so that whatever else
the machine does slows all of them; the median of the rounds counts. Events per CPU second leave
out what a run costs that has one event only: events / (CPU with all - CPU with one).

    make bench-engine
    python -m bench.engine --data DATA --events 20000 --rounds 1 --only rsigma
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.data_sets import DataSet, cut, evtx_sets, flat_file, half_of
from bench.programs import (
    EVTX,
    NDJSON,
    Program,
    Task,
    ours,
    ours_into_ecs,
    ours_looking_back,
    peers,
)
from bench.usage import Surroundings, Usage, usage_of

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Job:
    """One program on one set of rules and events.

    `cold`: with nothing kept from earlier runs; `changed`: one rule changed since the last.
    """

    program: Program
    rules: Path
    data: DataSet
    cold: bool = False
    changed: bool = False

    @property
    def name(self) -> str:
        """The program, and what is special."""
        special = " (cold)" if self.cold else " (one changed rule)" if self.changed else ""
        return f"{self.program.name}{special}"


@dataclass(slots=True)
class Outcome:
    """What the rounds of one job took, and how many hits the program told of."""

    usages: list[Usage] = field(default_factory=list)
    hits: int | None = None

    def middle(self, part: Callable[[Usage], float]) -> float | None:
        """Return the median over the rounds, None where one did not end well, or not in time."""
        if not self.usages or not all(usage.is_good for usage in self.usages):
            return None
        return statistics.median(map(part, self.usages))

    @property
    def cpu(self) -> float | None:
        """CPU seconds."""
        return self.middle(lambda usage: usage.cpu_seconds)


def main() -> None:
    """Print the tables."""
    asked = _asked()
    if not asked.rules.is_dir():
        sys.exit(f"skipped: no folder {asked.rules} (set SIGMA2HIVE_TEST_SHARED, or --rules)")
    if not asked.data.is_dir():
        sys.exit(f"skipped: no folder {asked.data} (set SIGMA2HIVE_BENCH_DATA; bench/README.md)")
    there, absent = peers()
    others = [program for program in there if not asked.only or program.name in asked.only]
    for reason in absent:
        print(f"absent: {reason}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="sigma2hive-bench-") as name:
        bench = Bench(Path(name), asked.rules, asked.limit)
        programs = [ours(), *others]
        for table in _tables(bench, asked, programs):
            bench.measure(table.jobs, asked.rounds)
            table.show(bench)


def _asked() -> argparse.Namespace:
    shared = Path(os.environ.get("SIGMA2HIVE_TEST_SHARED") or ROOT.parent / "shared")
    data = Path(os.environ.get("SIGMA2HIVE_BENCH_DATA") or ROOT.parent / "data")
    rules = shared / "data" / "sigmahq" / "rules" / "windows"
    parser = argparse.ArgumentParser(description="Speed and memory of the engine, beside peers")
    parser.add_argument("--data", type=Path, default=data, help="what bench.windows_events wrote")
    parser.add_argument("--rules", type=Path, default=rules)
    parser.add_argument("--flat", default="windows-flat.ndjson", help="the file of flat events")
    parser.add_argument("--raw", default="windows-raw.ndjson", help="the same as raw events")
    parser.add_argument("--events", type=int, default=100_000, help="how many flat events")
    parser.add_argument("--small", type=int, default=8_000, help="events of the small run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=600, help="seconds that one run may take")
    parser.add_argument("--only", action="append", help="a peer to take (repeatable)")
    parser.add_argument(
        "--table",
        action="append",
        choices=["flat", "ecs", "evtx", "small", "scaling"],
        help="what to do",
    )
    return parser.parse_args()


class Bench:
    """Runs jobs in a folder of its own and keeps what they took."""

    def __init__(self, folder: Path, rules: Path, limit_seconds: float) -> None:
        self.folder = folder
        self.rules = rules
        self._limit = limit_seconds
        self._outcomes: dict[Job, Outcome] = {}
        self._converted: dict[tuple[str, Path], Path] = {}
        self._warm: set[tuple[str, Path, str]] = set()

    def of(self, job: Job) -> Outcome:
        """Return what a job took, nothing where it was not measured."""
        return self._outcomes.get(job, Outcome())

    def measure(self, jobs: Iterable[Job], rounds: int) -> None:
        """Run what has not run yet, every job once a round."""
        wanted = [job for job in dict.fromkeys(jobs) if job not in self._outcomes]
        for number in range(rounds):
            for job in wanted:
                self._run(job, number)

    def _run(self, job: Job, number: int) -> None:
        outcome = self._outcomes.setdefault(job, Outcome())
        if outcome.usages and not outcome.usages[-1].is_good:
            return  # it would fail again
        kept = self.folder / "kept" / job.program.name
        fresh = self.folder / "fresh"
        warm_key = (job.program.name, job.rules, job.data.form)
        task = Task(self._rules_of(job), job.data.path, job.data.form)
        if not job.cold and warm_key not in self._warm:
            self._warm.add(warm_key)
            one = Task(task.rules, job.data.one.path, job.data.form)
            self._once(job.program, job.program.command(one), kept)
        if job.changed:
            _change_one(task.rules)
        usage, folder = self._once(
            job.program, job.program.command(task), fresh if job.cold else kept
        )
        outcome.usages.append(usage)
        outcome.hits = job.program.kind.hits(folder) if usage.is_good else None
        shutil.rmtree(fresh, ignore_errors=True)
        told = f"{usage.cpu_seconds:8.2f} s CPU {usage.wall_seconds:8.2f} s {usage.peak_mb:6.0f} MB"
        print(
            f"round {number + 1} {told}  {job.name}: {job.data.name}", file=sys.stderr, flush=True
        )
        if not usage.is_good:
            lines = (folder / "stderr").read_text("utf-8", "replace").strip().splitlines()[-3:]
            reason = f"exit code {usage.exit_code}" if usage.ended else "ended by --limit"
            print(f"  {reason}: {' / '.join(lines)}", file=sys.stderr)

    def _once(self, program: Program, command: Sequence[str], kept: Path) -> tuple[Usage, Path]:
        """Run a program in an empty folder; what it keeps between runs goes into another."""
        folder = self.folder / "here"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        kept.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            **dict(program.kind.environment),
            "XDG_CACHE_HOME": str(kept),
            "SIGMA2HIVE_STATE": str(folder / "state"),
        }
        return usage_of(command, Surroundings(folder, environment, self._limit)), folder

    def _rules_of(self, job: Job) -> Path:
        """Return the folder with the rules, or what the program made of it once, unmeasured."""
        kind, key = job.program.kind, (job.program.name, job.rules)
        if kind.convert is None:
            return job.rules
        if key not in self._converted:
            task = Task(job.rules, job.data.one.path, job.data.form)
            command = [*job.program.words, *kind.convert(job.program, task)]
            _, folder = self._once(job.program, command, self.folder / "fresh")
            made = next(folder.glob(kind.converted), None)
            if made is None:
                sys.exit(f"{job.program.name} made no {kind.converted} of {job.rules}")
            target = self.folder / f"{job.program.name}-{len(self._converted)}{made.suffix}"
            self._converted[key] = made.rename(target)
        return self._converted[key]


@dataclass(frozen=True, slots=True)
class Table:
    """The jobs that a table needs, and what prints it."""

    jobs: Sequence[Job]
    show: Callable[[Bench], None]


def _tables(
    bench: Bench, asked: argparse.Namespace, programs: Sequence[Program]
) -> Iterable[Table]:
    wanted = asked.table or ["flat", "ecs", "evtx", "small", "scaling"]
    flat, raw = asked.data / asked.flat, asked.data / asked.raw
    if {"flat", "ecs", "small", "scaling"} & set(wanted) and flat.is_file():
        whole = flat_file(flat, bench.folder, asked.events)
        readers = [program for program in programs if NDJSON in program.kind.forms]
        if "flat" in wanted:
            yield _throughput(_each(bench, [*readers, ours_looking_back()], whole))
        if "ecs" in wanted and raw.is_file():
            raws = flat_file(raw, bench.folder / "raw", asked.events)
            into_ecs = [Job(ours_into_ecs(), bench.rules, raws)]
            yield _throughput([*into_ecs, *_each(bench, readers, whole)])
        if "small" in wanted:
            yield _small(bench, readers, cut(whole, bench.folder, asked.small))
        if "scaling" in wanted:
            yield _scaling(bench, readers, whole)
    if "evtx" in wanted and (asked.data / "evtx").is_dir():
        readers = [program for program in programs if EVTX in program.kind.forms]
        readers.append(ours_looking_back())
        logs = evtx_sets(asked.data / "evtx", bench.folder)
        yield _throughput(_each(bench, readers, logs))


def _each(bench: Bench, programs: Iterable[Program], data: DataSet) -> list[Job]:
    return [Job(program, bench.rules, data) for program in programs]


def _throughput(measured: Sequence[Job]) -> Table:
    """Events per CPU second, with what a run costs that has next to none."""
    data = measured[0].data

    def show(bench: Bench) -> None:
        print(f"\n{bench.rules.name} rules over {data.name} ({data.megabytes:,.0f} MB)\n")
        print(
            "| | hits | CPU, first event, s | CPU, all, s | wall, s | peak MB | events per CPU s |"
            " ours is |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for job in measured:
            first, whole = bench.of(_first(job)), bench.of(job)
            cells = [
                _shown(whole.hits, 0),
                _shown(first.cpu, 2),
                _shown(whole.cpu, 2),
                _shown(whole.middle(_wall), 2),
                _shown(whole.middle(_peak), 0),
                _shown(_speed(bench, job), 0),
                _times(_speed(bench, measured[0]), _speed(bench, job)),
            ]
            print(f"| {job.program.name} | {' | '.join(cells)} |", flush=True)

    return Table([part for job in measured for part in (_first(job), job)], show)


def _speed(bench: Bench, job: Job) -> float | None:
    seconds = _matching(bench, job)
    return None if seconds is None else (job.data.events - job.data.one.events) / seconds


def _small(bench: Bench, programs: Sequence[Program], data: DataSet) -> Table:
    """A small run as a person waits for it; what earlier runs of ours kept is there, or is not."""
    jobs = [Job(program, bench.rules, data) for program in programs]
    ours = programs[0]
    copied = shutil.copytree(bench.rules, bench.folder / "changing")
    jobs.insert(1, Job(ours, bench.rules, data, cold=True))
    jobs.insert(2, Job(ours, copied, data, changed=True))

    def show(bench: Bench) -> None:
        print(f"\nA small run: {bench.rules.name} rules over {data.name}\n")
        print("| | CPU, s | wall, s | peak MB |\n|---|---|---|---|")
        for job in jobs:
            outcome = bench.of(job)
            cells = [
                _shown(outcome.cpu, 2),
                _shown(outcome.middle(_wall), 2),
                _shown(outcome.middle(_peak), 0),
            ]
            print(f"| {job.name} | {' | '.join(cells)} |", flush=True)

    return Table(jobs, show)


def _change_one(rules: Path) -> None:
    """Change the middle one of the rules in a folder that is ours."""
    files = sorted(rules.rglob("*.yml"))
    with files[len(files) // 2].open("a", encoding="utf-8") as stream:
        stream.write("# changed\n")


def _scaling(bench: Bench, programs: Sequence[Program], whole: DataSet) -> Table:
    """Twice the rules, and ten times the events: ratios of CPU time and of memory."""
    half = half_of(bench.rules, bench.folder)
    tenth = cut(whole, bench.folder, whole.events // 10)
    rows = [
        (label, Job(program, rules, data), Job(program, bench.rules, whole))
        for label, rules, data in (
            ("twice the rules", half, whole),
            ("ten times the events", bench.rules, tenth),
        )
        for program in programs
    ]
    measured = [job for _, *pair in rows for job in pair]

    def show(bench: Bench) -> None:
        print(f"\nWith {whole.name}; matching is what is more than with the first event alone\n")
        print("| | | CPU, s | times | matching, s | times | peak MB | times |")
        print("|---|---|---|---|---|---|---|---|")
        for label, less, more in rows:
            cells = [
                _growth(bench.of(less).cpu, bench.of(more).cpu, 2),
                _growth(_matching(bench, less), _matching(bench, more), 2),
                _growth(bench.of(less).middle(_peak), bench.of(more).middle(_peak), 0),
            ]
            print(f"| {label} | {less.program.name} | {' | '.join(cells)} |", flush=True)

    return Table([*measured, *map(_first, measured)], show)


def _first(job: Job) -> Job:
    return replace(job, data=job.data.one)


def _matching(bench: Bench, job: Job) -> float | None:
    """Return the CPU seconds that the events took, those of starting left out."""
    first, whole = bench.of(_first(job)).cpu, bench.of(job).cpu
    return None if first is None or whole is None or whole <= first else whole - first


def _growth(before: float | None, after: float | None, digits: int) -> str:
    return f"{_shown(before, digits)} → {_shown(after, digits)} | {_times(after, before)}"


def _wall(usage: Usage) -> float:
    return usage.wall_seconds


def _peak(usage: Usage) -> float:
    return usage.peak_mb


def _shown(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _times(value: float | None, other: float | None) -> str:
    return f"{value / other:,.2f} ×" if value is not None and other else "–"


if __name__ == "__main__":
    main()
