"""How a payment moves money: once, when it completes. No act of its own; payments, gateways and vouchers book here.

Its entries sum to what the wallet gains, and each names the payment (`ref`): from the book `payments` what reached the
account once the gateway had kept its fee, from `payment_fees` the rest, a fee that is absorbed or, below zero, a
surcharge; a bonus is from `adjustments`, for nobody paid it. Then the tax of a prepaid customer (where its prices
include tax the wallet keeps all of it, and what calls will earn pays the tax), what it gives back of
another payment and of that one's bonuses, the invoices it settles, the vouchers that wait for it, the receipt or the
note on one, the webhook and the mail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from django.db.models import Q

from tollgate.actions import records
from tollgate.actions.acts import current
from tollgate.actions.allocations import (
    allocate_from,
    allocate_to,
    owed_micros,
    release_from,
    settle_open,
    settled_when_paid,
    take_turns,
)
from tollgate.actions.in_transit import arrive
from tollgate.actions.notices import notify, payment_values
from tollgate.actions.postings import income_book, post, wallet_of
from tollgate.actions.receipt_notes import note_for_refund
from tollgate.actions.receipts import receipt_for_payment
from tollgate.actions.taxes import tax_of_payment
from tollgate.actions.webhook_bodies import payment_body
from tollgate.actions.webhooks import emit
from tollgate.core.payments import (
    Paid,
    left_us_micros,
    part_back_micros,
    reached_micros,
    share_micros,
    voucher_bonus_micros,
    worth_micros,
)
from tollgate.core.taxes import to_minor
from tollgate.gateways.payments import PROVIDERS
from tollgate.store.models import Checkout, Customer, Entry, Payment, PaymentGateway, Voucher, VoucherBatch, Wallet

ENTRY_KINDS: Final = {"payment": "topup", "refund": "refund", "reversal": "reversal", "bonus": "bonus"}
BACK: Final = ("refund", "reversal")


def new_payment(customer: Customer, **values: Any) -> Payment:
    """A payment of a customer that has moved nothing yet. Raises Invalid when its external id is taken."""
    return records.create(
        Payment,
        {
            "account_id": customer.account_id,
            "customer_id": customer.pk,
            "currency": customer.currency,
            "status": "pending",
            "created_by": current.get().name,
            **values,
        },
    )


def complete(payment: Payment, *, note: str | None = None, settles: Sequence[int] = (), **values: Any) -> Payment:
    """Moves the money of a pending payment, whose row is locked; `values` are columns that become known with it.

    `settles` are invoices of the customer that it settles before older ones.
    """
    customer = payment.customer
    assert customer is not None, "money without a customer waits in suspense"
    assert payment.status != "completed"
    take_turns(customer)
    at = records.now()
    for name, value in values.items():
        setattr(payment, name, value)
    wallet, words = wallet_of(customer), payment.public_note if note is None else note
    if payment.kind in BACK:
        arrive(payment)
    payment.reached_micros = _reached(payment)
    entry = _book(payment, wallet, words)
    tax = _tax(payment, customer, at)
    if tax:
        _book_tax(payment, wallet, tax if payment.amount_micros > 0 else -tax)
    state = {"status": "completed", "completed_at": at, "entry_id": entry.pk, "tax_micros": tax}
    done = records.change(payment, {**values, **state, "reached_micros": payment.reached_micros})
    _follow(done, customer, settles)
    return done


def tell_fee(payment: Payment, fee_micros: int) -> None:
    """Keeps what a gateway told later that it has kept of a payment. Of one that is booked the account bears it."""
    if payment.customer is not None:
        take_turns(payment.customer)
    payment = records.locked(Payment, payment.pk)
    if payment.kind != "payment" or payment.fee_micros or payment.status == "canceled":
        return
    before = payment.reached_micros
    payment.fee_micros = fee_micros
    if before is None or payment.customer is None:  # it waits, or is of before fees were booked
        records.change(payment, {"fee_micros": fee_micros})
        return
    paid = _paid(payment, deducted=False)
    fee = worth_micros(payment.amount_micros, paid, fee_micros, currency=payment.currency)
    wallet, ref, words = wallet_of(payment.customer), f"payment:{payment.pk}", f"Fee of payment {payment.pk}"
    post(wallet, "payments", "fee", amount_micros=-fee, note=words, key=f"{ref}:told", ref=ref)
    post(wallet, "payment_fees", "fee", amount_micros=fee, note=words, key=f"{ref}:fee told", ref=ref)
    records.change(payment, {"fee_micros": fee_micros, "reached_micros": before - fee})


def ask_fee(payment: Payment, gateway: PaymentGateway, at: datetime) -> None:
    """Has the worker ask what a gateway kept of a payment that no checkout of ours asked for, where it can be asked."""
    wanted = payment.kind == "payment" and payment.external_id and not payment.fee_micros
    if wanted and PROVIDERS[gateway.provider].asks_fees:
        asked = {"gateway": gateway, "session": payment.external_id, "fee_open": True, "next_at": at}
        Checkout.objects.get_or_create(payment=payment, defaults={**asked, "reference": uuid4().hex})


def left_micros(payment: Payment) -> int:
    """What may still be given back of a payment."""
    return max(0, payment.amount_micros - payment.refunded_micros)


def taken_micros(payment: Payment) -> int:
    """What reversals have taken of a payment and nothing has brought back: no more of it may come back.

    A refund by hand counts as well where a gateway told of it again: it may have called it a reversal.
    """
    taken = Q(kind="reversal") | Q(kind="refund", noticed_as__isnull=False)
    rows = Payment.objects.filter(taken, reverses=payment, status="completed")
    return max(0, min(payment.refunded_micros, -sum(rows.values_list("amount_micros", flat=True))))


def original_share(original: Payment, part_micros: int) -> int:
    """What a wallet loses when so much of what was received is given back, in whole coins; the whole is the whole."""
    amount = abs(original.amount_micros)
    whole = abs(original.received_micros or amount)
    if part_micros == whole:
        return amount
    part = share_micros(amount, part_micros=part_micros, whole_micros=whole) if whole else part_micros
    return to_minor(part, original.currency)


def _book(payment: Payment, wallet: Wallet, words: str) -> Entry:
    """The entries of its amount; gives the first."""
    ref, kind, reached = f"payment:{payment.pk}", ENTRY_KINDS[payment.kind], payment.reached_micros or 0
    if _is_gift(payment):
        return post(wallet, "adjustments", kind, amount_micros=payment.amount_micros, note=words, key=ref, ref=ref)
    entry = post(wallet, "payments", kind, amount_micros=reached, note=words, key=ref, ref=ref)
    rest = payment.amount_micros - reached
    if rest:
        what = "fee" if rest > 0 else "surcharge"
        note = f"{what.capitalize()} of payment {payment.pk}"
        post(wallet, "payment_fees", what, amount_micros=rest, note=note, key=f"{ref}:fee", ref=ref)
    return entry


def _book_tax(payment: Payment, wallet: Wallet, tax_micros: int) -> None:
    """The tax of a payment, below zero of what goes back. At prices without tax the wallet pays it; where they include
    it, calls will take it from the wallet with the rest of their price: it moves from what they earn to the tax."""
    assert payment.customer is not None
    ref = f"payment:{payment.pk}"
    if _has_tax_within(payment, payment.customer):
        book, words = income_book(payment.customer), f"Tax within the prices of payment {payment.pk}"
        post(wallet, book, "tax", amount_micros=tax_micros, note=words, key=_within_key(payment), ref=ref)
    words = f"Tax of payment {payment.pk}"
    post(wallet, "tax", "tax", amount_micros=-tax_micros, note=words, key=f"{ref}:tax", ref=ref)


def _has_tax_within(payment: Payment, customer: Customer) -> bool:
    """Whether the wallet keeps the tax of a payment, because the prices of calls have it: what goes back is as the
    payment was, whatever the customer's prices are by then."""
    if payment.kind not in BACK or payment.reverses is None:
        return customer.prices_include_tax
    return _kept_its_tax(payment.reverses)


