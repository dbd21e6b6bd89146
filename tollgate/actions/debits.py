"""Collections: which open invoices may be collected, and the file by which the bank is asked to (pain.008).

`offers` says of every open invoice of a customer with a mandate what a file of that day would ask for, or why it asks
for nothing. The file is made by a job (`bank_files`) with its lines and their pending payments, whole or not at all;
its bytes are kept sealed.
A line waits for the bank (`bank_runs`, `bank_credits`); meanwhile its invoice is collected by no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date
from hashlib import sha256
from typing import Final
from uuid import uuid4

from django.db.models import F

from tollgate.actions import checks, records
from tollgate.actions.acts import current, refuse
from tollgate.actions.allocations import take_all_turns
from tollgate.actions.bank_lines import DIRECT_DEBIT
from tollgate.actions.charges import day
from tollgate.actions.mandates import OWED, Standing, standings
from tollgate.actions.notices import notify
from tollgate.core import sepa, sepa_files
from tollgate.core.money import format_micros
from tollgate.core.sepa_files import Item, Order, Party
from tollgate.core.templates import Figure
from tollgate.store.models import Account, BankLine, BankRun, Invoice, Mandate, Payment
from tollgate.store.secrets import CannotUnseal, seal, unseal

LINES_MOST: Final = 1000
CENT: Final = 10_000  # micros
SETTINGS: Final = "Say under Options, Money, from which account and under which creditor identifier you collect."
MOST_AHEAD_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class Offer:
    """An open invoice and how it would be collected; `why_not` says why it cannot be that day."""

    invoice: Invoice
    mandate: Mandate
    amount_micros: int
    earliest_on: date
    announced_on: date | None
    on: date
    sequence: str = ""
    why_not: str = ""


def debit_run(*, account_id: int, execute_on: date | str, invoice_ids: Sequence[int]) -> BankRun:
    """Makes the file that collects these invoices on a day, each for what is open of it, with their pending payments.

    Whom the invoice has not announced that day and amount is told by mail.
    """
    ids = checks.cleaned(_IDS, {"invoice_ids": invoice_ids})["invoice_ids"]
    account, today = records.find(Account, account_id), records.now().astimezone(UTC).date()
    on = execution_day(execute_on, today)
    own = own_party(account, collects=True)
    take_all_turns(row.customer for row in _open(account, ids))  # nobody settles or collects the same meanwhile
    found = offers(account, on, today, ids=ids)
    refused = [offer for offer in found if offer.why_not]
    lacking = set(ids) - {offer.invoice.pk for offer in found}
    if refused:
        raise refuse("invoice_ids", f"{refused[0].invoice}: {refused[0].why_not}")
    if lacking:
        raise refuse("invoice_ids", f"{len(lacking)} of them are not open, or their customers have no mandate.")
    return _made(account, own, on, found)


def id_list(value: object) -> list[int]:
    """The ids of what goes into one file, each once. Raises checks.Unfit."""
    if not isinstance(value, (list, tuple)) or not 1 <= len(value) <= LINES_MOST:
        raise checks.Unfit(f"Choose 1 to {LINES_MOST:,}: more go into another file.")
    return sorted({checks.record_id(one) for one in value})


_IDS: Final[Mapping[str, checks.Check]] = {"invoice_ids": id_list}


def execution_day(value: date | str, today: date) -> date:
    """A day on which the bank can do what a file of today asks for. Raises Invalid."""
    on: date = checks.cleaned({"execute_on": day}, {"execute_on": value})["execute_on"]
    if not sepa.is_target_day(on):
        raise refuse("execute_on", f"Banks rest that day: the next is {sepa.target_day(on)}.")
    if (on - today).days > MOST_AHEAD_DAYS:
        raise refuse("execute_on", f"Banks take files for at most {MOST_AHEAD_DAYS} days ahead.")
    return on


def own_party(account: Account, *, collects: bool) -> Party:
    """The account's own side of a file. Raises Invalid where its settings are missing."""
    if not (account.sepa_iban and account.sepa_name) or (collects and not account.sepa_creditor_id):
        raise refuse("account_id", SETTINGS)
    return Party(
        name=sepa.latin(account.sepa_name, sepa.NAME_MOST),
        iban=account.sepa_iban,
        bic=account.sepa_bic,
        creditor_id=account.sepa_creditor_id,
    )


