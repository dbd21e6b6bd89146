"""What goes out to bookkeeping: the journal of a period, and the codes of its accounts.

`set_journal_codes` is the act; reading the journal changes nothing. A new book gets its line in `core.journal.PLACES`.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q

from tollgate.actions import checks, records
from tollgate.actions.acts import OutOfDate, act, refuse
from tollgate.actions.postings import income_book
from tollgate.actions.statements import fetch
from tollgate.core.hours import zone_info
from tollgate.core.journal import PLACES, JournalLine, Moved, code_of, journal, wallet_place
from tollgate.core.packages import midnight
from tollgate.core.sales import SaleLine, shared_out
from tollgate.store.models import Account, CarrierPayment, Invoice, InvoiceLine, InvoiceTax, JournalCode, Payment

CODE: Final = checks.matching(r"[A-Za-z0-9 ._/-]{0,20}", "Use letters, digits and . _ / - and blanks.", most=20)
SALES: Final = ("invoice", "debit_note", "credit_note")
KIND_TEXTS: Final = {"call": "Calls", "correction": "Corrections of calls", "topup": "Payment"}


@act
def set_journal_codes(*, account_id: int, codes: Mapping[str, str], version: int | None = None) -> dict[str, str]:
    """Says which code the journal gives each of its accounts; an empty one brings back the code in stock. They are part
    of the account, whose `version` may be given."""
    if not isinstance(codes, Mapping):
        raise refuse("codes", "Give a code for each account of the journal.")
    unknown = set(codes) - set(PLACES)
    if unknown:
        raise refuse("codes", f"The journal has no account {min(unknown)!r}.")
    values = checks.cleaned(dict.fromkeys(codes, CODE), dict(codes))
    account = _seen(account_id, version)
    known = {row.place: row for row in JournalCode.objects.filter(account=account)}
    if any(code != (known[place].code if place in known else "") for place, code in values.items()):
        records.change(account, {"codes_version": account.codes_version + 1})
    for place, code in values.items():
        kept = known.get(place)
        if kept is not None and not code:
            kept.delete()
        elif kept is not None:
            records.change(kept, {"code": code})
        elif code:
            records.create(JournalCode, {"account_id": account.pk, "place": place, "code": code})
    return journal_codes(account)


def _seen(account_id: int, version: int | None) -> Account:
    """The account, locked. Raises OutOfDate with its codes where another version was seen."""
    account = records.locked(Account, account_id)
    if version is not None and account.version != version:
        raise OutOfDate({**dict.fromkeys(PLACES, ""), **journal_codes(account), "version": account.version})
    return account


def journal_codes(account: Account) -> dict[str, str]:
    """The codes that were chosen, by account of the journal."""
    return dict(JournalCode.objects.filter(account=account).values_list("place", "code"))


def journal_of(account: Account, *, from_on: date, until_on: date) -> Iterator[JournalLine]:
    """The journal of the days from `from_on` to the one before `until_on`, in the account's zone."""
    rows = fetch("books", "journal", account.pk, from_on, until_on, account.zone)
    return journal(_moved(rows), journal_codes(account))


def sales_of(account: Account, *, from_on: date, until_on: date) -> Iterator[SaleLine]:
    """The lines of documents dated from `from_on` to the day before `until_on`, a credit note's below zero.

    Invoices, debit and credit notes; and of payments the receipts that tell taxes, with the notes on them, for these
    are the tax documents of who pays ahead. One that was voided on a later day than its own stands, and is taken back
    on the day of that, in the account's zone; one that was made and voided within these days is left out. What was sold
    to customers of resellers has the code of `resale`: that of `revenue` tells what the resellers were billed for it.
    """
    chosen = journal_codes(account)
    for invoice, sign, on in _documents(account, from_on, until_on):
        lines = sorted(invoice.lines.all(), key=lambda line: line.position)
        nets = [sign * line.net_micros for line in lines]
        is_taken_back = on != invoice.invoice_on
        for line, net, (tax, names) in zip(lines, nets, _taxes_of(invoice, lines, nets, sign), strict=True):
            yield SaleLine(
                number=f"{invoice} void" if is_taken_back else str(invoice),
                customer=str(invoice.buyer.get("name") or invoice.customer.name),
                email=str(invoice.buyer.get("email") or ""),
                accounting_id=invoice.customer.accounting_id or "",
                reference=invoice.reference or str(invoice.buyer.get("reference") or ""),
                invoice_on=on,
                due_on=on if is_taken_back else invoice.due_on or on,
                description=line.description,
                net_micros=net,
                tax_micros=tax,
                tax_name=" + ".join(names),
                account_code=code_of(str(invoice.issuer.get("income") or income_book(invoice.customer)), chosen),
                currency=invoice.currency,
            )


