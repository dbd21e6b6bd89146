"""What one event of a gateway does to payments: completes, refunds, reverses, cancels, or puts into suspense.

Whatever is not certain (whose it is, a currency that is not accepted, no rate) waits in suspense for a person; it is
never dropped and never guessed. What went out waits below zero, as the refund or reversal that it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.db.models import Q, QuerySet

from tollgate.actions import records
from tollgate.actions.acts import Invalid, act
from tollgate.actions.allocations import take_turns
from tollgate.actions.payment_amounts import currency_fits, is_allowed, wallet_amount
from tollgate.actions.payment_booking import (
    BACK,
    complete,
    left_micros,
    new_payment,
    original_share,
    taken_micros,
    tell_fee,
)
from tollgate.actions.payment_methods import note_success
from tollgate.core.money import format_micros
from tollgate.core.payments import share_micros
from tollgate.core.taxes import to_minor
from tollgate.store.models import Checkout, Contact, Customer, Payment, PaymentEvent, PaymentGateway

IGNORED: Final = "ignored"
ELSEWHERE: Final = "ignored: another gateway of the same provider has it"
BOOKED: Final = "booked"
AGAIN: Final = "booked before"
BY_HAND: Final = "booked by hand before, as payment"
SUSPENDED: Final = "in suspense"
WAITS: Final = "waits"
NEVER_CAME: Final = "never came"
NEVER_TAKEN: Final = "nothing was taken"
NOT_BOOKED: Final = "not booked"
FAMILIES: Final = (("paypal", "paypal_ipn"),)
"""Providers that tell of the same money, beside each by itself."""
TAKEN_BACK: Final = {"refunded": "refund", "reversed": "reversal", "restored": "reversal"}
TAKEN: Final = Q(kind="reversal", amount_micros__lt=0) | Q(kind="refund", noticed_as__isnull=False)
"""Reversals of a payment, booked, in suspense or canceled there; and a person's own refund that was told of again."""


@act
def book_gateway_event(
    *, gateway_id: int, told: dict[str, Any], payment_event_id: int | None = None, suspend: str = ""
) -> str:
    """Books one event that was proved to be the gateway's, once; gives what became of it.

    `suspend` is why an attempt to book it was refused: the money then waits for a person.
    """
    gateway, *others = _taking_turns(gateway_id)
    kind = str(told["kind"])
    if kind == "gone":
        return _cancel(gateway, told)
    if kind == "ignored" or not told["external_id"]:
        return IGNORED
    known = _known(gateway, told["external_id"])
    if known is not None:
        _mark(payment_event_id, known)
        _forget_asked(gateway, told)
        if kind == "paid" and told["fee_micros"]:
            tell_fee(known, told["fee_micros"])
        return AGAIN
    if _is_elsewhere(gateway, others, told):
        return ELSEWHERE
    if suspend:
        _forget_asked(gateway, told)
        return _suspend(gateway, told, payment_event_id, suspend, original=_original(gateway, told, others))
    if kind == "paid":
        return _paid(gateway, told, payment_event_id)
    if kind in TAKEN_BACK:
        return _taken_back(gateway, others, told, payment_event_id)
    if not told["amount_micros"]:  # nothing to wait in suspense: a person reads of it in the log of notices
        return f"{NOT_BOOKED}: {told['note']}"
    return _suspend(gateway, told, payment_event_id, str(told["note"]))


def _paid(gateway: PaymentGateway, told: dict[str, Any], event_id: int | None) -> str:
    """Money came: for a checkout of ours, or from somebody who is known by the address."""
    checkout = _checkout(gateway, told)
    if checkout is not None:
        payment = records.locked(Payment, checkout.payment_id)
        if payment.status == "completed":  # by another notice about the same checkout
            return AGAIN if payment.external_id == told["external_id"] else _stray(gateway, told, event_id)
        return _complete_checkout(gateway, checkout, payment, told, event_id)
    if told["reference"]:  # who pays by a form of others' is not known by an address alone
        return _suspend(gateway, told, event_id, "It was paid for an order that is none of this gateway.")
    return _stray(gateway, told, event_id)


