"""What a fresh double holds: an organisation with users, and the catalogues of a new TheHive.

Source of the observable types: TheHive 4, ObservableType.scala. Of the profiles: the description of
5.7.3 for the permissions there are, and TheHive 4, Role.scala, for who has which. Statuses: FACTS
for the stages; their names are a guess (README.md).
"""

from __future__ import annotations

from tests.doubles.thehive.world import Entity, World

SYSTEM = "system@thehive.local"
ORGANISATION = "soc"

#: What an analyst may do to alerts, cases and what belongs to them.
_ANALYST = frozenset(
    {
        *(f"manageAlert/{verb}" for verb in ("create", "update", "delete", "import", "reopen")),
        *(f"manageCase/{verb}" for verb in ("create", "update", "delete", "merge", "reopen")),
        *("manageObservable", "manageProcedure", "manageComment", "manageTask", "managePage"),
        *("manageAnalyse", "manageAction", "manageShare", "manageCustomEvent", "accessTheHiveFS"),
    }
)
_ORG_ADMIN = _ANALYST | {
    *("manageUser", "manageCaseTemplate", "manageKnowledgeBase", "manageTag", "managePageTemplate"),
}
_ADMIN = frozenset(
    {
        *("manageOrganisation", "manageUser", "manageProfile", "managePlatform", "managePattern"),
        *("manageCustomField", "manageObservableTemplate", "manageTaxonomy", "manageConfig"),
    }
)

PROFILES: dict[str, frozenset[str]] = {
    "admin": _ADMIN,
    "org-admin": _ORG_ADMIN,
    "analyst": _ANALYST,
    "read-only": frozenset(),
    # Custom ones, as an administrator makes them for a service account.
    "alert-feeder": frozenset({"manageAlert/create"}),
    "alert-keeper": frozenset(
        {"manageAlert/create", "manageAlert/update", "manageObservable", "manageProcedure"}
    ),
}

#: Login → ({organisation: profile}, type, API key). The first organisation is the default one.
USERS: dict[str, tuple[dict[str, str], str, str]] = {
    "admin@thehive.local": ({ORGANISATION: "org-admin", "admin": "admin"}, "Normal", "key-admin"),
    "sigma2hive@soc.example": ({ORGANISATION: "alert-keeper"}, "Service", "key-sigma2hive"),
    "feeder@soc.example": ({ORGANISATION: "alert-feeder"}, "Service", "key-feeder"),
    "analyst@soc.example": ({ORGANISATION: "analyst"}, "Normal", "key-analyst"),
    "reader@soc.example": ({ORGANISATION: "read-only"}, "Normal", "key-reader"),
    "locked@soc.example": ({ORGANISATION: "analyst"}, "Normal", "key-locked"),
    "both@soc.example": ({ORGANISATION: "analyst", "partner": "analyst"}, "Normal", "key-both"),
    "analyst@partner.example": ({"partner": "analyst"}, "Normal", "key-partner"),
}
PASSWORD = "secret"

_TEXT_TYPES = (
    *("url", "other", "user-agent", "regexp", "mail-subject", "registry", "mail", "domain", "ip"),
    *("autonomous-system", "uri_path", "filename", "hash", "fqdn", "hostname"),
)

#: Value → stage.
ALERT_STATUSES = {
    "New": "New",
    "InProgress": "InProgress",
    "Pending": "InProgress",
    "Imported": "Imported",
    "Duplicate": "Closed",
    "Ignored": "Closed",
    "FalsePositive": "Closed",
    "TruePositive": "Closed",
}
CASE_STATUSES = {
    "New": "New",
    "InProgress": "InProgress",
    "Duplicated": "Closed",
    "FalsePositive": "Closed",
    "Indeterminate": "Closed",
    "Other": "Closed",
    "TruePositive": "Closed",
}

