"""Who asks: keys, organisations, permissions; and the users' own endpoints."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from tests.doubles.thehive import seed
from tests.doubles.thehive.errors import (
    already_exists,
    bad_request,
    forbidden,
    not_found,
    unauthenticated,
)
from tests.doubles.thehive.routing import Answer, Caller, Request, route
from tests.doubles.thehive.world import Entity, World

_USER = "/api/v1/user/{userId}"


def identify(world: World, headers: Mapping[str, str]) -> Caller:
    """Return who asks: a key or a password, and the organisation of X-Organisation.

    A locked user and an organisation that is not the user's are answered like a wrong key.
    Source: LocalUserSrv.scala, Entrypoint.scala; for the locked user it is a guess.
    """
    user = _user_of(world, headers.get("Authorization", ""))
    if user is None or user.fields["locked"]:
        raise unauthenticated()
    roles: dict[str, str] = user.hidden["roles"]
    wanted = headers.get("X-Organisation") or next(iter(roles))
    organisation = world.named("Organisation", wanted)
    name = organisation.fields["name"] if organisation else ""
    if name not in roles:
        raise unauthenticated()
    profile = world.get("Profile", roles[name])
    return Caller(user, name, frozenset(profile.fields["permissions"]))


def _user_of(world: World, authorization: str) -> Entity | None:
    scheme, _, credentials = authorization.partition(" ")
    if scheme == "Bearer" and credentials:
        return next((u for u in world.all_of("User") if u.hidden["api_key"] == credentials), None)
    if scheme == "Basic":
        try:
            login, _, password = base64.b64decode(credentials).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        user = world.named("User", login, key="login")
        return user if user and password and user.hidden["password"] == password else None
    return None


def shown(world: World, user: Entity, organisation: str, *, is_own: bool = False) -> dict[str, Any]:
    """Return what the API says of a user, seen from an organisation."""
    roles: dict[str, str] = user.hidden["roles"]
    here = organisation if organisation in roles else next(iter(roles))
    found = {
        **user.fields,
        "organisation": here,
        "profile": roles[here],
        "permissions": list(world.get("Profile", roles[here]).fields["permissions"]),
        "defaultOrganisation": next(iter(roles)),
    }
    if is_own:
        found["organisations"] = [
            {
                "organisationId": world.get("Organisation", name).id,
                "organisation": name,
                "profile": profile,
                "links": [],
            }
            for name, profile in roles.items()
        ]
    return found


@route("GET", "/api/v1/user/current")
def read_current_user(request: Request) -> Answer:
    caller = request.caller
    return Answer(200, shown(request.world, caller.user, caller.organisation, is_own=True))


def _get(request: Request) -> Entity:
    return request.world.get("User", request.parameters["userId"], key="login")


@route("GET", _USER)
def read_user(request: Request) -> Answer:
    return Answer(200, shown(request.world, _get(request), request.caller.organisation))


@route("POST", "/api/v1/user", "manageUser", "create user")
def create_user(request: Request) -> Answer:
    """Make one; the same login again gives the same user (thehive4py, test_user_endpoint.py)."""
    world, body = request.world, request.body
    known = world.named("User", body["login"], key="login")
    organisation = body.get("organisation", request.caller.organisation)
    world.get("Organisation", organisation)
    world.get("Profile", body["profile"])
    if known is None:
        roles, kind = {organisation: body["profile"]}, body.get("type", "Normal")
        login, by = body["login"], request.caller.login
        known = seed.add_user(world, login, body["name"], roles, kind, by)
        if "email" in body:
            known.fields["email"] = body["email"]
        known.hidden["password"] = body.get("password")
        known.fields["hasPassword"] = "password" in body
    return Answer(201, shown(world, known, organisation))


@route("PATCH", _USER, "manageUser", "update user")
def update_user(request: Request) -> Answer:
    user, body = _get(request), request.body
    if "profile" in body:
        request.world.get("Profile", body["profile"])
        where = body.get("organisation", request.caller.organisation)
        user.hidden["roles"][where] = body["profile"]
    plain = ("name", "locked", "email", "type")
    user.fields.update({name: body[name] for name in plain if name in body})
    request.world.touch(user, request.caller.login)
    return Answer(204)


@route("DELETE", f"{_USER}/force", "manageUser", "delete user")
def delete_user(request: Request) -> Answer:
    request.world.remove(_get(request))
    return Answer(204)


@route("PUT", f"{_USER}/organisations", "manageUser", "set organisations")
def set_organisations(request: Request) -> Answer:
    given = request.body["organisations"]
    for one in given:
        request.world.get("Organisation", one["organisation"])
        request.world.get("Profile", one["profile"])
    ordered = sorted(given, key=lambda one: not one.get("default", False))
    _get(request).hidden["roles"] = {one["organisation"]: one["profile"] for one in ordered}
    answer = [{**one, "default": one.get("default", False)} for one in given]
    return Answer(200, {"organisations": answer})


@route("GET", f"{_USER}/key", "manageUser", "get key")
def read_key(request: Request) -> Answer:
    key = _get(request).hidden["api_key"]
    if key is None:
        raise not_found("API key")
    return Answer(200, str(key))


@route("POST", f"{_USER}/key/renew", "manageUser", "renew key")
def renew_key(request: Request) -> Answer:
    user = _get(request)
    user.hidden["api_key"] = f"key{request.world.next_id()}"
    user.fields["hasKey"] = True
    return Answer(200, str(user.hidden["api_key"]))


@route("DELETE", f"{_USER}/key", "manageUser", "remove key")
def remove_key(request: Request) -> Answer:
    user = _get(request)
    user.hidden["api_key"] = None
    user.fields["hasKey"] = False
    return Answer(204)


@route("POST", f"{_USER}/password/set", "manageUser", "set password")
def set_password(request: Request) -> Answer:
    return _password(request, request.body["password"])


@route("POST", f"{_USER}/password/change")
def change_password(request: Request) -> Answer:
    """Change one's own password."""
    user = _get(request)
    if (
        user is not request.caller.user
        or user.hidden["password"] != request.body["currentPassword"]
    ):
        raise forbidden("Authentication failure")  # LocalPasswordAuthSrv.scala
    return _password(request, request.body["password"])