def paid_ahead_with_tax(customer: Customer) -> bool | None:
    """Whether the wallet kept the tax of what was paid ahead last; None where no payment had any."""
    taxed = Payment.objects.filter(customer=customer, kind="payment", status="completed", tax_micros__gt=0)
    newest = taxed.order_by("-completed_at", "-id").first()
    return None if newest is None else _kept_its_tax(newest)


def _kept_its_tax(payment: Payment) -> bool:
    return Entry.objects.filter(account_id=payment.account_id, key=_within_key(payment)).exists()


def _within_key(payment: Payment) -> str:
    return f"payment:{payment.pk}:within"


def _reached(payment: Payment) -> int:
    """What of it reaches the account, below zero what leaves it, which has no fee, in the wallet's currency."""
    if _is_gift(payment):
        return 0
    original = payment.reverses
    if payment.kind not in BACK:
        return reached_micros(payment.amount_micros, _paid(payment), currency=payment.currency)
    if original is None or original.reached_micros is None:  # of one that nobody knows, or of before this
        return payment.amount_micros
    return left_us_micros(
        payment.amount_micros,
        whole_micros=original.amount_micros,
        gone_micros=records.locked(Payment, original.pk).refunded_micros,
        paid=_was_paid(original),
        back_micros=payment.received_micros if payment.received_currency == payment.currency else None,
        currency=payment.currency,
    )


