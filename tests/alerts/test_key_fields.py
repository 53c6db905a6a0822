"""Who, from where, on what: the first thing that an analyst reads of an alert."""

from collections.abc import Mapping
from dataclasses import replace

from sigma2hive.alerts import AlertContext
from sigma2hive.model.conditions import Operator
from sigma2hive.model.profiles import Logsource
from sigma2hive.model.rules import Bound, CompiledCorrelation, CorrelationKind
from tests.alerts.matches import (
    MAPPINGS,
    RULE,
    alert_of,
    episode,
    event,
    event_with,
    match,
    rule,
)
from tests.alerts.test_lookup import FAILED_LOGON, SECURITY, context, event_data


def rows(description: str) -> list[tuple[str, ...]]:
    """The rows of the table, without its head."""
    table = (
        description.split("### Who, where, what\n\n")[1].split("\n\n", maxsplit=1)[0].split("\n")
    )
    return [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in table[2:]]


def test_a_failed_logon_tells_account_logon_type_and_source() -> None:
    values = {**FAILED_LOGON, "winlog.event_data.LogonType": ("10",)}
    alert = alert_of(match(event_with(values)), context=context(SECURITY))
    assert rows(alert.description) == [
        ("Account", "`user.name`", "`anna`"),
        ("Logon", "`winlog.logon.type`", "`RemoteInteractive`"),
        ("Source", "`source.ip`", "`203.0.113.5`"),
        ("Source", "`source.domain`", "`WS07`"),
    ]


def test_a_process_tells_command_line_parent_and_user() -> None:
    values = event_data(
        "1",
        Image=r"C:\a\tool.exe",
        ParentImage=r"C:\w\cmd.exe",
        CommandLine="tool | x",
        User="C\\anna",
    )
    found = match(event_with(values))
    alert = alert_of(found, context=context(Logsource("windows", "process_creation")))
    assert rows(alert.description) == [
        ("Account", "`user.name`", "`anna`"),
        ("Account", "`user.domain`", "`C`"),
        ("Process", "`process.executable`", r"`C:\a\tool.exe`"),
        ("Process", "`process.command_line`", r"`tool \| x`"),
        ("Process", "`process.parent.executable`", r"`C:\w\cmd.exe`"),
    ]


def test_accounts_that_were_tried_have_their_counts_the_most_tried_first() -> None:
    names = ["ben", "anna", "ANNA", *(f"user{n}" for n in range(6))]
    found = episode(*(event(n, user__name=name) for n, name in enumerate(names)))
    (account,) = [row for row in rows(alert_of(found).description) if row[0] == "Account"]
    assert account[2].startswith("`anna` ×2, `ben` ×1, ")
    assert account[2].endswith(" and 2 more")


def test_a_correlation_tells_its_limit_and_what_it_counted() -> None:
    correlation = CompiledCorrelation(
        RULE,
        CorrelationKind.EVENT_COUNT,
        rules=("base",),
        timespan_ns=600 * 1_000_000_000,
        bounds=(Bound(Operator.GTE, 2), Bound(Operator.LT, 1000)),
        group_by=(),
        epoch="epoch-1",
    )
    found = episode(event(0), event(1))
    alert = alert_of(found, context=AlertContext(correlation=correlation))
    lines = alert.description.split("\n")
    assert "- Limit: at least 2 and fewer than 1,000 events within 10 min" in lines
    assert "- Counted when it fired: 2 events" in lines


def test_one_account_under_two_names_and_windows_word_for_nothing_make_no_rows() -> None:
    values: Mapping[str, tuple[str, ...]] = {
        "user.name": ("anna",),
        "winlog.event_data.SubjectUserName": ("ANNA",),
        "user.domain": ("-",),
    }
    info = rule(fields=("user.name", "TargetUserName", "event.code"))
    values = {**values, "event.code": ("4688",)}
    alert = alert_of(match(event_with(values), info=info), context=context(SECURITY))
    assert rows(alert.description) == [
        ("Account", "`user.name`", "`anna`"),
        ("Rule's own", "`event.code`", "`4688`"),
    ]


def test_a_team_chooses_its_own_fields() -> None:
    alerts = replace(MAPPINGS.alerts, key_fields={"Payment": ("payment.iban",)})
    values = {"payment.iban": ("DE02",), "user.name": ("anna",)}
    alert = alert_of(match(event_with(values)), replace(MAPPINGS, alerts=alerts))
    assert rows(alert.description) == [
        ("Payment", "`payment.iban`", "`DE02`"),
        ("Rule's own", "`user.name`", "`anna`"),
    ]


def test_hostile_values_stay_in_their_cell() -> None:
    values = {"user.name": ("a` | <b>x</b>\n| y | z |",)}
    (row,) = rows(alert_of(match(event_with(values))).description)
    assert row[0] == "Account"
    assert "‹U+000A›" in row[2]
