"""What `compile` does: every rule of a project written by targets, each into its folder.

Takes what a command line asks for; gives what was written and what was left out. A rule is read and
compiled once for all targets, and what an earlier start made of it is made again only where it is
not in its folder any more. Never prints and never asks a server.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path

from sigma2hive.compiler.targets import Artefact, Gathering, Refusal, Target
from sigma2hive.diagnostics import Diagnostic, Diagnostics, Location
from sigma2hive.model.rules import Compiled, CompiledRule
from sigma2hive.records import dataclass
from sigma2hive.workflows.artefacts import (
    Changes,
    Standing,
    apply_changes,
    digest_of,
    files_of,
    plan_changes,
    read_artefact,
)
from sigma2hive.workflows.cores import Later, at_once, begun, meanwhile
from sigma2hive.workflows.emitting import Asked, Emitted, Emitters
from sigma2hive.workflows.kept_artefacts import Files, KeptArtefacts, Refused, load_kept, save_kept
from sigma2hive.workflows.looks import Look, Seen, inside_still, seen_of
from sigma2hive.workflows.made import LookOf
from sigma2hive.workflows.places import Output, Place
from sigma2hive.workflows.project import Project, ProjectOptions, load_project
from sigma2hive.workflows.store import without_collection
from sigma2hive.workflows.writing import telling_of_disk

#: Findings that say that rules are not there, or cannot be read. Nothing is written then: all that
#: was made of them would look left out.
NOT_THERE = frozenset({"S2H101", "S2H108"})

#: What tells how some folders were seen.
AllSeen = Callable[[], Sequence[Seen]]


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the rules: `changes` is None where nothing was attempted.

    `refusals` say what the target cannot say, `left_out` where that stands, `only_counted` what has
    no file of its own, since it only feeds correlations.
    """

    place: Place
    changes: Changes | None
    refusals: Diagnostics
    left_out: tuple[Location, ...]
    only_counted: tuple[Location, ...]


def write_targets(options: ProjectOptions, output: Output) -> tuple[Project, list[Written]]:
    """Make each folder hold an artefact for each rule and correlation, and none of ours besides.

    Where a path is not there or cannot be read, or no rule can be used, the folders stay as they
    are.

    Raises:
        ConfigurationError: settings, profile or mappings cannot be used; a folder cannot be
            written, or holds something else in our place.
    """
    folders = [place.folder for place in output.places]
    with meanwhile() as later, _seen_of(folders) as seen, without_collection():
        return _write_targets(options, output, later, seen)


@contextmanager
def _seen_of(folders: Sequence[Path]) -> Iterator[AllSeen]:
    """Give what tells how the folders were seen: to look at many files is a tenth of a start."""

    def look() -> Sequence[Seen]:
        return [seen_of(folder) for folder in folders]

    if any(map(os.path.isdir, folders)):
        with begun(look) as seen:
            yield seen
    else:
        yield look


def _write_targets(
    options: ProjectOptions, output: Output, later: Later, seen: AllSeen
) -> tuple[Project, list[Written]]:
    targets = [place.target for place in output.places]
    project = load_for_targets(options, targets, saving=later)
    # Where much was made, what was seen before that is too old.
    plans = planned(project, output.places, None if project.ahead else _looks(output, seen))
    is_there = not any(finding.code in NOT_THERE for finding in project.findings.errors)
    if not is_there or not project.compiled.rules:
        # Nobody means a folder of rules to become empty that way.
        return project, [plan.outcome(None) for plan in plans]
    dropped = output.dropped()
    # All of them until the last file is gone, in case this process is ended meanwhile.
    output.note((*output.places, *dropped))
    looks = [apply_changes(plan.standing, plan.changes, plan.texts) for plan in plans]
    # When all are written: of a file that is too young nobody knows whether it changes again.
    for plan, of_written in zip(plans, looks, strict=True):
        plan.keep(project, of_written)
    written = [plan.outcome(plan.changes) for plan in plans]
    for place in dropped:
        standing = standing_of(place)
        changes = plan_changes(standing, {})
        apply_changes(standing, changes, {})
        written.append(Written(place, changes, Diagnostics(), (), ()))
    output.note(output.places)
    return project, written


def _looks(output: Output, seen: AllSeen) -> Sequence[Mapping[str, Look] | None]:
    """Return how all in each folder looks; None where it has changed since it was seen.

    Raises:
        ConfigurationError: a folder cannot be read (S2H109).
    """
    with telling_of_disk(output.folder, "folder"):
        return [
            inside_still(place.folder, one)
            for place, one in zip(output.places, seen(), strict=True)
        ]