def _paid(payment: Payment, *, deducted: bool | None = None) -> Paid:
    """What was paid, as the rules read it. A gateway that is gone has deducted its fee, as for money in suspense."""
    if payment.received_micros is None:
        return Paid(micros=payment.amount_micros, surcharge_micros=0, fee_micros=0, deducted=False, converted=False)
    if deducted is None:
        gateways = PaymentGateway.objects.filter(account_id=payment.account_id, name=payment.gateway)
        deducted = gateways.values_list("deduct_fees", flat=True).first() is not False
    return Paid(
        micros=payment.received_micros,
        surcharge_micros=payment.surcharge_micros,
        fee_micros=payment.fee_micros,
        deducted=deducted,
        converted=payment.received_currency != payment.currency,
    )


def _was_paid(payment: Payment) -> Paid:
    """What was paid of a payment that is booked. Its fee was deducted where that explains what reached the account.

    Its gateway may deduct otherwise by now, and a fee that was told later is absorbed, whatever the gateway does.
    """
    deducted = _paid(payment, deducted=True)
    explained = reached_micros(payment.amount_micros, deducted, currency=payment.currency)
    return replace(deducted, deducted=explained == payment.reached_micros)


def _is_gift(payment: Payment) -> bool:
    """Whether it is money that nobody paid: a bonus, or what is taken back of one.

    In the books a bonus of before reached the account, and it goes back as it was booked.
    """
    given = payment.reverses
    return payment.kind == "bonus" or (given is not None and given.kind == "bonus" and given.reached_micros is not None)


def _follow(done: Payment, customer: Customer, settles: Sequence[int]) -> None:
    """What comes of a completed payment."""
    if done.kind in BACK:
        if done.reverses_id is not None:
            _give_back(done)
    else:
        allocate_from(done, settles)
        done.refresh_from_db()
        if done.kind == "payment":
            _use_voucher(done, customer)
        if done.kind == "payment" and customer.create_invoice_on_payment:
            receipt_for_payment(done)
    event = "payment.refunded" if done.kind in BACK else "payment.completed"
    emit(account_id=done.account_id, event=event, ref=f"payment:{done.pk}", body=payment_body(done))
    if done.email_confirmation:
        notify(customer, event, payment_values(done))


def _give_back(done: Payment) -> None:
    """What was refunded of a payment settles nothing any more; what came back after all is free again.

    What is open by that is settled by what else there is, a credit note that was not needed before. Bonuses go along.
    """
    assert done.reverses_id is not None
    original = records.locked(Payment, done.reverses_id)
    before, refunded = original.refunded_micros, original.refunded_micros - done.amount_micros
    opened = []
    beyond = original.allocated_micros + refunded - original.amount_micros
    if beyond > 0:
        opened = release_from(original, min(beyond, original.allocated_micros))
    original = records.change(original, {"refunded_micros": refunded})
    for invoice in sorted(opened, key=lambda row: row.pk):
        allocate_to(invoice)
    if done.amount_micros > 0 and original.customer is not None:
        settle_open(original.customer)
    _give_back_bonuses(original, before=before)
    note_for_refund(done, original, before_micros=before)


