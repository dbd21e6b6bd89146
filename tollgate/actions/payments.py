"""Acts on payments that people enter: money received, approved, refused, given back, or found to be whose.

A completed payment moves money once (payment_booking.py) and is never changed; a refund is a payment of its own below
zero. Where the account asks for two people, what one enters another approves, also before a gateway is asked to give
money back. Payments by gateways are in payment_events.py, what customers do themselves in own_payments.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypedDict, Unpack
from uuid import uuid4

from django.db.models import Q

from tollgate.actions import checks, records
from tollgate.actions.acts import act, current, refuse, warn
from tollgate.actions.allocations import take_turns
from tollgate.actions.bank_lines import check_amount, forgotten, hold, line_of, settled
from tollgate.actions.in_transit import is_sent, stay
from tollgate.actions.payment_amounts import BANK_TRANSFER, step_of, wallet_amount
from tollgate.actions.payment_booking import BACK, ask_fee, complete, left_micros, new_payment, taken_micros
from tollgate.actions.payment_settling import NEVER_TAKEN, family_of
from tollgate.core.money import format_micros
from tollgate.core.payments import share_micros, split_note
from tollgate.core.taxes import to_minor
from tollgate.gateways.payments import PROVIDERS
from tollgate.store.models import Account, Audit, BankLine, Checkout, Customer, Payment, PaymentEvent, PaymentGateway

BY_HAND: Final = ("manual", "bank_transfer")
ANOTHER: Final = "Another user approves this: the account asks for two people."
MOST_NOTE: Final = 1000
CHECKS: Final[Mapping[str, checks.Check]] = {
    "amount_micros": checks.amount(1, checks.MOST_MICROS),
    "kind": checks.one_of(("payment", "bonus")),
    "gateway": checks.one_of(BY_HAND),
    "status": checks.one_of(("completed", "pending")),
    "external_id": checks.optional(checks.text(200)),
    "payer": checks.text(200),
    "public_note": checks.text(MOST_NOTE),
    "private_note": checks.text(MOST_NOTE),
    "email_confirmation": checks.yes_no,
    "received_at": checks.optional(checks.instant),
}


class PaymentFields(TypedDict, total=False):
    """What may be said of a payment beside its amount."""

    kind: str
    gateway: str
    status: str
    external_id: str | None
    payer: str
    public_note: str
    private_note: str
    email_confirmation: bool
    received_at: datetime | str | None


@act
def create_payment(*, customer_id: int, amount_micros: int, **fields: Unpack[PaymentFields]) -> Payment:
    """Enters money received from a customer, completed at once or pending. The same external id is the same payment."""
    given: dict[str, Any] = {**fields, "amount_micros": amount_micros}
    values = checks.cleaned(CHECKS, given)
    customer = records.find(Customer, customer_id)
    checks.whole_coins("amount_micros", values["amount_micros"], customer.currency)
    values = {name: value for name, value in values.items() if name != "received_at" or value is not None}
    return enter(customer, **values)


@act
def import_payment(
    *,
    customer_id: int,
    amount_micros: int,
    description: str = "",
    external_id: str | None = None,
    status: str = "completed",
    received_at: datetime | str | None = None,
) -> Payment:
    """Enters a payment of another system, as an upload does: what follows # in its description is the private note."""
    check = {"description": checks.text(2 * MOST_NOTE)}
    public, private = split_note(checks.cleaned(check, {"description": description})["description"])
    return create_payment(
        customer_id=customer_id,
        amount_micros=amount_micros,
        external_id=external_id,
        status=status.lower(),
        public_note=public,
        private_note=private,
        received_at=received_at,
    )


def enter(
    customer: Customer,
    *,
    note: str | None = None,
    status: str = "completed",
    settles: Sequence[int] = (),
    **values: Any,
) -> Payment:
    """A payment by hand, or the one that its external id has entered before: one that waits is completed by it."""
    values.setdefault("gateway", "manual")
    known = _known(customer, values, field="external_id" if note is None else "key")
    payment = new_payment(customer, **values) if known is None else known
    if status == "pending" or payment.status == "completed":
        return payment
    if needs_two(payment):
        warn(ANOTHER)
        return payment
    approved_by = "" if known is None else current.get().name
    return complete(payment, note=note, settles=settles, approved_by=approved_by)


