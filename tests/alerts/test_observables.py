"""Observables as an analyst sees them: normal forms, own things, what was left out."""

import time
from dataclasses import replace
from ipaddress import ip_network

import pytest

from sigma2hive.alerts import AlertContext
from sigma2hive.model.alerts import Alert
from sigma2hive.model.events import Event
from sigma2hive.model.mappings import Mappings, ObservableMapping
from tests.alerts.matches import (
    LOGON,
    MAPPINGS,
    alert_of,
    episode,
    event,
    event_with,
    match,
    observable,
    rule,
)


def mapped(*rows: ObservableMapping, **changes: object) -> Mappings:
    observables = replace(MAPPINGS.observables, rows=rows, **changes)  # type: ignore[arg-type]
    return replace(MAPPINGS, observables=observables)


def seen(kind: str, *texts: str) -> Alert:
    """The alert of an event with `texts` in one field that is mapped to `kind`."""
    return alert_of(match(event_with({"f": texts})), mapped(ObservableMapping("f", kind)))


def found(kind: str, *texts: str) -> list[tuple[str, str]]:
    return [(entry.data_type, entry.data) for entry in seen(kind, *texts).observables]


SHA256 = "C6A168C81654F5901E864C8FD61FA54F084CD8B2E0A8AC1B83EACF9EB4484F75"
MD5 = "EB20E119AAF500E2752DC5A588B54C12"


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("ip", "203.0.113.5", ("ip", "203.0.113.5")),
        ("ip", "::ffff:203.0.113.5", ("ip", "203.0.113.5")),
        ("ip", "2001:DB8:0:0::1", ("ip", "2001:db8::1")),
        ("ip", "fe80::1%eth0", ("ip", "fe80::1")),
        ("ip", " [2001:db8::1] ", ("ip", "2001:db8::1")),
        ("host", "DC01.Corp.Example.", ("fqdn", "dc01.corp.example")),
        ("host", "DC01", ("hostname", "dc01")),
        ("host", "203.0.113.5", ("ip", "203.0.113.5")),
        ("hostname", "a.b", ("fqdn", "a.b")),
        ("fqdn", "a", ("hostname", "a")),
        ("domain", "EVIL.Example.", ("domain", "evil.example")),
        ("domain", "203.0.113.5", ("ip", "203.0.113.5")),
        ("domain", "_dmarc.evil.example", ("domain", "_dmarc.evil.example")),
        ("url", "HTTPS://Evil.example/A?b=c#d", ("url", "HTTPS://Evil.example/A?b=c#d")),
        ("url", "/index.php?x=1", ("uri_path", "/index.php?x=1")),
        ("hash", SHA256, ("hash", SHA256.lower())),
        ("hash", f" {MD5} ", ("hash", MD5.lower())),
        ("filename", "C:\\Users\\anna\\evil.exe", ("filename", "evil.exe")),
        ("filename", "/tmp/.x/evil", ("filename", "evil")),
        ("filename", "evil.exe", ("filename", "evil.exe")),
        ("path", "/tmp/.x/evil", ("filename", "/tmp/.x/evil")),
        ("mail", "Anna <Anna@Corp.Example>", ("mail", "anna@corp.example")),
        ("mail-subject", "Your Invoice", ("mail-subject", "Your Invoice")),
        ("user-agent", "Mozilla/5.0 (X)", ("user-agent", "Mozilla/5.0 (X)")),
        ("registry", "HKLM\\Software\\Run\\x", ("registry", "HKLM\\Software\\Run\\x")),
        ("autonomous-system", "64496", ("autonomous-system", "AS64496")),
        ("autonomous-system", "as64496", ("autonomous-system", "AS64496")),
        ("other", "anything", ("other", "anything")),
    ],
)
def test_normal_forms(kind: str, text: str, expected: tuple[str, str]) -> None:
    assert found(kind, text) == [expected]


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("ip", "LOCAL", "not an IP address"),
        ("ip", "203.0.113.5:80", "not an IP address"),
        ("ip", "203.0.113.999", "not an IP address"),
        ("domain", "a b.example", "not a name of a host or domain"),
        ("domain", "a" * 300 + ".example", "not a name of a host or domain"),
        ("hash", "abc", "not the length or digits of a known hash"),
        ("hash", "z" * 32, "not the length or digits of a known hash"),
        ("mail", "anna", "not a mail address"),
        ("filename", "/", "a path without a file's name"),
        ("autonomous-system", "Example Net", "not a number of an autonomous system"),
        ("ip", "127.0.0.1", "on the ignore list"),
        ("ip", "::ffff:7f00:1", "on the ignore list"),
        ("other", "-", "on the ignore list"),
        ("other", "", "on the ignore list"),
        ("host", "LOCALHOST", "on the ignore list"),
        ("other", "x" * 5000, "longer than 4,096 characters"),
        ("other", "x" * 70_000, "longer than 4,096 characters"),
    ],
)
def test_what_is_left_out_is_named_with_its_reason(kind: str, text: str, reason: str) -> None:
    alert = seen(kind, text)
    assert alert.observables == ()
    (left,) = alert.left_out
    assert left.reason == reason
    # What a log writes for nothing tells an analyst nothing.
    assert (reason in alert.description) == (text not in ("", "-"))


