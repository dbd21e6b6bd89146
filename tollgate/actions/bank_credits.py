"""Money that bank statements tell of: found to be whose by what it was paid for, entered once, given to what it names.

Statements come as uploads (`core.bank_statements` reads them, or any CSV of a bank). Each payment that a statement has
told of keeps the bank's id (`noticed_as`); what may be one that was entered otherwise is asked, never guessed. To
recognize a payer by something else, see `_payer_of`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypedDict, Unpack

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Lower

from tollgate.actions import checks, records
from tollgate.actions.acts import NotPermitted, act, current, refuse
from tollgate.actions.allocations import take_turns
from tollgate.actions.bank_matches import collected, sent_back
from tollgate.actions.bank_payouts import paid_back, paid_out
from tollgate.actions.bank_tellings import Told as Telling
from tollgate.actions.bank_tellings import keep_telling, maybe_same, same_money, told_of
from tollgate.actions.payment_amounts import BANK_TRANSFER
from tollgate.actions.payments import BY_HAND, complete_payment, enter
from tollgate.core.bank_statements import MADE
from tollgate.core.money import format_micros
from tollgate.store.models import Account, Customer, Invoice, Payment

BY_HAND_WITHIN: Final = timedelta(days=7)
"""How far from the bank's day a payment was entered by hand that may be what a statement tells of."""
NEW: Final = "new"
"""What a person writes of money that was entered in no other way."""
REVERSED: Final = (
    "The bank has booked something back: undo the payment that it was. If it is money of a customer all the same, "
    "write no in this column, and no reason of a return."
)
NOT_SAID: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("end_to_end_id", "batch_id", "return_reason", "statement_kind", "own_account"), ""),
    **dict.fromkeys(("entry_ref", "part_ref"), ""),
    "batch_micros": None,
    "paid_out": False,
}
WORDS_MOST: Final = 200
_WORD: Final = re.compile(r"[a-z0-9](?:[a-z0-9/_.-]*[a-z0-9])?")


def _entered_as(value: object) -> str:
    words: str = checks.text(20)(value).lower()
    if words not in ("", NEW) and not re.fullmatch("[0-9]{1,18}", words):
        raise checks.Unfit("Write the number of the payment as which it was entered, or new.")
    return words


CHECKS: Final[Mapping[str, checks.Check]] = {
    "amount_micros": checks.amount(1, checks.MOST_MICROS),
    "currency": checks.text(3, required=True),
    "external_id": checks.text(200, required=True),
    "paid_for": checks.text(1000),
    "payer": checks.text(200),
    "received_at": checks.optional(checks.instant),
    "reversal": checks.yes_no,
    "entered_as": _entered_as,
    "end_to_end_id": checks.text(200),
    "batch_id": checks.text(35),
    "return_reason": checks.matching("[A-Za-z0-9]{0,4}", "Give the bank's code of four signs, such as AM04."),
    "statement_kind": checks.text(10),
    "own_account": checks.text(50),
    "entry_ref": checks.text(200),
    "part_ref": checks.text(200),
    "batch_micros": checks.optional(checks.amount(0, checks.MOST_MICROS)),
    "paid_out": checks.yes_no,
}


class Told(TypedDict, total=False):
    """What a statement tells besides: how the payer or we called it, why it came back, and where it was told.

    `batch_id` is the id of a file of ours or of its part; `entry_ref` and `part_ref` are the bank's ids of the entry
    and of the payment in it, `batch_micros` what the entry came to where it was of several payments. `paid_out` says
    that the money has gone out.
    """

    end_to_end_id: str
    batch_id: str
    return_reason: str
    statement_kind: str
    own_account: str
    entry_ref: str
    part_ref: str
    batch_micros: int | None
    paid_out: bool


