"""Contacts prove that a number is theirs: a code is called or sent there, they type it, and calls may show the number.

A code has six digits, is kept as a keyed hash, lives ten minutes and takes five tries. Before anybody is called: the
number is an ordinary one, no denied prefix, none that a call could not be charged for or costs too much, and only so
many a day of a number, a customer and the account.
The audit log has every step. The calls themselves are placed by `jobs.cli_calls`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

import phonenumbers
from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet

from tollgate.actions import checks, records
from tollgate.actions.acts import Invalid, act, current, refuse
from tollgate.actions.clis import CHECKS
from tollgate.actions.exchange_rates import convert
from tollgate.actions.in_service import check_in_service
from tollgate.actions.messages import queue
from tollgate.core.cli_pools import asks_for_proof, prices
from tollgate.core.portal import Level, level
from tollgate.core.routes import select
from tollgate.core.snapshot import Route
from tollgate.store.models import (
    Account,
    Card,
    CliProof,
    Contact,
    Customer,
    Endpoint,
    IngressRoute,
    Message,
    SmsSettings,
    VerifiedCli,
)
from tollgate.store.queries.cards import price, revision_at
from tollgate.store.secrets import seal

WAYS: Final = ("call", "sms")
METHODS: Final = {"call": "call_back", "sms": "sms"}
LIFE: Final = timedelta(minutes=10)
MOST_TRIES: Final = 5
MOST_OF_NUMBER: Final = 3
"""A day, whoever asks: nobody is rung up again and again."""
MOST_OF_CUSTOMER: Final = 10
OPEN: Final = ("queued", "calling", "told")
ORDINARY_KINDS: Final = frozenset(
    {
        phonenumbers.PhoneNumberType.FIXED_LINE,
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
        phonenumbers.PhoneNumberType.VOIP,
        phonenumbers.PhoneNumberType.TOLL_FREE,
    }
)
NO_COUNTRY: Final = "001"
"""The region of satellites, international networks and the like."""
EXPENSIVE: Final = "This number cannot be verified by a code: ask your provider."


@act
def start_cli_proof(*, customer_id: int, contact_id: int, number: str, way: str) -> CliProof:
    """Has a code called or sent to a number. The contact types it within ten minutes."""
    values = checks.cleaned({"number": CHECKS["number"], "way": checks.one_of(WAYS)}, {"number": number, "way": way})
    customer = records.locked(Customer, customer_id)
    contact = records.find(Contact, contact_id)
    if contact.customer_id != customer.pk:
        raise refuse("contact_id", "There is no such contact.")
    check_in_service(customer)
    if not _is_served(customer, records.now()):
        raise refuse("number", "Your service is suspended for now: no calls are carried.")
    if not asks_for_proof(customer.cli_pool, approved_only=customer.approved_clis_only):
        raise refuse("number", "Your calls may show any number: nothing has to be verified.")
    number = _ordinary(customer.account, values["number"])
    if VerifiedCli.objects.filter(customer=customer, number=number, reminded_at=None).exists():
        raise refuse("number", "Your calls may show this number already.")
    at = records.now()
    _take_turn(customer.account_id)
    _check_pace(customer, number, at)
    CliProof.objects.filter(customer=customer, number=number, state__in=OPEN).update(
        state="failed", words="A new code was asked for.", code_sealed=""
    )
    return _begun(customer, contact, number, values["way"], at)


@act
def type_cli_code(*, cli_proof_id: int, code: str) -> bool:
    """Whether the code fits; if so calls may show the number, at once or when a user approves it.

    Every call is one of five tries, so nothing is raised for a wrong code.
    """
    proof = records.locked(CliProof, cli_proof_id)
    if proof.state not in OPEN or proof.expires_at <= records.now() or proof.tries_count >= MOST_TRIES:
        return False
    fits = hmac.compare_digest(proof.code_hash, _digest(proof.customer_id, proof.number, code.replace(" ", "")))
    if not fits:
        tries = proof.tries_count + 1
        over = {"state": "failed", "words": "Five wrong codes were typed.", "code_sealed": ""}
        records.change(proof, {"tries_count": tries, **(over if tries >= MOST_TRIES else {})})
        return False
    waits = proof.customer.account.verification_approval
    words = "The code was typed; a user decides." if waits else "The code was typed."
    records.change(proof, {"state": "waiting" if waits else "verified", "words": words, "code_sealed": ""})
    if not waits:
        _allow(proof, current.get().name)
    return True


@act
def decide_cli_proof(*, cli_proof_id: int, approved: bool) -> CliProof:
    """Lets calls show a number that a contact has proved, or refuses it."""
    approved = checks.cleaned({"approved": checks.yes_no}, {"approved": approved})["approved"]
    proof = records.locked(CliProof, cli_proof_id)
    if proof.state != "waiting":
        raise refuse("cli_proof_id", "Nothing waits to be decided here.")
    name = current.get().name
    state, words = ("verified", "A user approved it.") if approved else ("rejected", "A user rejected it.")
    records.change(proof, {"state": state, "words": words, "decided_by": name})
    if approved:
        _allow(proof, name)
    return proof


def call_instead_of_lost_messages(at: datetime) -> int:
    """Codes whose SMS was not sent, or did not arrive, are called instead, where calls are set up; gives how many."""
    lost = Message.objects.filter(Q(state="failed") | Q(delivery="undelivered")).values("pk")
    found = CliProof.objects.filter(way="sms", state="told", expires_at__gt=at, message_id__in=lost)
    accounts = sorted(set(found.values_list("customer__account_id", flat=True)))
    for account_id in accounts:  # before any row is locked, as where a code is begun
        _take_turn(account_id)
    count = 0
    found = found.filter(customer__account_id__in=accounts)
    for proof in found.select_for_update(skip_locked=True, of=("self",)).select_related("customer__account"):
        if not _may_be_called(proof, at):
            records.change(proof, {"state": "failed", "words": "The SMS did not arrive."})
            continue
        code = _code()
        fields = {"way": "call", "code_hash": _digest(proof.customer_id, proof.number, code), "code_sealed": seal(code)}
        words = "The SMS did not arrive: it is called."
        records.change(proof, {**fields, "state": "queued", "words": words, "expires_at": at + LIFE})
        count += 1
    return count


def price_known(user: Endpoint, number: str, at: datetime) -> bool:
    """Whether the customer of the SIP user has a route for a number, and a minute costs what it may: by its NON-CLI
    card, too, where its CLI pool prices by one.

    The call itself decides the rest.
    """
    own = IngressRoute.objects.filter(enabled=True).filter(
        Q(customer=user.customer) | Q(tag__customers=user.customer, card__currency=user.customer.currency)
    )
    routes = [_route(route) for route in own.order_by("id")]
    chosen, digits = select(routes, number)
    if chosen is None or digits is None:
        return False
    cards = [chosen.card_id]
    if prices(user.customer.cli_pool) and user.customer.non_cli_card_id is not None:
        cards.append(user.customer.non_cli_card_id)
    return all(_affordable(card, user, digits, at) for card in Card.objects.filter(pk__in=cards))


def _affordable(card: Card, user: Endpoint, digits: str, at: datetime) -> bool:
    """Whether a minute costs by a card what it may."""
    revision = revision_at(card, at)
    priced = None if revision is None else price(card, revision, digits, at=at, duration_ms=60_000)
    if priced is None or priced.rate.blocked:
        return False
    most_micros = user.account.verification_capped_price_nanos // 1000
    try:
        most = convert(user.account_id, most_micros, base=user.account.currency, quote=card.currency, on=at.date())
    except Invalid:  # no exchange rate: nobody knows whether it is too much
        return False
    return priced.explained.cost_micros <= most.amount_micros


def _begun(customer: Customer, contact: Contact, number: str, way: str, at: datetime) -> CliProof:
    account, code = customer.account, _code()
    values = {
        "customer": customer, "contact": contact, "number": number, "way": way, "expires_at": at + LIFE,
        "code_hash": _digest(customer.pk, number, code),
    }  # fmt: skip
    if way == "sms":
        if not SmsSettings.objects.filter(account=account).exists():
            raise refuse("way", "No SMS can be sent here: have yourself called.")
        message = queue(
            account_id=account.pk,
            template="verify_cli",
            values={"code": code, "minutes": str(LIFE.seconds // 60), "number": f"+{number}"},
            contact=contact,
            recipient=f"+{number}",
            kind="sms",
            secret=True,
            created_by=current.get().name,
        )
        assert message is not None, "a recipient was given"
        return records.create(
            CliProof, {**values, "state": "told", "message_id": message.pk, "words": "The SMS is on its way."}
        )
    user = account.verification_user
    if user is None:
        raise refuse("way", "Nobody can be called here: choose an SMS, or ask your provider.")
    if not price_known(user, number, at):
        raise refuse("number", EXPENSIVE)
    return records.create(CliProof, {**values, "code_sealed": seal(code), "words": "The call is about to be made."})


def _may_be_called(proof: CliProof, at: datetime) -> bool:
    """Whether a call may follow a lost SMS: it is one more of the account's day, and costs."""
    account = proof.customer.account
    user = account.verification_user
    served = _is_served(proof.customer, at)
    return served and user is not None and not _is_day_full(account, at) and price_known(user, proof.number, at)


