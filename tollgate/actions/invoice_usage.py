"""What calls bring to a document: the truth of the ledger for a period, less what documents have billed of it already.

A document bills the difference (R11), so a run that is repeated bills nothing. What comes to a period after it was
billed is a correction line on the next document. Nothing here writes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tollgate.actions.charges import kind_of, zone_of
from tollgate.actions.postings import wallet_id_of
from tollgate.actions.statements import fetch
from tollgate.core.invoice_periods import Period
from tollgate.core.invoice_words import words_of
from tollgate.core.invoices import InvoiceLine, Usage, correction_line, usage_line
from tollgate.core.money import format_micros
from tollgate.store.models import Account, Customer, IngressRoute, Invoice

LATE: Final = timedelta(days=35)
"""Where no run has remembered how far it came (billing_progress.py): how long after its end a billed period is looked
at again for calls whose first charge came late. Corrections are looked for in periods of any age then."""


class Doubt(Exception):
    """Something does not add up: whose billing it is rests until a person has looked (R12)."""


def usage_lines(
    customer: Customer, periods: Sequence[Period], grouping: str, *, zone: str | None = None
) -> list[list[InvoiceLine]]:
    """The lines of calls of each period, in one statement, days by the customer's billing zone unless another is given.

    Raises Doubt where records and ledger differ.
    """
    found: list[list[InvoiceLine]] = [[] for _ in periods]
    rows = _charged(customer, periods, grouping, zone)
    routes = _route_names(rows) if grouping == "route" else {}
    words = words_for(customer)
    for row in rows:
        period = periods[row["piece"]]
        usage = Usage(
            on=row["on"],
            destination=row["destination"],
            ingress_route_id=row["ingress_route_id"],
            calls_count=row["calls_count"],
            billed_s=row["billed_s"],
            charged_micros=row["charged_micros"],
        )
        found[row["piece"]].append(usage_line(usage, period, grouping, routes, words=words))
    return found


def correction_lines(
    customer: Customer, periods: Sequence[Period], *, again: Collection[datetime] | None, without: int = 0
) -> tuple[list[list[InvoiceLine]], dict[str, list[InvoiceLine]]]:
    """For each of these periods what lines of other documents have billed of it already, below zero; and what came to
    periods that are billed, since then, by the kind of document that bore them (see `taken_late`). Those that begin at
    `again` are looked at; null is by their age and by corrections. `without` is a document whose own lines do not
    count."""
    own: list[list[InvoiceLine]] = [[] for _ in periods]
    late: dict[str, list[InvoiceLine]] = defaultdict(list)
    standing, words = _standing(customer, without), words_for(customer)
    billed: dict[Period, _Billed] = {period: _Billed(kind) for period, kind in standing.values()}
    for row in fetch("invoices", "billed", customer.pk, without):
        backing = standing.get((row["from_at"], row["until_at"]))
        if backing is not None:
            billed[backing[0]] = _Billed(backing[1], row["micros"], row["receipts_micros"])
        elif row["micros"]:
            piece = Period(row["from_at"], row["until_at"], row["from_on"], row["until_on"])
            line = correction_line(piece, -row["micros"], words=words)
            for lines, period in zip(own, periods, strict=True):
                if period.from_at <= row["from_at"] < period.until_at:
                    lines.append(line)
            for period, kind in standing.values():  # what the document that bears it now had no room for
                if period.from_at <= row["from_at"] < period.until_at:
                    late[kind].append(line)
    for kind, line in _late_lines(customer, billed, periods, again):
        late[kind].append(line)
    return own, late


def unbilled(customer: Customer, period: Period) -> int:
    """What the ledger charged for a period that documents bear and none has billed. Raises Doubt."""
    billed = sum(
        row["micros"]
        for row in fetch("invoices", "billed", customer.pk, 0)
        if (row["from_at"], row["until_at"]) == (period.from_at, period.until_at)
    )
    return int(sum(row["charged_micros"] for row in _charged(customer, [period], "total")) - billed)


def taken_late(customer: Customer, kind: str, late: dict[str, list[InvoiceLine]]) -> list[InvoiceLine]:
    """Takes out of `late` what a document of a kind bears of it: what came to periods that such documents bore; the
    kind that is in force now also what came to those of the other kind, of which none may ever follow.

    Either way the tax comes out right. That of prepaid calls came with the money: an invoice that is less by what was
    given back for them is less by its tax too, and of what they cost more it takes the tax that no money has borne.
    That of postpaid calls was on their invoice: what the wallet gets back or pays is without tax, as prepaid money is.
    """
    bore = list(late) if kind == kind_of(customer.billing_type) else [kind]
    return [line for one in bore for line in late.pop(one, ())]


def words_for(customer: Customer) -> Mapping[str, str]:
    """The words of its documents: in the language of their template, else in its own."""
    template = customer.document_template
    return words_of(template.language if template else customer.language)


def grouping_of(customer: Customer) -> str:
    """How a customer's usage is put into lines."""
    account: Account = customer.account
    return customer.invoice_grouping or account.invoice_grouping


def covered(customer: Customer, *, without: int = 0) -> list[tuple[datetime, datetime]]:
    """The stretches of usage that documents of a customer bear."""
    return sorted(_standing(customer, without))