def offers(account: Account, on: date, today: date, *, ids: Sequence[int] | None = None) -> list[Offer]:
    """The open invoices of customers with a mandate, oldest first, with what a file of today would ask for on a day."""
    mandates = Mandate.objects.filter(account=account, status="active", customer__deleted_at=None)
    by_customer = {mandate.customer_id: mandate for mandate in mandates}
    known = standings(by_customer.values(), today)
    invoices = [one for one in _open(account, ids) if one.customer_id in by_customer]
    over = BankLine.objects.filter(invoice__in=invoices, state__in=("returned", "rejected"))
    came_back = set(over.values_list("invoice_id", flat=True))
    found = []
    for one in invoices:
        mandate = by_customer[one.customer_id]
        told_on = None if one.pk in came_back else _announced(one, mandate)
        found.append(_offer(one, mandate, known[mandate.pk].state, (on, today, told_on)))
    return _in_sequence(found, known)


def _open(account: Account, ids: Sequence[int] | None) -> list[Invoice]:
    """The documents that are to be paid, in euro, oldest first."""
    rows = Invoice.objects.filter(account=account, state="issued", kind__in=OWED, currency=sepa.CURRENCY)
    rows = rows.filter(total_micros__gt=F("settled_micros"), payment=None)
    rows = rows if ids is None else rows.filter(pk__in=ids)
    rows = rows.exclude(bank_lines__in=BankLine.objects.filter(account=account, state="waiting"))
    return list(rows.select_related("customer").order_by("issued_at", "id"))


def _announced(invoice: Invoice, mandate: Mandate) -> date | None:
    """The day on which an invoice says that it is collected by this mandate."""
    told = invoice.issuer.get("debit") or {}
    return date.fromisoformat(told["on"]) if told.get("mandate") == mandate.reference else None


def _offer(invoice: Invoice, mandate: Mandate, state: str, days: tuple[date, date, date | None]) -> Offer:
    on, today, told_on = days
    earliest = sepa.earliest(today, notice_days=mandate.notice_days, announced_on=told_on)
    offer = Offer(invoice, mandate, invoice.open_micros, earliest, told_on, on)
    if not mandate.collects:
        return replace(offer, why_not="Its customer pays by itself.")
    if state != "active":
        return replace(offer, why_not=f"Mandate {mandate} is {state}.")
    if invoice.open_micros % CENT:
        return replace(offer, why_not="What is open of it is finer than a cent.")
    if invoice.due_on is not None and invoice.due_on > on:
        return replace(offer, why_not=f"It is due on {invoice.due_on}.")
    if earliest > on:
        return replace(offer, why_not=f"It is collected from {earliest} on: its notice runs until then.")
    return offer


def _in_sequence(found: Sequence[Offer], known: Mapping[int, Standing]) -> list[Offer]:
    """The offers with their sequences: a mandate's first one, its last one, or the only one."""
    last = {offer.mandate.pk: place for place, offer in enumerate(found) if not offer.why_not}
    begun: set[int] = set()
    told = []
    for place, offer in enumerate(found):
        mandate = offer.mandate
        if not offer.why_not and mandate.one_off and mandate.pk in begun:
            offer = replace(offer, why_not="Its mandate is for one collection: that is another invoice's.")  # noqa: PLW2901
        if offer.why_not:
            told.append(offer)
            continue
        final = mandate.final and last[mandate.pk] == place
        collected = known[mandate.pk].collected or mandate.pk in begun
        which = sepa.sequence(one_off=mandate.one_off, final=final, collected=collected)
        begun.add(mandate.pk)
        told.append(replace(offer, sequence=which))
    return told


