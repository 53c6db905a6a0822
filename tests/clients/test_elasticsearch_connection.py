"""Whom the client trusts, as whom it asks, and what it refuses before it asks anything."""

import base64
import ssl
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from sigma2hive.clients.elasticsearch import ServerInfo, open_client
from sigma2hive.clients.errors import CertificateError
from sigma2hive.diagnostics import ConfigurationError
from sigma2hive.settings import ElasticsearchSettings
from tests.bench.answering import Answer, answering
from tests.clients.connecting import PASSWORD, client_at

API_KEY = "SIGMA2HIVE_ELASTICSEARCH_API_KEY"
INFO = Answer({"cluster_name": "c", "version": {"number": "9.9.9"}})


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
        answering(INFO, context=tls) as server,
        client_at(server.url, ca_file=ca_file) as client,
    ):
        assert client.info() == ServerInfo("c", "9.9.9")


def test_without_it_the_server_is_not_trusted(authority: trustme.CA) -> None:
    tls = context(authority.issue_cert("127.0.0.1"))
    with answering(INFO, context=tls) as server, client_at(server.url) as client:
        with pytest.raises(CertificateError, match=r"CERTIFICATE_VERIFY_FAILED.*ca_file"):
            client.info()
        assert server.asked == []


def test_the_named_authority_is_the_only_one(authority: trustme.CA, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    tls = context(authority.issue_cert("127.0.0.1"))
    with (
        answering(INFO, context=tls) as server,
        client_at(server.url, ca_file=other) as client,
        pytest.raises(CertificateError),
    ):
        client.info()


@pytest.mark.parametrize(
    ("name", "days", "hint"),
    [
        ("es.example", 1, "use the name that the certificate was made for"),
        ("127.0.0.1", -1, "renew the server's certificate"),
    ],
)
def test_a_certificate_of_another_name_or_time_is_refused(
    authority: trustme.CA, ca_file: Path, name: str, days: int, hint: str
) -> None:
    until = datetime.now(UTC) + timedelta(days=days)
    certificate = authority.issue_cert(name, not_after=until, not_before=until - timedelta(days=9))
    with answering(INFO, context=context(certificate)) as server:
        with (
            client_at(server.url, ca_file=ca_file) as client,
            pytest.raises(CertificateError, match=hint),
        ):
            client.info()
        assert server.asked == []


def test_a_server_without_tls_is_told_from_one_without_trust(ca_file: Path) -> None:
    with (
        answering(INFO) as server,
        client_at(server.url.replace("http:", "https:"), ca_file=ca_file) as client,
        pytest.raises(CertificateError, match="it speaks no TLS there"),
    ):
        client.info()


@pytest.mark.parametrize(
    ("username", "environment", "header"),
    [
        (None, {}, None),
        ("anna", {PASSWORD: "pässword"}, b"anna:p\xc3\xa4ssword"),
        (None, {API_KEY: "aWQ6a2V5"}, "ApiKey aWQ6a2V5"),
        (None, {API_KEY: "id:key"}, "ApiKey aWQ6a2V5"),
        (None, {API_KEY: " aWQ6a2V5\n"}, "ApiKey aWQ6a2V5"),
    ],
)
def test_credentials_are_sent_as_they_were_given(
    username: str | None, environment: dict[str, str], header: str | bytes | None
) -> None:
    with answering(INFO) as server:
        settings = ElasticsearchSettings((server.url,), username=username)
        with open_client(settings, environment) as client:
            client.info()
        if isinstance(header, bytes):
            header = f"Basic {base64.b64encode(header).decode('ascii')}"
        assert server.asked[0].headers.get("authorization") == header


def test_credentials_may_be_in_a_mounted_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("aWQ6a2V5\n", encoding="utf-8")
    with answering(INFO) as server:
        settings = ElasticsearchSettings((server.url,))
        with open_client(settings, {f"{API_KEY}_FILE": str(file)}) as client:
            client.info()
        assert server.asked[0].headers["authorization"] == "ApiKey aWQ6a2V5"


URL = ("https://es.example:9200",)


@pytest.mark.parametrize(
    ("settings", "environment", "problem"),
    [
        (ElasticsearchSettings(), {}, "elasticsearch.urls is empty"),
        (ElasticsearchSettings(("es.example:9200",)), {}, "no http or https address"),
        (ElasticsearchSettings(("ftp://es.example",)), {}, "no http or https address"),
        (ElasticsearchSettings(("https://",)), {}, "no http or https address"),
        (ElasticsearchSettings(("https://es.example:port",)), {}, "no http or https address"),
        (ElasticsearchSettings(("https://es.example/?a=b",)), {}, "goes on after the path"),
        (ElasticsearchSettings(("https://anna:hunter2@es.example",)), {}, "password in a URL"),
        (ElasticsearchSettings(URL, username="anna"), {}, "has no password"),
        (ElasticsearchSettings(URL), {PASSWORD: "hunter2"}, "nobody whose it is"),
        (
            ElasticsearchSettings(URL, username="anna"),
            {PASSWORD: "hunter2", API_KEY: "hunter2"},
            "both given",
        ),
        (ElasticsearchSettings(URL), {API_KEY: "hunter2\r\nX-Header: 1"}, "no API key"),
        (ElasticsearchSettings(URL), {API_KEY: "hunter2 hunter2"}, "no API key"),
        (ElasticsearchSettings(URL), {f"{API_KEY}_FILE": "/no/such/file"}, "cannot be read"),
        (ElasticsearchSettings(URL, Path("/no/such/file")), {}, "No such file"),
        (ElasticsearchSettings(URL, Path(__file__)), {}, "no PEM certificate"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_sent(
    settings: ElasticsearchSettings, environment: dict[str, str], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem) as caught:
        open_client(settings, environment)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert all(found.hint for found in caught.value.diagnostics)


def test_all_mistakes_are_named_at_once() -> None:
    settings = ElasticsearchSettings(("ftp://a", "https://b?c"), Path("/no/such/file"), "anna")
    with pytest.raises(ConfigurationError) as caught:
        open_client(settings, {})
    assert len(caught.value.diagnostics) == 4


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://es.example", "https://es.example:443"),
        ("HTTPS://ES.example:9200/", "https://es.example:9200"),
        ("http://es.example/elastic/", "http://es.example:80/elastic"),
        ("http://[::1]:9200", "http://[::1]:9200"),
    ],
)
def test_an_address_is_completed_as_everywhere(url: str, shown: str) -> None:
    with open_client(ElasticsearchSettings((url,)), {}) as client:
        assert client.server == shown


def test_a_path_before_the_api_is_kept() -> None:
    with answering(INFO) as server, client_at(f"{server.url}/elastic/") as client:
        client.info()
        assert server.asked[0].path == "/elastic/"
