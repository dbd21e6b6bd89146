"""Who comes into the portal: logins with their delays, sessions, and users of ours who look in as a contact.

    match log_in(email=..., password=..., place=Place(domain_id=0, ip="192.0.2.7", agent="..."), at=at):
        case Opened(key): ...        # the cookie's value; only its hash is kept
        case NeedsCode(token): ...   # ask for a code of the app, then log_in_by_code(token=token, code=...)
        case Refused(why): ...       # WRONG says the same whatever was wrong

`visit` is asked on every request. A refusal is an audit row and lengthens the delay of the email and of the address.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from ipaddress import ip_address
from typing import Final

from django.contrib.auth.hashers import check_password, make_password
from django.core import signing
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Lower, Now

from tollgate.actions import portal_codes, portal_delays, portal_factors, records
from tollgate.actions.acts import Actor, act, current, refuse
from tollgate.actions.audit import note_event
from tollgate.actions.messages import address_of
from tollgate.actions.portal_domains import shown_sections
from tollgate.actions.portal_rights import OWN_ONLY, PORTAL_ACTS, SAME_RIGHT
from tollgate.core.portal import Level, level, open_sections
from tollgate.store.models import Account, Code, Contact, ContactSession, Customer, Did, PortalDomain, User
from tollgate.store.queries.customers import below

WRONG: Final = "This email and password do not open a portal here."
NOT_BY_PROVIDER: Final = "This login does not open a portal here: ask your provider."
CLOSED: Final = "The portal of your company is closed. Ask your provider."
SECOND: Final = "tollgate.portal.second"
SECOND_LIFE_S: Final = 300
IMPERSONATE: Final = "impersonate"
LOOK: Final = "look"
IMPERSONATE_LIFE: Final = timedelta(minutes=5)
LONGEST: Final = timedelta(hours=12)
LONGEST_OF_USERS: Final = timedelta(hours=1)
KEPT: Final = timedelta(days=90)
NOTED_EVERY: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody knocks: the portal domain (0 is the portal without one), their address and browser."""

    domain_id: int
    ip: str
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """Logged in; `key` is the cookie's value."""

    key: str


@dataclass(frozen=True, slots=True)
class NeedsCode:
    """The password was right; a code of the authenticator app is asked for."""

    token: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Not let in; the words tell nobody what was wrong."""

    why: str


Answer = Opened | NeedsCode | Refused


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who is logged in: who, for whom, and what is open to them."""

    session: ContactSession
    contact: Contact
    customer: Customer
    account: Account
    domain: PortalDomain | None
    level: Level
    sections: Sequence[str]
    ip: str
    user_acts: frozenset[str] = frozenset()
    """What the user who looks in may do in the panel."""

    @property
    def zone(self) -> str:
        """The clock that tells the time beside UTC: the contact's own, else the customer's, else the account's."""
        return self.contact.zone or self.customer.zone or self.account.zone

    @property
    def text_changes_count(self) -> int:
        """How often the account's own texts of pages have changed."""
        changes = getattr(self.account, "text_changes", None)
        return changes.count if changes is not None else 0

    @property
    def by_user(self) -> bool:
        """Whether a user of ours looks in."""
        return self.session.user_id is not None

    def actor(self) -> Actor:
        """The visitor as the acts know one: the contact, or the user as the contact; no record of others in reach.

        Looking in gives a user no right that the panel does not.
        """
        reach = frozenset({self.customer.pk})
        if self.by_user:
            name = f"{self.session.user_name} as {self.contact.email}"
            asked = Actor(name, self.user_acts)
            acts = frozenset(act for act in PORTAL_ACTS - OWN_ONLY if asked.may_do(SAME_RIGHT.get(act, act)))
            why = "seen through the portal"
            return Actor(name, acts, why, "user", self.session.user_id, self.ip, reach=reach)
        return Actor(self.contact.email, PORTAL_ACTS, "", "contact", self.contact.pk, self.ip, reach=reach)


def log_in(*, email: str, password: str, place: Place, at: datetime) -> Answer:
    """Answers an email, or a customer's number that stands for one, and a password."""
    email = email.strip()
    if "@" not in email:
        email = _email_behind(place.domain_id, email) or email  # failures count for the one login, however it is named
    with transaction.atomic():
        delays = portal_delays.locked(place.domain_id, email, place.ip, at)
        waiting = delays.waiting_s(at)
        if waiting:
            return Refused(f"Too many attempts: try again in {waiting} s.")
        contact = contact_of(place.domain_id, email)
        right = _fits(contact, password)
        if contact is None or not right:
            return _refused(contact, email, place, delays, at, why="password" if contact else "unknown email")
        answer = _check_door(contact, place, delays, at)
        if answer is not None:
            return answer
        if contact.totp_secret:
            return NeedsCode(signing.dumps(contact.pk, salt=SECOND))
        delays.forget_email(at)
        return Opened(_open(contact, place, totp_step=None))