def _complete_checkout(
    gateway: PaymentGateway, checkout: Checkout, payment: Payment, told: dict[str, Any], event_id: int | None
) -> str:
    if payment.received_currency != told["currency"] or not payment.received_micros:
        return _suspend(gateway, told, event_id, f"Payment {payment.pk} was to be made in {payment.received_currency}.")
    amount, surcharge = payment.amount_micros, payment.surcharge_micros
    if told["amount_micros"] != payment.received_micros:
        came = {"part_micros": told["amount_micros"], "whole_micros": payment.received_micros}
        amount = to_minor(share_micros(amount, **came), payment.currency)
        surcharge = to_minor(share_micros(surcharge, **came), told["currency"])
    if gateway.deduct_fees and told["fee_micros"]:
        fee = share_micros(amount, part_micros=told["fee_micros"], whole_micros=told["amount_micros"])
        amount -= to_minor(fee, payment.currency)
    if amount <= 0:
        return _suspend(gateway, told, event_id, "Nothing is left of it after the fee.")
    done = complete(
        payment,
        amount_micros=amount,
        received_micros=told["amount_micros"],
        fee_micros=told["fee_micros"],
        surcharge_micros=surcharge,
        external_id=told["external_id"],
        payer=told["payer"] or payment.payer,
    )
    Checkout.objects.filter(pk=checkout.pk).update(next_at=None)
    if checkout.automatic:
        note_success(checkout)
    _mark(event_id, done)
    return BOOKED


def _stray(gateway: PaymentGateway, told: dict[str, Any], event_id: int | None) -> str:
    """Money that no checkout of ours asked for: its payer is known by the PayPal address, or it waits in suspense."""
    customer = _payer(gateway, told["payer"])
    if customer is None:
        return _suspend(gateway, told, event_id, "Nobody is known by the payer's address.")
    if not is_allowed(customer, gateway.name):
        return _suspend(gateway, told, event_id, f"{customer} may not pay by this gateway.")
    if not currency_fits(customer, gateway, told["currency"]):
        return _suspend(gateway, told, event_id, f"{told['currency']} is not accepted from {customer}.")
    kept = told["amount_micros"] - (told["fee_micros"] if gateway.deduct_fees else 0)
    try:
        amount, rate = wallet_amount(customer, kept, told["currency"], records.now())
    except Invalid as problem:
        return _suspend(gateway, told, event_id, str(problem))
    if amount <= 0:
        return _suspend(gateway, told, event_id, "Nothing is left of it after the fee.")
    payment = new_payment(
        customer,
        **_received(gateway, told),
        amount_micros=amount,
        exchange_rate_nanos=rate,
        public_note=gateway.title,
        email_confirmation=True,
    )
    _mark(event_id, complete(payment))
    return BOOKED


def _suspend(
    gateway: PaymentGateway,
    told: dict[str, Any],
    event_id: int | None,
    why: str,
    *,
    original: Payment | None = None,
) -> str:
    """Keeps money whose place is not certain, for a person to assign; below zero what was taken from us."""
    amount = told["amount_micros"] * _sign(told)
    kind = TAKEN_BACK.get(told["kind"], "payment" if amount >= 0 else "reversal")
    values = {
        **_received(gateway, told),
        "account_id": gateway.account_id,
        "kind": kind,
        "amount_micros": amount,
        "received_micros": amount,
        "reverses_id": None if original is None else original.reverses_id or original.pk,
        "currency": told["currency"],
        "status": "pending",
        "private_note": why,
        "created_by": f"gateway {gateway.name}",
        "email_confirmation": kind in ("payment", "refund"),
    }
    _mark(event_id, records.create(Payment, values))
    return f"{SUSPENDED}: {why}"