#: A few techniques of MITRE ATT&CK: id → (name, tactics). More by POST /double/catalogue.
PATTERNS: dict[str, tuple[str, tuple[str, ...]]] = {
    "T1003": ("OS Credential Dumping", ("credential-access",)),
    "T1003.001": ("LSASS Memory", ("credential-access",)),
    "T1021": ("Remote Services", ("lateral-movement",)),
    "T1027": ("Obfuscated Files or Information", ("defense-evasion",)),
    "T1047": ("Windows Management Instrumentation", ("execution",)),
    "T1053.005": ("Scheduled Task", ("execution", "persistence", "privilege-escalation")),
    "T1059": ("Command and Scripting Interpreter", ("execution",)),
    "T1059.001": ("PowerShell", ("execution",)),
    "T1059.006": ("Python", ("execution",)),
    "T1059.007": ("JavaScript", ("execution",)),
    "T1078": (
        "Valid Accounts",
        ("defense-evasion", "initial-access", "persistence", "privilege-escalation"),
    ),
    "T1110": ("Brute Force", ("credential-access",)),
    "T1110.001": ("Password Guessing", ("credential-access",)),
    "T1110.003": ("Password Spraying", ("credential-access",)),
    "T1547.001": ("Registry Run Keys / Startup Folder", ("persistence", "privilege-escalation")),
    "T1566": ("Phishing", ("initial-access",)),
}


def seed(world: World, token: str) -> None:
    """Fill an empty world; `token` is the API key of sigma2hive's own user."""
    for name in ("admin", ORGANISATION, "partner"):
        add_organisation(world, name)
    for name, permissions in PROFILES.items():
        add_profile(world, name, permissions)
    for login, (roles, kind, key) in USERS.items():
        chosen = token if login == "sigma2hive@soc.example" else key
        user = add_user(world, login, login.partition("@")[0], roles, kind)
        user.hidden |= {"api_key": chosen, "password": PASSWORD if kind == "Normal" else None}
        user.fields |= {"hasKey": True, "hasPassword": kind == "Normal"}
    world.get("User", "locked@soc.example", key="login").fields["locked"] = True
    for name in _TEXT_TYPES:
        add_observable_type(world, name)
    add_observable_type(world, "file", is_attachment=True)
    for kind, statuses in (("AlertStatus", ALERT_STATUSES), ("CaseStatus", CASE_STATUSES)):
        for value, stage in statuses.items():
            world.create(
                kind, SYSTEM, {"value": value, "stage": stage, "hidden": False, "extraData": {}}
            )
    for name, (label, tactics) in PATTERNS.items():
        add_pattern(world, name, label, tactics)


def add_organisation(world: World, name: str, description: str = "", login: str = SYSTEM) -> None:
    world.create(
        "Organisation",
        login,
        {
            "name": name,
            "description": description or name,
            "taskRule": "manual",
            "observableRule": "manual",
            "locked": False,
            "extraData": {},
        },
    )


def add_profile(
    world: World, name: str, permissions: frozenset[str], login: str = SYSTEM
) -> Entity:
    """Add a profile; custom ones need the capability users.customProfiles, taken as had."""
    return world.create(
        "Profile",
        login,
        {
            "type": "Admin" if name == "admin" else "Organisation",
            "name": name,
            "permissions": sorted(permissions),
            "editable": name not in {"admin", "org-admin"},
            "forAdmin": name == "admin",
            "forOrg": name != "admin",
            "forExternal": False,
            "consumesLicense": bool(permissions),
        },
    )


def add_user(
    world: World, login: str, name: str, roles: dict[str, str], kind: str, by: str = SYSTEM
) -> Entity:
    """Add a user with a profile in each organisation; the first one is the default."""
    user = world.create(
        "User",
        by,
        {
            "login": login,
            "name": name,
            "hasKey": False,
            "hasPassword": False,
            "hasMFA": False,
            "locked": False,
            "type": kind,
            "extraData": {},
        },
    )
    user.hidden = {"roles": dict(roles), "api_key": None, "password": None}
    return user


def add_observable_type(
    world: World, name: str, login: str = SYSTEM, *, is_attachment: bool = False
) -> Entity:
    """Add a data type; names come back in lower case (FACTS)."""
    return world.create(
        "ObservableType",
        login,
        {"name": name.lower(), "isAttachment": is_attachment, "isCaseSensitive": True},
    )


def add_pattern(world: World, name: str, label: str, tactics: tuple[str, ...]) -> None:
    path = name.replace(".", "/")
    world.create(
        "Pattern",
        SYSTEM,
        {
            "patternId": name,
            "name": label,
            "tactics": list(tactics),
            "url": f"https://attack.mitre.org/techniques/{path}",
            "patternType": "attack-pattern",
            "revoked": False,
            "remoteSupport": False,
            "extraData": {},
        },
    )
