"""How documents are numbered: one series for each kind, numbers without gap or double, given when one is issued.

`next_number` holds the series' counter until the transaction ends: two that issue at once wait for each other, and what
is rolled back leaves no gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from tollgate.actions import checks, records
from tollgate.actions.acts import act, refuse
from tollgate.actions.statements import fetch
from tollgate.core.hours import zone_info
from tollgate.store.models import Account, Invoice, InvoiceSeries, SeriesCounter
from tollgate.store.models.invoices import KINDS

YEAR: Final = "{year}"
PREFIXES: Final[Mapping[str, str]] = {
    "invoice": "INV-{year}-",
    "receipt": "RCT-{year}-",
    "credit_note": "CN-{year}-",
    "debit_note": "DN-{year}-",
}
"""Where the account has chosen none."""
_PREFIX: Final = checks.matching(
    r"([A-Za-z0-9/_.-]|\{year\}){0,30}", "Use letters, digits and / _ . - with {year} where the year stands.", most=30
)
CHECKS: Final[Mapping[str, checks.Check]] = {
    "kind": checks.one_of(KINDS),
    "prefix": _PREFIX,
    "width": checks.whole(1, 12),
    "start": checks.whole(1, 10**9),
    "yearly": checks.yes_no,
}


@dataclass(frozen=True, slots=True)
class Number:
    """A number that was given: as printed, its place in its series and year, and the date that goes with it."""

    text: str
    seq: int
    year: int
    on: date


@act
def set_invoice_series(
    *, account_id: int, kind: str, prefix: str, width: int = 5, start: int = 1, yearly: bool = True
) -> InvoiceSeries:
    """Says how documents of a kind are numbered from now on. `{year}` in the prefix is the year of the document.

    `start` is the first number of a series, and of each year of a yearly one; what has begun goes on counting.
    """
    values = checks.cleaned(CHECKS, {"kind": kind, "prefix": prefix, "width": width, "start": start, "yearly": yearly})
    account = records.locked(Account, account_id)
    if values["yearly"] and YEAR not in values["prefix"]:
        raise refuse("prefix", "A series that begins anew each year needs {year} in its prefix.")
    others = InvoiceSeries.objects.filter(account=account).exclude(kind=values["kind"])
    taken = {**PREFIXES, **{series.kind: series.prefix for series in others}}
    taken.pop(values["kind"])
    if values["prefix"] in taken.values():
        raise refuse("prefix", "Another kind of document is numbered like this: choose another prefix.")
    series = series_of(account, values.pop("kind"))
    if (series.prefix, series.yearly) != (values["prefix"], values["yearly"]):
        _check_new_prefix(series, values["prefix"])
    return records.change(series, values)


def series_of(account: Account, kind: str) -> InvoiceSeries:
    """The series of a kind; the first time the one in stock."""
    found = InvoiceSeries.objects.filter(account=account, kind=kind).first()
    if found is None:
        found, _ = InvoiceSeries.objects.get_or_create(account=account, kind=kind, defaults={"prefix": PREFIXES[kind]})
    return found


def issue_day(account: Account, at: datetime) -> date:
    """The day that a document of a moment bears, and its number the year of: that of the account, who issues it. So the
    dates of a series follow its numbers, wherever the customers are."""
    return at.astimezone(zone_info(account.zone)).date()


def next_number(account: Account, kind: str, on: date) -> Number:
    """Gives the next number of a kind for a document of a day. The transaction that asked must use it or fail.

    A run gives numbers for the moment at which it was due, a person for now: the document is dated no earlier than the
    number before it, which somebody else may have got since.
    """
    series = series_of(account, kind)
    year = on.year if series.yearly else 0
    given = fetch("invoices", "next_number", series.pk, year, series.start, on)[0]
    seq, day = int(given["last"]), given["last_on"]
    return Number(f"{series.prefix.replace(YEAR, str(day.year))}{seq:0{series.width}d}", seq, year, day)


def _check_new_prefix(series: InvoiceSeries, prefix: str) -> None:
    """A new way of numbering never meets a number that was given, nor the counter of another way."""
    begin = prefix.partition(YEAR)[0]
    given = Invoice.objects.filter(account_id=series.account_id, number__startswith=begin)
    if SeriesCounter.objects.filter(series=series).exists() and (not begin or given.exists()):
        raise refuse("prefix", "Numbers that begin like this were given already: choose another beginning.")