def _known(customer: Customer, values: Mapping[str, Any], *, field: str) -> Payment | None:
    """The payment of this external id, locked. One that was canceled is refused: nothing would be booked by it."""
    if values.get("external_id") is None:
        return None
    same = {name: values[name] for name in ("gateway", "external_id")}
    found = Payment.objects.filter(account_id=customer.account_id, **same).first()
    if found is None:
        return None
    given = (customer.pk, values["amount_micros"], values.get("kind", "payment"))
    if (found.customer_id, found.amount_micros, found.kind) != given:
        raise refuse(field, "Another payment was entered by this id.")
    known = records.locked(Payment, found.pk)
    if known.status == "canceled":
        words = "if its money has come all the same, enter it by another id."
        raise refuse(field, f"Payment {known.pk} of this id was canceled: {words}")
    return known


@act
def complete_payment(
    *, payment_id: int, amount_micros: int | None = None, invoice_ids: Sequence[int] = (), version: int | None = None
) -> Payment:
    """Approves a payment that waits: its money is there. A smaller or larger amount may have come than was promised.

    It settles the customer's open invoices, those of `invoice_ids` before older ones.

    Where the account asks for two people, more than was entered needs both as well. A refund that a gateway makes is
    asked for now, and completed when the gateway has agreed.
    """
    _take_turns(records.find(Payment, payment_id))
    payment = records.locked(Payment, payment_id, version)
    _check_waits(payment)
    _check_approval(payment)
    values: dict[str, Any] = {"approved_by": current.get().name}
    if amount_micros is not None and payment.kind == "payment":
        values["amount_micros"] = _amount_that_came(payment, amount_micros)
    line = line_of(payment)
    if line is not None:
        check_amount(line, values.get("amount_micros", payment.amount_micros))
        settled(line)
        first = [] if line.invoice_id is None else [line.invoice_id]
        return complete(payment, settles=[*first, *invoice_ids], **values)
    gateway = _gateway_of(payment) if payment.kind == "refund" else None
    if gateway is None:
        return complete(payment, settles=invoice_ids, **values)
    _ask_gateway(payment, gateway)
    return records.change(payment, values)


def _take_turns(payment: Payment) -> None:
    """Holds the wallet before payments where others do: notices of gateways that take back, and files for the bank."""
    line = BankLine.objects.filter(payment=payment).select_related("customer").first()
    if line is not None:
        hold(line)
    elif payment.kind in BACK and payment.customer is not None and not _asked(payment):
        take_turns(payment.customer)


def _check_approval(payment: Payment) -> None:
    """Whether the actor may say that its money moves. Raises Invalid."""
    if payment.customer is None:
        raise refuse("payment_id", "Nobody knows yet whose payment this is: assign it to a customer.")
    asked = _asked(payment)
    if asked is not None and payment.kind == "payment":
        raise refuse("payment_id", f"{asked.gateway.title} tells by itself when it is paid.")
    if asked is not None:
        raise refuse("payment_id", f"{asked.gateway.title} is asked for this refund already.")
    check_other(payment)
    if payment.kind in BACK and payment.reverses is not None:
        original = records.locked(Payment, payment.reverses.pk)
        own = -payment.amount_micros if is_sent(payment) else 0
        left = left_micros(original) - original.leaving_micros + own
        if -payment.amount_micros > left:
            words = f"{format_micros(left, 2)} {payment.currency}"
            raise refuse("payment_id", f"Only {words} of payment {payment.reverses_id} is left: cancel this.")


def needs_two(payment: Payment) -> bool:
    """Whether another user has to approve it."""
    return records.find(Account, payment.account_id).two_person_payments


def check_other(*payments: Payment) -> None:
    """Refuses money of an account that the actor has entered where the account asks for two people."""
    if payments and needs_two(payments[0]) and _is_own(payments):
        raise refuse("payment_id", ANOTHER)


