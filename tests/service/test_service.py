"""The service as a process: new events of a real Elasticsearch become alerts in TheHive."""

from tests.service.site import RULES, Site, other, service_installed


def test_new_events_become_alerts_while_it_runs(site: Site) -> None:
    site.add([service_installed(1), other(2)])
    process = site.start()
    site.wait_for_titles("Service 1 installed on host-1")
    site.add([service_installed(3), other(4)])
    site.wait_for_titles("Service 1 installed on host-1", "Service 3 installed on host-3")
    assert process.end() == 0


def test_one_cycle_delivers_and_ends(site: Site) -> None:
    site.add([service_installed(1), other(2)])
    first = site.command("run", "--once", "--live")
    assert first.returncode == 0, first.stderr
    assert site.titles() == ["Service 1 installed on host-1"]
    second = site.command("run", "--once", "--live")
    assert second.returncode == 0, second.stderr
    assert len(site.titles()) == 1


def test_one_cycle_says_what_waits_and_why(site: Site) -> None:
    site.add([service_installed(1)])
    site.thehive.fail("status", status=503, times=None)
    waits = site.command("run", "--once", "--live")
    assert waits.returncode == 4
    assert "thehive: 1 alert waits for a later run, or the service, to deliver: " in waits.stderr
    assert "503" in waits.stderr
    site.thehive.control("DELETE", "failures")
    # A later run delivers it, once its time has come.
    assert any(site.command("run", "--once", "--live").returncode == 0 for _ in range(10))
    assert site.titles() == ["Service 1 installed on host-1"]


def test_one_cycle_does_not_wait_for_a_sink_that_is_named_no_more(site: Site) -> None:
    site.add([service_installed(1)])
    site.thehive.fail("status", status=503, times=None)
    assert site.command("run", "--once", "--live").returncode == 4
    ended = site.command("run", "--once", "--sink", "jsonl:alerts.jsonl")
    assert ended.returncode == 0, ended.stderr
    assert "thehive: 1 alert waits" in ended.stderr
    assert "name it under `sinks` again" in ended.stderr


def test_one_cycle_ends_with_3_where_the_key_is_refused(site: Site) -> None:
    site.add([service_installed(1)])
    site.thehive.fail("status", status=401, times=None)
    refused = site.command("run", "--once", "--live")
    assert refused.returncode == 3, refused.stderr
    assert "thehive: 1 alert waits" in refused.stderr
    site.thehive.control("DELETE", "failures")
    assert any(site.command("run", "--once", "--live").returncode == 0 for _ in range(10))
    assert site.titles() == ["Service 1 installed on host-1"]


def test_a_dry_run_shows_what_it_would_raise_and_keeps_nothing(site: Site) -> None:
    site.add([service_installed(1), other(2)])
    for _ in range(2):
        shown = site.command("run", "--once", "--dry-run")
        assert shown.returncode == 0, shown.stderr
        assert "Service 1 installed on host-1" in shown.stdout
    assert not site.titles()
    assert not (site.folder / ".sigma2hive" / "state.db").exists()


def test_without_live_nothing_is_sent_and_nothing_is_kept_for_later(site: Site) -> None:
    site.add([service_installed(1)])
    held = site.command("run", "--once")
    assert held.returncode == 0
    assert "thehive: nothing is sent without --live" in held.stderr
    site.add([service_installed(2)])
    assert site.command("run", "--once", "--live").returncode == 0
    assert site.titles() == ["Service 2 installed on host-2"]


def test_a_second_service_with_the_same_state_is_refused(site: Site) -> None:
    process = site.start()
    process.wait_for("3 rules")
    second = site.command("run", "--once", "--live")
    assert second.returncode == 3
    assert "another service works with this state" in second.stderr
    assert process.end() == 0


def test_rules_are_loaded_again_when_their_files_change(site: Site) -> None:
    process = site.start()
    process.wait_for("3 rules")
    rules = site.folder / "sigma_rules" / "rules.yml"
    more = RULES + RULES.partition("title: Service installed")[2].join(
        ["---\ntitle: Logon", ""]
    ).replace(
        "33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444"
    ).replace("7045", "4624").replace("Service {number} installed", "Logon {number}")
    rules.write_text(more)
    process.wait_for("4 rules")
    site.add([other(5)])
    site.wait_for_titles("Logon 5 on host-5")
    rules.write_text("no: [yaml")
    process.wait_for("S2H102", "the rules of before stay at work")
    assert process.end() == 0


def test_status_tells_how_it_stands(site: Site) -> None:
    site.add([service_installed(1)])
    assert site.command("run", "--once", "--live").returncode == 0
    status = site.status()
    assert status["is_well"], status
    assert status["sinks"]["thehive"]["delivered"] == 1
    assert status["rules"]["looking"] == 3
    assert [entry["pattern"] for entry in status["patterns"]] == [site.index]
    text = site.command("status")
    assert "3 look, 0 blind" in text.stdout
    assert max(map(len, text.stdout.splitlines())) <= 80


def test_events_that_are_read_again_are_told_of_once(site: Site) -> None:
    process = site.start()
    process.wait_for("3 rules")
    site.add([other(1)])
    process.wait_for("1 events, 0 matches")
    cycles = {site.status()["cycle"]["began"] for _ in range(4)}
    assert len(cycles) > 1
    assert process.end() == 0
    assert len([line for line in process.lines if "1 events, 0 matches" in line]) == 1


def test_the_way_may_be_chosen_and_status_says_which_it_is(site: Site) -> None:
    site.add([service_installed(1), other(2)])
    asked = site.command("run", "--once", "--live", "--way", "query", "--json")
    assert asked.returncode == 0, asked.stderr
    assert '"ways": {"query": 1}' in asked.stdout
    assert site.titles() == ["Service 1 installed on host-1"]
    assert site.status()["ways"] == [{"patterns": [site.index], "way": "query", "refused": {}}]
    assert "query: as the settings say" in site.command("status").stdout
    site.write_settings(service={"cadence_seconds": 1, "way": "auto"})
    site.add([service_installed(3), other(4)])
    assert site.command("run", "--once", "--live").returncode == 0
    assert site.titles() == ["Service 1 installed on host-1", "Service 3 installed on host-3"]
    [way] = site.status()["ways"]
    assert way["searches"] == 2
    assert way["stream_seconds"] > 0
    assert way["query_seconds"] > 0
    shown = site.command("status").stdout
    assert f"{way['way']}: of a slice of" in " ".join(shown.split())


def test_the_way_is_the_services_alone(site: Site) -> None:
    refused = site.command("run", "--since", "1h", "--way", "query")
    assert refused.returncode == 2
    assert "--way is the service's" in refused.stderr
