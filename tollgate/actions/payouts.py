"""Acts that pay customers by bank transfer: a refund of a payment, or of what a wallet holds, and the file (pain.001).

What is paid out is a pending refund with its line. It leaves the wallet at once (`in_transit`), waits for a file, and
is booked as paid when the bank's transfer is confirmed (`bank_runs`, `bank_payouts`). The IBAN is given, or that of the
customer's mandate. The file is made by a job (`bank_files`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date
from typing import Any, Final, TypedDict, Unpack
from uuid import uuid4

from django.db.models import Sum

from tollgate.actions import checks, records
from tollgate.actions.acts import act, refuse, warn
from tollgate.actions.allocations import take_turns
from tollgate.actions.debits import execution_day, id_list, new_run, opened, own_party
from tollgate.actions.in_transit import send
from tollgate.actions.mandates import BIC, proved
from tollgate.actions.payment_booking import tax_to_wallet
from tollgate.actions.payments import check_other, give_back, left_to_give
from tollgate.actions.postings import wallet_of
from tollgate.core import sepa, sepa_files
from tollgate.core.money import format_micros
from tollgate.core.sepa_files import Batch, Item, Order, Party
from tollgate.store.models import Account, BankLine, BankRun, Customer, Mandate, Payment
from tollgate.store.secrets import seal

CHECKS: Final[dict[str, checks.Check]] = {
    "holder": checks.text(sepa.NAME_MOST),
    "iban": proved(sepa.account_number, required=False),
    "bic": BIC,
    "reason": checks.text(500),
    "amount_micros": checks.optional(checks.amount(1, checks.MOST_MICROS)),
    "bank_line_ids": id_list,
}


class Target(TypedDict, total=False):
    """Where the money goes; without an IBAN to the account of the customer's active mandate. The reason is a note."""

    holder: str
    iban: str
    bic: str
    reason: str


@act
def pay_out_payment(*, payment_id: int, amount_micros: int | None = None, **target: Unpack[Target]) -> Payment:
    """Refunds what is left of a payment, or a part, by bank transfer. Gives the refund, which waits for the bank."""
    given: dict[str, Any] = {**target, "amount_micros": amount_micros}
    values = checks.cleaned(CHECKS, given)
    payment = records.find(Payment, payment_id)
    if payment.customer is None:
        raise refuse("payment_id", "Nobody knows yet whose payment this is: assign it to a customer.")
    where = _where(payment.customer, values)
    back = give_back(payment_id, values["amount_micros"], kind="refund", reason=values.get("reason", ""), transfer=True)
    _sent(back, payment.customer, where)
    left = wallet_of(payment.customer).balance_micros + tax_to_wallet(back)  # the tax returns when the bank has paid
    if left < 0:
        words = f"{format_micros(-left, 2)} {back.currency}"
        warn(f"{payment.customer} has not that much left: its balance is {words} below zero now.")
    return back


@act
def pay_out_credit(*, customer_id: int, amount_micros: int, **target: Unpack[Target]) -> Payment:
    """Pays out of what a customer's wallet holds by bank transfer. Gives the refund, which waits for the bank.

    It refunds one payment that no invoice has taken, the newest that is large enough.
    """
    given: dict[str, Any] = {**target, "amount_micros": amount_micros}
    values = checks.cleaned(CHECKS, given)
    customer = records.find(Customer, customer_id)
    where = _where(customer, values)
    take_turns(customer)
    wallet = wallet_of(customer)
    waiting = Payment.objects.filter(customer=customer, status="pending", amount_micros__lt=0, bank_line=None)
    asked = waiting.aggregate(micros=Sum("amount_micros"))["micros"] or 0
    most = wallet.balance_micros - wallet.held_micros + asked
    if values["amount_micros"] is None or values["amount_micros"] > most:
        words = f"{format_micros(max(0, most), 2)} {customer.currency}"
        raise refuse("amount_micros", f"Give an amount: {words} are {customer}'s and not asked for yet.")
    checks.whole_coins("amount_micros", values["amount_micros"], customer.currency)
    reason = values.get("reason", "")
    source = _source(customer, values["amount_micros"])
    back = give_back(source.pk, values["amount_micros"], kind="refund", reason=reason, transfer=True)
    _sent(back, customer, where)
    return back