def _is_own(payments: Sequence[Payment]) -> bool:
    """Whether the actor has entered one of them, be it under another name or looking in as a contact: by the log."""
    actor = current.get()
    if any(payment.created_by == actor.name for payment in payments):
        return True
    ids = [payment.pk for payment in payments]
    log = Audit.objects.filter(table_name="payment", row_id__in=ids, verb="INSERT", actor_kind=actor.kind)
    return actor.id is not None and log.filter(actor_id=actor.id).exists()


def _amount_that_came(payment: Payment, amount_micros: int) -> int:
    amount: int = checks.cleaned(CHECKS, {"amount_micros": amount_micros})["amount_micros"]
    checks.whole_coins("amount_micros", amount, payment.currency)
    if amount > payment.amount_micros and needs_two(payment):
        raise refuse("amount_micros", "More than was entered needs two people as well: cancel this, enter what came.")
    return amount


def _asked(payment: Payment) -> Checkout | None:
    """The way of a payment to its gateway, which then says what becomes of it."""
    return Checkout.objects.filter(payment=payment).select_related("gateway").first()


def _gateway_of(payment: Payment) -> PaymentGateway | None:
    """The gateway that a payment came by; None for one by hand."""
    return PaymentGateway.objects.filter(account_id=payment.account_id, name=payment.gateway).first()


@act
def cancel_payment(*, payment_id: int, reason: str = "", version: int | None = None) -> Payment:
    """Takes back a payment that waits; it has moved nothing. One that a gateway reports all the same is booked then."""
    _take_turns(records.find(Payment, payment_id))
    payment = records.locked(Payment, payment_id, version)
    _check_waits(payment)
    if payment.kind == "refund" and Checkout.objects.filter(payment=payment).exclude(next_at=None).exists():
        raise refuse("payment_id", "The gateway is asked for this refund already: wait for its answer.")
    line = line_of(payment)
    if line is not None:
        forgotten(line)
    if payment.kind == "refund":
        stay(payment)
    note = "\n".join(part for part in (payment.private_note, reason.strip()[:MOST_NOTE]) if part)
    Checkout.objects.filter(payment=payment).update(next_at=None)
    return records.change(payment, {"status": "canceled", "private_note": note})


@act
def ask_gateway_again(*, payment_id: int) -> Payment:
    """Has the worker ask a gateway once more about a payment that waits, after it has given up."""
    payment = records.locked(Payment, payment_id)
    _check_waits(payment)
    asked = _asked(payment)
    if asked is None or asked.next_at is not None:
        raise refuse("payment_id", "No gateway has to be asked about it, or it is asked by itself.")
    if not asked.session:
        raise refuse("payment_id", "It would be sent a second time: look at the gateway what became of it.")
    Checkout.objects.filter(pk=asked.pk).update(next_at=records.now(), asked_count=0)
    return payment


@act
def refund_payment(*, payment_id: int, amount_micros: int | None = None, reason: str = "") -> Payment:
    """Gives back what is left of a payment, or a part of it; by its gateway where that can. Gives the refund."""
    return give_back(payment_id, amount_micros, kind="refund", reason=reason)


@act
def reverse_payment(*, payment_id: int, reason: str) -> Payment:
    """Undoes what is left of a payment that never was or bounced, or of a bonus: nothing is sent to anybody."""
    words = checks.cleaned({"reason": checks.text(MOST_NOTE, required=True)}, {"reason": reason})["reason"]
    return give_back(payment_id, None, kind="reversal", reason=words)