@act
def import_bank_credit(
    *,
    account_id: int,
    amount_micros: int,
    currency: str,
    external_id: str,
    paid_for: str = "",
    payer: str = "",
    customer_id: int | None = None,
    received_at: datetime | str | None = None,
    reversal: bool = False,
    entered_as: str = "",
    **more: Unpack[Told],
) -> Payment:
    """Enters money of a bank statement, once for each id of the bank, and settles the invoices that it names first.

    Whose it is say the numbers of invoices or of the customer in what it was paid for, or `customer_id`. It completes a
    transfer of that amount that the customer has announced, and the collections of a file of ours. Where one was
    entered by hand lately that may be the same money, `entered_as` says it: the number of that payment, or `new`. A
    collection that the bank sends back (`return_reason`) is undone; what else it books back (`reversal`) is refused.
    Money that went out (`paid_out`) confirms transfers of a file of ours; any other is refused.
    """
    if current.get().reach is not None:
        raise NotPermitted("import_bank_credit")  # the statement is the account's
    given = {"amount_micros": amount_micros, "currency": currency, "external_id": external_id, "paid_for": paid_for}
    said = {"payer": payer, "received_at": received_at, "reversal": reversal, "entered_as": entered_as}
    values = {**NOT_SAID, **checks.cleaned(CHECKS, {**given, **said, **more})}
    account, told = records.find(Account, account_id), told_of(values)
    ours = _of_our_files(account, values, told)
    if ours is not None:
        return ours
    payment = _booked(account, values, told, customer_id)
    keep_telling(payment, told)
    return payment


def _of_our_files(account: Account, values: Mapping[str, Any], told: Telling) -> Payment | None:
    """What it is where we have asked the bank for it. Raises Invalid for what it books back of others."""
    if values["paid_out"]:
        return paid_out(account, values, told)
    if not values["reversal"] and not values["return_reason"]:
        if values["entered_as"] == NEW:
            return None
        return collected(account, values, told) or paid_back(account, values, told)
    back = sent_back(account, values, told)
    if back is None:
        raise refuse("reversal", REVERSED)
    return back


def _booked(account: Account, values: Mapping[str, Any], told: Telling, customer_id: int | None) -> Payment:
    """The payment that the money is, entered where no statement has told of it before."""
    words = set(_WORD.findall(values["paid_for"].lower()))
    invoices = _named(account, words)
    known = _told_before(account, values)
    if known is not None:
        named = {invoice.customer_id for invoice in invoices}
        return _same(known, values, named if customer_id is None else {customer_id})
    known = None if values["entered_as"] == NEW else same_money(account, told)
    if known is not None:
        return known
    customer = _payer_of(account, words, invoices, customer_id)
    if values["currency"].upper() != customer.currency:
        raise refuse("currency", f"{customer} pays in {customer.currency}: enter by hand what it is worth.")
    checks.whole_coins("amount_micros", values["amount_micros"], customer.currency)
    named_ids = [invoice.pk for invoice in invoices if invoice.customer_id == customer.pk]
    return _entered(customer, values, named_ids, told)


def _entered(customer: Customer, values: Mapping[str, Any], invoice_ids: Sequence[int], told: Telling) -> Payment:
    at = values["received_at"] or records.now()
    alike = Payment.objects.filter(
        customer=customer, gateway__in=BY_HAND, kind="payment", amount_micros=values["amount_micros"]
    ).order_by("pk")
    waiting = alike.filter(status="pending", noticed_as=None)
    announced = list(waiting.select_for_update(no_key=True))  # before the wallet, as whoever approves one
    take_turns(customer)  # nobody completes or enters the same money meanwhile
    known = _told_before(customer.account, values)
    if known is not None:
        return _same(known, values, {customer.pk})
    known = None if values["entered_as"] == NEW else same_money(customer.account, told)
    if known is not None:
        return known
    doubtful = dict.fromkeys((*_maybe_same(alike, values, at), *maybe_same(customer, told)))
    same = _chosen(list(doubtful), announced, values["entered_as"])
    known_by = {"noticed_as": values["external_id"], **({"payer": values["payer"]} if values["payer"] else {})}
    if same is None:
        known_by |= {"external_id": values["external_id"], "public_note": values["paid_for"], "received_at": at}
        entered = {"amount_micros": values["amount_micros"], "gateway": BANK_TRANSFER, "email_confirmation": True}
        return enter(customer, settles=invoice_ids, **known_by, **entered)
    if same.noticed_as is not None:
        return same  # another statement has told of it, and the bank has no id for it
    if same.status != "pending":
        return records.change(records.locked(Payment, same.pk), {"noticed_as": values["external_id"]})
    records.change(same, {**known_by, "external_id": same.external_id or values["external_id"], "received_at": at})
    return complete_payment(payment_id=same.pk, invoice_ids=invoice_ids)