def _password(request: Request, password: str) -> Answer:
    user = _get(request)
    user.hidden["password"] = password
    user.fields["hasPassword"] = True
    return Answer(204)


@route("POST", "/api/v1/organisation", "manageOrganisation", "create organisation")
def create_organisation(request: Request) -> Answer:
    name = request.body["name"]
    if request.world.named("Organisation", name):
        raise already_exists(f"Organisation {name} already exists")
    seed.add_organisation(request.world, name, request.body["description"], request.caller.login)
    return Answer(201, request.world.get("Organisation", name).fields)


@route("GET", "/api/v1/organisation/{orgId}")
def read_organisation(request: Request) -> Answer:
    return Answer(200, request.world.get("Organisation", request.parameters["orgId"]).fields)


@route("POST", "/api/v1/profile", "manageProfile", "create profile")
def create_profile(request: Request) -> Answer:
    name, permissions = request.body["name"], frozenset(request.body.get("permissions", []))
    if request.world.named("Profile", name):
        raise already_exists(f"Profile {name} already exists")
    seed.add_profile(request.world, name, permissions, request.caller.login)
    return Answer(201, request.world.get("Profile", name).fields)


@route("GET", "/api/v1/profile/{profileId}")
def read_profile(request: Request) -> Answer:
    return Answer(200, request.world.get("Profile", request.parameters["profileId"]).fields)


@route("PATCH", "/api/v1/profile/{profileId}", "manageProfile", "update profile")
def update_profile(request: Request) -> Answer:
    one = _editable_profile(request)
    one.fields.update(request.body)
    request.world.touch(one, request.caller.login)
    return Answer(204)


@route("DELETE", "/api/v1/profile/{profileId}", "manageProfile", "delete profile")
def delete_profile(request: Request) -> Answer:
    request.world.remove(_editable_profile(request))
    return Answer(204)


def _editable_profile(request: Request) -> Entity:
    """Return the profile that is named. Source of the refusal: TheHive 4, ProfileSrv.scala."""
    one = request.world.get("Profile", request.parameters["profileId"])
    if not one.fields["editable"]:
        raise bad_request("Profile is not editable")
    return one


@route("PATCH", "/api/v1/organisation/{orgId}", "manageOrganisation", "update organisation")
def update_organisation(request: Request) -> Answer:
    one = request.world.get("Organisation", request.parameters["orgId"])
    one.fields.update(request.body)
    request.world.touch(one, request.caller.login)
    return Answer(204)
