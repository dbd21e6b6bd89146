"""Acts on users and their groups: who works in the panel, and what they may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from tollgate.actions import checks, records
from tollgate.actions.acts import ACTS, EVERY_ACT, act, refuse
from tollgate.store.models import User, UserGroup

LAST_OPERATOR = "Nobody would be left who may do everything: give another active user such a group first."


class UserFields(TypedDict, total=False):
    """What may be set on a user."""

    is_active: bool
    zone: str
    theme: str
    group_ids: Sequence[int]


class UserChanges(UserFields, total=False):
    """What may be changed on a user."""

    name: str
    email: str
    password: str


class GroupFields(TypedDict, total=False):
    """What may be set on a group."""

    name: str
    acts: Sequence[str]


def _groups(value: object) -> list[UserGroup]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(row, int) for row in value):
        raise checks.Unfit("Give a list of groups.")
    found = list(UserGroup.objects.filter(pk__in=value))
    if len(found) != len(set(value)):
        raise checks.Unfit("One of these groups does not exist.")
    return found


def _acts(value: object) -> list[str]:
    if not isinstance(value, (list, tuple)):
        raise checks.Unfit("Give a list of acts.")
    unknown = [str(name) for name in value if name != EVERY_ACT and name not in ACTS]
    if unknown:
        raise checks.Unfit(f"These acts do not exist: {', '.join(unknown)}.")
    return sorted({str(name) for name in value})


CHECKS: Mapping[str, checks.Check] = {
    "name": checks.text(required=True),
    "email": lambda value: checks.email(value).lower(),
    "password": checks.text(200, required=True),
    "is_active": checks.yes_no,
    "zone": checks.zone,
    "theme": checks.one_of(("auto", "light", "dark")),
    "group_ids": _groups,
}
GROUP_CHECKS: Mapping[str, checks.Check] = {"name": checks.text(100, required=True), "acts": _acts}


@act
def create_user(*, name: str, email: str, password: str, **fields: Unpack[UserFields]) -> User:
    """Makes a user. Without a group the user may not even read."""
    given: dict[str, Any] = {**fields, "name": name, "email": email, "password": password}
    values = checks.cleaned(CHECKS, given)
    groups = values.pop("group_ids", [])
    user = User(**{key: value for key, value in values.items() if key != "password"})
    _set_password(user, values["password"])
    with records.refusals_named():
        user.save()
    user.groups.set(groups)
    user.refresh_from_db()
    return user


@act
def update_user(*, user_id: int, **changes: Unpack[UserChanges]) -> User:
    """Changes a user. The last active user who may do everything keeps that."""
    values = checks.cleaned(CHECKS, changes)
    groups = values.pop("group_ids", None)
    password = values.pop("password", None)
    user = records.locked(User, user_id)
    if password is not None:
        _set_password(user, password)
        values["password"] = user.password
    records.change(user, values)
    if groups is not None:
        user.groups.set(groups)
    _check_operators("group_ids" if groups is not None else "is_active")
    return user


@act
def create_user_group(*, name: str, acts: Sequence[str]) -> UserGroup:
    """Makes a group: its members may read everything and do these acts."""
    return records.create(UserGroup, checks.cleaned(GROUP_CHECKS, {"name": name, "acts": acts}))


@act
def update_user_group(*, group_id: int, **changes: Unpack[GroupFields]) -> UserGroup:
    """Changes what a group's members may do."""
    group = records.change(records.locked(UserGroup, group_id), checks.cleaned(GROUP_CHECKS, changes))
    _check_operators("acts")
    return group


def _set_password(user: User, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as problem:
        raise refuse("password", " ".join(problem.messages)) from None
    user.set_password(password)


def _check_operators(field: str) -> None:
    """An installation that nobody may repair is refused; one that never had an operator (a job's own) is not."""
    list(UserGroup.objects.select_for_update(no_key=True).order_by("pk"))
    operators = User.objects.filter(is_active=True, groups__acts__contains=[EVERY_ACT])
    if User.objects.exists() and not operators.exists():
        raise refuse(field, LAST_OPERATOR)