def _taken_back(
    gateway: PaymentGateway, others: list[PaymentGateway], told: dict[str, Any], event_id: int | None
) -> str:
    """A refund that we asked for, or one made at the gateway; a reversal, or one that was lifted."""
    asked = _asked_refund(gateway, told)
    if asked is not None:
        done = complete(asked, external_id=told["external_id"])
        Checkout.objects.filter(payment=asked).update(next_at=None)
        _mark(event_id, done)
        return BOOKED
    original = _original(gateway, told, others)
    if original is None and told.get("item"):
        return NEVER_CAME
    if original is None and told.get("if_taken"):
        return NEVER_TAKEN
    if original is None or original.customer is None or original.status == "pending":
        return WAITS
    take_turns(original.customer)
    original = records.locked(Payment, original.pk)
    assert original.customer is not None
    became = _come_back(gateway, original, told, event_id)
    if became:
        return became
    received = original.received_currency or original.currency
    if told["currency"] != received:
        return _suspend(gateway, told, event_id, f"Payment {original.pk} was made in {received}.", original=original)
    before = _undone_by_hand(original, told) if _sign(told) < 0 else None
    left = left_micros(original) - original.leaving_micros
    if before is not None and (before.status != "pending" or -before.amount_micros <= left):
        return _again_by_hand(before, told, event_id)
    if told["kind"] == "restored" and original.kind not in BACK and not _reversed(original):
        return WAITS  # its reversal is told later
    amount = _wallet_part(original, told)
    against = _too_much(original, amount if before is None else -before.amount_micros, told)
    if against:
        return _suspend(gateway, told, event_id, against, original=original)
    back = new_payment(
        original.customer,
        **{**_received(gateway, told), "received_micros": _sign(told) * told["amount_micros"]},
        kind=TAKEN_BACK[told["kind"]],
        amount_micros=_sign(told) * amount,
        reverses_id=original.reverses_id or original.pk,  # a refund that failed gives back to the payment itself
        exchange_rate_nanos=original.exchange_rate_nanos,
        private_note=told["note"],
        email_confirmation=told["kind"] == "refunded",
    )
    _mark(event_id, complete(back))
    return BOOKED


def _come_back(gateway: PaymentGateway, original: Payment, told: dict[str, Any], event_id: int | None) -> str:
    """What became of money that was told to be back before, or may be; empty where it is to be booked."""
    came = _told_beside(gateway, original, told)
    if came is not None:
        _mark(event_id, records.change(came, {"noticed_as": told["external_id"]}))
        return AGAIN
    if not told.get("if_taken"):
        return ""
    if _all_is_back(original):
        return NEVER_TAKEN
    if not told["amount_micros"]:
        return f"{NOT_BOOKED}: {told['note']}"
    doubt = _doubt(original, told, event_id)
    return _suspend(gateway, told, event_id, doubt, original=original) if doubt else ""


def _reversed(original: Payment) -> bool:
    """Whether a reversal of the payment is known."""
    return Payment.objects.filter(TAKEN, reverses=original).exists()


def _all_is_back(original: Payment) -> bool:
    """Whether reversals have taken nothing of the payment, or all that they took is back."""
    sure = not Payment.objects.filter(TAKEN, reverses=original).exclude(status="completed").exists()
    return sure and not taken_micros(original)


def _doubt(original: Payment, told: dict[str, Any], event_id: int | None) -> str:
    """Why a person looks before the end of a dispute brings back what was taken; empty where it is certain.

    What was taken after the notice came may be for another dispute.
    """
    if told["doubt"]:
        return str(told["doubt"])
    rows = Payment.objects.filter(reverses=original).exclude(status="canceled")
    taken = [row for row in rows.filter(TAKEN) if _as_received(row) == -told["amount_micros"]]
    back = rows.filter(kind="reversal", amount_micros__gt=0)
    if len(taken) <= sum(_as_received(row) == told["amount_micros"] for row in back):
        return f"No reversal of payment {original.pk} took as much: look what came back."
    event = None if event_id is None else PaymentEvent.objects.filter(pk=event_id).first()
    at = records.now() if event is None else event.at
    late = any(_told_at(row) > at for row in taken)
    return "It was taken after the end of the dispute was told: look whether it came back." if late else ""


def _told_at(row: Payment) -> datetime:
    """When the first notice of a payment came, or when it was entered."""
    first: datetime | None = (
        PaymentEvent.objects.filter(payment_id=row.pk).order_by("at").values_list("at", flat=True).first()
    )
    return first or row.received_at


def _told_beside(gateway: PaymentGateway, original: Payment, told: dict[str, Any]) -> Payment | None:
    """What came back of a payment as a gateway beside this one has told it, and this one had not yet."""
    if told["kind"] != "restored" or original.kind in BACK:
        return None
    back = Payment.objects.filter(reverses=original, kind="reversal", external_id__isnull=False, noticed_as=None)
    same = back.filter(received_micros=told["amount_micros"], received_currency=told["currency"])
    return same.exclude(gateway=gateway.name).exclude(status="canceled").select_for_update().order_by("id").first()


