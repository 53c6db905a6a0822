"""Windows rows of the profiles: every field is found where normalisation puts it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sigma.pipelines.common import windows_logsource_mapping
from sigma.pipelines.sysmon.sysmon import sysmon_generic_logsource_eventid_mapping
from sigma.pipelines.windows.windows import (
    generic_logsource_to_windows_audit_event_mapping,
    windows_generic_category_channel_mapping,
)

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.folding import fold
from sigma2hive.model.profiles import Logsource, LogsourcePlace, Profile
from sigma2hive.model.values import Values, flatten
from sigma2hive.schema import load_profile
from sigma2hive.sources.windows import FLAVOURS, normalise_windows

SYSMON = "Microsoft-Windows-Sysmon/Operational"
AUDITING = "Microsoft-Windows-Security-Auditing"
PROFILES = (*FLAVOURS, "ecs")
#: How else an event of the Security log is told, where something threw winlog.channel away.
WITHOUT_CHANNEL = [{"event.provider": (AUDITING,)}, {"event.dataset": ("system.security",)}]

#: Channel tables: service → channels that ours has beyond pySigma's, and why.
MORE_CHANNELS = {
    "dns-server-audit": {"Microsoft-Windows-DNSServer/Audit"},  # what Windows calls it
    "dns-server-analytic": {"Microsoft-Windows-DNSServer/Analytical"},  # what Windows calls it
    "dns-client": {"Microsoft-Windows-DNS-Client/Operational"},  # what Windows calls it
    "dhcp": {"Microsoft-Windows-Dhcp-Server/Operational"},  # Windows' own letter case
    "microsoft-servicebus-client": {  # the channels of that provider
        "Microsoft-ServiceBus-Client/Admin",
        "Microsoft-ServiceBus-Client/Operational",
    },
}
#: Services of SigmaHQ's rules that pySigma's table has not.
OWN_SERVICES = {
    "ldap": {"Microsoft-Windows-LDAP-Client/Debug"},  # pySigma calls it ldap_debug
    "smbclient-connectivity": {"Microsoft-Windows-SmbClient/Connectivity"},
    "smbserver-connectivity": {"Microsoft-Windows-SMBServer/Connectivity"},
    "iis-configuration": {
        "Microsoft-IIS-Configuration/Operational",
        "Microsoft-IIS-Configuration/Administrative",
    },
}
#: Sysmon ids of a category beyond pySigma's: 26 is a deletion too, only without an archived copy.
MORE_SYSMON_IDS = {"file_delete": {"26"}}
#: Audit events that pySigma has no category for, or has not for this one.
MORE_AUDIT_IDS = {"process_termination": {"4689"}, "registry_delete": {"4657"}}


def place_of(profile: Profile, **logsource: str) -> LogsourcePlace:
    place = profile.place(Logsource(product="windows", **logsource))
    assert place is not None, logsource
    return place


@pytest.fixture(scope="module", params=PROFILES)
def profile(request: pytest.FixtureRequest) -> Profile:
    diagnostics = Diagnostics()
    loaded = load_profile(request.param, None, diagnostics)
    assert [str(finding) for finding in diagnostics] == []
    assert loaded is not None
    return loaded


@pytest.mark.parametrize("service", sorted({*windows_logsource_mapping, *OWN_SERVICES}))
def test_a_service_has_all_its_channels(profile: Profile, service: str) -> None:
    theirs = windows_logsource_mapping.get(service, [])
    expected = set([theirs] if isinstance(theirs, str) else theirs)
    expected |= MORE_CHANNELS.get(service, set()) | OWN_SERVICES.get(service, set())
    by_channel, *without_channel = place_of(profile, service=service).any_of
    assert set(by_channel) == {"winlog.channel"}
    assert set(by_channel["winlog.channel"]) == expected
    assert without_channel == (WITHOUT_CHANNEL if service == "security" else [])


@pytest.mark.parametrize("category", sorted(sysmon_generic_logsource_eventid_mapping))
def test_a_category_has_its_sysmon_and_audit_events(profile: Profile, category: str) -> None:
    found: dict[str, set[str]] = {SYSMON: set(), "Security": set()}
    audits: list[dict[str, Any]] = []
    audits_without_channel: list[dict[str, Any]] = []
    for alternative in place_of(profile, category=category).any_of:
        rest = dict(alternative)
        if "host.os.type" in rest:
            continue  # Elastic Defend's, which pySigma does not know
        if rest.pop("event.provider", ()) == (AUDITING,):
            audits_without_channel.append(rest)
            continue
        (channel,) = rest.pop("winlog.channel")
        found[channel].update(alternative["event.code"])
        if channel == "Security":
            audits.append(rest)
    assert audits == audits_without_channel
    theirs = sysmon_generic_logsource_eventid_mapping[category]
    ids = {str(code) for code in (theirs if isinstance(theirs, list) else [theirs])}
    assert found[SYSMON] == ids | MORE_SYSMON_IDS.get(category, set())
    audit = generic_logsource_to_windows_audit_event_mapping.get(category)
    audited = {str(audit["EventID"])} if audit else set()
    assert found["Security"] == audited | MORE_AUDIT_IDS.get(category, set())


@pytest.mark.parametrize("category", sorted(windows_generic_category_channel_mapping))
def test_a_powershell_category_has_its_channel_and_event(profile: Profile, category: str) -> None:
    theirs = windows_generic_category_channel_mapping[category]
    channels = windows_logsource_mapping[theirs["service"]]
    (alternative,) = place_of(profile, category=category).any_of
    assert list(alternative["winlog.channel"]) == (
        channels if isinstance(channels, list) else [channels]
    )
    assert alternative["event.code"] == (str(theirs["EventID"]),)


@pytest.fixture(scope="module")
def used_logsources(shared: Path) -> set[Logsource]:
    used = set()
    for path in sorted((shared / "data" / "sigmahq").rglob("*.yml")):
        text = path.read_text(encoding="utf-8", errors="replace")
        if "product: windows" not in text:
            continue
        for document in yaml.load_all(text, yaml.CSafeLoader):
            logsource = (document or {}).get("logsource") or {}
            if logsource.get("product") == "windows":
                used.add(Logsource("windows", logsource.get("category"), logsource.get("service")))
    return used


def test_every_windows_log_source_of_sigmahq_has_a_place(
    profile: Profile, used_logsources: set[Logsource]
) -> None:
    assert len(used_logsources) > 60
    without = [str(one) for one in sorted(used_logsources, key=str) if profile.place(one) is None]
    assert without == []


# Regression: what a rule asks about is found, with the same text.


def detection_fields(detection: Any) -> Iterator[str]:
    if isinstance(detection, dict):
        for name in detection:
            yield str(name).partition("|")[0]
    elif isinstance(detection, list):
        for item in detection:
            yield from detection_fields(item)


def raw_values(record: dict[str, Any]) -> dict[str, str]:
    """Return name → text of one raw event; names without blanks, as Sigma writes them."""
    event = record["Event"]
    system = event["System"]
    found = {"EventID": str(system["EventID"]), "Channel": system["Channel"]}
    found["Provider_Name"] = system["Provider"]["#attributes"]["Name"]
    found["Computer"] = system["Computer"]
    data = event.get("EventData") or next(iter((event.get("UserData") or {"": {}}).values()))
    for name, value in (data or {}).items():
        if name != "#attributes":
            text = str(value).lower() if isinstance(value, bool) else str(value)
            found[name] = found[name.replace(" ", "")] = text
    return found


def is_in(place: LogsourcePlace, values: Values) -> bool:
    """Whether a document meets the place's condition."""
    return any(
        all(set(accepted) & set(values.get(path, ())) for path, accepted in alternative.items())
        for alternative in place.any_of
    )