def _documents(account: Account, from_on: date, until_on: date) -> Iterator[tuple[Invoice, int, date]]:
    """What these days tell, with its sign and day, by day: what is dated in them, and what was voided in them."""
    begins, ends = (midnight(day, account.zone) for day in (from_on, until_on))
    taxed = Exists(InvoiceTax.objects.filter(invoice=OuterRef("pk")))
    sold = Q(kind__in=SALES, payment=None) | Q(taxed, payment__isnull=False)
    dated = Q(state="issued") | Q(state="void", voided_at__gte=ends)
    found = Invoice.objects.filter(sold, account=account, number__isnull=False)
    found = found.select_related("customer").prefetch_related("lines", "taxes")
    own = found.filter(dated, invoice_on__gte=from_on, invoice_on__lt=until_on).order_by("invoice_on", "id")
    back = found.filter(state="void", voided_at__gte=begins, voided_at__lt=ends, invoice_on__lt=from_on)
    zone = zone_info(account.zone)
    yield from heapq.merge(
        (
            (invoice, -1 if invoice.kind == "credit_note" else 1, invoice.invoice_on or from_on)
            for invoice in own.iterator(chunk_size=500)
        ),
        (
            (invoice, 1 if invoice.kind == "credit_note" else -1, _day(invoice.voided_at, zone))
            for invoice in back.order_by("voided_at", "id").iterator(chunk_size=500)
        ),
        key=lambda told: told[2],
    )


def _day(at: datetime | None, zone: tzinfo) -> date:
    assert at is not None, "a document that is void knows since when"
    return at.astimezone(zone).date()


def _taxes_of(
    invoice: Invoice, lines: Sequence[InvoiceLine], nets: Sequence[int], sign: int
) -> list[tuple[int, list[str]]]:
    """What each line bears of the document's taxes, with their names: of those that it bears, by its net."""
    rows = sorted(invoice.taxes.all(), key=lambda row: row.position)
    if all(line.tax_positions is None for line in lines):
        shares = shared_out(sign * invoice.tax_micros, nets, currency=invoice.currency)
        return [(share, [row.label or row.name for row in rows]) for share in shares]
    taxes, names = [0] * len(lines), [[] for _ in lines]  # type: tuple[list[int], list[list[str]]]
    for row in rows:
        bearing = [place for place, line in enumerate(lines) if row.position in (line.tax_positions or ())]
        parts = shared_out(sign * row.amount_micros, [nets[place] for place in bearing], currency=invoice.currency)
        for place, part in zip(bearing, parts, strict=True):
            taxes[place] += part
            names[place].append(row.label or row.name)
    return list(zip(taxes, names, strict=True))


def _moved(rows: list[dict[str, Any]]) -> Iterator[Moved]:
    refs = [str(row["ref"]).partition(":") for row in rows]
    invoices = Invoice.objects.in_bulk([int(number) for kind, _, number in refs if kind == "invoice"])
    payments = Payment.objects.in_bulk([int(number) for kind, _, number in refs if kind == "payment"])
    paid = CarrierPayment.objects.in_bulk([int(number) for kind, _, number in refs if kind == "carrier_payment"])
    for row, (kind, _, number) in zip(rows, refs, strict=True):
        yield Moved(
            on=row["on"],
            wallet=wallet_place(row["wallet_kind"], of_reseller=row["of_reseller"]),
            book=row["book"],
            amount_micros=row["amount_micros"],
            currency=row["currency"],
            document=_document(kind, number, invoices, paid if kind == "carrier_payment" else payments),
            text=KIND_TEXTS.get(row["kind"], str(row["kind"]).replace("_", " ").capitalize()),
            party=row["owner"],
            accounting_id=row["accounting_id"],
        )


def _document(
    kind: str, number: str, invoices: Mapping[int, Invoice], payments: Mapping[int, Payment | CarrierPayment]
) -> str:
    if kind == "invoice" and int(number) in invoices:
        return str(invoices[int(number)])
    if kind in ("payment", "carrier_payment") and int(number) in payments:
        return payments[int(number)].external_id or f"{kind.replace('_', ' ')} {number}"
    return f"{kind} {number}" if kind else ""
