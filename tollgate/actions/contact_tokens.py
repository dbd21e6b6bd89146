"""Acts on the API tokens of contacts: made by the contact alone, ended by the contact or by whoever may.

A scope is a section of the portal, or `*` for every section that the contact is shown when the token is used. What a
section opens to programs is in api/portal.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import QuerySet
from django.db.models.functions import Now

from tollgate.actions import checks, records, tokens
from tollgate.actions.acts import EVERY_ACT, Actor, NotFound, act, current, refuse
from tollgate.actions.portal_access import portal_of, welcome
from tollgate.actions.portal_domains import SECTIONS
from tollgate.actions.portal_rights import PORTAL_ACTS
from tollgate.store.models import ApiToken, Contact

MOST: Final = 20
"""Tokens of one contact at a time."""


def _scopes(value: object) -> list[str]:
    if not isinstance(value, (list, tuple)) or not value:
        raise checks.Unfit("Choose at least one section.")
    unknown = [str(name) for name in value if name not in (*SECTIONS, EVERY_ACT)]
    if unknown:
        raise checks.Unfit(f"These sections do not exist: {', '.join(unknown)}.")
    return sorted({str(name) for name in value})


CHECKS: Mapping[str, checks.Check] = {**tokens.CHECKS, "scopes": _scopes}


@dataclass(frozen=True, slots=True)
class TokenVisit:
    """One request of a contact's program: for whom, and which sections are open to it."""

    contact: Contact
    sections: frozenset[str]
    ip: str
    whole: bool = False
    """Whether its scope is `*`: all that the contact may do."""

    def actor(self) -> Actor:
        """The contact, as acts know one: no record of another customer in reach."""
        reach = frozenset({self.contact.customer_id})
        return Actor(self.contact.email, PORTAL_ACTS, "", "contact", self.contact.pk, self.ip, reach=reach)


@act
def create_contact_token(
    *,
    contact_id: int,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | str | None = None,
    allowed_networks: Sequence[str] = (),
) -> tokens.NewToken:
    """Makes a token of the contact who asks. Only its hash is kept: the secret is told this once."""
    contact = records.locked(Contact, contact_id)
    owner = current.get()
    if owner.kind != "contact" or owner.id != contact.pk:
        raise NotFound("There is no such contact.")
    given = {"name": name, "scopes": scopes, "expires_at": expires_at, "allowed_networks": list(allowed_networks)}
    values = checks.cleaned(CHECKS, given)
    if tokens_of(contact).count() >= MOST:
        raise refuse("name", f"You have {MOST} tokens already: revoke one that you no longer use.")
    return tokens.keep(values, contact_id=contact.pk)


@act
def revoke_contact_token(*, contact_id: int, token_id: int) -> None:
    """Ends a token of a contact, from the next request on."""
    contact = records.find(Contact, contact_id)
    token = ApiToken.objects.select_for_update().filter(pk=token_id, contact_id=contact.pk).first()
    owner = current.get()
    if token is None or (owner.kind == "contact" and owner.id != contact.pk):
        raise NotFound(f"There is no token {token_id}.")
    if token.revoked_at is None:
        records.change(token, {"revoked_at": Now()})


def tokens_of(contact: Contact) -> QuerySet[ApiToken]:
    """The tokens of a contact that are not revoked."""
    return ApiToken.objects.filter(contact_id=contact.pk, revoked_at=None)


def token_visit(token: ApiToken, *, ip: str, at: datetime) -> TokenVisit | None:
    """What the token of a contact opens now; None for one whose owner may not come in, or not from there."""
    found = Contact.objects.select_related("customer__account", "customer__domain").filter(pk=token.contact_id or 0)
    contact = found.first()
    if contact is None or not contact.login_enabled or not welcome(contact, ip):
        return None
    sections = frozenset(portal_of(contact.customer, at))
    whole = EVERY_ACT in token.scopes
    named = sections if whole else sections & frozenset(token.scopes)
    return TokenVisit(contact, named, ip, whole) if sections else None