def texts_of(place: LogsourcePlace, field: str, values: Values) -> list[str]:
    return [
        fold(text) for candidate in place.resolve(field) for text in candidate.values_of(values)
    ]


def missing_of(
    place: LogsourcePlace, record: dict[str, Any], fields: set[str], name: str
) -> set[str]:
    """Return those of `fields` whose raw value the document does not give back."""
    values = flatten(normalise_windows(record, name))
    assert is_in(place, values)
    raw = raw_values(record)
    return {
        field
        for field in fields & raw.keys()
        if raw[field] not in place.dropped
        and fold(raw[field]) not in texts_of(place, field, values)
    }


@pytest.mark.parametrize("name", FLAVOURS)
def test_what_rules_ask_about_is_found_with_the_same_text(name: str, shared: Path) -> None:
    profile = load_profile(name, None, Diagnostics())
    assert profile is not None
    folder = shared / "data" / "regression"
    cases = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    asked, missing = 0, {}
    for case in cases:
        rule = yaml.load((shared / "data/sigmahq" / case["rule"]).read_text(), yaml.CSafeLoader)
        logsource = rule["logsource"]
        place = place_of(
            profile, **{key: logsource[key] for key in ("category", "service") if key in logsource}
        )
        fields = {
            field
            for key, part in rule["detection"].items()
            if key not in ("condition", "timeframe")
            for field in detection_fields(part)
        }
        asked += len(fields)
        lines = (folder / f"{case['rule_id']}.ndjson").read_text(encoding="utf-8").splitlines()
        for record in map(json.loads, filter(None, lines)):
            if absent := missing_of(place, record, fields, name):
                missing[case["rule_id"]] = absent
    assert len(cases) == 122
    assert asked > 300
    assert missing == {}