def log_in_by_code(*, token: str, code: str, place: Place, at: datetime) -> Answer:
    """Answers the second step: a code of the app that opened no session before, or one of the recovery codes."""
    try:
        contact_id = signing.loads(token, salt=SECOND, max_age=SECOND_LIFE_S)
    except signing.BadSignature:
        return Refused("This took too long: log in again.")
    with transaction.atomic():
        contact = _contacts().filter(pk=contact_id, login_domain=place.domain_id).first()
        if contact is None:
            return Refused(WRONG)
        delays = portal_delays.locked(place.domain_id, contact.email, place.ip, at)
        waiting = delays.waiting_s(at)
        if waiting:
            return Refused(f"Too many attempts: try again in {waiting} s.")
        answer = _check_door(contact, place, delays, at)
        if answer is not None:
            return answer
        step = portal_factors.step_for(contact, code, at)
        if step is None and not portal_factors.spend_recovery_code(contact, code, ip=place.ip):
            _refused(contact, contact.email, place, delays, at, why="second factor")
            return Refused("This code does not fit.")
        delays.forget_email(at)
        return Opened(_open(contact, place, totp_step=step))


def log_in_by_provider(*, contact: Contact, place: Place, at: datetime) -> Answer:
    """Answers a contact whom a provider knows (actions.sign_in): all that keeps people out holds as with a password."""
    with transaction.atomic():
        found = _contacts().filter(pk=contact.pk, login_domain=place.domain_id).first()
        delays = portal_delays.locked(place.domain_id, contact.email, place.ip, at)
        if found is None:
            _refused(contact, contact.email, place, delays, at, why="of another portal")
            return Refused(NOT_BY_PROVIDER)
        answer = _check_door(found, place, delays, at)
        if answer is not None:
            return Refused(NOT_BY_PROVIDER) if answer.why == WRONG else answer
        if found.totp_secret:
            return NeedsCode(signing.dumps(found.pk, salt=SECOND))
        return Opened(_open(found, place, totp_step=None))


def visit(*, key: str, host: str, ip: str, at: datetime, idle: timedelta, waking: bool) -> Visit | None:
    """Whose session this cookie opens at this host; None when it has ended. `waking` requests are of the person's own.

    An address outside the whitelist ends the session: what opened it has fallen into other hands.
    """
    known = ("contact__customer__account__text_changes", "contact__customer__domain")
    numbers = Exists(Did.objects.filter(customer=OuterRef("contact__customer")))
    found = ContactSession.objects.select_related(*known).annotate(has_dids=numbers)
    session = found.filter(key_hash=portal_codes.hashed(key), ended_at=None).first()
    if session is None:
        return None
    contact, customer = session.contact, session.contact.customer
    domain, account = customer.domain, customer.account
    idle = timedelta(minutes=account.idle_logout_min) if account.idle_logout_min else idle
    longest = LONGEST if session.user_id is None else LONGEST_OF_USERS
    open_level = _level(customer, account, at)
    if at - session.seen_at >= idle or at - session.created_at >= longest or open_level is Level.NONE:
        _end(session)
        return None
    if domain is not None and domain.host != host:
        return None
    user_acts = _welcome_acts(session, contact, ip)
    if user_acts is None:
        return None
    if waking and at - session.seen_at >= NOTED_EVERY:
        ContactSession.objects.filter(pk=session.pk).update(seen_at=at)
    sections = [name for name in portal_of(customer, at) if name != "dids" or session.has_dids]
    return Visit(session, contact, customer, account, domain, open_level, sections, ip, user_acts)


def portal_of(customer: Customer, at: datetime) -> list[str]:
    """The sections that are open to the contacts of a customer now."""
    shown = shown_sections(customer.domain, show=customer.portal_show, hide=customer.portal_hide)
    return open_sections(shown, _level(customer, customer.account, at))


def password_fits(found: Visit, password: str, at: datetime) -> bool:
    """Whether this is the visitor's own password. A wrong one lengthens the delay of the login and is noted.

    Raises Invalid while the delay lasts.
    """
    contact = found.contact
    with transaction.atomic():
        delays = portal_delays.locked(contact.login_domain, contact.email, found.ip, at)
        waiting = delays.waiting_s(at)
        if waiting:
            raise refuse("password", f"Too many attempts: try again in {waiting} s.")
        if contact.password and check_password(password, contact.password):
            return True
        delays.failed(at)
        _note(found.actor(), "LOGIN_FAILED", contact, {"why": "password asked again"})
        return False


