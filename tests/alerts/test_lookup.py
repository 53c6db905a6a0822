"""Events that nothing brought into ECS: titles and observables are the same as with pipelines."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from sigma2hive.alerts import AlertContext, Facts, Lookup, Named
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.fields import Field
from sigma2hive.model.profiles import Logsource
from sigma2hive.schema import load_profile
from tests.alerts.matches import MAPPINGS, alert_of, episode, event, event_with, match, rule

SECURITY = Logsource("windows", None, "security")
PROCESSES = Logsource("windows", "process_creation")
FLAT = "windows-flat"


def context(logsource: Logsource, profile_name: str = "winlogbeat") -> AlertContext:
    profile = load_profile(profile_name, None, Diagnostics())
    assert profile is not None
    place, names = profile.place(logsource), profile.alert_place(logsource)
    assert place is not None
    named = (Named(place, names),) if names is not None else ()
    return AlertContext(lookup=Lookup((place,), named), logsource=logsource)


def event_data(code: str, **values: str) -> Mapping[str, tuple[str, ...]]:
    channel = "Microsoft-Windows-Sysmon/Operational" if len(code) < 4 else "Security"
    return {
        "event.code": (code,),
        "winlog.channel": (channel,),
        **{f"winlog.event_data.{name}": (value,) for name, value in values.items()},
    }


def flat(values: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    """The same event in the profile windows-flat."""
    names = {"event.code": "EventID", "winlog.channel": "Channel"}
    return {
        names.get(path, path.removeprefix("winlog.event_data.")): texts
        for path, texts in values.items()
    }


FAILED_LOGON = event_data(
    "4625",
    IpAddress="::ffff:203.0.113.5",
    TargetUserName="anna@CORP.EXAMPLE",
    SubjectUserName="-",
    WorkstationName="WS07",
)
SYSMON_PROCESS = event_data(
    "1",
    Image=r"C:\Users\anna\tool.exe",
    ParentImage=r"C:\Windows\explorer.exe",
    CommandLine="tool.exe -x",
    User=r"CORP\anna",
    Hashes="SHA1=" + "A" * 40 + ",SHA256=" + "B" * 64,
)
AUDITED_PROCESS = event_data(
    "4688", NewProcessName=r"C:\Users\anna\tool.exe", SubjectUserName="anna", TargetUserName="-"
)


@pytest.mark.parametrize(
    ("logsource", "values", "template", "title"),
    [
        (SECURITY, FAILED_LOGON, "{user.name} from {source.ip}", "anna from 203.0.113.5"),
        (SECURITY, FAILED_LOGON, "{IpAddress} {source.domain}", "203.0.113.5 WS07"),
        (PROCESSES, SYSMON_PROCESS, "{process.name} by {user.name}", "tool.exe by anna"),
        (PROCESSES, SYSMON_PROCESS, "{process.parent.name}", "explorer.exe"),
        (PROCESSES, SYSMON_PROCESS, "{process.command_line}", "tool.exe -x"),
        (PROCESSES, SYSMON_PROCESS, "{user.domain}", "CORP"),
        (PROCESSES, AUDITED_PROCESS, "{process.name} by {user.name}", "tool.exe by anna"),
    ],
)
@pytest.mark.parametrize("profile", ["winlogbeat", "elastic-agent", "ecs", "windows-flat"])
def test_titles_name_who_and_where(
    logsource: Logsource,
    values: Mapping[str, tuple[str, ...]],
    template: str,
    title: str,
    profile: str,
) -> None:
    values = flat(values) if profile == "windows-flat" else values
    found = match(event_with(values), info=rule(custom={"title": template}))
    assert alert_of(found, context=context(logsource, profile)).title == title


def test_a_failed_logon_has_its_observables() -> None:
    alert = alert_of(match(event_with(FAILED_LOGON)), context=context(SECURITY))
    named = alert_of(match(event_with(flat(FAILED_LOGON))), context=context(SECURITY, FLAT))
    assert named.observables == alert.observables
    assert {(entry.data_type, entry.data) for entry in alert.observables} == {
        ("ip", "203.0.113.5"),
        ("hostname", "ws07"),
        ("other", "anna"),
        ("other", "anna@CORP.EXAMPLE"),
    }


def test_a_process_has_its_observables() -> None:
    alert = alert_of(match(event_with(SYSMON_PROCESS)), context=context(PROCESSES))
    named = alert_of(match(event_with(flat(SYSMON_PROCESS))), context=context(PROCESSES, FLAT))
    assert named.observables == alert.observables
    assert {(entry.data_type, entry.data) for entry in alert.observables} == {
        ("filename", "tool.exe"),
        ("filename", "explorer.exe"),
        ("hash", "a" * 40),
        ("hash", "b" * 64),
        ("other", "anna"),
    }


def test_a_rules_own_row_profits_too() -> None:
    rows = [{"field": "file.path", "type": "path"}, {"field": "GrantedAccess", "type": "other"}]
    values = event_data("11", TargetFilename=r"C:\x\evil.exe", GrantedAccess="0x1410")
    found = match(event_with(values), info=rule(custom={"observables": rows}))
    alert = alert_of(found, context=context(Logsource("windows", "file_event")))
    assert {entry.data for entry in alert.observables} >= {r"C:\x\evil.exe", "0x1410"}


def test_events_with_and_without_pipelines_name_one_address_once() -> None:
    shipped = {"event.code": ("4625",), "source.ip": ("203.0.113.5",)}
    info = rule(custom={"title": "From {source.ip}"})
    found = match(event_with(shipped), event_with(FAILED_LOGON), info=info)
    alert = alert_of(found, context=context(SECURITY))
    assert alert.title == "From 203.0.113.5"
    assert [entry.data for entry in alert.observables if entry.data_type == "ip"] == ["203.0.113.5"]


def test_a_field_that_is_there_has_no_stand_in() -> None:
    values = {**FAILED_LOGON, "source.ip": ("198.51.100.9",), "user.name": ("ben",)}
    info = rule(custom={"title": "{user.name} from {source.ip}"})
    alert = alert_of(match(event_with(values), info=info), context=context(SECURITY))
    assert alert.title == "ben from 198.51.100.9"


@pytest.mark.parametrize("nothing", ["-", ""])
def test_windows_word_for_nothing_is_unknown(nothing: str) -> None:
    values = event_data("4625", IpAddress=nothing, TargetUserName=nothing)
    info = rule(custom={"title": "{user.name} from {source.ip}"})
    alert = alert_of(match(event_with(values), info=info), context=context(SECURITY))
    assert alert.title == "unknown from unknown"


def test_a_files_hash_stands_in_for_no_process() -> None:
    values = {"event.code": ("7",), "file.hash.md5": ("a" * 32,), "file.path": (r"C:\a.dll",)}
    info = rule(custom={"title": "{process.hash.md5} {process.name}"})
    place = context(Logsource("windows", None, "sysmon"))
    assert alert_of(match(event_with(values), info=info), context=place).title == "unknown unknown"


@pytest.mark.parametrize("asked", ["Computer", "winlog.computer_name", "host.name"])
def test_a_group_by_computer_names_its_one_host(asked: str) -> None:
    spellings = ("DC01.corp.example", "dc01.CORP.example", "DC01.corp.example")
    events = tuple(
        replace(
            event(number),
            values={"winlog.computer_name": (spelling,), "host.name": (spelling,)},
        )
        for number, spelling in enumerate(spellings)
    )
    found = episode(*events, info=rule(custom={"title": f"On {{{asked}}}"}))
    found = replace(found, group=(("Computer", spellings[0]),))
    assert alert_of(found, context=context(SECURITY)).title == "On DC01.corp.example"


def test_sigmas_own_names_answer_to_those_of_winlogbeat() -> None:
    values = {"Channel": ("System",), "EventID": ("7045",), "ServiceName": ("evil",)}
    values |= {"Computer": ("dc01.corp.example",), "Provider_Name": ("SCM",)}
    template = "{winlog.event_data.ServiceName} {host.name} {event.provider} {event.code}"
    template += " {ServiceName} {Computer} {user.name}"
    found = match(event_with(values), info=rule(custom={"title": template}))
    alert = alert_of(found, context=context(Logsource("windows", None, "system"), FLAT))
    assert alert.title == "evil dc01.corp.example SCM 7045 evil dc01.corp.example unknown"
    assert "**Failed logons from one address** (level high) matched one event" in alert.description
    assert "on `dc01.corp.example`" in alert.description


def test_defenders_names_with_blanks_are_found() -> None:
    values = {"Process Name": (r"C:\\Users\\anna\\tool.exe",), "Threat Name": ("HackTool",)}
    info = rule(custom={"title": "{process.name} {ThreatName} {winlog.event_data.Threat_Name}"})
    place = context(Logsource("windows", None, "windefend"), FLAT)
    title = alert_of(match(event_with(values), info=info), context=place).title
    assert title == "tool.exe HackTool HackTool"


@pytest.mark.parametrize("profile", ["winlogbeat", FLAT])
def test_a_powershell_events_account_is_named_without_its_domain(profile: str) -> None:
    info = (
        "        Severity = Informational\r\n        User = CORP\\anna\r\n        Shell ID = x\r\n"
    )
    values = event_data("4103", ContextInfo=info)
    values = flat(values) if profile == FLAT else values
    found = match(event_with(values), info=rule(custom={"title": "By {user.name}"}))
    place = context(Logsource("windows", "ps_module"), profile)
    assert alert_of(found, context=place).title == "By anna"


def test_what_an_event_may_have_leaves_out_no_field_that_it_has() -> None:
    """Descriptions and observables ask for nothing else."""
    asked = {row.field for row in MAPPINGS.observables.rows}
    asked = asked.union(MAPPINGS.alerts.mute_by, *MAPPINGS.alerts.key_fields.values())
    names = (*sorted(asked), "IpAddress", "winlog.event_data.*", "*")
    read = 0
    for values, logsource in ((FAILED_LOGON, SECURITY), (SYSMON_PROCESS, PROCESSES)):
        for made, profile in (
            (values, "winlogbeat"),
            (values, "elastic-agent"),
            (flat(values), FLAT),
        ):
            facts = Facts(match(event_with(made)), context(logsource, profile))
            own = replace(facts.context, fields={"IpAddress": (Field("IpAddress"),)})
            for some in (facts, Facts(facts.match, own), Facts(facts.match, AlertContext())):
                there = {name for name in names if some.values_in(name, made)}
                assert there <= some.may_be_in(made, names)
                read += len(there)
    assert read > 50
