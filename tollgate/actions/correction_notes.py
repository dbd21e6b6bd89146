"""Credit and debit notes on issued invoices whose calls a recalculation has corrected.

`note_corrections` issues the note of one invoice. It bills what the corrections have moved since the last such note, so
a second time finds nothing, and the next document, which bills differences, finds it billed. What a document in between
has billed already is left out. Only a postpaid customer gets notes: what a prepaid one got back buys calls on which no
more tax falls due. How much a note says is in `core.correction_notes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.db.models import Max, Sum

from tollgate.actions import records
from tollgate.actions.acts import act, because, refuse
from tollgate.actions.invoice_issue import issue
from tollgate.actions.invoice_lines import new_draft, period_of, write, write_taxes
from tollgate.actions.invoice_notes import NoteTax, corrected, note_taxes, tax_like, taxes_back, taxes_noted
from tollgate.actions.invoice_usage import Doubt, unbilled, words_for
from tollgate.actions.postings import wallet_of
from tollgate.actions.statements import fetch
from tollgate.actions.taxes import rule_told
from tollgate.core.correction_notes import Billed, note_on
from tollgate.core.invoices import InvoiceLine, Totals, correction_line
from tollgate.store.models import Invoice, InvoiceTax, Recalculation
from tollgate.store.models import InvoiceLine as Row
from tollgate.store.queries.invoice_lists import own_calls


@dataclass(frozen=True, slots=True)
class Corrected:
    """What corrections of an invoice's calls come to: above zero the customer owes more. They are the entries after one
    id, up to another."""

    micros: int
    calls_count: int
    billed_s: int
    after_id: int = 0
    until_id: int = 0


@act
def note_corrections(*, invoice_id: int, recalculation_id: int) -> Invoice | None:
    """Issues the credit or debit note on an invoice for what a recalculation has corrected of its calls.

    None where nothing is to be told: a second time, or where another document has billed it, where the customer pays
    ahead, and where nothing is left of the invoice. The next document bears what no note tells.
    """
    recalculation = records.find(Recalculation, recalculation_id)
    because(recalculation.reason)
    invoice, customer = corrected(invoice_id)
    if customer.parked_at is not None:
        raise refuse("invoice_id", f"The customer's billing rests: {customer.parked_reason} Release it first.")
    found = _since_the_last_note(invoice, recalculation)
    try:
        told = told_by_note(invoice, _not_billed_since(invoice, recalculation, found), billed_by([invoice])[invoice.pk])
        return None if told is None else issue(_drafted(invoice, recalculation, found, *told), records.now())
    except Doubt as doubt:
        raise refuse("invoice_id", str(doubt)) from None


def told_by_note(invoice: Invoice, found: Corrected, billed: Billed) -> tuple[str, Totals] | None:
    """The kind of the note on an invoice, as it stands, for some corrections, and what it says; nothing is written."""
    stretch = period_of(invoice)
    if stretch is None or invoice.kind != "invoice" or invoice.customer.billing_type != "postpaid" or not found.micros:
        return None
    line = correction_line(stretch, found.micros, words=words_for(invoice.customer))
    line = replace(line, calls_count=found.calls_count, billed_s=found.billed_s)
    return note_on(billed, line)


def _since_the_last_note(invoice: Invoice, recalculation: Recalculation) -> Corrected:
    own = Invoice.objects.filter(corrects=invoice, recalculation=recalculation).exclude(state="void")
    after_id = int(own.aggregate(id=Max("corrections_until_id"))["id"] or 0)
    (row,) = fetch(
        "invoices",
        "noted_corrections",
        invoice.account_id,
        f"recalculation:{recalculation.pk}",
        wallet_of(invoice.customer).pk,
        invoice.usage_from_at,
        invoice.usage_until_at,
        after_id,
    )
    return Corrected(
        micros=row["micros"],
        calls_count=row["calls_count"],
        billed_s=row["billed_s"],
        after_id=after_id,
        until_id=row["until_id"] or after_id,
    )


def _not_billed_since(invoice: Invoice, recalculation: Recalculation, found: Corrected) -> Corrected:
    """The corrections without what a document has billed of them meanwhile, or a draft tells already. Raises Doubt."""
    stretch = period_of(invoice)
    if stretch is None or not found.micros:
        return found
    span = (stretch.from_at, stretch.until_at)
    if not fetch("invoices", "billed_again", invoice.customer_id, *span, recalculation.created_at)[0]["found"]:
        return found
    open_micros = unbilled(invoice.customer, stretch)
    if found.micros < 0:
        return replace(found, micros=max(found.micros, min(0, open_micros)))
    return replace(found, micros=min(found.micros, max(0, open_micros)))


def billed_by(invoices: Iterable[Invoice]) -> dict[int, Billed]:
    """Invoices as they stand, with the notes on them, by id: asked of one or of many in the same few questions."""
    known = {invoice.pk: invoice for invoice in invoices}
    lines, credited, noted = _of_lines(known), _credited(known), _noted(known)
    taxes, told = _taxes(known), note_taxes(known)
    found = {}
    for pk, invoice in known.items():
        rules, notes = taxes.get(pk, []), told.get(pk, [])
        (taxes_left, taxes_took), (fixed_left, fixed_took) = (
            _of_taxes(rules, notes, amount) for amount in ("amount_micros", "fixed_micros")
        )
        exact, net, whole = lines.get(pk, (0, 0, 0))
        credited_of_calls, credited_whole = credited.get(pk, (0, 0))
        noted_exact, noted_net = noted.get(pk, (0, 0))
        found[pk] = Billed(
            exact_micros=exact,
            net_micros=net,
            noted_exact_micros=noted_exact,
            noted_net_micros=noted_net,
            credited_micros=credited_of_calls,
            rest_micros=whole - noted_net - credited_whole,
            rules=tuple(rule_told(row) for row in rules),
            taxes_left_micros=taxes_left,
            taxes_noted_micros=taxes_took,
            fixed_left_micros=fixed_left,
            fixed_noted_micros=fixed_took,
            currency=invoice.currency,
            prices_include_tax=invoice.prices_include_tax,
        )
    return found


def _of_lines(invoice_ids: Iterable[int]) -> dict[int, tuple[int, int, int]]:
    """What the lines of its own calls come to in the ledger and before tax, and the net of all lines."""
    rows = Row.objects.filter(invoice__in=list(invoice_ids)).values_list("invoice").order_by()
    own = own_calls("")
    sums = rows.annotate(
        exact=Sum("exact_micros", filter=own, default=0), net=Sum("net_micros", filter=own, default=0),
        whole=Sum("net_micros"),
    )  # fmt: skip
    return {pk: (int(exact), int(net), int(whole)) for pk, exact, net, whole in sums}


def _credited(invoice_ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """The net that people credited, of the lines of its own calls and of all lines."""
    by_hand = Row.objects.filter(
        invoice__corrects__in=list(invoice_ids), invoice__kind="credit_note", corrects_line__isnull=False
    )
    rows = by_hand.exclude(invoice__state="void").values_list("invoice__corrects").order_by()
    sums = rows.annotate(own=Sum("net_micros", filter=own_calls("corrects_line__"), default=0), whole=Sum("net_micros"))
    return {pk: (int(own), int(whole)) for pk, own, whole in sums}


def _noted(invoice_ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """What notes of corrected calls took back, less what they added: of the ledger's charges, and of the net."""
    notes = Invoice.objects.filter(corrects__in=list(invoice_ids), recalculation__isnull=False).exclude(state="void")
    sums = notes.values_list("corrects", "kind").annotate(exact=Sum("exact_micros"), net=Sum("net_micros")).order_by()
    found: dict[int, tuple[int, int]] = {}
    for pk, kind, exact, net in sums:
        sign, (exact_so_far, net_so_far) = 1 if kind == "credit_note" else -1, found.get(pk, (0, 0))
        found[pk] = (exact_so_far + sign * int(exact), net_so_far + sign * int(net))
    return found


