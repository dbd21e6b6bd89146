"""What is asked of gateways without anybody waiting: payments of unknown outcome, refunds, automatic top-ups.

A gateway is asked what became of a checkout after 5 minutes, an hour and then daily. A refund or an automatic top-up is
sent with a reference that makes a repeat harmless; the gateways keep that for a day at least, so no longer is it
repeated: then a person has to look.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from tollgate.actions.acts import Actor, acting
from tollgate.actions.payment_events import book
from tollgate.actions.payment_gateways import config_of
from tollgate.actions.payment_methods import (
    PAUSE,
    auto_of,
    due_auto_top_ups,
    method_of,
    note_failure,
    start_auto_top_up,
)
from tollgate.core.payments import pause
from tollgate.gateways.payments import open_gateway
from tollgate.gateways.payments.model import Declined, Event, NotOffered, NotReached, Order, Refund
from tollgate.store.models import Account, AutoTopUp, Checkout, Payment
from tollgate.store.secrets import CannotUnseal

LEASE: Final = timedelta(minutes=5)
SURE: Final = timedelta(hours=23)
LOOK: Final = "The gateway did not answer for a day: look there what became of it."
UNTOLD: Final = "It is paid. The gateway did not tell what else it was asked: its fee, or the card to keep."
WORKER: Final = Actor("payments", frozenset({"start_auto_top_up", "cancel_payment"}))
log = logging.getLogger(__name__)


def ask_next(at: datetime) -> bool:
    """Asks a gateway about the checkout that is due longest; False when none is."""
    with transaction.atomic():
        due = Checkout.objects.filter(next_at__lte=at).order_by("next_at", "id")
        checkout = due.select_for_update(skip_locked=True, of=("self",)).select_related("payment", "gateway").first()
        if checkout is None:
            return False
        Checkout.objects.filter(pk=checkout.pk).update(next_at=at + LEASE)
    _ask(checkout, at)
    return True


def start_due_top_ups(at: datetime) -> int:
    """Begins the automatic top-ups that are due; gives how many. Whatever befalls one, the others begin."""
    started = 0
    for auto in due_auto_top_ups(at)[:100]:
        try:
            with acting(WORKER):
                started += start_auto_top_up(auto_top_up_id=auto.pk) is not None
        except Exception:  # whatever it was, it waits and the next is looked at
            log.exception("ALARM automatic top-up %s of customer %s is not begun", auto.pk, auto.customer_id)
            AutoTopUp.objects.filter(pk=auto.pk).update(next_at=at + PAUSE)
    return started


def _ask(checkout: Checkout, at: datetime) -> None:
    if checkout.payment.status == "completed" and not checkout.keep_method and not checkout.fee_open:
        Checkout.objects.filter(pk=checkout.pk).update(next_at=None)
        return
    try:
        found = _outcome(checkout, at)
    except (NotReached, CannotUnseal) as problem:
        _again(checkout, str(problem), at)
    except (Declined, NotOffered) as problem:
        _give_up(checkout, str(problem))
    else:
        _book(checkout, found, at)


def _book(checkout: Checkout, found: Sequence[Event], at: datetime) -> None:
    """Books what a gateway has said. What cannot be is told, asked again with growing pauses, and left to a person."""
    try:
        book(checkout.gateway, found, at)
    except Exception as problem:  # whatever it was, the other checkouts must come
        log.exception("checkout %s cannot be booked", checkout.pk)
        words = f"It could not be booked: {type(problem).__name__}: {problem}"[:1000]
        wait = pause(checkout.asked_count)
        repeats = checkout.payment.kind == "refund" or (checkout.automatic and not checkout.session)
        if wait is None or (repeats and at + wait > checkout.created_at + SURE):
            log.critical("ALARM checkout %s is not booked: %s", checkout.pk, words)
            wait = None
        values = {"next_at": None if wait is None else at + wait, "asked_count": checkout.asked_count + 1}
        Checkout.objects.filter(pk=checkout.pk).update(**values, note=words)
        return
    _after(checkout, at)


def _outcome(checkout: Checkout, at: datetime) -> Sequence[Event]:
    """What the gateway says. Raises NotReached, Declined."""
    payment, gateway = checkout.payment, open_gateway(config_of(checkout.gateway))
    if payment.kind == "refund":
        original = payment.reverses
        assert original is not None
        assert original.external_id is not None
        return [gateway.refund(_refund(checkout, payment, original.external_id))]
    if checkout.automatic and not checkout.session:
        auto = auto_of(checkout)
        if auto is None:
            raise Declined("The stored method was removed.")
        return _noted(checkout, gateway.charge(_order(checkout), method_of(auto)))
    if not checkout.session:
        raise Declined("Nobody was sent to the gateway.")
    return gateway.ask(checkout.session)


def _noted(checkout: Checkout, found: Sequence[Event]) -> Sequence[Event]:
    """The events of a charge; of one under way only its id is kept, to ask for later."""
    session = next((one.session for one in found if one.kind == "ask"), "")
    if session:
        Checkout.objects.filter(pk=checkout.pk).update(session=session)
    return [one for one in found if one.kind != "ask"]


def _after(checkout: Checkout, at: datetime) -> None:
    """What is known now, or when to ask again."""
    checkout.payment.refresh_from_db()
    more = Checkout.objects.filter(Q(keep_method=True) | Q(fee_open=True), pk=checkout.pk)
    if checkout.payment.status == "pending" or more.exists():
        _again(checkout, "", at)
        return
    Checkout.objects.filter(pk=checkout.pk).update(next_at=None, note="")


def _again(checkout: Checkout, words: str, at: datetime) -> None:
    """Asks later; what may not be repeated any more, or was asked often enough, is left to a person."""
    wait = pause(checkout.asked_count)
    repeats = checkout.payment.kind == "refund" or (checkout.automatic and not checkout.session)
    if repeats and at + (wait or LEASE) > checkout.created_at + SURE:
        log.error("checkout %s: %s", checkout.pk, LOOK)
        Checkout.objects.filter(pk=checkout.pk).update(next_at=None, note=LOOK)
    elif wait is None:
        _give_up(checkout, "It was not paid in time.")
    else:
        count = checkout.asked_count + 1
        Checkout.objects.filter(pk=checkout.pk).update(next_at=at + wait, asked_count=count, note=words[:1000])


def _give_up(checkout: Checkout, words: str) -> None:
    if Payment.objects.filter(pk=checkout.payment_id, status="completed").exists():
        Checkout.objects.filter(pk=checkout.pk).update(next_at=None, fee_open=False, note=UNTOLD)
        return
    Checkout.objects.filter(pk=checkout.pk).update(next_at=None, note=words[:1000])
    with transaction.atomic():
        waiting = Payment.objects.select_for_update().filter(pk=checkout.payment_id, status="pending").first()
        if waiting is not None:
            waiting.status, waiting.private_note = "canceled", words[:1000]
            waiting.save(update_fields=["status", "private_note"])
    if checkout.automatic:
        with transaction.atomic():
            note_failure(checkout, words)


def _refund(checkout: Checkout, payment: Payment, payment_id: str) -> Refund:
    amount = -(payment.received_micros if payment.received_micros is not None else payment.amount_micros)
    currency = payment.received_currency or payment.currency
    return Refund(reference=checkout.reference, payment_id=payment_id, amount_micros=amount, currency=currency)


def _order(checkout: Checkout) -> Order:
    payment = checkout.payment
    account = Account.objects.get(pk=payment.account_id)
    return Order(
        reference=checkout.reference,
        amount_micros=payment.received_micros or payment.amount_micros,
        currency=payment.received_currency or payment.currency,
        description=account.payment_description or payment.public_note,
    )