def load_for_targets(
    options: ProjectOptions,
    targets: Sequence[Target],
    look: LookOf | None = None,
    saving: Later = at_once,
) -> Project:
    """Return the project; where much of it has to be compiled, with what targets make of it.

    `look` is what to look for in files meanwhile, `saving` does what keeps it for the next start.
    """
    return load_project(
        options,
        lambda settings, profile, mappings: Emitters.of(targets, settings, profile, mappings).emit,
        look,
        saving,
    )


@dataclass(slots=True)
class Plan:
    """What a folder is to hold, and what has to be done about it.

    `wanted` are the digests of all files, `texts` those of files that have to be written.
    """

    place: Place
    standing: Standing
    settings: bytes = b""
    kept: KeptArtefacts = field(default_factory=KeptArtefacts)
    files: dict[bytes, Files] = field(default_factory=dict)
    refused: dict[bytes, Refused] = field(default_factory=dict)
    gathered: tuple[bytes, Files] = (b"", ())
    wanted: dict[str, bytes] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    refusals: Diagnostics = field(default_factory=Diagnostics)
    left_out: list[Location] = field(default_factory=list)
    only_counted: list[Location] = field(default_factory=list)
    changes: Changes = field(default_factory=lambda: Changes((), (), ()))

    def lacking(self, keys: Sequence[bytes]) -> list[int]:
        """Return which rules have to be made: not known, or the folder has not what is known."""
        known, refused = self.kept.files, self.kept.refused
        return [
            number
            for number, key in enumerate(keys)
            if key not in refused and (key not in known or not self.standing.holds(known[key]))
        ]

    def take(self, made: Artefact) -> Files:
        """Take in what was made, and return its files."""
        files = []
        for name, content in files_of(made):
            self._want(name, digest := digest_of(content), content)
            files.append((name, digest))
        return tuple(files)

    def take_rules(
        self, keys: Sequence[bytes], rules: Sequence[CompiledRule], made: Mapping[int, Emitted]
    ) -> None:
        """Take in what was made of rules, by their positions, and what is known of the others."""
        known = self.kept.files
        for number, key in enumerate(keys):
            one = made.get(number)
            if isinstance(one, Refusal):
                self.refused[key] = rules[number].info.location, one.findings
                self._refuse(*self.refused[key])
            elif one is not None:
                self.files[key] = self.take(one)
            elif key in known:  # nearly all, where little is new
                self.files[key] = known[key]
                self.wanted.update(known[key])
            else:
                self.refused[key] = self.kept.refused[key]
                self._refuse(*self.refused[key])

    def take_correlation(self, place: Location, made: Emitted) -> None:
        """Take in what was made of a correlation."""
        if isinstance(made, Refusal):
            self._refuse(place, made.findings)
        else:
            self.take(made)

    def gather(self) -> None:
        """Take in what the target makes of all files together, if it does."""
        target = self.place.target
        if not isinstance(target, Gathering):
            return
        key = digest_of(
            b"".join(name.encode() + text for name, text in sorted(self.wanted.items()))
        )
        known_key, files = self.kept.gathered
        is_there = all(self.standing.digest(name) == text for name, text in files)
        if key == known_key and is_there:
            self.wanted.update(files)
        else:
            known = self._known_lines(target) if is_there else {}
            lines = {name: known.get(name) or self._line(target, name) for name in self.wanted}
            made = (self.take(artefact) for artefact in target.gather(lines))
            files = tuple(file for of_artefact in made for file in of_artefact)
        self.gathered = key, files

    def _known_lines(self, target: Gathering) -> Mapping[str, str]:
        """Return the lines of what was gathered earlier of files that are the same now."""
        kept = {name: text for files in self.kept.files.values() for name, text in files}
        return {
            name: line
            for gathered, digest in self.kept.gathered[1]
            # Another process may have put its own in the place since it was looked at.
            if digest_of(content := self._content(gathered)) == digest
            for name, line in target.lines_in(content.decode("utf-8"))
            if name in kept and kept[name] == self.wanted.get(name)
        }

    def _line(self, target: Gathering, name: str) -> str:
        content = self.texts.get(name)
        # What is not to be written the folder has as it is to be.
        return target.line_of((content or self._content(name)).decode("utf-8"))

    def _content(self, name: str) -> bytes:
        return read_artefact(f"{self.place.folder}/{name}")

    def outcome(self, changes: Changes | None) -> Written:
        """Return what became of the rules, and of the folder."""
        silent = tuple(self.only_counted)
        return Written(self.place, changes, self.refusals, tuple(self.left_out), silent)

    def keep(self, project: Project, looks: Mapping[str, Look]) -> None:
        """Keep what the next start needs not to make all of it again."""
        seen = dict(looks)
        for name in self.changes.unchanged:
            look = self.standing.look(name)
            if look is not None:
                seen[name] = look
        named = {name: (look, self.wanted[name]) for name, look in seen.items()}
        kept = KeptArtefacts(self.files, self.refused, self.gathered, named)
        if not kept.is_worth_keeping(self.kept):
            return
        save_kept(project.store, self.place.target, self.place.folder, self.settings, kept)

    def _want(self, name: str, digest: bytes, content: bytes) -> None:
        self.wanted[name] = digest
        self.texts[name] = content

    def _refuse(self, place: Location, findings: Sequence[Diagnostic]) -> None:
        self.refusals.found.extend(findings)
        into = self.left_out if Refusal(tuple(findings)).leaves_out else self.only_counted
        into.append(place)