#: Golden event → its log source, and the fields whose text cannot be had back, with the reason.
GOLDEN_SOURCES: dict[str, tuple[dict[str, str], set[str]]] = {
    # GUIDs have braces in the index; a hash of zeros is dropped from Hashes.
    "sysmon_1": (
        {"category": "process_creation"},
        {"ProcessGuid", "LogonGuid", "UtcTime", "Hashes"},
    ),
    "sysmon_3": ({"category": "network_connection"}, {"ProcessGuid", "UtcTime"}),
    "sysmon_7": ({"category": "image_load"}, {"ProcessGuid", "UtcTime"}),
    "sysmon_11": ({"category": "file_event"}, {"ProcessGuid", "UtcTime"}),
    "sysmon_13": ({"category": "registry_set"}, {"ProcessGuid", "UtcTime"}),
    # The answers are one value each.
    "sysmon_22": ({"category": "dns_query"}, {"ProcessGuid", "UtcTime", "QueryResults"}),
    # Addresses lose the "::ffff:" before them.
    "security_4624": ({"service": "security"}, {"LogonGuid", "IpAddress"}),
    "security_4625": ({"service": "security"}, set()),
    "security_4688": ({"category": "process_creation"}, set()),
    # One value for each code.
    "security_4720": ({"service": "security"}, {"UserAccountControl"}),
    # Taken apart: see the tests below.
    "powershell_4103": ({"category": "ps_module"}, {"ContextInfo", "Payload"}),
    # Winlogbeat takes the line break off the end.
    "powershell_4104": ({"category": "ps_script"}, {"ScriptBlockText"}),
    "powershell_400": ({"category": "ps_classic_start"}, {"Data", "Binary", "EventID"}),
    "user_data": ({"service": "wmi"}, set()),
    "unnamed_data": ({"service": "application"}, {"Data", "EventID"}),
}


@pytest.mark.parametrize("case", sorted(GOLDEN_SOURCES))
@pytest.mark.parametrize("name", FLAVOURS)
def test_every_value_of_an_event_can_be_asked_for(name: str, case: str, project_root: Path) -> None:
    profile = load_profile(name, None, Diagnostics())
    assert profile is not None
    logsource, changed = GOLDEN_SOURCES[case]
    record = golden(project_root, case)
    place = place_of(profile, **logsource)
    assert missing_of(place, record, set(raw_values(record)), name) == changed


