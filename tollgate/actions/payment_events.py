"""From a gateway's notice to money: stored as it came, proved, and booked once, however often and in whatever order.

`receive` stores a notice (the gateway is answered 2xx only then), `process` proves it without a transaction and books
what it says, each thing in a transaction of its own. What a gateway calls a payment is the payment's external id,
unique with the gateway, so a repeat finds the first. A refund that comes before its payment waits for it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F

from tollgate.actions.acts import Actor, Invalid, acting
from tollgate.actions.payment_booking import ask_fee
from tollgate.actions.payment_gateways import config_of
from tollgate.actions.payment_methods import keep_method
from tollgate.actions.payment_settling import (
    BOOKED,
    ELSEWHERE,
    IGNORED,
    NEVER_CAME,
    NEVER_TAKEN,
    NOT_BOOKED,
    SUSPENDED,
    WAITS,
    book_gateway_event,
)
from tollgate.gateways.payments import open_gateway
from tollgate.gateways.payments.model import Declined, Event, Gateway, Notice, NotReached, Unverified
from tollgate.store.models import Checkout, Payment, PaymentEvent, PaymentGateway
from tollgate.store.secrets import CannotUnseal

PAUSES_MIN: Final = (1, 5, 15, 60, 240, 720, 1440, 1440)
LEASE: Final = timedelta(minutes=5)
KEPT_HEADERS: Final = (
    *("content-type", "user-agent", "stripe-signature", "paymongo-signature"),
    *("x-razorpay-signature", "x-paystack-signature", "x-nowpayments-sig"),
    *("webhook-id", "webhook-timestamp", "webhook-signature"),
)
MOST_HEADER: Final = 1000
MOST_NOTE: Final = 1000
log = logging.getLogger(__name__)


def receive(
    gateway: PaymentGateway, *, body: bytes, headers: Mapping[str, str], ip: str | None, at: datetime
) -> PaymentEvent:
    """Stores a notice; a gateway whose notices prove themselves has it processed at once."""
    kept = {
        name.lower(): value[:MOST_HEADER]
        for name, value in headers.items()
        if name.lower() in KEPT_HEADERS or name.lower().startswith("paypal-")
    }
    event = PaymentEvent.objects.create(
        account_id=gateway.account_id,
        gateway=gateway,
        ip=ip,
        headers=kept,
        body=body.replace(b"\0", b"").decode("latin-1"),
        at=at,
        next_at=at,
    )
    return process(event.pk, at) or event if _offline(gateway) else event


def process_next(at: datetime) -> bool:
    """Processes the notice that is due longest; False when none is."""
    due = PaymentEvent.objects.filter(state="queued", next_at__lte=at).order_by("next_at", "id")
    event_id = due.values_list("pk", flat=True).first()
    return event_id is not None and process(event_id, at) is not None


def process(event_id: int, at: datetime) -> PaymentEvent | None:
    """Proves a notice and books it; None when another worker has it."""
    with transaction.atomic():
        waiting = PaymentEvent.objects.select_for_update(skip_locked=True).filter(pk=event_id, state="queued")
        event = waiting.filter(next_at__lte=at).first()
        if event is None:
            return None
        PaymentEvent.objects.filter(pk=event.pk).update(next_at=at + LEASE, tries_count=F("tries_count") + 1)
        event.refresh_from_db()
    gateway = PaymentGateway.objects.get(pk=event.gateway_id)
    notice = Notice(body=event.body.encode("latin-1"), headers=event.headers, received_at=event.at)
    try:
        found = _opened(gateway).read_event(notice)
        said = book(gateway, found, at, event=event)
    except Unverified as problem:
        return _done(event, "refused", str(problem), at)
    except (NotReached, CannotUnseal) as problem:
        return _later(event, str(problem), at)
    except Exception as problem:  # whatever it was: it is told, tried again, and then waits for a person
        log.exception("payment notice %s cannot be booked", event.pk)
        return _later(event, f"It could not be booked: {type(problem).__name__}: {problem}"[:MOST_NOTE], at)
    if any(word.startswith(NOT_BOOKED) for word in said):
        return _done(event, "failed", _words(found, said), at)
    if WAITS in said:
        return _later(event, "The payment that it takes back has not come yet.", at)
    if NEVER_CAME in said and event.tries_count <= len(PAUSES_MIN):
        return _later(event, "What went back has not come yet.", at)
    if NEVER_TAKEN in said and event.tries_count <= len(PAUSES_MIN):
        return _later(event, "Nothing that it could bring back was taken yet.", at)
    nothing = set(said) <= {IGNORED, ELSEWHERE, NEVER_CAME, NEVER_TAKEN}
    return _done(event, "ignored" if nothing else "done", _words(found, said), at)


def book(
    gateway: PaymentGateway, found: Iterable[Event], at: datetime, *, event: PaymentEvent | None = None
) -> list[str]:
    """Books what a gateway has said, asking it further where it says so; gives what became of each."""
    said = []
    who = Actor(f"gateway {gateway.name}", frozenset({book_gateway_event.__name__}), kind="job")
    for one in found:
        if one.kind == "ask":
            said += book(gateway, ask(gateway, one.session, at), at, event=event)
            continue
        told = {name: value for name, value in asdict(one).items() if name not in ("method", "fee_later")}
        with acting(who):
            became = _booked({"gateway_id": gateway.pk, "told": told, "payment_event_id": event.pk if event else None})
        said.append(became)
        _keep(gateway, one, at)
        _ask_fee(gateway, one, at)
        if became == BOOKED or became.startswith(SUSPENDED):
            _look_again(gateway, one, at)
    return said


def _booked(event: dict[str, Any]) -> str:
    """What became of an event; money that cannot be booked waits for a person, in a transaction of its own."""
    try:
        return book_gateway_event(**event)
    except Invalid as problem:
        why = str(problem)
    try:
        return book_gateway_event(**event, suspend=why)
    except Invalid as problem:
        log.critical("ALARM gateway %s: %s is not booked: %s", event["gateway_id"], event["told"], problem)
        return f"{NOT_BOOKED}: {problem}"


def ask(gateway: PaymentGateway, session: str, at: datetime) -> Sequence[Event]:
    """What a gateway says of a checkout. Raises NotReached."""
    try:
        return _opened(gateway).ask(session)
    except Declined as problem:
        log.warning("gateway %s does not know %s: %s", gateway.name, session, problem)
        return []


def _keep(gateway: PaymentGateway, one: Event, at: datetime) -> None:
    """Keeps the payer's method where the payer asked for it; until the gateway names it, the worker asks for it."""
    if one.kind != "paid" or not one.session:
        return
    wanted = Checkout.objects.filter(gateway=gateway, session=one.session, keep_method=True).first()
    if wanted is None:
        return
    if one.method is None:
        Checkout.objects.filter(pk=wanted.pk).update(next_at=at)
    else:
        keep_method(wanted, one.method)


