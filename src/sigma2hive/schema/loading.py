"""Profiles by name: found, their parents joined, ready to place log sources.

Takes a name and the folder of a team's own profiles; gives a `Profile`. Own files stand before
shipped ones of the same name, and can extend them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from sigma2hive.data import SHIPPED
from sigma2hive.diagnostics import Diagnostics, Location, nearest
from sigma2hive.model.events import TIME_FIELD
from sigma2hive.model.fields import Derived
from sigma2hive.model.profiles import Profile
from sigma2hive.model.snapshots import Snapshot
from sigma2hive.schema.reading import ProfileFile, read_profile
from sigma2hive.schema.types import merge_type_tables
from sigma2hive.yamlmarks import parse_yaml, read_content

#: A snapshot of a hundred index patterns takes a few megabytes.
MAX_PROFILE_BYTES = 32 * 1024 * 1024
#: Where findings about a profile's name point when nobody says who asked for it.
_UNSAID = Location("--profile")


def load_profile(
    name: str, own_folder: Path | None, diagnostics: Diagnostics, asked_at: Location = _UNSAID
) -> Profile | None:
    """Return the profile `name` with everything that it extends, or None with findings.

    `own_folder` holds a team's own profiles, `NAME.yml` each. `asked_at` is where the name was
    written, for S2H403.
    """
    line = _line(_Reader(own_folder, diagnostics), name, asked_at)
    if line is None:
        return None
    profile = _joined(line)
    named = next((part.alert_names for part in line if part.alert_names is not None), None)
    if named is None:
        return profile
    names = _line(_Reader(own_folder, diagnostics), *named)
    return replace(profile, alert_names=_joined(names)) if names is not None else None


def _line(reader: _Reader, name: str, asked_at: Location) -> list[ProfileFile] | None:
    """Return the profile `name` and all that it extends, nearest first; None with findings."""
    head = reader.read(name, asked_at)
    if head is not None and head.part:
        hint = nearest(name, known_profiles(reader.own_folder))
        message = f"{name!r} is a part for others to extend"
        reader.diagnostics.error("S2H403", asked_at, message, hint)
        return None
    return reader.line_of(head) if head is not None else None


def _joined(line: list[ProfileFile]) -> Profile:
    events = (part.windows_events for part in line if part.windows_events is not None)
    times = (part.time_fields for part in line if part.time_fields is not None)
    return Profile(
        name=line[0].name,
        title=line[0].title,
        windows_events=next(events, None),
        time_fields=next(times, (TIME_FIELD,)),
        rows=tuple(row for part in line for row in part.rows),
        types=merge_type_tables([part.types for part in line]),
        derived=_derived_of(line),
        snapshots=_snapshots_of(line),
    )


def parse_profile(path: Path, content: bytes, diagnostics: Diagnostics) -> ProfileFile | None:
    """Return what a profile file says, exactly as written there; None with findings."""
    place, before = path.as_posix(), len(diagnostics.errors)
    documents = parse_yaml(place, content, diagnostics, MAX_PROFILE_BYTES)
    if len(documents) != 1:
        if len(diagnostics.errors) == before:
            message = f"a profile file holds one YAML document, not {len(documents)}"
            diagnostics.error("S2H405", Location(place), message, "one profile a file")
        return None
    profile = read_profile(documents[0], diagnostics)
    if profile is not None and profile.name != path.stem:
        diagnostics.error(
            "S2H405",
            documents[0].at("profile"),
            f"the file {path.name} calls its profile {profile.name!r}",
            f"write `profile: {path.stem}`, or rename the file",
        )
        return None
    return profile


def known_profiles(own_folder: Path | None) -> list[str]:
    """Return the names that `load_profile` takes, sorted; parts for others to extend left out."""
    reader = _Reader(own_folder, Diagnostics())
    names = {*_own_names(own_folder), *_shipped_names()}
    found = ((name, reader.read(name, _UNSAID)) for name in sorted(names))
    return [name for name, profile in found if profile is None or not profile.part]


def _derived_of(line: list[ProfileFile]) -> dict[str, Derived]:
    derived: dict[str, Derived] = {}
    for part in reversed(line):
        derived.update(part.derived)
    return derived


def _snapshots_of(line: list[ProfileFile]) -> tuple[Snapshot, ...]:
    """Return the nearest snapshot of each pattern."""
    found = {entry.pattern: entry for part in reversed(line) for entry in part.snapshots}
    return tuple(found[pattern] for pattern in sorted(found))


def _own_names(own_folder: Path | None) -> list[str]:
    if own_folder is None or not own_folder.is_dir():
        return []
    return [path.stem for path in own_folder.glob("*.yml")]


def _shipped_names() -> list[str]:
    folder = SHIPPED.joinpath("profiles")
    names = (entry.name for entry in folder.iterdir())
    return [name.removesuffix(".yml") for name in names if name.endswith(".yml")]


@dataclass(slots=True)
class _Reader:
    """Reads each file of one profile once. A key is (is it an own file, name)."""

    own_folder: Path | None
    diagnostics: Diagnostics
    _read: dict[tuple[bool, str], ProfileFile | None] = field(default_factory=dict)

    def read(self, name: str, asked_at: Location, shipped_only: bool = False) -> ProfileFile | None:
        """Return the file of `name`, an own one before a shipped one."""
        own = not shipped_only and name in _own_names(self.own_folder)
        if not own and name not in _shipped_names():
            self._report_unknown(name, asked_at)
            return None
        key = (own, name)
        if key not in self._read:
            self._read[key] = self._parse(name, own)
        return self._read[key]

    def _report_unknown(self, name: str, asked_at: Location) -> None:
        # Parts are for profiles to extend: who asks for a profile is not offered them.
        names = sorted({*_own_names(self.own_folder), *_shipped_names()})
        whole = known_profiles(self.own_folder)
        hint = nearest(name, names, otherwise=f"known are {', '.join(whole)}")
        self.diagnostics.error("S2H403", asked_at, f"there is no profile {name!r}", hint)

    def line_of(self, head: ProfileFile) -> list[ProfileFile] | None:
        """Return `head` and all that it extends, nearest first, each once; None with findings."""
        line = [head]
        return line if self._follow(head, line, (head,)) else None

    def _follow(
        self, child: ProfileFile, line: list[ProfileFile], path: tuple[ProfileFile, ...]
    ) -> bool:
        """Add the parents of `child` to `line`; `path` leads from the head to it."""
        complete = True
        for name, place in child.extends:
            # An own profile that extends its own name means the shipped one.
            if name == child.name and name not in _shipped_names():
                message = f"profile {name!r} extends itself, and none of that name is shipped"
                self.diagnostics.error("S2H405", place, message, "name another, or leave it out")
                complete = False
                continue
            parent = self.read(name, place, shipped_only=name == child.name)
            if parent is None:
                complete = False
            elif parent in path:
                names = " → ".join(part.name for part in (*path, parent))
                message = f"profiles extend each other: {names}"
                self.diagnostics.error("S2H405", place, message, "break the circle")
                complete = False
            elif parent not in line:
                line.append(parent)
                complete = self._follow(parent, line, (*path, parent)) and complete
        return complete

    def _parse(self, name: str, own: bool) -> ProfileFile | None:
        path, content = self._content(name, own)
        if content is None:
            return None
        return parse_profile(Path(path), content, self.diagnostics)

    def _content(self, name: str, own: bool) -> tuple[str, bytes | None]:
        if not own or self.own_folder is None:
            resource = SHIPPED.joinpath("profiles", f"{name}.yml")
            return f"sigma2hive/data/profiles/{name}.yml", resource.read_bytes()
        path = self.own_folder / f"{name}.yml"
        shown = path.as_posix()
        return shown, read_content(path, shown, self.diagnostics, MAX_PROFILE_BYTES)