def golden(project_root: Path, case: str) -> dict[str, Any]:
    text = (project_root / "tests/golden/windows" / f"{case}.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)["raw"]
    return loaded


@pytest.mark.parametrize(
    ("case", "field", "text"),
    [
        ("sysmon_1", "Hashes", "sha1=ab01,md5=cd02,sha256=ef03"),
        ("sysmon_1", "User", "corp\\anna"),
        ("sysmon_3", "Initiated", "true"),
        ("sysmon_3", "SourceIsIpv6", "false"),
        ("sysmon_7", "Hashes", "sha256=ef03,imphash=aa11"),
        ("sysmon_13", "Details", "dword (0x0000001a)"),
        ("sysmon_22", "QueryStatus", "0"),
        ("sysmon_22", "QueryResults", "203.0.113.7"),
        ("security_4624", "IpAddress", "198.51.100.4"),
        ("security_4720", "UserAccountControl", "%%2082"),
        ("security_4624", "ProcessId", "0x1f4"),
        ("security_4625", "Keywords", "0x8010000000000000"),
        ("security_4688", "IntegrityLevel", "s-1-16-8192"),
        ("unnamed_data", "Data", "xp_cmdshell\nline two"),
        ("user_data", "Level", "2"),
    ],
)
def test_derived_texts(case: str, field: str, text: str, project_root: Path) -> None:
    profile = load_profile("winlogbeat", None, Diagnostics())
    assert profile is not None
    place = place_of(profile, **GOLDEN_SOURCES[case][0])
    values = flatten(normalise_windows(golden(project_root, case), "winlogbeat"))
    assert text in texts_of(place, field, values)


@pytest.mark.parametrize("case", ["security_4624", "security_4625", "security_4688"])
@pytest.mark.parametrize("name", FLAVOURS)
def test_a_security_event_without_its_channel_is_still_one(
    name: str, case: str, project_root: Path
) -> None:
    profile = load_profile(name, None, Diagnostics())
    assert profile is not None
    values = dict(flatten(normalise_windows(golden(project_root, case), name)))
    del values["winlog.channel"]
    assert is_in(place_of(profile, service="security"), values)
    assert is_in(place_of(profile, category="process_creation"), values) == (case[-4:] == "4688")


#: Category → an event of Elastic Defend, in the fields of its documentation, and what a rule sees.
DEFEND: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "process_creation": (
        {
            "event.dataset": "endpoint.events.process",
            "event.action": "start",
            "process.executable": "C:\\Windows\\System32\\whoami.exe",
            "process.command_line": "whoami /all",
            "process.parent.executable": "C:\\Windows\\explorer.exe",
            "process.pe.original_file_name": "whoami.exe",
            "process.Ext.token.integrity_level_name": "high",
            "user.domain": "CORP",
            "user.name": "anna",
        },
        {
            "Image": "c:\\windows\\system32\\whoami.exe",
            "CommandLine": "whoami /all",
            "ParentImage": "c:\\windows\\explorer.exe",
            "OriginalFileName": "whoami.exe",
            "IntegrityLevel": "high",
            "User": "corp\\anna",
        },
    ),
    "process_termination": (
        {
            "event.dataset": "endpoint.events.process",
            "event.action": "end",
            "process.executable": "C:\\a.exe",
        },
        {"Image": "c:\\a.exe"},
    ),
    "file_event": (
        {
            "event.dataset": "endpoint.events.file",
            "event.action": "creation",
            "file.path": "C:\\Users\\anna\\a.lnk",
            "process.executable": "C:\\a.exe",
        },
        {"TargetFilename": "c:\\users\\anna\\a.lnk", "Image": "c:\\a.exe"},
    ),
    "file_delete": (
        {
            "event.dataset": "endpoint.events.file",
            "event.action": "deletion",
            "file.path": "C:\\a.log",
        },
        {"TargetFilename": "c:\\a.log"},
    ),
    "network_connection": (
        {
            "event.dataset": "endpoint.events.network",
            "event.action": "connection_attempted",
            "network.direction": "egress",
            "network.type": "ipv4",
            "destination.ip": "203.0.113.9",
            "destination.port": "443",
        },
        {
            "Initiated": "true",
            "DestinationIp": "203.0.113.9",
            "DestinationPort": "443",
            "DestinationIsIpv6": "false",
        },
    ),
    "dns_query": (
        {
            "event.dataset": "endpoint.events.network",
            "event.action": "lookup_result",
            "dns.question.name": "www.example.com",
            "process.executable": "C:\\a.exe",
        },
        {"QueryName": "www.example.com", "Image": "c:\\a.exe"},
    ),
}


