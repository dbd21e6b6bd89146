"""`GET /api/v1/books/<name>`: what the books tell of some days, as the panel's pages below Money do.

Each answer is whole: it has no pages. To tell more, add a `Book` to `BOOKS`; its part of the OpenAPI document follows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from django.http import HttpRequest

from tollgate.actions import checks
from tollgate.actions.accounting import journal_of, sales_of
from tollgate.actions.customer_statements import statement_file, statement_of
from tollgate.api.access import Caller, door
from tollgate.api.answers import Answer, Error, Refused, error, plain, unfit
from tollgate.api.files import File, FileAnswer
from tollgate.api.reads import day_asked, whole_asked
from tollgate.core.profit import Profit
from tollgate.core.sales import PROGRAMS, sales_csv
from tollgate.store.models import Customer
from tollgate.store.queries.books import aged_debt, profit_of

AREA: Final = "books"
MOST_DAYS: Final = 366
_DAY: Final = {"type": "string", "format": "date"}
_ROWS: Final = {"type": "array", "items": {"type": "object"}}
_MICROS: Final = {"type": "integer"}
_DAYS: Final = {"from_on": _DAY, "last_on": _DAY}
_OF_CUSTOMER: Final = {"customer_id": {"type": "integer"}, **_DAYS}
SPANS: Final = ("day", "month")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request asks for, read: of the days the last belongs to them."""

    caller: Caller
    texts: Mapping[str, str]
    from_on: date = date.min
    until_on: date = date.min
    customer: Customer | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """One answer of the books: what it takes, and either what it tells as JSON, or the media type of its file."""

    words: str
    takes: Mapping[str, Mapping[str, Any]]
    told: Callable[[Asked], dict[str, Any] | File]
    tells: Mapping[str, Any]
    required: Collection[str] = ()
    media: str = ""


def _aged_debt(asked: Asked) -> dict[str, Any]:
    found = aged_debt(asked.caller.account, datetime.now(UTC).date())
    return {"data": [row._asdict() for row in found]}


def _journal(asked: Asked) -> dict[str, Any]:
    lines = journal_of(asked.caller.account, from_on=asked.from_on, until_on=asked.until_on)
    return {"data": [asdict(line) for line in lines]}


def _profit(asked: Asked) -> dict[str, Any]:
    by_month = asked.texts.get("by", SPANS[0]) == "month"
    found = profit_of(asked.caller.account, from_on=asked.from_on, until_on=asked.until_on, by_month=by_month)
    return {"data": [_earned(row) for row in found]}


def _earned(row: Profit) -> dict[str, Any]:
    told = {name: value for name, value in asdict(row).items() if name != "id"}
    return {**told, "unconverted": sorted(row.unconverted), "profit_micros": row.profit_micros}


def _statement(asked: Asked) -> dict[str, Any]:
    assert asked.customer is not None
    made = statement_of(asked.customer, from_on=asked.from_on, until_on=asked.until_on)
    told = {name: value for name, value in asdict(made).items() if name not in ("until_on", "language")}
    return {**told, "last_on": made.last_on, "closing_micros": made.closing_micros}


def _statement_pdf(asked: Asked) -> File:
    assert asked.customer is not None
    name, content = statement_file(asked.customer, from_on=asked.from_on, until_on=asked.until_on)
    return File(name, content)


def _sales(asked: Asked) -> File:
    lines = sales_of(asked.caller.account, from_on=asked.from_on, until_on=asked.until_on)
    program, last_on = asked.texts["program"], asked.until_on - timedelta(days=1)
    return File(f"{program}-{asked.from_on}-{last_on}.csv", sales_csv(program, lines))


BOOKS: Final[Mapping[str, Book]] = {
    "aged-debt": Book("Who owes what today, by how long it is due", {}, _aged_debt, {"data": _ROWS}),
    "journal": Book(
        "The journal of some days in the account's zone: both lines of each movement", _DAYS, _journal,
        {"data": _ROWS}, required=_DAYS,
    ),
    "profit": Book(
        "What the account earned by UTC day or month, in its currency",
        {**_DAYS, "by": {"type": "string", "enum": list(SPANS), "default": SPANS[0]}}, _profit, {"data": _ROWS},
        required=_DAYS,
    ),
    "statement": Book(
        "A customer's statement of account, of days in the zone of its bills", _OF_CUSTOMER, _statement,
        {"currency": {"type": "string"}, **_DAYS, "opening_micros": _MICROS, "closing_micros": _MICROS,
         "movements": _ROWS, "open_documents": _ROWS, "issuer": {"type": "object"}, "customer": {"type": "object"}},
        required=_OF_CUSTOMER,
    ),
    "statement-pdf": Book(
        "The same as PDF", _OF_CUSTOMER, _statement_pdf, {}, required=_OF_CUSTOMER, media="application/pdf"
    ),
    "sales": Book(
        "The lines of documents of some days, as a program of bookkeeping imports them",
        {**_DAYS, "program": {"type": "string", "enum": list(PROGRAMS)}}, _sales, {}, required=(*_DAYS, "program"),
        media="text/csv; charset=utf-8",
    ),
}  # fmt: skip


@door("GET")
def read_book(request: HttpRequest, caller: Caller, name: str) -> Answer:
    """What the books tell."""
    if name not in BOOKS:
        raise Refused(404, "There is no such address.", f"There are {', '.join(BOOKS)}.")
    caller.check_reads(AREA)
    book = BOOKS[name]
    told = book.told(_asked(request, caller, book))
    if isinstance(told, File):
        return FileAnswer(200, file=told, media=book.media)
    return Answer(200, plain(told))


def _asked(request: HttpRequest, caller: Caller, book: Book) -> Asked:
    """What is asked for. Raises Refused for what cannot be."""
    texts = {name: text for name in request.GET if (text := request.GET.get(name, ""))}
    errors = [error(name, "This does not exist here.", code="unknown") for name in texts if name not in book.takes]
    errors += [error(name, "This is required.", code="required") for name in book.required if name not in texts]
    read: dict[str, Any] = {}
    for name in book.takes.keys() & texts.keys():
        try:
            read[name] = _value(book.takes[name], texts[name])
        except checks.Unfit as problem:
            errors.append(error(name, str(problem)))
    days = (read["from_on"], read["last_on"]) if _DAYS.keys() <= read.keys() else ()
    errors += _errors_of(*days) if days else []
    if errors:
        raise unfit(*errors)
    customer = None
    if "customer_id" in read:
        known = Customer.objects.filter(account=caller.account).select_related("account")
        customer = known.filter(pk=read["customer_id"]).first()
        if customer is None:
            raise Refused(404, "There is no such record.")
    span = {"from_on": days[0], "until_on": days[1] + timedelta(days=1)} if days else {}
    return Asked(caller=caller, texts=texts, customer=customer, **span)


def _value(schema: Mapping[str, Any], text: str) -> object:
    """A value as its schema says. Raises Unfit."""
    if "enum" in schema:
        return checks.one_of(schema["enum"])(text)
    return day_asked(text) if schema.get("format") == "date" else whole_asked(text)


def _errors_of(first: date, last: date) -> list[Error]:
    if first > last:
        return [error("last_on", "Give a day that is not before the first.")]
    if first.year < 2000 or last.year > 2200 or last - first > timedelta(days=MOST_DAYS):
        return [error("last_on", f"Ask for {MOST_DAYS} days at most, between 2000 and 2200.")]
    return []