def end_looks(user_id: int) -> None:
    """Ends every look of a user into the portal, and the addresses that would open one."""
    ContactSession.objects.filter(user_id=user_id, ended_at=None).update(ended_at=Now())
    Code.objects.filter(user_id=user_id, purpose=IMPERSONATE, used_at=None).update(used_at=Now())


def log_out(found: Visit) -> None:
    """Ends the session."""
    _end(found.session)
    _note(found.actor(), "LOGOUT", found.contact)


@act
def impersonate_contact(*, contact_id: int, read_only: bool = True) -> str:
    """An address that opens the portal as the contact sees it, once, within five minutes. Every look in is audited."""
    contact = records.find(Contact, contact_id)
    actor = current.get()
    if actor.kind != "user":
        raise refuse("contact_id", "Only a user of the panel can look in as a contact.")
    if contact.customer.deleted_at is not None:
        raise refuse("contact_id", "The customer is deleted.")
    user = User.objects.get(pk=actor.id or 0)
    target = f"{LOOK if read_only else 'act'}:{user.session_epoch}"
    token = portal_codes.make_link(contact, IMPERSONATE, IMPERSONATE_LIFE, user_id=user.pk, target=target)
    return f"{address_of(contact.customer.domain)}/portal/enter/{token}/"


def enter(*, token: str, place: Place) -> str | None:
    """The cookie of a user who looks in by such an address; None once it was used or is over."""
    with transaction.atomic():
        code = portal_codes.find_link(IMPERSONATE, token, lock=True)
        contact = code.contact if code else None
        if code is None or contact is None or contact.login_domain != place.domain_id:
            return None
        user = User.objects.filter(pk=code.user_id or 0, is_active=True).first()
        portal_codes.forget(contact, IMPERSONATE)
        mode, _, epoch = code.target.partition(":")
        if user is None or str(user.session_epoch) != epoch or _looking_acts(user, contact, place.ip) is None:
            return None
        key = _key()
        session = ContactSession.objects.create(
            contact=contact,
            key_hash=portal_codes.hashed(key),
            user_id=user.pk,
            user_name=user.email,
            user_epoch=user.session_epoch,
            read_only=mode == LOOK,
            ip=place.ip,
            agent=place.agent[:300],
        )
        actor = Actor(f"{user.email} as {contact.email}", frozenset(), kind="user", id=user.pk, ip=place.ip)
        _note(actor, "IMPERSONATE", contact, {"read_only": session.read_only})
        return key


@act
def end_contact_sessions(*, contact_id: int, session_id: int | None = None, but: int | None = None) -> int:
    """Ends one session of the contact, or all (`but` one); gives how many ended."""
    contact = records.find(Contact, contact_id)
    ended_count = close_sessions(contact, only=session_id, but=but)
    if ended_count:
        _note(current.get(), "SESSIONS_ENDED", contact, {"ended_count": ended_count})
    return ended_count


@act
def lift_contact_delay(*, contact_id: int) -> None:
    """Lets the contact try again at once after failed logins."""
    contact = records.find(Contact, contact_id)
    forget_delay(contact)
    _note(current.get(), "DELAY_LIFTED", contact, {})


def forget_old(at: datetime) -> int:
    """Forgets sessions of three months ago, codes of yesterday and delays that no longer count; gives how many rows."""
    sessions = ContactSession.objects.filter(created_at__lt=at - KEPT)
    codes = Code.objects.filter(expires_at__lt=at - timedelta(days=1))
    return sessions.delete()[0] + codes.delete()[0] + portal_delays.forget_old(at)


def close_sessions(contact: Contact, *, only: int | None = None, but: int | None = None) -> int:
    """Ends open sessions of the contact: those of users looking in as well."""
    found = ContactSession.objects.filter(contact=contact, ended_at=None)
    if only is not None:
        found = found.filter(pk=only)
    return found.exclude(pk=but or 0).update(ended_at=Now())


def forget_delay(contact: Contact) -> None:
    """The failures of this login count no more."""
    portal_delays.forget(contact.login_domain, contact.email)


def _contacts() -> QuerySet[Contact]:
    return Contact.objects.select_related("customer__account", "customer__domain")


def contact_of(domain_id: int, email: str) -> Contact | None:
    """Who logs in with this email at this portal domain."""
    named = _contacts().annotate(lowered=Lower("email"))
    return named.filter(login_domain=domain_id, lowered=email.lower()).first()


def _fits(contact: Contact | None, password: str) -> bool:
    """Whether this is the contact's password; one kept in an older way is kept in today's from now on."""
    if contact is None or not contact.password:
        return check_password(password, _nobodys_password())

    def keep_anew(words: str) -> None:
        Contact.objects.filter(pk=contact.pk).update(password=make_password(words))

    return check_password(password, contact.password, keep_anew)


