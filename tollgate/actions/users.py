"""Acts on users and their groups: who works in the panel, what they may do and what they may read.

Nobody gives rights that he lacks, and nobody changes a user who may do more than himself. Passwords are in
user_passwords.py, one's own API tokens in tokens.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, TypedDict, Unpack

from django.db.models import F

from tollgate.actions import checks, records, tokens, user_emails, user_passwords
from tollgate.actions.acts import ACTS, EVERY_ACT, act, current, refuse
from tollgate.core.areas import AREAS, EVERY_AREA
from tollgate.core.languages import LANGUAGES
from tollgate.store.models import ApiToken, Customer, User, UserGroup

LAST_OPERATOR: Final = "Nobody would be left who may do everything: give another active user such a group first."
NOT_YOURS: Final = "You cannot give rights that you do not have: {}."
ABOVE_YOU: Final = "This user may do more than you: ask somebody who may do everything."


class UserFields(TypedDict, total=False):
    """What may be set on a user."""

    is_active: bool
    zone: str
    theme: str
    language: str
    group_ids: Sequence[int]
    reseller_id: int | None
    allowed_networks: Sequence[str]
    password_must_change: bool


class UserChanges(UserFields, total=False):
    """What may be changed on a user."""

    name: str
    email: str
    password: str


class GroupFields(TypedDict, total=False):
    """What may be set on a group."""

    name: str
    acts: Sequence[str]
    areas: Sequence[str]
    second_factor: bool


def _groups(value: object) -> list[UserGroup]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(row, int) for row in value):
        raise checks.Unfit("Give a list of groups.")
    found = list(UserGroup.objects.filter(pk__in=value))
    if len(found) != len(set(value)):
        raise checks.Unfit("One of these groups does not exist.")
    return found


def _names(words: str, known: Collection[str], every: str) -> checks.Check:
    """A list of names that exist, or the sign for every one."""

    def check(value: object) -> list[str]:
        if not isinstance(value, (list, tuple)):
            raise checks.Unfit(f"Give a list of {words}.")
        unknown = [str(name) for name in value if name != every and name not in known]
        if unknown:
            raise checks.Unfit(f"These {words} do not exist: {', '.join(unknown)}.")
        return sorted({str(name) for name in value})

    return check


CHECKS: Mapping[str, checks.Check] = {
    "name": checks.text(required=True),
    "email": lambda value: checks.email(value).lower(),
    "password": user_passwords.password,
    "is_active": checks.yes_no,
    "zone": checks.zone,
    "theme": checks.one_of(("auto", "light", "dark")),
    "language": checks.one_of(("", *LANGUAGES)),
    "group_ids": _groups,
    "reseller_id": checks.optional(checks.record_id),
    "allowed_networks": checks.networks,
    "password_must_change": checks.yes_no,
}
GROUP_CHECKS: Mapping[str, checks.Check] = {
    "name": checks.text(100, required=True),
    "acts": _names("acts", ACTS, EVERY_ACT),
    "areas": _names("areas", AREAS, EVERY_AREA),
    "second_factor": checks.yes_no,
}


@act
def create_user(*, name: str, email: str, password: str = "", **fields: Unpack[UserFields]) -> User:
    """Makes a user; without a password it is sent a link to set one. Without a group it may not even read.

    Where a person typed the password, the user is sent a link to confirm the email.
    """
    given: dict[str, Any] = {**fields, "name": name, "email": email}
    values = checks.cleaned(CHECKS, {**given, "password": password} if password else given)
    groups = values.pop("group_ids", [])
    _check_gift(groups)
    _check_reseller(values.get("reseller_id"))
    user = User(**{key: value for key, value in values.items() if key != "password"})
    if password:
        user_passwords.give(user, values["password"])
    else:
        user.set_unusable_password()
    with records.refusals_named():
        user.save()
    user.groups.set(groups)
    user.refresh_from_db()
    if not password:
        user_passwords.send_link(user)
    elif user.is_active and current.get().kind == "user":
        user_emails.send_link(user)
    return user


@act
def update_user(*, user_id: int, version: int | None = None, **changes: Unpack[UserChanges]) -> User:
    """Changes a user. Another email ends the password: a link to set one goes there, which proves the email.

    The last active user who may do everything keeps that.
    """
    values = checks.cleaned(CHECKS, changes)
    groups = values.pop("group_ids", None)
    user = records.locked(User, user_id, version)
    check_not_above(user)
    had = set(user.groups.all())
    if groups is not None:
        _check_gift(set(groups) - had)
    _check_reseller(values.get("reseller_id"))
    moved = "email" in values and values["email"] != user.email
    before, proved = user.email, user.email_verified_at is not None
    if moved:
        values["email_verified_at"] = None
    if moved and "password" in values:
        raise refuse("password", "Leave this out: the password is set by the link that goes to the new email.")
    if "password" in values:
        values |= user_passwords.given(user, values.pop("password"))
    elif moved:
        user.set_unusable_password()
        values["password"] = user.password
    records.change(user, values)
    if "password" in values or not user.is_active:
        user_passwords.forget_links(user)
    if groups is not None and set(groups) != had:
        user.groups.set(groups)
        User.objects.filter(pk=user.pk).update(groups_version=F("groups_version") + 1)
        user.refresh_from_db()
    if moved:
        if proved:
            user_passwords.tell_moved(user, before)
        user_passwords.send_link(user)
    elif "password" in changes:
        user_passwords.tell(user)
    check_operators("group_ids" if groups is not None else "is_active")
    return user


@act
def end_user_sessions(*, user_id: int) -> User:
    """Logs a user out everywhere."""
    user = records.locked(User, user_id)
    check_not_above(user)
    return records.change(user, {"session_epoch": user.session_epoch + 1})


@act
def revoke_user_token(*, user_id: int, token_id: int) -> ApiToken:
    """Ends an API token of a user, from the next request on."""
    user = records.locked(User, user_id)
    check_not_above(user)
    return tokens.end(token_id, user_id=user.pk)


@act
def create_user_group(
    *, name: str, acts: Sequence[str], areas: Sequence[str] = (), second_factor: bool = False
) -> UserGroup:
    """Makes a group: its members may read these areas and do these acts, perhaps with a second factor alone."""
    given = {"name": name, "acts": acts, "areas": areas, "second_factor": second_factor}
    values = checks.cleaned(GROUP_CHECKS, given)
    _check_rights("acts", acts=values["acts"], areas=values["areas"])
    return records.create(UserGroup, values)


@act
def update_user_group(*, group_id: int, version: int | None = None, **changes: Unpack[GroupFields]) -> UserGroup:
    """Changes what a group's members may do and read."""
    values = checks.cleaned(GROUP_CHECKS, changes)
    group = records.locked(UserGroup, group_id, version)
    _check_rights("acts", acts=group.acts, areas=group.areas)
    _check_rights("acts", acts=values.get("acts", ()), areas=values.get("areas", ()))
    records.change(group, values)
    check_operators("acts")
    return group