def _give_back_bonuses(original: Payment, *, before: int) -> None:
    """Vouchers multiplied a payment: what is given back of it takes the same part of their bonuses along, or back."""
    for bonus in Payment.objects.filter(reverses=original, kind="bonus", status="completed").order_by("pk"):
        was, due = (
            part_back_micros(
                bonus.amount_micros, part_micros=part, whole_micros=original.amount_micros, currency=bonus.currency
            )
            for part in (before, original.refunded_micros)
        )
        taken = min(due - was, bonus.amount_micros - bonus.refunded_micros)
        amount = -max(taken, -bonus.refunded_micros)
        if amount and bonus.customer is not None:
            words = f"{bonus.public_note}, of payment {original.pk}"
            values = {"gateway": bonus.gateway, "kind": "reversal", "public_note": words}
            complete(new_payment(bonus.customer, **values, amount_micros=amount, reverses_id=bonus.pk))


def _tax(payment: Payment, customer: Customer, at: datetime) -> int:
    """The tax that falls due with it, as an amount above zero, or comes back with it.

    Prepaid customers pay theirs with their payments: of what settles no open invoice, which has its own. What is given
    back takes its part of the payment's own tax along, however the customer pays by now.
    """
    if payment.kind == "payment":
        if customer.billing_type != "prepaid":
            return 0
        rest = payment.amount_micros - owed_micros(customer)
        return tax_of_payment(customer, rest, at) if rest > 0 else 0
    return tax_with(payment) if payment.kind in BACK else 0


def tax_with(payment: Payment) -> int:
    """The tax that what is given back, or comes back after all, takes along, as an amount above zero."""
    if payment.reverses_id is None:
        return 0
    original = records.locked(Payment, payment.reverses_id)
    if not original.tax_micros:
        return 0
    before, refunded = original.refunded_micros, original.refunded_micros - payment.amount_micros
    return abs(_tax_back(original, refunded) - _tax_back(original, before))


def tax_to_wallet(payment: Payment) -> int:
    """What of that tax comes to the wallet, or leaves it: none where the wallet kept it."""
    customer = payment.customer
    return 0 if customer is None or _has_tax_within(payment, customer) else tax_with(payment)


def _tax_back(original: Payment, refunded_micros: int) -> int:
    """How much of a payment's tax is back after so much of it; what is taxed goes back before what settled invoices."""
    assert original.customer is not None
    taxed = original.amount_micros - settled_when_paid(original.customer).get(original.pk, 0)
    return part_back_micros(
        original.tax_micros, part_micros=refunded_micros, whole_micros=taxed, currency=original.currency
    )


def _use_voucher(done: Payment, customer: Customer) -> None:
    """The oldest voucher that waits for a payment like this one, and gives at least a coin for it, gives its bonus."""
    waiting = Voucher.objects.filter(
        Q(batch__expires_at=None) | Q(batch__expires_at__gt=done.completed_at),
        state="waiting",
        customer=customer,
        batch__enabled=True,
        batch__currency=done.currency,
        batch__minimum_micros__lte=done.amount_micros,
    )
    entered = waiting.select_for_update(of=("self",)).select_related("batch").order_by("entered_at", "id")
    voucher = next((one for one in entered if _bonus_micros(one.batch, done) > 0), None)
    if voucher is not None:
        give_bonus(voucher, customer, done)


def _bonus_micros(batch: VoucherBatch, paid: Payment | None) -> int:
    return voucher_bonus_micros(
        paid.amount_micros if paid else 0,
        multiplier_milli=batch.multiplier_milli,
        addition_micros=batch.addition_micros,
        currency=batch.currency,
    )


def give_bonus(voucher: Voucher, customer: Customer, paid: Payment | None = None) -> Payment:
    """What a voucher gives, once, for a payment or without one: it is locked and becomes used with the bonus."""
    batch = voucher.batch
    amount = _bonus_micros(batch, paid)
    words = f"Voucher {batch.name} {voucher.serial}"
    bonus = new_payment(
        customer,
        gateway="voucher",
        kind="bonus",
        amount_micros=amount,
        external_id=f"voucher:{voucher.pk}",
        reverses_id=paid.pk if paid else None,
        public_note=words,
    )
    bonus = complete(bonus)
    records.change(
        voucher,
        {"state": "used", "used_at": bonus.completed_at, "payment_id": bonus.pk, "customer_id": customer.pk},
    )
    return bonus