@pytest.mark.parametrize("category", sorted(DEFEND))
def test_elastic_defends_events_are_read_with_the_agents(category: str) -> None:
    profile = load_profile("elastic-agent", None, Diagnostics())
    assert profile is not None
    place = place_of(profile, category=category)
    document, seen = DEFEND[category]
    values = {path: (text,) for path, text in document.items()}
    assert is_in(place, {**values, "host.os.type": ("windows",)})
    assert not is_in(place, {**values, "host.os.type": ("linux",)})
    assert {name: texts_of(place, name, values)[0] for name in seen} == seen
    stream = f"logs-{document['event.dataset']}-*"
    assert stream in place.indices
    assert "logs-windows.sysmon_operational-*" in place.indices


@pytest.mark.parametrize("operation", ["%%1904", "%%1905", "%%1906"])
def test_every_audited_change_of_a_value_is_a_registry_event(
    operation: str, profile: Profile
) -> None:
    values = {
        "winlog.channel": ("Security",),
        "event.code": ("4657",),
        "winlog.event_data.OperationType": (operation,),
    }
    assert is_in(place_of(profile, category="registry_event"), values)


@pytest.mark.parametrize("name", FLAVOURS)
def test_the_time_that_sysmon_says_is_the_events(name: str, project_root: Path) -> None:
    profile = load_profile(name, None, Diagnostics())
    assert profile is not None
    place = place_of(profile, category="process_creation")
    values = flatten(normalise_windows(golden(project_root, "sysmon_1"), name))
    assert texts_of(place, "UtcTime", values) == [fold(values["@timestamp"][0])]


@pytest.mark.parametrize(
    ("case", "field", "parts"),
    [
        ("powershell_400", "Data", ["hostname=consolehost\n", "hostapplication=powershell -v 2\n"]),
        ("powershell_4103", "ContextInfo", ['host application = powershell.exe -c "x=1"\n']),
        ("powershell_4103", "Payload", ['name="path"; value="c:\\a;b"', "commandinvocation(res"]),
    ],
)
def test_powershell_texts(case: str, field: str, parts: list[str], project_root: Path) -> None:
    profile = load_profile("winlogbeat", None, Diagnostics())
    assert profile is not None
    place = place_of(profile, **GOLDEN_SOURCES[case][0])
    values = flatten(normalise_windows(golden(project_root, case), "winlogbeat"))
    for part in parts:
        assert any(part in text for text in texts_of(place, field, values)), part


def test_the_status_names_of_dns_are_the_normalisers(project_root: Path) -> None:
    profile = load_profile("winlogbeat", None, Diagnostics())
    assert profile is not None
    table = project_root / "src/sigma2hive/data/windows/dns.json"
    status = json.loads(table.read_text(encoding="utf-8"))["status"]
    (part,) = profile.derived["sigma.dns_status"].parts
    assert dict(part.replace) == {name: code for code, name in status.items()}


@pytest.mark.parametrize("name", PROFILES)
def test_the_channel_of_an_event_in_the_system_log(name: str) -> None:
    """Event 104 says in UserData which log was cleared; all others are of the System log itself."""
    profile = load_profile(name, None, Diagnostics())
    assert profile is not None
    place = place_of(profile, service="system")
    installed = {"winlog.channel": ("System",), "event.code": ("7045",)}
    cleared = {**installed, "event.code": ("104",), "winlog.user_data.Channel": ("Application",)}
    assert texts_of(place, "Channel", installed) == ["system"]
    assert texts_of(place, "Channel", cleared) == ["application"]


@pytest.mark.parametrize("name", PROFILES)
def test_a_blank_in_a_field_s_name_is_found(name: str) -> None:
    """Defender's events have names with blanks, which Winlogbeat and the Agent write as "_"."""
    profile = load_profile(name, None, Diagnostics())
    assert profile is not None
    flavour = name if name in FLAVOURS else "winlogbeat"
    record = {
        "Event": {
            "System": {
                "Provider": {"#attributes": {"Name": "Microsoft-Windows-Windows Defender"}},
                "EventID": 1116,
                "Channel": "Microsoft-Windows-Windows Defender/Operational",
                "Computer": "ws01.corp.example",
            },
            "EventData": {"Threat Name": "Virus:DOS/EICAR_Test", "Detection User": "CORP\\anna"},
        }
    }
    values = flatten(normalise_windows(record, flavour))
    place = place_of(profile, service="windefend")
    assert "virus:dos/eicar_test" in texts_of(place, "Threat Name", values)
    assert "corp\\anna" in texts_of(place, "Detection User", values)