def standing_of(
    place: Place, kept: KeptArtefacts | None = None, looks: Mapping[str, Look] | None = None
) -> Standing:
    """Return what stands in a folder; `looks` are how all in it looks, where somebody knows.

    Raises:
        ConfigurationError: the folder cannot be read (S2H109).
    """
    with telling_of_disk(place.folder, "folder"):
        return Standing(place.folder, place.target, kept.looks if kept else {}, looks)


def planned(
    project: Project,
    places: Sequence[Place],
    looks: Sequence[Mapping[str, Look] | None] | None = None,
) -> list[Plan]:
    """Return what each folder is to hold, and what has to change; writes nothing.

    `looks` are how all in each folder looks, where somebody knows.

    Raises:
        ConfigurationError: a setting of a target cannot be used; a folder cannot be read, or holds
            something else in our place (S2H109).
    """
    emitters = Emitters.of(
        [place.target for place in places], project.settings, project.profile, project.mappings
    )
    plans = [
        _plan(project, Place(target, place.folder), seen)
        for place, target, seen in zip(
            places, emitters.targets, looks or [None] * len(places), strict=True
        )
    ]
    compiled, keys = project.compiled, project.rule_keys
    asked: dict[int, list[int]] = {}
    with telling_of_disk(places[0].folder, "folder"):
        for at, plan in enumerate(plans):
            for number in plan.lacking(keys):
                asked.setdefault(number, []).append(at)
    made: list[dict[int, Emitted]] = [{} for _ in plans]
    for number, at, one in _made(project, emitters, keys, asked):
        made[at][number] = one
    for plan, of_plan in zip(plans, made, strict=True):
        plan.take_rules(keys, compiled.rules, of_plan)
    for plan in plans:
        _take_correlations(plan, compiled)
        with telling_of_disk(plan.place.folder, "folder"):
            plan.gather()
        plan.changes = plan_changes(plan.standing, plan.wanted)
    return plans


def _plan(project: Project, place: Place, looks: Mapping[str, Look] | None) -> Plan:
    # What a target asks of settings may come from the environment.
    settings = repr(project.settings).encode("utf-8", "surrogateescape")
    kept = load_kept(project.store, place.target, place.folder, settings)
    return Plan(place, standing_of(place, kept, looks), settings, kept)


def _made(
    project: Project,
    emitters: Emitters,
    keys: Sequence[bytes],
    asked: Mapping[int, Sequence[int]],
) -> Iterator[tuple[int, int, Emitted]]:
    """Yield what targets make of rules, with the positions of rule and target."""
    rest: list[Asked] = []
    for number, wanted in sorted(asked.items()):
        ahead = project.ahead.get(keys[number])
        if ahead is None:
            rest.append((number, tuple(wanted)))
        else:
            yield from ((number, at, ahead[at]) for at in wanted)
    for (number, positions), results in emitters.emit_all(project.compiled.rules, rest):
        for at, one in zip(positions, results, strict=True):
            yield number, at, one


def _take_correlations(plan: Plan, compiled: Compiled) -> None:
    if compiled.correlations:
        rules = compiled.by_id()
        for correlation in compiled.correlations:
            plan.take_correlation(
                correlation.info.location, plan.place.target.emit_correlation(correlation, rules)
            )