@act
def assign_payment(*, payment_id: int, customer_id: int, remember: bool = False) -> Payment:
    """Says whose a payment in suspense is and books it. `remember` keeps the payer's address with the customer."""
    payment = records.locked(Payment, payment_id)
    if payment.status != "pending" or payment.customer_id is not None:
        raise refuse("payment_id", "This payment is not in suspense.")
    if not payment.amount_micros:
        raise refuse("payment_id", "Nobody knows its amount: look at the gateway, enter it by hand and cancel this.")
    customer = records.find(Customer, customer_id)
    if customer.account_id != payment.account_id:
        raise refuse("customer_id", "Choose a customer of the same account.")
    if payment.reverses is not None and payment.reverses.customer_id not in (None, customer.pk):
        raise refuse("customer_id", f"Payment {payment.reverses_id}, which it takes back, is another customer's.")
    values = settled_values(customer, payment)
    if payment.kind in BACK and payment.reverses is not None:
        known = _at_most_left if payment.amount_micros < 0 else _at_most_taken
        values["amount_micros"] = known(payment, values["amount_micros"])
    _wake_notices(payment)
    payment.customer, payment.currency = customer, customer.currency
    payer = payment.payer.lower()
    if remember and payer and customer.paypal_email != payer:
        records.change(records.locked(Customer, customer.pk), {"paypal_email": payer})
    done = complete(payment, approved_by=current.get().name, customer_id=customer.pk, **values)
    gateway = PaymentGateway.objects.filter(account_id=done.account_id, name=done.gateway).first()
    if gateway is not None:
        ask_fee(done, gateway, records.now())
    return done


def _at_most_left(payment: Payment, amount_micros: int) -> int:
    """What money taken from us takes back: never more of the payment than is left of it."""
    original = _original_of(payment)
    left = left_micros(original) - original.leaving_micros
    if not left:
        way = " The payout of it that waits for the bank may be canceled first." if original.leaving_micros else ""
        words = f"Nothing of payment {original.pk} is left: cancel this, or charge the customer."
        raise refuse("payment_id", f"{words}{way}")
    if -amount_micros > left:
        warn(f"Only {format_micros(left, 2)} {original.currency} of payment {original.pk} was left, so much is booked.")
    return max(amount_micros, -left)


def _at_most_taken(payment: Payment, amount_micros: int) -> int:
    """What comes back after all: never more of the payment than reversals have taken of it."""
    original = _original_of(payment)
    taken = taken_micros(original)
    if not taken:
        raise refuse("payment_id", f"No reversal of payment {original.pk} is booked: assign one first, or cancel this.")
    if amount_micros > taken:
        words = f"Only {format_micros(taken, 2)} {original.currency} of payment {original.pk} was taken"
        warn(f"{words}, so much is booked.")
    return min(amount_micros, taken)


def _original_of(payment: Payment) -> Payment:
    """What a payment takes back, locked after its wallet."""
    assert payment.reverses is not None
    if payment.reverses.customer is not None:
        take_turns(payment.reverses.customer)
    return records.locked(Payment, payment.reverses.pk)


def settled_values(customer: Customer, payment: Payment) -> dict[str, Any]:
    """What a wallet gains by a payment in suspense: less its fee where that is deducted, by the dated rate.

    What was taken from us (a refund, a reversal) is below zero and has no fee.
    """
    gateway = _gateway_of(payment)
    received, code = payment.received_micros or payment.amount_micros, payment.received_currency or payment.currency
    deducted = payment.kind == "payment" and (gateway is None or gateway.deduct_fees)
    kept = received - (payment.fee_micros if deducted else 0)
    amount, rate = wallet_amount(customer, kept, code, payment.received_at)
    if amount * received <= 0:
        raise refuse("payment_id", "Nothing is left of it after the fee: cancel it.")
    return {
        "currency": customer.currency,
        "amount_micros": amount,
        "exchange_rate_nanos": rate,
        "received_micros": received,
        "received_currency": code,
    }