def _taxes(invoice_ids: Iterable[int]) -> dict[int, list[InvoiceTax]]:
    """The taxes that the invoices' calls bear, in their order."""
    ids = list(invoice_ids)
    first = Row.objects.filter(own_calls(""), invoice__in=ids).order_by("invoice", "position").distinct("invoice")
    borne = dict(first.values_list("invoice", "tax_positions"))
    found: dict[int, list[InvoiceTax]] = {}
    for row in InvoiceTax.objects.filter(invoice__in=ids).order_by("invoice", "position"):
        positions = borne.get(row.invoice_id)
        if positions is None or row.position in positions:
            found.setdefault(row.invoice_id, []).append(row)
    return found


def _of_taxes(
    taxes: Sequence[InvoiceTax], notes: Sequence[NoteTax], amount: str
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What is left of the amount, or the fixed part, of each tax, and what notes of corrections took back of it.

    What such notes added is left too, as it is of the net.
    """
    back, noted = taxes_back(notes, amount), taxes_noted(notes, amount)
    took = tuple(noted.get(row.position, 0) for row in taxes)
    borne = (getattr(row, amount) + max(0, -micros) for row, micros in zip(taxes, took, strict=True))
    return tuple(max(0, micros - back.get(row.position, 0)) for row, micros in zip(taxes, borne, strict=True)), took


def _drafted(invoice: Invoice, recalculation: Recalculation, found: Corrected, kind: str, told: Totals) -> Invoice:
    """The note as a draft that says exactly this."""
    note = new_draft(
        invoice.customer,
        kind,
        zone=invoice.zone,
        corrects_id=invoice.pk,
        recalculation_id=recalculation.pk,
        corrections_after_id=found.after_id,
        corrections_until_id=found.until_id,
        reason=recalculation.reason,
        reference=invoice.reference,
        template_id=invoice.template_id,
        created_by=recalculation.author,
    )
    note = write(note, told.lines, ())
    line: InvoiceLine = told.lines[0]
    note.lines.update(net_micros=line.net_micros, unit_price_nanos=line.unit_price_nanos)
    taxes = zip(_taxes([invoice.pk]).get(invoice.pk, ()), told.taxes, strict=True)
    write_taxes(
        note,
        [
            tax_like(row, note, base=due.base_micros, amount=due.amount_micros, fixed=due.rule.fixed_micros)
            for row, due in taxes
        ],
    )
    return records.change(
        note,
        {
            "prices_include_tax": invoice.prices_include_tax,
            "exact_micros": told.exact_micros,
            "net_micros": told.net_micros,
            "rounding_micros": told.rounding_micros,
            "tax_micros": told.tax_micros,
            "total_micros": told.total_micros,
        },
    )