def _made(account: Account, own: Party, on: date, found: Sequence[Offer]) -> BankRun:
    """The run with its file, lines and payments, and the mails that announce what no invoice has."""
    message_id = f"DD-{on:%Y%m%d}-{uuid4().hex[:12]}"
    items = [(offer.mandate.scheme, offer.sequence, _item(offer)) for offer in found]
    batches = sepa_files.batches_of(message_id, on, items)
    order = Order(message_id=message_id, made_at=records.now(), own=own, batches=batches)
    total = sum(offer.amount_micros for offer in found)
    run = new_run(account, "debit", order, sepa_files.debits(order), on, len(found), total)
    batch_ids = {item.end_to_end_id: batch.batch_id for batch in batches for item in batch.items}
    payments = Payment.objects.bulk_create([_payment(run, offer) for offer in found])
    lines = [
        _line(run, offer, payment, item, batch_ids[item.end_to_end_id])
        for offer, payment, (_, _, item) in zip(found, payments, items, strict=True)
    ]
    with records.refusals_named():
        BankLine.objects.bulk_create(lines)
    for offer in found:
        if offer.announced_on != on or offer.amount_micros != offer.invoice.total_micros:
            _announce(account, offer, on)
    return run


def new_run(
    account: Account, kind: str, order: Order, content: bytes, on: date, lines_count: int, total_micros: int
) -> BankRun:
    """The row of a file."""
    return records.create(
        BankRun,
        {
            "account_id": account.pk,
            "kind": kind,
            "message_id": order.message_id,
            "execute_on": on,
            "lines_count": lines_count,
            "total_micros": total_micros,
            "content_sealed": seal(content.decode()),
            "digest": sha256(content).hexdigest(),
            "created_by": current.get().name,
        },
    )


def _item(offer: Offer) -> Item:
    mandate, invoice = offer.mandate, offer.invoice
    return Item(
        end_to_end_id=sepa.end_to_end_id(invoice.number or "", invoice.pk),
        amount_micros=offer.amount_micros,
        party=Party(name=sepa.latin(mandate.holder, sepa.NAME_MOST), iban=opened(mandate.iban_sealed), bic=mandate.bic),
        words=sepa.latin(f"Invoice {invoice.number}", sepa.WORDS_MOST),
        mandate=mandate.reference,
        signed_on=mandate.signed_on,
    )


def opened(sealed: str) -> str:
    """An IBAN for the file. Raises Invalid where it was sealed by another key."""
    try:
        return unseal(sealed)
    except CannotUnseal as problem:
        raise refuse("account_id", str(problem)) from None


def _payment(run: BankRun, offer: Offer) -> Payment:
    invoice = offer.invoice
    return Payment(
        account_id=invoice.account_id,
        customer_id=invoice.customer_id,
        gateway=DIRECT_DEBIT,
        status="pending",
        currency=invoice.currency,
        amount_micros=offer.amount_micros,
        external_id=f"{run.message_id}/{sepa.end_to_end_id(invoice.number or '', invoice.pk)}",
        public_note=f"Direct debit of {invoice.number}",
        payer=f"{offer.mandate.holder} {offer.mandate.iban_shown}",
        created_by=current.get().name,
        received_at=records.now(),
    )


def _line(run: BankRun, offer: Offer, payment: Payment, item: Item, batch_id: str) -> BankLine:
    mandate = offer.mandate
    return BankLine(
        account_id=run.account_id,
        customer_id=offer.invoice.customer_id,
        run=run,
        payment=payment,
        invoice=offer.invoice,
        mandate=mandate,
        batch_id=batch_id,
        end_to_end_id=item.end_to_end_id,
        sequence=offer.sequence,
        amount_micros=offer.amount_micros,
        currency=offer.invoice.currency,
        holder=mandate.holder,
        iban_sealed=mandate.iban_sealed,
        iban_shown=mandate.iban_shown,
        bic=mandate.bic,
        words=item.words,
    )


def _announce(account: Account, offer: Offer, on: date) -> None:
    notify(
        offer.invoice.customer,
        "debit.announced",
        {
            "number": offer.invoice.number or "",
            "amount": Figure(format_micros(offer.amount_micros, 2)),
            "currency": offer.invoice.currency,
            "collected_on": on.isoformat(),
            "iban": offer.mandate.iban_shown,
            "mandate": offer.mandate.reference,
            "creditor_id": account.sepa_creditor_id,
        },
    )
