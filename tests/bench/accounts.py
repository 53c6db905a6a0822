"""Users and roles of the Elasticsearch that tests run against, as files of its file realm.

Takes nothing but fresh passwords; gives the text of `users`, `users_roles` and `roles.yml`. Least
privilege is tested with these: every role may do what its name says and no more.
"""

import base64
import hashlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: What the names of all test indices begin with.
INDEX_PREFIX = "s2h-"

_INDICES = [f"{INDEX_PREFIX}*"]

#: Role to what it may do, as the security API takes it. JSON is YAML, so roles.yml is made of it.
ROLES: Mapping[str, Mapping[str, Any]] = {
    # What sigma2hive is meant to be given to find matches.
    "s2h_reader": {
        "cluster": ["monitor"],
        "indices": [{"names": _INDICES, "privileges": ["read", "view_index_metadata"]}],
    },
    # What the service is meant to be given: it also sees how far shards are.
    "s2h_monitor": {
        "cluster": ["monitor"],
        "indices": [{"names": _INDICES, "privileges": ["read", "view_index_metadata", "monitor"]}],
    },
    # The same, and it may ask for a refresh.
    "s2h_keeper": {
        "cluster": [],
        "indices": [{"names": _INDICES, "privileges": ["read", "monitor", "maintenance"]}],
    },
    # Sees that an index is there, and may not look into it.
    "s2h_blind": {
        "cluster": ["monitor"],
        "indices": [{"names": _INDICES, "privileges": ["view_index_metadata"]}],
    },
    # What `sigma2hive test --elasticsearch` is meant to be given.
    "s2h_tester": {
        "cluster": [],
        "indices": [
            {
                "names": ["sigma2hive-test-*"],
                "privileges": [
                    *("create_index", "delete_index", "index", "auto_configure"),
                    *("maintenance", "read"),
                ],
            }
        ],
    },
    # What a state store in Elasticsearch is meant to be given (docs/state.md).
    "s2h_storer": {
        "cluster": [],
        "indices": [
            {
                "names": _INDICES,
                "privileges": [
                    *("create_index", "read", "write", "maintenance", "monitor"),
                    "view_index_metadata",
                ],
            }
        ],
    },
    # May look into indices, and knows nothing of them or the cluster.
    "s2h_bare": {
        "cluster": [],
        "indices": [{"names": _INDICES, "privileges": ["read"]}],
    },
}


@dataclass(frozen=True, slots=True)
class User:
    """Who sends a request; `role` is what it may do."""

    name: str
    password: str
    role: str

    @property
    def authorization(self) -> str:
        """The header that says who this is."""
        pair = f"{self.name}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"


@dataclass(frozen=True, slots=True)
class Users:
    """One user a role; `admin` may do everything."""

    admin: User
    reader: User
    blind: User
    bare: User
    tester: User
    monitor: User
    keeper: User
    storer: User

    def __iter__(self) -> Iterator[User]:
        return iter((self.admin, *self.plain))

    @property
    def plain(self) -> tuple[User, ...]:
        """All but the one that may do everything."""
        return (
            *(self.reader, self.blind, self.bare, self.tester, self.monitor, self.keeper),
            self.storer,
        )


def new_users(suffix: str = "") -> Users:
    """Return users with names that end in `suffix` and passwords that nobody knows."""

    def user(name: str, role: str) -> User:
        return User(f"s2h-{name}{suffix}", secrets.token_urlsafe(18), role)

    return Users(
        user("admin", "superuser"),
        user("reader", "s2h_reader"),
        user("blind", "s2h_blind"),
        user("bare", "s2h_bare"),
        user("tester", "s2h_tester"),
        user("monitor", "s2h_monitor"),
        user("keeper", "s2h_keeper"),
        user("storer", "s2h_storer"),
    )


def users_file(users: Users) -> str:
    """Return the file realm's `users`."""
    return "".join(f"{user.name}:{_hashed(user.password)}\n" for user in users)


def users_roles_file(users: Users) -> str:
    """Return the file realm's `users_roles`."""
    return "".join(f"{user.role}:{user.name}\n" for user in users)


def _hashed(password: str) -> str:
    """Return a password as Elasticsearch's Hasher.PBKDF2_1000 stores it.

    Source: https://www.elastic.co/docs/reference/elasticsearch/configuration-reference/
    security-settings#hashing-settings
    """
    salt = secrets.token_bytes(32)
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 1000, 32)
    encoded = (base64.b64encode(part).decode("ascii") for part in (salt, made))
    return "{PBKDF2}1000$" + "$".join(encoded)
