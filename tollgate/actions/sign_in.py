"""Acts on providers of OpenID Connect: which people log in by, and whom each knows as which user or contact.

A person is known by the provider's own name for them, its subject. Only the first time, and only by an email that the
provider has verified, somebody who is known here already is found, or made. A user of a provider that tells groups is
in exactly those that it tells at each login; without any a user may nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict, Unpack
from urllib.parse import urlsplit

from django.db.models import F
from django.db.models.functions import Lower, Now

from tollgate.actions import checks, records
from tollgate.actions.acts import EVERY_ACT, act, current, refuse
from tollgate.actions.users import check_not_above, check_operators
from tollgate.core.sign_in import Person
from tollgate.gateways import sign_in as gateway
from tollgate.store.models import (
    Account,
    Contact,
    PortalDomain,
    SignInGroup,
    SignInLink,
    SignInProvider,
    User,
    UserGroup,
)
from tollgate.store.secrets import CannotUnseal, seal, unseal

SERVES: Final = ("users", "contacts")
WHOSE: Final = ("issuer", "client_id", "serves", "domain_id")
"""What says who answers, and for whom."""
MOST_GROUPS: Final = 200
NOT_VERIFIED: Final = "The provider has not verified your email: ask an administrator."
ONLY_OPERATORS: Final = "Whoever names a provider says who gets in: only those who may do everything can."
SECRET_AGAIN: Final = "Enter the secret again: it is kept for another issuer or client, and goes to no other."  # noqa: S105


class NotAdmitted(Exception):
    """Somebody whom the provider knows and who does not get in here; `why` is for the audit log."""

    def __init__(self, words: str, why: str) -> None:
        super().__init__(words)
        self.why = why


class GroupOfClaim(TypedDict):
    """Whoever is in `claim` at the provider is in the group here."""

    claim: str
    group_id: int


class ProviderFields(TypedDict, total=False):
    """What may be set on a provider."""

    enabled: bool
    serves: str
    domain_id: int | None
    secret: str
    scopes: str
    groups_claim: str
    groups: Sequence[GroupOfClaim]
    creates_users: bool
    trusts_emails: bool


class ProviderChanges(ProviderFields, total=False):
    """What may be changed on a provider."""

    title: str
    issuer: str
    client_id: str


def _issuer(value: object) -> str:
    text: str = checks.text(500, required=True)(value)
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise checks.Unfit("Give the issuer's address, such as https://login.example.com.")
    if parts.query or parts.fragment:
        raise checks.Unfit("Leave out what follows a ? or #.")
    return text


def _scopes(value: object) -> str:
    words = str(checks.text(200, required=True)(value)).split()
    return " ".join(dict.fromkeys(["openid", *words]))


def _groups(value: object) -> list[GroupOfClaim]:
    if not isinstance(value, (list, tuple)) or len(value) > MOST_GROUPS:
        raise checks.Unfit(f"Give a list of at most {MOST_GROUPS} rows.")
    rows: list[GroupOfClaim] = []
    for row in value:
        if not isinstance(row, Mapping) or set(row) != {"claim", "group_id"}:
            raise checks.Unfit("Give rows of claim and group_id.")
        claim = checks.text(200, required=True)(row["claim"])
        rows.append({"claim": claim, "group_id": checks.record_id(row["group_id"])})
    known = UserGroup.objects.filter(pk__in=[row["group_id"] for row in rows]).count()
    if known != len({row["group_id"] for row in rows}):
        raise checks.Unfit("One of these groups does not exist.")
    return list({(row["claim"], row["group_id"]): row for row in rows}.values())


CHECKS: Mapping[str, checks.Check] = {
    "title": checks.text(50, required=True),
    "enabled": checks.yes_no,
    "serves": checks.one_of(SERVES),
    "domain_id": checks.optional(checks.record_id),
    "issuer": _issuer,
    "client_id": checks.text(200, required=True),
    "secret": checks.text(1000),
    "scopes": _scopes,
    "groups_claim": checks.text(100, required=True),
    "groups": _groups,
    "creates_users": checks.yes_no,
    "trusts_emails": checks.yes_no,
}


@act
def create_sign_in_provider(
    *, account_id: int, title: str, issuer: str, client_id: str, **fields: Unpack[ProviderFields]
) -> SignInProvider:
    """Makes a provider. What it says of people is believed, so that only who may do everything names one."""
    _check_operator()
    given: dict[str, Any] = {**fields, "title": title, "issuer": issuer, "client_id": client_id}
    values = checks.cleaned(CHECKS, given)
    account = records.find(Account, account_id)
    groups = values.pop("groups", [])
    values["secret_sealed"] = seal(values.pop("secret", ""))
    _check_domain(SignInProvider(account=account), values)
    _check_of_users(SignInProvider(account=account), values, mapped=bool(groups))
    provider = records.create(SignInProvider, {**values, "account_id": account.pk})
    _map(provider, groups)
    return provider


@act
def update_sign_in_provider(
    *, provider_id: int, version: int | None = None, **changes: Unpack[ProviderChanges]
) -> SignInProvider:
    """Changes a provider. Its secret stays unless it is given; of another issuer or portal nobody is known any more."""
    _check_operator()
    values = checks.cleaned(CHECKS, changes)
    provider = records.locked(SignInProvider, provider_id, version)
    changed = {name for name in values if name in WHOSE and values[name] != getattr(provider, name)}
    groups, secret = values.pop("groups", None), values.pop("secret", "")
    if changed - {"domain_id"} and provider.secret_sealed and not secret:
        raise refuse("secret", SECRET_AGAIN)
    if secret:
        values["secret_sealed"] = seal(secret)
    _check_domain(provider, values)
    _check_of_users(provider, values, mapped=bool(provider.groups.exists() if groups is None else groups))
    records.change(provider, values)
    if changed - {"client_id"}:
        provider.links.all().delete()
    if groups is not None and _map(provider, groups):
        _next_version(provider)
    return provider


@act
def delete_sign_in_provider(*, provider_id: int, version: int | None = None) -> None:
    """Takes a provider away. Whoever logged in by it stays, and needs a password from then on."""
    _check_operator()
    records.locked(SignInProvider, provider_id, version).delete()


@act
def test_sign_in_provider(*, provider_id: int) -> dict[str, str]:
    """Asks the provider what it says of itself; gives that, or what is wrong under `problem`."""
    provider = records.find(SignInProvider, provider_id)
    try:
        known = gateway.description(provider.issuer, anew=True)
        keys = gateway.public_keys(provider.issuer)
    except gateway.SignInFailed as problem:
        return {"problem": str(problem)}
    told = {name: str(known[name]) for name in gateway.NEEDED}
    return {**told, "keys": str(len(keys)), "logout": str(known.get("end_session_endpoint", ""))}


@act
def forget_sign_in_links(*, user_id: int) -> int:
    """No provider knows the user any more, until they log in by a verified email again; gives how many did."""
    user = records.locked(User, user_id)
    check_not_above(user)
    gone, _ = SignInLink.objects.filter(user=user).delete()
    return gone


@act
def admit_user(
    *, provider_id: int, subject: str, email: str, email_verified: bool, name: str, groups: Sequence[str]
) -> User:
    """The user whom the provider means: known, found by a verified email, or made. Raises NotAdmitted for nobody."""
    provider = records.locked(SignInProvider, provider_id)
    person = Person(subject, email, email_verified or provider.trusts_emails, name, frozenset(groups))
    link = provider.links.select_related("user").filter(subject=person.subject).first()
    user = link.user if link else _first_time(provider, person)
    assert user is not None
    if not user.is_active:
        raise NotAdmitted(f"{user.email} may not log in here.", "user inactive")
    if link is None:
        records.create(SignInLink, {"provider": provider, "subject": person.subject, "user": user})
    if user.email_verified_at is None and person.email_verified and person.email.lower() == user.email:
        records.change(user, {"email_verified_at": Now()})
    mapped = list(provider.groups.all())
    if mapped:
        _put(user, {row.group_id for row in mapped if row.claim in person.groups})
    return user


@act
def admit_contact(*, provider_id: int, subject: str, email: str, email_verified: bool) -> Contact:
    """The contact whom the provider means: known, or found by a verified email. None is ever made."""
    provider = records.locked(SignInProvider, provider_id)
    link = provider.links.select_related("contact").filter(subject=subject).first()
    if link is not None and link.contact is not None:
        return link.contact
    named = Contact.objects.annotate(lowered=Lower("email")).filter(login_domain=provider.domain_id or 0)
    believed = bool(email) and (email_verified or provider.trusts_emails)
    contact = named.filter(lowered=email.lower()).first() if believed else None
    if contact is None:
        raise NotAdmitted("Nobody here belongs to this login: ask your provider.", "unknown subject")
    if SignInLink.objects.filter(provider=provider, contact=contact).exists():
        raise NotAdmitted("This email belongs to another login: ask your provider.", "email of another subject")
    records.create(SignInLink, {"provider": provider, "subject": subject, "contact": contact})
    return contact


def providers_of(serves: str, domain_id: int | None = None) -> list[SignInProvider]:
    """The providers on a login page, by title."""
    return list(SignInProvider.objects.filter(enabled=True, serves=serves, domain=domain_id).order_by("title"))


def client_of(provider: SignInProvider) -> gateway.Client:
    """Us, as the provider knows us. Raises SignInFailed when the secret was sealed by another data key."""
    try:
        secret = unseal(provider.secret_sealed)
    except CannotUnseal as problem:
        raise gateway.SignInFailed(str(problem)) from None
    claim = provider.groups_claim if provider.serves == "users" and provider.groups.exists() else ""
    return gateway.Client(provider.issuer, provider.client_id, secret, provider.scopes, claim)


def _first_time(provider: SignInProvider, person: Person) -> User:
    """The user of a person whom the provider names for the first time."""
    found = User.objects.filter(email__iexact=person.email).first() if person.email else None
    if found is not None:
        if not person.email_verified:
            raise NotAdmitted(NOT_VERIFIED, "email not verified")
        if SignInLink.objects.filter(provider=provider, user=found).exists():
            raise NotAdmitted("This email belongs to another login: ask an administrator.", "email of another subject")
        return found
    if not provider.creates_users or not person.email:
        raise NotAdmitted("Nobody here belongs to this login yet: ask an administrator.", "unknown subject")
    if not person.email_verified:
        raise NotAdmitted(NOT_VERIFIED, "email not verified")
    told = {"email": person.email, "name": (person.name or person.email)[:200]}
    user = User(**checks.cleaned({"email": checks.email, "name": checks.text()}, told))
    user.set_unusable_password()
    with records.refusals_named():
        user.save()
    user.refresh_from_db()
    return user


def _put(user: User, group_ids: set[int]) -> None:
    """The user is in these groups and no other."""
    if {group.pk for group in user.groups.all()} == group_ids:
        return
    user.groups.set(group_ids)
    User.objects.filter(pk=user.pk).update(groups_version=F("groups_version") + 1)
    check_operators("groups")


def _map(provider: SignInProvider, groups: Sequence[GroupOfClaim]) -> bool:
    """Leaves exactly these groups; whether any row changed."""
    wanted = {(row["claim"], row["group_id"]) for row in groups}
    known = {(row.claim, row.group_id): row for row in provider.groups.all()}
    for row in (known[key] for key in known.keys() - wanted):
        row.delete()
    for claim, group_id in sorted(wanted - known.keys()):
        records.create(SignInGroup, {"provider": provider, "claim": claim, "group_id": group_id})
    return wanted != known.keys()


def _next_version(provider: SignInProvider) -> None:
    """The groups are part of the provider as people see it: who holds an older form is told."""
    SignInProvider.objects.filter(pk=provider.pk).update(groups_version=F("groups_version") + 1)
    provider.refresh_from_db()


def _check_operator() -> None:
    if EVERY_ACT not in current.get().may:
        raise refuse("issuer", ONLY_OPERATORS)


def _check_domain(provider: SignInProvider, values: Mapping[str, Any]) -> None:
    """Users log in at the panel, which has no portal domain."""
    serves, domain_id = (values.get(name, getattr(provider, name)) for name in ("serves", "domain_id"))
    if domain_id is None:
        return
    if serves == "users":
        raise refuse("domain_id", "Users log in at the panel: leave the portal domain out.")
    if not PortalDomain.objects.filter(pk=domain_id, account=provider.account_id).exists():
        raise refuse("domain_id", "Choose a portal domain of the account.")


def _check_of_users(provider: SignInProvider, values: Mapping[str, Any], *, mapped: bool) -> None:
    """Contacts are in no group, and none is ever made."""
    serves, creates = (values.get(name, getattr(provider, name)) for name in ("serves", "creates_users"))
    if serves == "contacts" and mapped:
        raise refuse("groups", "Contacts are in no group: leave this empty.")
    if serves == "contacts" and creates:
        raise refuse("creates_users", "Contacts are never made by a login: leave this out.")