def _is_served(customer: Customer, at: datetime) -> bool:
    """Whether the customer is active now: for nobody else codes are called or sent, which the operator pays for."""
    return level(customer.status, customer.status_until, inactive_portal=False, at=at) is Level.FULL


def _ordinary(account: Account, number: str) -> str:
    """The digits of a number as a country counts them, such as without a 0 that some write behind its code.

    Refuses all but what somebody ordinary can be called at: no premium number, none of a range that nobody has.
    """
    try:
        known = phonenumbers.parse(f"+{number}", None)
    except phonenumbers.NumberParseException:
        raise refuse("number", "This is no number that can be called.") from None
    if not phonenumbers.is_valid_number(known):
        raise refuse("number", "This is no number that can be called.")
    denied = [line.strip().removeprefix("+") for line in account.verification_denied.splitlines() if line.strip()]
    digits = phonenumbers.format_number(known, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
    ordinary = phonenumbers.number_type(known) in ORDINARY_KINDS
    if not ordinary or phonenumbers.region_code_for_number(known) in (None, NO_COUNTRY):
        raise refuse("number", EXPENSIVE)
    if any(digits.startswith(prefix) for prefix in denied):
        raise refuse("number", EXPENSIVE)
    return digits


def _take_turn(account_id: int) -> None:
    """Codes of an account are begun one after another, so that each sees how many there were before it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{__name__} {account_id}"])


def _check_pace(customer: Customer, number: str, at: datetime) -> None:
    begun = _begun_today(customer.account, at)
    if begun.filter(number=number).count() >= MOST_OF_NUMBER:
        raise refuse("number", f"{MOST_OF_NUMBER} codes have gone to this number today: try again tomorrow (UTC).")
    if begun.filter(customer=customer).count() >= MOST_OF_CUSTOMER:
        raise refuse("number", f"You have had {MOST_OF_CUSTOMER} codes today: try again tomorrow (UTC).")
    if _is_day_full(customer.account, at):
        raise refuse("number", "No more codes are sent today: try again tomorrow (UTC), or ask your provider.")


def _begun_today(account: Account, at: datetime) -> QuerySet[CliProof]:
    today = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return CliProof.objects.filter(customer__account=account, created_at__gte=today)


def _is_day_full(account: Account, at: datetime) -> bool:
    """Whether the account has had all calls and SMS of its day; a call that followed an SMS counts too."""
    begun = _begun_today(account, at)
    sent_count = begun.count() + begun.filter(way="call", message_id__isnull=False).count()
    return sent_count >= account.verification_daily_count


def _allow(proof: CliProof, by: str) -> None:
    """Calls may show the number from now on; one that had to be proved again keeps its attestation."""
    proved = {"method": METHODS[proof.way], "verified_by": by}
    own = {"customer_id": proof.customer_id, "number": proof.number}
    known = VerifiedCli.objects.select_for_update().filter(**own).first()
    if known is None:
        records.create(VerifiedCli, {**own, **proved, "attestation": proof.customer.attestation})
    elif known.reminded_at is not None:
        records.change(known, {**proved, "verified_at": records.now(), "reminded_at": None})


def _route(route: IngressRoute) -> Route:
    """As much of a route as its choice needs."""
    patterns = tuple(line.strip() for line in route.dial_patterns.splitlines() if line.strip())
    return Route(route.pk, route.name, 0, False, route.tech_prefix, patterns, route.card_id, "", ())


def _code() -> str:
    return f"{secrets.randbelow(10**6):06d}"


def _digest(customer_id: int, number: str, code: str) -> str:
    """Six digits are guessed in a moment by whoever reads the database, so the hash has a key."""
    words = f"{customer_id}:{number}:{code}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), words, hashlib.sha256).hexdigest()