@act
def delete_user_group(*, group_id: int, version: int | None = None) -> None:
    """Removes a group that nobody is in."""
    group = records.locked(UserGroup, group_id, version)
    _check_rights("group_id", acts=group.acts, areas=group.areas)
    if group.users.exists():
        raise refuse("group_id", "Users are in this group: take them out first.")
    group.delete()


STOCK: Final[Mapping[str, tuple[Sequence[str], Sequence[str]]]] = {
    "Administrators": ((EVERY_ACT,), (EVERY_AREA,)),
    "Engineers": (
        (
            "create_ip_endpoint", "create_sip_user", "set_sip_password", "update_endpoint", "delete_endpoint",
            "create_ingress_route", "update_ingress_route", "delete_ingress_route", "create_did", "update_did",
            "delete_did", "create_gateway", "update_gateway", "delete_gateway", "restore_endpoint",
            "restore_ingress_route", "restore_did", "restore_gateway", "create_draft", "publish_draft",
            "publish_revision", "publish_markup", "update_edge", "end_call", "create_localization",
            "update_localization", "add_customer_note", "delay_save", "start_circuit_test",
        ),
        (
            "dashboard", "customers", "contacts", "endpoints", "number_blocks", "routes", "dids", "clis", "labels",
            "cards", "carriers", "circuits", "calls", "call_details", "edges", "audit", "delays",
        ),
    ),
    "Support": (
        (
            "create_contact", "update_contact", "verify_contact_email", "verify_contact_mobile", "send_password_link",
            "impersonate_contact", "lift_contact_delay", "add_customer_note", "end_call", "set_sip_password",
            "retry_message", "delay_save",
        ),
        (
            "dashboard", "customers", "contacts", "endpoints", "number_blocks", "dids", "clis", "calls",
            "call_details", "money", "messages", "audit", "delays",
        ),
    ),
    "Resellers": (
        (
            "create_customer", "update_customer", "set_customer_status", "extend_customer", "add_customer_note",
            "create_contact", "update_contact", "delete_contact", "send_password_link", "lift_contact_delay",
            "create_ip_endpoint", "create_sip_user", "set_sip_password", "update_endpoint", "delete_endpoint",
            "create_card", "update_card", "delete_card", "create_draft", "publish_draft", "delete_draft",
            "publish_revision", "publish_markup",
            "create_ingress_route", "update_ingress_route", "delete_ingress_route",
            "update_did", "create_alias", "update_alias", "delete_alias", "restore_contact", "restore_endpoint",
            "restore_ingress_route", "restore_alias", "end_call", "start_call_file", "start_upload",
            "repeat_upload", "start_bulk_edit", "cancel_task", "retry_task", "delay_save",
        ),
        tuple(name for name, area in AREAS.items() if area.shared),
    ),
}  # fmt: skip
"""The groups an installation begins with: acts and areas by name. They are ordinary groups, to be changed at will.
`Resellers` is for users of resellers, whom the areas show their own customers alone."""
NEEDS_FACTOR: Final = frozenset({"Administrators"})
"""Those of them whose members need a second factor."""


