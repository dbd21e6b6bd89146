"""Acts on payments to carriers: booked when the money has gone, told about in other words, undone where one was wrong.

A payment takes from what we owe the carrier: one entry in its wallet against the book `payments`, which is no cost, so
profit stays as it is. What its calls cost is corrected by its statements or by an adjustment of its wallet.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, TypedDict, Unpack

from tollgate.actions import checks, records
from tollgate.actions.acts import act, current, refuse
from tollgate.actions.carrier_statements import lock_wallet, wallet_of
from tollgate.actions.charges import day
from tollgate.actions.postings import post
from tollgate.core.hours import zone_info
from tollgate.store.models import Account, Carrier, CarrierPayment, CarrierStatement, Wallet

KINDS: Final = ("payment", "refund")
CHECKS: Final[Mapping[str, checks.Check]] = {
    "amount_micros": checks.amount(1, checks.MOST_MICROS),
    "kind": checks.one_of(KINDS),
    "paid_on": day,
    "external_id": checks.optional(checks.text(200)),
    "note": checks.text(1000),
    "statement_id": checks.optional(checks.record_id),
}


class CarrierPaymentWords(TypedDict, total=False):
    """What may be said anew of a payment to a carrier."""

    note: str
    statement_id: int | None


@act
def pay_carrier(
    *,
    carrier_id: int,
    amount_micros: int,
    kind: str = "payment",
    paid_on: str | date | None = None,
    external_id: str | None = None,
    statement_id: int | None = None,
    note: str = "",
) -> CarrierPayment:
    """Books money that was paid to a carrier, or that it paid back (`refund`), on a day up to today.

    The same external id is the same payment: it is booked once. `statement_id` is the carrier's invoice that it pays.
    """
    carrier = records.find(Carrier, carrier_id)
    today = _today(carrier)
    given = {"amount_micros": amount_micros, "kind": kind, "external_id": external_id, "note": note}
    values = checks.cleaned(CHECKS, {**given, "paid_on": paid_on or today, "statement_id": statement_id})
    checks.whole_coins("amount_micros", values["amount_micros"], carrier.currency)
    if values["paid_on"] > today:
        raise refuse("paid_on", f"It is {today} with us: book it when the money has gone.")
    if values["kind"] == "refund":
        values["amount_micros"] = -values["amount_micros"]
    wallet = _wallet_locked(carrier)
    _check_statement(carrier, values["statement_id"])
    known = _known(carrier, values)
    return _book(wallet, carrier, values) if known is None else known


@act
def update_carrier_payment(
    *, carrier_payment_id: int, version: int | None = None, **changes: Unpack[CarrierPaymentWords]
) -> CarrierPayment:
    """Says anew what a payment to a carrier was for: its note, the statement that it pays. Its money stays as it is."""
    values = checks.cleaned({name: CHECKS[name] for name in CarrierPaymentWords.__annotations__}, changes)
    found = records.find(CarrierPayment, carrier_payment_id)
    _wallet_locked(found.carrier)
    payment = records.locked(CarrierPayment, carrier_payment_id, version)
    moved = "statement_id" in values and values["statement_id"] != payment.statement_id
    if moved and values["statement_id"] is not None and (payment.kind == "reversal" or _is_undone(payment)):
        raise refuse("statement_id", "It is undone: it pays no statement.")
    if moved:
        _check_statement(payment.carrier, values["statement_id"])
    return records.change(payment, values)


@act
def reverse_carrier_payment(*, carrier_payment_id: int, reason: str) -> CarrierPayment:
    """Undoes a payment to a carrier that was booked wrongly, whole: we owe it again. Gives the reversal."""
    words = checks.cleaned({"reason": checks.text(500, required=True)}, {"reason": reason})["reason"]
    wallet = _wallet_locked(records.find(CarrierPayment, carrier_payment_id).carrier)
    payment = records.locked(CarrierPayment, carrier_payment_id)
    if payment.kind == "reversal":
        raise refuse("carrier_payment_id", "This undoes another payment: book that anew if it was right.")
    if _is_undone(payment):
        raise refuse("carrier_payment_id", "This payment is undone already.")
    return _book(
        wallet,
        payment.carrier,
        {
            "kind": "reversal",
            "amount_micros": -payment.amount_micros,
            "paid_on": _today(payment.carrier),
            "statement_id": payment.statement_id,
            "reverses_id": payment.pk,
            "note": words,
        },
    )


def ref_of(payment: CarrierPayment) -> str:
    """What its entry names."""
    return f"carrier_payment:{payment.pk}"


def _book(wallet: Wallet, carrier: Carrier, values: Mapping[str, Any]) -> CarrierPayment:
    """The payment with its entry; the wallet is locked."""
    own = {"account_id": carrier.account_id, "carrier_id": carrier.pk, "currency": carrier.currency}
    payment = records.create(CarrierPayment, {**own, "created_by": current.get().name, **values})
    post(
        wallet,
        "payments",
        payment.kind,
        amount_micros=-payment.amount_micros,
        note=payment.note,
        key=ref_of(payment),
        ref=ref_of(payment),
    )
    return payment


def _known(carrier: Carrier, values: Mapping[str, Any]) -> CarrierPayment | None:
    """The payment that this external id has booked. Raises Invalid for another one, and for one that was undone."""
    if values["external_id"] is None:
        return None
    same = {"account_id": carrier.account_id, "external_id": values["external_id"]}
    found = CarrierPayment.objects.filter(**same).first()
    if found is None:
        return None
    given = (carrier.pk, values["amount_micros"], values["kind"])
    if (found.carrier_id, found.amount_micros, found.kind) != given:
        raise refuse("external_id", "Another payment was entered by this id.")
    if _is_undone(found):
        raise refuse("external_id", f"Payment {found.pk} of this id is undone: enter it by another id.")
    return found


def _is_undone(payment: CarrierPayment) -> bool:
    return CarrierPayment.objects.filter(reverses=payment).exists()


def _check_statement(carrier: Carrier, statement_id: int | None) -> None:
    """Whether a payment may be for this statement, which nobody deletes meanwhile; the wallet is locked before it."""
    if statement_id is None:
        return
    statement = records.locked(CarrierStatement, statement_id)
    if statement.carrier_id != carrier.pk:
        raise refuse("statement_id", "Choose a statement of the same carrier.")
    if statement.currency != carrier.currency:
        raise refuse("statement_id", f"It is in {statement.currency}, the carrier's wallet in {carrier.currency}.")


def _wallet_locked(carrier: Carrier) -> Wallet:
    """The carrier's wallet, locked: who enters or undoes the same at once waits here."""
    wallet = wallet_of(carrier)
    lock_wallet(wallet)
    return wallet


def _today(carrier: Carrier) -> date:
    """The day that it is in the account's zone."""
    account: Account = carrier.account
    today: date = records.now().astimezone(zone_info(account.zone)).date()
    return today