def _too_much(original: Payment, amount_micros: int, told: dict[str, Any]) -> str:
    """Why what is told cannot be booked: more than is left would be taken, or more come back than was taken."""
    if _sign(told) < 0:
        left = left_micros(original) - original.leaving_micros
        words = f"Only {format_micros(left, 2)} {original.currency} of payment {original.pk} is left"
        what = "look what was given back of it, or undone, or is being paid out, already."
        return f"{words}: {what}" if amount_micros > left else ""
    root = original if original.reverses_id is None else records.locked(Payment, original.reverses_id)
    same = Payment.objects.filter(reverses=root, kind="reversal", received_currency=told["currency"])
    taken, came = (same.filter(received_micros=sign * told["amount_micros"]) for sign in (-1, 1))
    if taken.filter(status="pending", customer=None).exists():
        return f"A reversal of payment {root.pk} of as much waits in suspense itself: assign both, or cancel both."
    most = taken_micros(root)
    if original.kind in BACK:  # that itself comes back, as a refund does that failed
        most = min(root.refunded_micros, -original.amount_micros)
    elif taken.filter(status="completed").count() > came.filter(status="completed").count():
        most = root.refunded_micros
    words = f"Only {format_micros(most, 2)} {root.currency} of payment {root.pk} was taken by reversals that are booked"
    return f"{words}: look what comes back." if amount_micros > most else ""


def _undone_by_hand(original: Payment, told: dict[str, Any]) -> Payment | None:
    """What a person entered of the same money before the gateway told of it: the same amount, best the same kind."""
    rows = Payment.objects.filter(reverses=original, kind__in=BACK, external_id=None, noticed_as=None, checkout=None)
    rows = rows.filter(bank_line=None)  # what the bank pays out, no gateway gives back
    rows = rows.exclude(status="canceled").select_for_update(of=("self",))
    whole = [row for row in rows.order_by("id") if _as_received(row) == -told["amount_micros"]]
    whole.sort(key=lambda row: (row.kind != TAKEN_BACK[told["kind"]], row.status != "completed"))
    return whole[0] if whole else None


def _as_received(row: Payment) -> int:
    return row.amount_micros if row.received_micros is None else row.received_micros


def _again_by_hand(before: Payment, told: dict[str, Any], event_id: int | None) -> str:
    """Keeps with it what the gateway calls it; what waited for a second person is proved by the gateway."""
    if before.status == "pending":
        before = complete(before, external_id=told["external_id"])
    else:
        before = records.change(before, {"noticed_as": told["external_id"]})
    _mark(event_id, before)
    return f"{BY_HAND} {before.pk}"


def _wallet_part(original: Payment, told: dict[str, Any]) -> int:
    """What a wallet loses or gets again: the last part of a payment is what is left of it, so that no coin stays."""
    part = told["amount_micros"]
    done = Payment.objects.filter(reverses=original, status="completed")
    if told["kind"] == "restored":
        same = done.filter(kind="reversal", received_currency=told["currency"], received_micros=-part)
        taken = same.order_by("-id").first()
        return original_share(original, part) if taken is None else -taken.amount_micros
    left = original.amount_micros - original.refunded_micros
    if original.received_micros is None or done.exclude(received_currency=told["currency"]).exists() or left <= 0:
        return original_share(original, part)
    returned = sum(micros or 0 for micros in done.values_list("received_micros", flat=True))
    return left if part == original.received_micros + returned else original_share(original, part)


def _cancel(gateway: PaymentGateway, told: dict[str, Any]) -> str:
    """A checkout that nobody will pay any more."""
    checkout = _checkout(gateway, told)
    if checkout is None:
        return IGNORED
    payment = records.locked(Payment, checkout.payment_id)
    if payment.status != "pending":
        return AGAIN
    Checkout.objects.filter(pk=checkout.pk).update(next_at=None)
    records.change(payment, {"status": "canceled", "private_note": "It was not paid in time."})
    return "canceled"


def _forget_asked(gateway: PaymentGateway, told: dict[str, Any]) -> None:
    """A refund of ours that another notice has booked already does not wait any more."""
    asked = _asked_refund(gateway, told)
    if asked is not None:
        Checkout.objects.filter(payment=asked).update(next_at=None)
        records.change(asked, {"status": "canceled", "private_note": f"Booked as {told['external_id']}."})


def _taking_turns(gateway_id: int) -> list[PaymentGateway]:
    """The gateway, and the others of its account that may be told of the same money; their events take turns."""
    found = PaymentGateway.objects.get(pk=gateway_id)
    locked = family_of(found).order_by("pk").select_for_update(no_key=True)
    return sorted(locked, key=lambda one: one.pk != gateway_id)


