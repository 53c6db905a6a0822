"""Secrets that are replaced while a program runs."""

from pathlib import Path

import pytest

from sigma2hive.clients.renewing import Renewing
from sigma2hive.diagnostics import ConfigurationError, Diagnostics
from sigma2hive.settings import SecretWatch, secret_from_environment


class Client:
    """Uses what the secret was when it was opened."""

    def __init__(self, key: str) -> None:
        self.key, self.is_closed = key, False

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "key"
    made.write_text("first\n")
    return made


def renewing(file: Path) -> Renewing[Client]:
    environment = {"KEY_FILE": str(file)}

    def opened() -> Client:
        secret = secret_from_environment("KEY", environment)
        if secret is None or " " in secret.reveal():
            raise ConfigurationError(Diagnostics())
        return Client(secret.reveal())

    return Renewing(("KEY",), opened, environment)


def test_a_file_that_is_written_or_replaced_is_read_again(file: Path, tmp_path: Path) -> None:
    clients = renewing(file)
    first = clients.current()
    assert clients.current() is first
    file.write_text("another\n")
    second = clients.current()
    assert (second.key, first.is_closed) == ("another", True)
    # As Kubernetes does: the name leads to another file.
    (tmp_path / "mounted").write_text("third")
    (tmp_path / "mounted").replace(file)
    assert clients.current().key == "third"
    assert second.is_closed


def test_the_same_secret_again_changes_nothing(file: Path) -> None:
    clients = renewing(file)
    first = clients.current()
    file.write_text("first")
    assert clients.current() is first
    assert clients.renewed(first) is None


def test_a_file_that_is_away_or_unusable_for_a_moment_changes_nothing(file: Path) -> None:
    clients = renewing(file)
    first = clients.current()
    file.unlink()
    assert clients.current() is first
    file.write_text("")
    assert clients.current() is first
    file.write_text("no key at all")
    assert clients.current() is first
    file.write_text("second")
    assert clients.current().key == "second"


def test_whoever_was_refused_takes_what_another_thread_has_renewed(file: Path) -> None:
    clients = renewing(file)
    first = clients.current()
    file.write_text("second")
    renewed = clients.renewed(first)
    assert renewed is not None
    assert renewed.key == "second"
    assert clients.renewed(first) is renewed
    assert clients.renewed(renewed) is None


def test_nothing_shows_the_secret(file: Path) -> None:
    watch = SecretWatch(("KEY",), {"KEY_FILE": str(file)})
    assert "first" not in repr(vars(watch))