def _ask_fee(gateway: PaymentGateway, one: Event, at: datetime) -> None:
    """Has the worker ask for the fee of what is paid, until the gateway tells it; there may be none."""
    if one.kind != "paid":
        return
    booked = Payment.objects.filter(account_id=gateway.account_id, gateway=gateway.name, status="completed")
    stray = booked.filter(external_id=one.external_id, checkout=None).first() if one.fee_later else None
    if stray is not None:
        ask_fee(stray, gateway, at)
    paid = Checkout.objects.filter(gateway=gateway, payment__external_id=one.external_id, payment__status="completed")
    if not one.fee_later:
        paid.filter(fee_open=True).update(fee_open=False)
        return
    for checkout in paid.filter(payment__fee_micros=0, fee_open=False):
        session = checkout.session or one.external_id  # of a card that was charged there is no other
        Checkout.objects.filter(pk=checkout.pk).update(fee_open=True, session=session, next_at=at, asked_count=0)


def _look_again(gateway: PaymentGateway, one: Event, at: datetime) -> None:
    """An item has come all the same: what was told of it before, that it went back, is true of it now."""
    if one.kind == "paid" and one.item:
        told = PaymentEvent.objects.filter(gateway=gateway, note__contains=NEVER_CAME)
        told = told.filter(note__contains=f"{one.external_id}:back")
        told.exclude(state="queued").update(state="queued", tries_count=0, next_at=at, done_at=None)


def look_now(checkout: Checkout, at: datetime) -> None:
    """The payer is back: the worker asks the gateway at once what became of it."""
    Checkout.objects.filter(pk=checkout.pk, next_at__isnull=False).update(next_at=at)


def _opened(gateway: PaymentGateway) -> Gateway:
    return open_gateway(config_of(gateway))


def _offline(gateway: PaymentGateway) -> bool:
    try:
        return _opened(gateway).offline
    except CannotUnseal:
        return False


def _words(found: Sequence[Event], said: Sequence[str]) -> str:
    lines = [
        f"{' '.join(filter(None, (one.kind, one.external_id or one.session, one.note)))}: {word}"
        for one, word in zip(found, said, strict=False)
    ]
    return "\n".join(lines) or "Nothing for us."


def _later(event: PaymentEvent, words: str, at: datetime) -> PaymentEvent:
    if event.tries_count > len(PAUSES_MIN):
        log.critical("ALARM payment notice %s is not booked after %s tries: %s", event.pk, event.tries_count, words)
        return _done(event, "failed", words, at)
    pause = timedelta(minutes=PAUSES_MIN[event.tries_count - 1])
    return _written(event, {"note": words, "next_at": at + pause})


def _done(event: PaymentEvent, state: str, words: str, at: datetime) -> PaymentEvent:
    if state in ("refused", "failed"):
        log.warning("payment notice %s %s: %s", event.pk, state, words)
    return _written(event, {"state": state, "note": words, "done_at": at})


def _written(event: PaymentEvent, values: Mapping[str, Any]) -> PaymentEvent:
    PaymentEvent.objects.filter(pk=event.pk).update(**values)
    event.refresh_from_db()
    return event