def family_of(gateway: PaymentGateway) -> QuerySet[PaymentGateway]:
    """The gateways of an account that may be told of the same money as this one, and itself."""
    names = next((names for names in FAMILIES if gateway.provider in names), (gateway.provider,))
    return PaymentGateway.objects.filter(account_id=gateway.account_id, provider__in=names, mode=gateway.mode)


def _is_elsewhere(gateway: PaymentGateway, others: list[PaymentGateway], told: dict[str, Any]) -> bool:
    """Whether another gateway at the same provider has this money: its own notice, or a question, books it there."""
    if any(_known(other, told["external_id"]) for other in others):
        return True
    others = [other for other in others if other not in _beside(gateway, others, told)]
    parent = told["parent_id"]
    if parent and not _original(gateway, told) and any(_known(other, parent) for other in others):
        return True
    kinds = ("payment", "refund")
    return not _checkout(gateway, told, *kinds) and any(_checkout(other, told, *kinds) for other in others)


def _beside(gateway: PaymentGateway, others: Sequence[PaymentGateway], told: dict[str, Any]) -> list[PaymentGateway]:
    """Those whose payments this one may tell to have come back: PayPal checkout says so at the end of disputes alone,
    which the account may not be told of, while IPN tells of the money itself."""
    if told["kind"] != "restored" or told.get("if_taken"):
        return []
    return [other for other in others if other.provider != gateway.provider]


def _checkout(gateway: PaymentGateway, told: dict[str, Any], *kinds: str) -> Checkout | None:
    started = Checkout.objects.filter(gateway=gateway, payment__kind__in=kinds or ("payment",))
    if told["reference"]:
        return started.filter(reference=told["reference"]).first()
    return started.filter(session=told["session"]).first() if told["session"] else None


def _original(gateway: PaymentGateway, told: dict[str, Any], others: Sequence[PaymentGateway] = ()) -> Payment | None:
    """The payment that an event takes back or restores, as far as it has come."""
    if told["kind"] not in TAKEN_BACK or not told["parent_id"]:
        return None
    found = (_known(one, told["parent_id"]) for one in (gateway, *_beside(gateway, others, told)))
    return next((payment for payment in found if payment is not None), None)


def _sign(told: dict[str, Any]) -> int:
    return -1 if told["kind"] in ("refunded", "reversed") else 1


def _asked_refund(gateway: PaymentGateway, told: dict[str, Any]) -> Payment | None:
    """The refund of ours that the event answers."""
    if told["kind"] != "refunded" or not told["reference"]:
        return None
    asked = Checkout.objects.filter(gateway=gateway, reference=told["reference"], payment__kind="refund").first()
    payment = records.locked(Payment, asked.payment_id) if asked else None
    return payment if payment is not None and payment.status == "pending" else None


def _payer(gateway: PaymentGateway, address: str) -> Customer | None:
    """Whose PayPal address this is, else the one customer whose contact has it."""
    if not address:
        return None
    own = Customer.objects.filter(account_id=gateway.account_id, deleted_at=None)
    found = list(own.filter(paypal_email__iexact=address)[:2])
    if found:
        return found[0] if len(found) == 1 else None
    people = Contact.objects.filter(customer__in=own, email__iexact=address)
    ids = set(people.values_list("customer_id", flat=True))
    return own.get(pk=ids.pop()) if len(ids) == 1 else None


def _received(gateway: PaymentGateway, told: dict[str, Any]) -> dict[str, Any]:
    return {
        "gateway": gateway.name,
        "external_id": told["external_id"],
        "received_micros": told["amount_micros"],
        "received_currency": told["currency"],
        "fee_micros": told["fee_micros"],
        "payer": told["payer"],
    }


def _known(gateway: PaymentGateway, external_id: str) -> Payment | None:
    """The payment that the gateway calls so, booked by its notice or by hand before."""
    found: Payment | None = _of(gateway).filter(Q(external_id=external_id) | Q(noticed_as=external_id)).first()
    return found


def _of(gateway: PaymentGateway) -> Any:
    return Payment.objects.filter(account_id=gateway.account_id, gateway=gateway.name)


def _mark(event_id: int | None, payment: Payment) -> None:
    """Shows in the log of notices which payment it was."""
    if event_id is not None:
        found = {"payment_id": payment.pk, "customer_id": payment.customer_id}
        PaymentEvent.objects.filter(pk=event_id).update(**found)