def transfer_run(*, account_id: int, execute_on: date | str, bank_line_ids: Sequence[int]) -> BankRun:
    """Makes the file that pays these transfers on a day."""
    ids = checks.cleaned(CHECKS, {"bank_line_ids": bank_line_ids})["bank_line_ids"]
    account = records.find(Account, account_id)
    on, own = payout_day(execute_on), own_party(account, collects=False)
    waiting = BankLine.objects.select_for_update(no_key=True, of=("self",)).select_related("payment")
    lines = list(waiting.filter(account=account, pk__in=ids, run=None, state="waiting").order_by("pk"))
    if len(lines) != len(ids):
        raise refuse("bank_line_ids", f"{len(ids) - len(lines)} of them wait for no file: look at the list again.")
    check_other(*(line.payment for line in lines))
    message_id = f"{sepa.TRANSFERS}{on:%Y%m%d}-{uuid4().hex[:12]}"
    batch = Batch(batch_id=f"{message_id}-1", on=on, items=tuple(_item(line) for line in lines))
    order = Order(message_id=message_id, made_at=records.now(), own=own, batches=[batch])
    run = new_run(account, "transfer", order, sepa_files.transfers(order), on, len(lines), batch.total_micros)
    BankLine.objects.filter(pk__in=ids).update(run=run, batch_id=batch.batch_id)
    return run


def payout_day(value: date | str) -> date:
    """A day on which the bank can pay. Raises Invalid."""
    today = records.now().astimezone(UTC).date()
    on = execution_day(value, today)
    if on < today:
        raise refuse("execute_on", "Give today or a day to come.")
    return on


def _source(customer: Customer, amount_micros: int) -> Payment:
    """The payment that is given back. Raises Invalid where none has so much left."""
    paid = Payment.objects.filter(customer=customer, status="completed", kind="payment").order_by("-received_at", "-pk")
    left = {one: min(left_to_give(one), one.unallocated_micros) for one in paid}
    found = next((one for one in paid if left[one] >= amount_micros), None)
    if found is None:
        words = f"{format_micros(max([0, *left.values()]), 2)} {customer.currency}"
        raise refuse("amount_micros", f"One transfer gives back one payment: at most {words} are left of one.")
    return found


def _where(customer: Customer, values: dict[str, Any]) -> dict[str, str]:
    """The account that is paid, as its line keeps it."""
    if customer.currency != sepa.CURRENCY:
        raise refuse("amount_micros", f"SEPA moves euro: {customer} is billed in {customer.currency}.")
    number, holder, bic = values.get("iban", ""), values.get("holder", ""), values.get("bic", "")
    if not number:
        mandate = Mandate.objects.filter(customer=customer, status="active").first()
        if mandate is None:
            raise refuse("iban", "Give the IBAN: the customer has no mandate that names one.")
        number, bic, holder = opened(mandate.iban_sealed), mandate.bic, holder or mandate.holder
    holder = (holder or customer.company or customer.name)[: sepa.NAME_MOST]
    return {"iban_sealed": seal(number), "iban_shown": sepa.masked(number), "bic": bic, "holder": holder}


def _sent(back: Payment, customer: Customer, where: dict[str, str]) -> None:
    """A payout with its line, out of the wallet from now on."""
    words = f"Refund of payment {back.reverses_id}"
    values = {"account_id": back.account_id, "customer_id": customer.pk, "payment_id": back.pk, **where}
    line = records.create(
        BankLine,
        {
            **values,
            "end_to_end_id": sepa.payout_id(back.pk),
            "amount_micros": -back.amount_micros,
            "currency": back.currency,
            "words": sepa.latin(words, sepa.WORDS_MOST),
        },
    )
    records.change(back, {"payer": f"{line.holder} {line.iban_shown}"})
    send(back)


def _item(line: BankLine) -> Item:
    number = opened(line.iban_sealed)
    return Item(
        end_to_end_id=line.end_to_end_id,
        amount_micros=line.amount_micros,
        party=Party(name=sepa.latin(line.holder, sepa.NAME_MOST), iban=number, bic=line.bic),
        words=line.words,
    )