def test_a_list_of_hashes_gives_each_with_its_name() -> None:
    alert = seen("hash", f"MD5={MD5},SHA256={SHA256},IMPHASH={'0' * 32}")
    assert [(e.data, e.message) for e in alert.observables] == [
        (MD5.lower(), "from f; MD5"),
        (SHA256.lower(), "from f; SHA256"),
    ]
    assert [left.reason for left in alert.left_out] == ["on the ignore list"]


def test_a_files_name_comes_with_its_whole_path() -> None:
    alert = seen("filename", "C:\\Temp\\a.exe", "D:\\a.exe")
    assert observable(alert, "a.exe").message == "from f; C:\\Temp\\a.exe; D:\\a.exe"


def test_one_thing_is_one_observable_with_the_tags_of_all_rows() -> None:
    rows = (
        ObservableMapping("source.ip", "ip", tags=("attacker", "net")),
        ObservableMapping("client.ip", "ip", tags=("net", "client"), ioc=True, message="seen"),
    )
    values = {"source.ip": ("203.0.113.5",), "client.ip": ("::ffff:203.0.113.5",)}
    alert = alert_of(match(event_with(values)), mapped(*rows))
    entry = observable(alert, "203.0.113.5")
    assert entry.tags == ("attacker", "net", "client")
    assert entry.ioc
    assert entry.message == "seen; from source.ip, client.ip"


def test_letter_case_makes_no_double_that_thehive_would_refuse() -> None:
    alert = seen("other", "Anna", "ANNA")
    assert observable(alert, "Anna").message == "from f; also written ANNA"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("ip", "10.1.2.3"),
        ("ip", "192.168.0.9"),
        ("ip", "fd00::1"),
        ("ip", "fe80::1"),
        ("ip", "127.0.0.2"),
        ("ip", "::ffff:10.1.2.3"),
        ("url", "http://10.1.2.3/x"),
        ("url", "http://[fd00::1]:80/x"),
        ("host", "printer.home.arpa"),
        ("account", "system"),
    ],
)
def test_own_things_are_kept_as_internal_and_relate_no_alerts(kind: str, text: str) -> None:
    (entry,) = seen(kind, text).observables
    assert "internal" in entry.tags
    assert entry.ignore_similarity


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("ip", "203.0.113.5"),
        ("ip", "172.32.0.1"),
        ("url", "http://[broken"),
        ("url", "http://evil.example/10.1.2.3"),
        ("domain", "nothome.arpa"),
        ("other", "10.1.2.3"),
    ],
)
def test_others_things_are_not_internal(kind: str, text: str) -> None:
    (entry,) = seen(kind, text).observables
    assert "internal" not in entry.tags
    assert not entry.ignore_similarity


def test_a_teams_own_networks_and_names_are_internal() -> None:
    own = replace(
        MAPPINGS.observables.internal,
        networks=(ip_network("198.51.100.0/24"),),
        domains=("corp.example",),
        hosts=("Proxy01",),
    )
    values = {"f": ("198.51.100.7", "WS1.Corp.Example", "PROXY01", "corp.example.evil.example")}
    alert = alert_of(
        match(event_with(values)), mapped(ObservableMapping("f", "host"), internal=own)
    )
    internal = [entry.data for entry in alert.observables if "internal" in entry.tags]
    assert internal == ["198.51.100.7", "ws1.corp.example", "proxy01"]


def test_the_reporting_host_is_own_and_an_own_address_is_no_indicator() -> None:
    rows = (*MAPPINGS.observables.rows, ObservableMapping("destination.ip", "ip", ioc=True))
    values = {**LOGON, "destination.ip": ("10.0.0.1", "203.0.113.77")}
    alert = alert_of(match(event_with(values)), mapped(*rows))
    host = observable(alert, "dc01.corp.example")
    assert (host.data_type, host.tags) == ("fqdn", ("reporting-host", "internal"))
    assert host.ignore_similarity
    assert not observable(alert, "10.0.0.1").ioc
    assert observable(alert, "203.0.113.77").ioc


def test_account_names_without_a_type_for_them_are_other_never_a_user_agent() -> None:
    entry = observable(alert_of(match()), "anna")
    assert (entry.data_type, entry.tags) == ("other", ("account",))
    assert "account name" in entry.message


@pytest.mark.parametrize(
    ("server", "data_type"),
    [({"account", "user"}, "account"), ({"user", "other"}, "user"), ({"other"}, "other")],
)
def test_account_names_go_to_the_first_type_that_the_server_has(
    server: set[str], data_type: str
) -> None:
    context = AlertContext(data_types=frozenset(server))
    alert = alert_of(match(), context=context)
    assert observable(alert, "anna").data_type == data_type
    # What the server has no type for is kept as other, with its own type as tag.
    if "other" in server:
        assert "ip" in observable(alert, "203.0.113.5").tags