def give_back(payment_id: int, amount_micros: int | None, *, kind: str, reason: str, transfer: bool = False) -> Payment:
    """A refund or reversal of a payment, completed where nobody has to be asked. A `transfer` waits for the bank."""
    payment = records.find(Payment, payment_id)
    if payment.customer is not None:
        take_turns(payment.customer)
    payment = records.locked(Payment, payment_id)
    if payment.reversals.filter(customer=None, status="pending").exists():
        raise refuse("payment_id", "A refund or reversal of it waits in suspense: assign or cancel that first.")
    left = left_to_give(payment)
    possible = ("payment", "bonus") if kind == "reversal" else ("payment",)
    if payment.status != "completed" or payment.kind not in possible or left <= 0:
        raise refuse("payment_id", "Only what is left of a completed payment is given back.")
    given = {"amount_micros": left if amount_micros is None else amount_micros}
    amount = checks.cleaned({"amount_micros": checks.amount(1, left)}, given)["amount_micros"]
    if transfer or amount != left:  # what is left may be finer, of a payment that another system brought
        checks.whole_coins("amount_micros", amount, payment.currency)
    assert payment.customer is not None
    gateway = _gateway_of(payment) if kind == "refund" and not transfer else None
    if gateway is not None and not PROVIDERS[gateway.provider].refunds:
        title = PROVIDERS[gateway.provider].title
        if not PROVIDERS[gateway.provider].notifies:
            raise refuse("payment_id", f"{title} is not asked from here: refund it there, and undo the payment here.")
        raise refuse("payment_id", f"{title} is not asked from here: refund it there, and its notice books it.")
    back = new_payment(
        payment.customer,
        gateway=BANK_TRANSFER if transfer else payment.gateway,
        kind=kind,
        amount_micros=-amount,
        reverses_id=payment.pk,
        received_micros=-amount if transfer else _received(payment, amount, whole=amount == left, gateway=gateway),
        received_currency=payment.currency if transfer else payment.received_currency,
        private_note=reason.strip()[:MOST_NOTE],
        email_confirmation=payment.email_confirmation,
    )
    if transfer:
        return back
    if needs_two(back):
        warn(ANOTHER)
        return back
    if gateway is None:
        return complete(back)
    _ask_gateway(back, gateway)
    return back


def _ask_gateway(back: Payment, gateway: PaymentGateway) -> None:
    """The worker asks the gateway (payment_janitor.py); the wallet pays when it has agreed."""
    at = records.now()
    Checkout.objects.create(payment=back, gateway=gateway, reference=uuid4().hex, next_at=at)


def _received(payment: Payment, amount_micros: int, *, whole: bool, gateway: PaymentGateway | None) -> int | None:
    """The part of what was received that an amount of the wallet stands for, below zero and in whole coins, or in
    steps of the gateway that is asked, never more than the part. Raises Invalid where that is less than one.

    The last part is all that is left, so that the parts make what was received.
    """
    if payment.received_micros is None:
        return None
    others = Payment.objects.filter(reverses=payment).exclude(status="canceled")
    if whole and not others.exclude(received_currency=payment.received_currency).exists():
        given = sum(micros or 0 for micros in others.values_list("received_micros", flat=True))
        left = payment.received_micros + given
        if left > 0:
            return -left
    part = share_micros(payment.received_micros, part_micros=amount_micros, whole_micros=payment.amount_micros)
    code = payment.received_currency or payment.currency
    step, minor = step_of(gateway, code), to_minor(part, code)
    if minor % step == 0 and (minor or gateway is None):
        return -minor
    if part < step:
        raise refuse("amount_micros", f"It is less than {format_micros(step)} {code}, the least that is given back.")
    return -(part // step * step)


def _wake_notices(payment: Payment) -> None:
    """Notices that took this payment back while it was in suspense, and have given up since, are looked at again."""
    gateway = _gateway_of(payment)
    if payment.external_id and gateway is not None:
        gave_up = Q(state__in=("queued", "failed")) | Q(state="ignored", note__contains=NEVER_TAKEN)
        told = PaymentEvent.objects.filter(gave_up, gateway__in=family_of(gateway))
        again = told.filter(body__contains=payment.external_id)
        again.update(state="queued", tries_count=0, next_at=records.now(), done_at=None)


def left_to_give(payment: Payment) -> int:
    """What may be given back of a payment in micros: neither refunded nor asked for."""
    return payment.amount_micros - payment.refunded_micros - _asked_for(payment)


def _asked_for(payment: Payment) -> int:
    """What refunds under way will give back."""
    waiting = Payment.objects.filter(reverses=payment, status="pending", amount_micros__lt=0)
    return -sum(waiting.values_list("amount_micros", flat=True))


def _check_waits(payment: Payment) -> None:
    if payment.status != "pending":
        raise refuse("payment_id", f"This payment is {payment.status}: only a pending one is approved or canceled.")