@act
def create_stock_groups() -> dict[str, UserGroup]:
    """Makes the groups an installation begins with, those that are not there yet."""
    found = {group.name: group for group in UserGroup.objects.filter(name__in=STOCK)}
    for name, (acts, areas) in STOCK.items():
        if name not in found:
            found[name] = create_user_group(
                name=name, acts=list(acts), areas=list(areas), second_factor=name in NEEDS_FACTOR
            )
    return found


def _check_reseller(reseller_id: int | None) -> None:
    if reseller_id is not None and not Customer.objects.filter(pk=reseller_id, is_reseller=True).exists():
        raise refuse("reseller_id", "Choose a customer that is a reseller.")


def _check_gift(groups: Iterable[UserGroup]) -> None:
    for group in groups:
        _check_rights("group_ids", acts=group.acts, areas=group.areas)


def _check_rights(field: str, *, acts: Iterable[str], areas: Iterable[str]) -> None:
    """Refuses to give what the actor lacks."""
    lacking = _lacking(acts=acts, areas=areas)
    if lacking:
        raise refuse(field, NOT_YOURS.format(", ".join(lacking)))


def _lacking(*, acts: Iterable[str], areas: Iterable[str]) -> list[str]:
    """Those of the rights that the actor does not have; whoever may do everything may read everything."""
    actor = current.get()
    if EVERY_ACT in actor.may:
        return []
    lacking = [name for name in acts if not actor.may_do(name)]
    return lacking + [name for name in areas if EVERY_AREA not in actor.areas and name not in actor.areas]


def check_not_above(user: User) -> None:
    """Refuses to touch a user who may do more than the actor; oneself everybody may."""
    actor = current.get()
    if actor.kind == "user" and actor.id == user.pk:
        return
    groups = list(user.groups.all())
    lacking = _lacking(
        acts=[name for group in groups for name in group.acts], areas=[name for group in groups for name in group.areas]
    )
    if lacking:
        raise refuse("user_id", ABOVE_YOU)


def check_operators(field: str) -> None:
    """An installation that nobody may repair is refused; one that never had an operator (a job's own) is not."""
    list(UserGroup.objects.select_for_update(no_key=True).order_by("pk"))
    operators = User.objects.filter(is_active=True, reseller_id=None, groups__acts__contains=[EVERY_ACT])
    if User.objects.exists() and not operators.exists():
        raise refuse(field, LAST_OPERATOR)