def _email_behind(domain_id: int, number: str) -> str | None:
    """The email that a customer's number stands for: of the one contact who may log in there, if just one may."""
    found = _contacts().filter(login_domain=domain_id, customer__number=number, customer__deleted_at=None)
    able = found.filter(login_enabled=True).exclude(password="").values_list("email", flat=True)[:2]
    return able[0] if len(able) == 1 else None


def _check_door(contact: Contact, place: Place, delays: portal_delays.Delays, at: datetime) -> Refused | None:
    """What keeps somebody out who knows the password."""
    if not contact.login_enabled:
        return _refused(contact, contact.email, place, delays, at, why="login disabled")
    if not welcome(contact, place.ip):
        return _refused(contact, contact.email, place, delays, at, why="address")
    if _level(contact.customer, contact.customer.account, at) is Level.NONE:
        _refused(contact, contact.email, place, delays, at, why="customer closed")
        return Refused(CLOSED)
    return None


def _refused(
    contact: Contact | None, email: str, place: Place, delays: portal_delays.Delays, at: datetime, *, why: str
) -> Refused:
    """Counts and notes the failure; outwardly all are alike."""
    delays.failed(at)
    actor = Actor(email[:254], frozenset(), kind="contact", id=contact.pk if contact else None, ip=place.ip)
    _note(actor, "LOGIN_FAILED", contact, {"why": why, "domain": place.domain_id})
    return Refused(WRONG)


def _open(contact: Contact, place: Place, *, totp_step: int | None) -> str:
    key = _key()
    ContactSession.objects.create(
        contact=contact,
        key_hash=portal_codes.hashed(key),
        ip=place.ip,
        agent=place.agent[:300],
        totp_step=totp_step,
    )
    actor = Actor(contact.email, frozenset(), kind="contact", id=contact.pk, ip=place.ip)
    _note(actor, "LOGIN", contact, {"second_factor": bool(contact.totp_secret)})
    return key


def _welcome_acts(session: ContactSession, contact: Contact, ip: str) -> frozenset[str] | None:
    """None for whom the session no longer lets in, and it ends; else the acts of the user who looks in, if one does."""
    if session.user_id is not None:
        user = User.objects.filter(pk=session.user_id).first()
        lives = user is not None and user.session_epoch == session.user_epoch
        acts = _looking_acts(user, contact, ip) if user is not None and lives else None
        if acts is None:
            _end(session)
            name = f"{session.user_name} as {contact.email}"
            actor = Actor(name, frozenset(), kind="user", id=session.user_id, ip=ip)
            _note(actor, "LOGOUT", contact, {"why": "the user may no longer look in"})
        return acts
    if contact.login_enabled and welcome(contact, ip):
        return frozenset()
    _end(session)
    actor = Actor(contact.email, frozenset(), kind="contact", id=contact.pk, ip=ip)
    _note(actor, "LOGIN_FAILED", contact, {"why": "address of an open session"})
    return None


def _looking_acts(user: User, contact: Contact, ip: str) -> frozenset[str] | None:
    """The acts of a user who may look in as the contact, from there, at this moment; None for one who may not."""
    acts = user.acts()
    if acts is None or not Actor(user.email, acts).may_do(impersonate_contact.__name__) or not welcome(user, ip):
        return None
    if user.reseller_id is not None and contact.customer_id not in below(user.reseller_id):
        return None
    return acts


def welcome(person: Contact | User, ip: str) -> bool:
    """Whether the person may come from there; an empty list lets everybody in."""
    try:
        address = ip_address(ip)
    except ValueError:
        return not person.allowed_networks
    return not person.allowed_networks or any(address in network for network in person.allowed_networks)


def _level(customer: Customer, account: Account, at: datetime) -> Level:
    if customer.deleted_at is not None:
        return Level.NONE
    return level(customer.status, customer.status_until, inactive_portal=account.inactive_portal, at=at)


def _end(session: ContactSession) -> None:
    ContactSession.objects.filter(pk=session.pk, ended_at=None).update(ended_at=Now())


def _note(actor: Actor, verb: str, contact: Contact | None, told: dict[str, object] | None = None) -> None:
    note_event(
        actor=actor,
        verb=verb,
        table_name="contact",
        row_id=contact.pk if contact else 0,
        account_id=contact.customer.account_id if contact else None,
        customer_id=contact.customer_id if contact else None,
        told=told,
    )


def _key() -> str:
    return secrets.token_urlsafe(32)


@cache
def _nobodys_password() -> str:
    """Checked where there is no contact, so that both answers take the same time."""
    return make_password(secrets.token_urlsafe(16))
