"""Ways to the fields of PowerShell events that say little: the same as `powershell` makes of them.

Takes the plan of a shape; changes it. Events whose values the pipelines take apart (scripts, what
commands are invoked with) are read one by one.
"""

from __future__ import annotations

from sigma2hive.sources.windows.draft import EVENT_DATA, Draft, moves_of_event, table
from sigma2hive.sources.windows.powershell import run_classic, run_operational, without_blanks
from sigma2hive.sources.windows.ways import Plan, Text, constants

#: Event ids whose values are put together, or taken apart.
_TAKEN_APART = ("4103", "4104")
#: Values, and fields, of which others are made.
_MADE_OF = frozenset(("ConnectedUser", "User", "Path", "ScriptName", "process.command_line"))


def plan_classic(plan: Plan, names: dict[str, str], code: str, flavour: str) -> bool:
    """Bring an event of "Windows PowerShell" into ECS; False where it has to be read alone."""
    draft = Draft(code, flavour)
    run_classic(draft)
    plan.update(constants(draft.root))
    return not names


def plan_operational(plan: Plan, names: dict[str, str], code: str, flavour: str) -> bool:
    """Bring an operational event into ECS; False where it has to be read alone."""
    if names and code in _TAKEN_APART:
        return False
    if not _MADE_OF.isdisjoint(names) or any(without_blanks(name) != name for name in names):
        return False
    draft = Draft(code, flavour)
    run_operational(draft)
    plan.update(constants(draft.root))
    plan["user.id"] = plan["winlog.user.identifier"]
    moved: set[str] = set()
    for move in moves_of_event("powershell", "operational", code):
        if move.source in names:
            if move.how != "move" or move.target in moved or move.target in _MADE_OF:
                return False
            moved.add(move.target)
            plan[move.target] = Text(names[move.source])
            plan.pop(EVENT_DATA + move.source, None)
    for name in table("powershell")["operational_removed"]:
        plan.pop(EVENT_DATA + name, None)
    return True