def test_the_teams_own_types_count_without_asking_the_server() -> None:
    mappings = mapped(ObservableMapping("user.name", "account"), data_types=("username",))
    assert observable(alert_of(match(), mappings), "anna").data_type == "username"


def test_every_observable_has_tlp_and_pap_of_the_alert_unless_its_row_says_otherwise() -> None:
    rows = (
        ObservableMapping("source.ip", "ip"),
        ObservableMapping("user.name", "other", tlp=4, pap=3),
        ObservableMapping("host.name", "host", tlp=0, pap=0),
    )
    alert = alert_of(match(info=rule(custom={"tlp": "green", "pap": "red"})), mapped(*rows))
    markings = {entry.data: (entry.tlp, entry.pap) for entry in alert.observables}
    assert markings == {"203.0.113.5": (1, 3), "anna": (4, 3), "dc01.corp.example": (0, 0)}


def test_of_two_rows_the_stricter_marking_holds() -> None:
    rows = (ObservableMapping("f", "other", tlp=1), ObservableMapping("g", "other", tlp=3))
    alert = alert_of(match(event_with({"f": ("x",), "g": ("x",)})), mapped(*rows))
    assert observable(alert, "x").tlp == 3


def test_a_rule_adds_its_own_observables() -> None:
    custom = {
        "observables": [
            {"field": "ScriptUrl", "type": "url", "tags": ["stage-2"], "ioc": True, "tlp": "red"}
        ]
    }
    values = {**LOGON, "ScriptUrl": ("https://evil.example/a.ps1",)}
    alert = alert_of(match(event_with(values), info=rule(custom=custom)))
    entry = alert.observables[0]
    assert (entry.data, entry.tags, entry.ioc, entry.tlp) == (
        "https://evil.example/a.ps1",
        ("stage-2",),
        True,
        4,
    )


def test_all_events_of_an_episode_give_their_values_once() -> None:
    events: list[Event] = [event(n, user__name=f"user{n % 3}") for n in range(60)]
    alert = alert_of(episode(*events))
    accounts = [entry.data for entry in alert.observables if "account" in entry.tags]
    assert accounts == ["user0", "user1", "user2"]
    assert len([e for e in alert.observables if e.data == "203.0.113.5"]) == 1


def test_beyond_the_limit_they_are_left_out_by_name() -> None:
    values = {"f": tuple(f"x{n}" for n in range(12))}
    alert = alert_of(match(event_with(values)), mapped(ObservableMapping("f", "other"), limit=10))
    assert len(alert.observables) == 10
    assert [left.data for left in alert.left_out] == ["x10", "x11"]
    assert "the alert has 10 observables already" in alert.description


def test_a_team_may_ignore_more_and_it_is_told() -> None:
    ignore = {**MAPPINGS.observables.ignore, "ip": ("198.51.100.0/24", "203.0.113.5")}
    mappings = mapped(ObservableMapping("f", "ip"), ignore=ignore)
    alert = alert_of(
        match(event_with({"f": ("198.51.100.1", "203.0.113.5", "192.0.2.1")})), mappings
    )
    assert [entry.data for entry in alert.observables] == ["192.0.2.1"]
    assert [left.data for left in alert.left_out] == ["198.51.100.1", "203.0.113.5"]


def test_programs_that_ran_do_not_relate_alerts_by_name_but_files_do() -> None:
    values = {
        "process.executable": ("C:\\Windows\\System32\\cmd.exe",),
        "file.path": ("C:\\e.exe",),
    }
    alert = alert_of(match(event_with(values)))
    assert observable(alert, "cmd.exe").ignore_similarity
    assert not observable(alert, "e.exe").ignore_similarity


@pytest.mark.parametrize(
    ("pattern", "value", "is_ignored"),
    [
        ("*.windowsupdate.com", "DL.WindowsUpdate.com", True),
        ("*.windowsupdate.com", "windowsupdate.com.evil.example", False),
        ("cdn*.example.*", "cdn7.example.net", True),
        ("cdn*.example.*", "cdn7.evil.net", False),
        ("a*a", "a", False),
        ("a*b*a", "aba", True),
        ("host.example", "xhost.example", False),
    ],
)
def test_an_ignored_value_may_have_wildcards(pattern: str, value: str, is_ignored: bool) -> None:
    ignore = {**MAPPINGS.observables.ignore, "domain": (pattern,)}
    mappings = replace(MAPPINGS, observables=replace(MAPPINGS.observables, ignore=ignore))
    alert = alert_of(match(event_with({"dns.question.name": (value,)})), mappings)
    assert bool(alert.left_out) is is_ignored
    assert bool(alert.observables) is not is_ignored


def test_a_pattern_takes_linear_time_on_a_value_made_against_it() -> None:
    ignore = {"domain": ("*".join("a" * 200) + "b",)}
    mappings = replace(MAPPINGS, observables=replace(MAPPINGS.observables, ignore=ignore))
    started = time.process_time()
    alert_of(match(event_with({"dns.question.name": ("a" * 60_000,)})), mappings)
    assert time.process_time() - started < 2