def billing_switches(customer: Customer) -> list[tuple[datetime, str]]:
    """When a customer was made prepaid or postpaid, and what it had been until then, in their order."""
    return [(row["at"], row["was"]) for row in fetch("invoices", "billing_types", customer.pk)]


@dataclass(frozen=True, slots=True)
class _Billed:
    """What lines have billed of a stretch, and how much of that receipts have; by the kind that bears it."""

    kind: str
    micros: int = 0
    receipts_micros: int = 0


def _late_lines(
    customer: Customer, billed: Mapping[Period, _Billed], periods: Sequence[Period], begins: Collection[datetime] | None
) -> Iterator[tuple[str, InvoiceLine]]:
    """What came to stretches that are billed, by the kind of document that it is for: the kind that bore them, or if it
    came since the customer was made what it is, the kind in force."""
    if begins is None:
        again = _by_age_and_corrections(customer, billed, periods)
    else:
        again = [stretch for stretch in sorted(billed) if stretch.from_at in begins]
    differences = {stretch: -billed[stretch].micros for stretch in again}
    for row in _charged(customer, again, "total"):
        differences[again[row["piece"]]] += row["charged_micros"]
    words, kind_now = words_for(customer), kind_of(customer.billing_type)
    since = _since_the_switch(customer, [one for one in again if differences[one] and billed[one].kind != kind_now])
    for stretch, micros in differences.items():
        bore = billed[stretch]
        told = bore.receipts_micros if kind_now == "receipt" else bore.micros - bore.receipts_micros
        part = since[stretch] - told if stretch in since else 0
        part = min(max(part, 0), micros) if micros > 0 else max(min(part, 0), micros)
        for kind, own in ((bore.kind, micros - part), (kind_now, part)):
            if own:
                yield kind, correction_line(stretch, own, words=words)


def _since_the_switch(customer: Customer, stretches: Sequence[Period]) -> dict[Period, int]:
    """What the ledger charged for the calls of some stretches since the customer was made prepaid or postpaid."""
    switches = billing_switches(customer) if stretches else []
    if not switches:
        return {}
    found = dict.fromkeys(stretches, 0)
    for row in _charged(customer, stretches, "total", since_at=switches[-1][0]):
        found[stretches[row["piece"]]] += row["since_micros"]
    return found


def _by_age_and_corrections(customer: Customer, billed: Iterable[Period], periods: Sequence[Period]) -> list[Period]:
    """The billed stretches to which something may have come where nobody remembers what was looked at before."""
    since = min((period.from_at for period in periods), default=None)
    corrected = sorted(row["started_at"] for row in fetch("invoices", "corrected_calls", *_wallet(customer)))
    return [
        stretch
        for stretch in sorted(billed)
        if (since is not None and stretch.until_at > since - LATE) or _any_within(corrected, stretch)
    ]


def _charged(
    customer: Customer,
    periods: Sequence[Period],
    grouping: str,
    zone: str | None = None,
    *,
    since_at: datetime | None = None,
) -> list[dict[str, Any]]:
    """What the ledger charged for the calls of each period, in groups, and how much of it since a moment; its place in
    the list is the row's `piece`."""
    if not periods:
        return []
    reselling = customer.is_reseller or fetch("invoices", "was_reseller", customer.pk)[0]["was"]
    statement = "usage_of_entries" if reselling else "usage_of_calls"
    begins, ends = [period.from_at for period in periods], [period.until_at for period in periods]
    account_id, wallet_id = _wallet(customer)
    rows = fetch(
        "invoices",
        statement,
        account_id,
        customer.pk,
        wallet_id,
        zone or zone_of(customer),
        grouping,
        begins,
        ends,
        min(begins),
        max(ends),
        since_at,
    )
    for row in rows:
        if row["difference_micros"]:
            period, amount = periods[row["piece"]], format_micros(row["difference_micros"])
            raise Doubt(
                f"From {period.from_on} to {period.until_on} the records of calls say {amount} {customer.currency}"
                " more than the ledger charged."
            )
    return rows


def _wallet(customer: Customer) -> tuple[int, int]:
    return customer.account_id, wallet_id_of(customer)


def _standing(customer: Customer, without: int) -> dict[tuple[datetime, datetime], tuple[Period, str]]:
    """The stretches of usage that documents bear and the kinds of these, by their instants."""
    found = Invoice.objects.filter(customer=customer, usage_from_at__isnull=False).exclude(state="void")
    rows = found.exclude(pk=without).values_list("usage_from_at", "usage_until_at", "from_on", "until_on", "kind")
    periods = [(Period(*row), kind) for *row, kind in rows]  # type: ignore[arg-type]  # all four are there together
    return {(period.from_at, period.until_at): (period, kind) for period, kind in periods}


def _any_within(moments: Sequence[datetime], stretch: Period) -> bool:
    """Whether one of some moments, the first one first, lies within a stretch."""
    place = bisect_left(moments, stretch.from_at)
    return place < len(moments) and moments[place] < stretch.until_at


def _route_names(rows: Iterable[dict[str, Any]]) -> dict[int, str]:
    wanted = {row["ingress_route_id"] for row in rows if row["ingress_route_id"]}
    return dict(IngressRoute.objects.filter(pk__in=wanted).values_list("pk", "name"))