def _maybe_same(alike: QuerySet[Payment], values: Mapping[str, Any], at: datetime) -> QuerySet[Payment]:
    """What was entered by hand about that time, and is booked; what another statement has told of that day, where one
    of the two ids is no id of the bank."""
    near = Q(received_at__range=(at - BY_HAND_WITHIN, at + BY_HAND_WITHIN))
    by_hand = Q(near, status="completed", noticed_as=None, refunded_micros__lt=F("amount_micros"))
    begins = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    told = Q(noticed_as__isnull=False, received_at__gte=begins, received_at__lt=begins + timedelta(days=1))
    statement = values["external_id"].rpartition(" ")[0]
    if values["external_id"].startswith(MADE):
        told &= ~Q(noticed_as__startswith=f"{statement} ")  # what one statement tells twice came twice
    else:
        told &= Q(noticed_as__startswith=MADE)
    return alike.filter(by_hand | told & ~Q(status="canceled"))


def _chosen(found: Sequence[Payment], announced: Sequence[Payment], answer: str) -> Payment | None:
    """The payment that the money is; None where it is to be entered. Raises Invalid where that has to be asked."""
    if answer not in ("", NEW):
        for payment in (*found, *announced):
            if payment.pk == int(answer):
                return payment
        raise refuse("entered_as", f"Payment {answer} is other money: of another day, amount or customer, or told of.")
    if found and not answer:
        known = ", ".join(f"{payment.pk} ({payment.received_at:%Y-%m-%d})" for payment in found[:3])
        words = f"This money may be entered already, as payment {known}"
        raise refuse("entered_as", f"{words}: write that number in the column Entered as, or new if it is other money.")
    return announced[0] if announced else None


def _told_before(account: Account, values: Mapping[str, Any]) -> Payment | None:
    """What was entered by this id of the bank before."""
    own = Q(noticed_as=values["external_id"]) | Q(gateway=BANK_TRANSFER, external_id=values["external_id"])
    return Payment.objects.filter(own, account=account, gateway__in=BY_HAND).order_by("pk").first()


def _same(known: Payment, values: Mapping[str, Any], payers: Collection[int | None]) -> Payment:
    """The payment that has this id. Raises Invalid for another amount, day or customer, and for one that was canceled:
    some banks give an id twice, or none that means anything."""
    at = values["received_at"]
    told = known.noticed_as is not None and known.noticed_as == known.external_id
    moved = told and at is not None and known.received_at.astimezone(UTC).date() != at.astimezone(UTC).date()
    amount = f"{format_micros(known.amount_micros, 2)} {known.currency}"
    words = f"Payment {known.pk} has this id of the bank: {amount}, {known.customer}, {known.received_at:%Y-%m-%d}"
    if known.status == "canceled" or (known.status == "pending" and known.noticed_as is None):
        raise refuse("external_id", f"{words}. It has moved nothing: approve it if it waits, or give this another id.")
    other = bool(payers) and known.customer_id not in payers
    if moved or other or known.amount_micros != values["amount_micros"]:
        raise refuse("external_id", f"{words}. If this is other money, give it another id.")
    return known


def _named(account: Account, words: set[str]) -> list[Invoice]:
    """The issued documents that are to be paid and whose number is among the words, in the order of issue."""
    if not words or len(words) > WORDS_MOST:
        return []
    owed = Invoice.objects.filter(account=account, state="issued", kind__in=("invoice", "debit_note"))
    found = owed.annotate(word=Lower("number")).filter(word__in=words)
    return list(found.select_related("customer").order_by("issued_at", "pk"))


def _payer_of(account: Account, words: set[str], invoices: Sequence[Invoice], customer_id: int | None) -> Customer:
    """Whose money it is. Raises Invalid where nothing says it, or several do."""
    if customer_id is not None:
        customer = records.find(Customer, customer_id)
        if customer.account_id != account.pk:
            raise refuse("customer_id", "Choose a customer of the same account.")
        return customer
    found = {invoice.customer_id: invoice.customer for invoice in invoices}
    if not found and words:
        numbered = Customer.objects.filter(account=account, deleted_at=None, number__in=words)
        found = {customer.pk: customer for customer in numbered[:2]}
    if len(found) != 1:
        words_of_it = "It names invoices of several customers" if found else "It names no invoice and no customer"
        raise refuse("paid_for", f"{words_of_it}: say in the column Company whose it is.")
    return next(iter(found.values()))
