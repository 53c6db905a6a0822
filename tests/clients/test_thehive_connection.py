"""Whom the client of TheHive trusts, as whom it asks, and what it refuses before it asks."""

import ssl
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from sigma2hive.clients.errors import CertificateError
from sigma2hive.clients.thehive import open_client
from sigma2hive.diagnostics import ConfigurationError
from sigma2hive.settings import TheHiveSettings
from tests.bench.answering import Answer, answering
from tests.clients.thehive_clients import API_KEY, SECRET, client_at

STATUS = Answer({"version": "5.7.3-1", "sso": False, "imports": {"mitreCatalog": "x"}})


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(made)
    return made


def test_the_named_authority_is_trusted(authority: trustme.CA, ca_file: Path) -> None:
    tls = context(authority.issue_cert("127.0.0.1"))
    with (
        answering(STATUS, context=tls) as server,
        client_at(server.url, ca_file=ca_file) as client,
    ):
        assert client.version() == "5.7.3-1"


def test_without_it_the_server_is_not_trusted(authority: trustme.CA) -> None:
    tls = context(authority.issue_cert("127.0.0.1"))
    with answering(STATUS, context=tls) as server, client_at(server.url) as client:
        with pytest.raises(CertificateError, match=r"thehive\.ca_file"):
            client.version()
        assert server.asked == []


def test_the_environment_cannot_name_another(
    authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca_file))
    tls = context(authority.issue_cert("127.0.0.1"))
    with (
        answering(STATUS, context=tls) as server,
        client_at(server.url) as client,
        pytest.raises(CertificateError),
    ):
        client.version()


@pytest.mark.parametrize(
    ("name", "days", "hint"),
    [
        ("thehive.example", 1, "use the name that the certificate was made for"),
        ("127.0.0.1", -1, "renew the server's certificate"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_told(
    authority: trustme.CA, ca_file: Path, name: str, days: int, hint: str
) -> None:
    until = datetime.now(UTC) + timedelta(days=days)
    tls = context(authority.issue_cert(name, not_before=until - timedelta(9), not_after=until))
    with (
        answering(STATUS, context=tls) as server,
        client_at(server.url, ca_file=ca_file) as client,
        pytest.raises(CertificateError) as caught,
    ):
        client.version()
    assert hint in caught.value.hint


def test_a_server_without_tls_is_told() -> None:
    with (
        answering(STATUS) as server,
        client_at(server.url.replace("http:", "https:")) as client,
        pytest.raises(CertificateError, match="speaks no TLS"),
    ):
        client.version()


def test_the_key_and_the_organisation_are_sent_and_netrc_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with (
        answering(STATUS) as server,
        client_at(server.url + "/thehive/", organisation="soc") as client,
    ):
        client.version()
    (asked,) = server.asked
    assert asked.path == "/thehive/api/v1/status/public"
    assert asked.headers["Authorization"] == f"Bearer {SECRET}"
    assert asked.headers["X-Organisation"] == "soc"


def test_a_proxy_is_asked_in_place_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(STATUS) as proxy:
        with client_at("http://thehive.example", proxy=proxy.url) as client:
            client.version()
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with client_at("http://thehive.example") as client:
            client.version()
    assert [one.path for one in proxy.asked] == ["http://thehive.example/api/v1/status/public"] * 2


def test_no_proxy_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with answering(STATUS) as server, client_at(server.url) as client:
        assert client.version() == "5.7.3-1"


@pytest.mark.parametrize(
    ("settings", "environment", "words"),
    [
        ({}, {API_KEY: SECRET}, "thehive.url is not set"),
        ({"url": "thehive.example"}, {API_KEY: SECRET}, "no http or https address"),
        ({"url": "https://h:0x"}, {API_KEY: SECRET}, "no http or https address"),
        ({"url": "https://h/?a=1"}, {API_KEY: SECRET}, "goes on after the path"),
        ({"url": f"https://anna:{SECRET}@h"}, {API_KEY: SECRET}, "a user or password"),
        ({"url": "https://h", "proxy": f"http://a:{SECRET}@p"}, {API_KEY: SECRET}, "proxy has"),
        ({"url": "https://h", "proxy": "socks5://p"}, {API_KEY: SECRET}, "no http or https"),
        ({"url": "https://h", "ca_file": Path("none.pem")}, {API_KEY: SECRET}, "none.pem"),
        ({"url": "https://h", "organisation": "组织"}, {API_KEY: SECRET}, "in a header"),
        ({"url": "https://h"}, {}, f"{API_KEY} is not set"),
        ({"url": "https://h"}, {API_KEY: f"{SECRET}\n"}, "holds no API key"),
        ({"url": "https://h"}, {API_KEY: f"{SECRET}ü"}, "holds no API key"),
        ({"url": "https://h"}, {API_KEY: "a", f"{API_KEY}_FILE": "b"}, "both set"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_sent(
    settings: dict[str, Any], environment: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_client(TheHiveSettings(**settings), environment)
    (found,) = caught.value.diagnostics.errors
    assert found.code == "S2H402"
    assert words in found.message
    assert found.hint
    assert SECRET not in "".join(traceback.format_exception(caught.value)) + str(found)


def test_the_key_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{SECRET}\n")
    with answering(STATUS) as server:
        settings = TheHiveSettings(url=server.url)
        with open_client(settings, {f"{API_KEY}_FILE": str(file)}) as client:
            client.version()
    assert server.asked[0].headers["Authorization"] == f"Bearer {SECRET}"
