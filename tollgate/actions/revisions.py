"""Acts on revisions: the prices of a card from a moment on, published whole and never changed after.

Reading a file (`read_card_file`) is no act: it is the dry run, and gives rows or what is wrong with them. To accept
another kind of file, turn it into rows of text in `_rows_of` and leave the reading to `core.card_files`.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import openpyxl
from django.db import connection
from django.db.models import Max
from django.db.models.functions import Now
from openpyxl.utils.exceptions import InvalidFileException
from psycopg.types.json import Jsonb

from tollgate.actions import checks, records
from tollgate.actions.acts import Invalid, act, refuse, warn
from tollgate.actions.card_losses import loss_sentences
from tollgate.core import card_files
from tollgate.core.card_files import CardRow, ColumnMapping, Parsed
from tollgate.core.card_tariffs import tariff_rate
from tollgate.core.rates import RateInvalid
from tollgate.store.models import Card, Rate, Revision
from tollgate.store.queries.resale import prices_of

MOST_ERRORS = 100  # named one by one; more is a wrong file
MOST_ROWS = 2_000_000
MOST_CELL_COLUMNS = 100
COLUMNS = (
    "prefix", "destination", "blocked", "price_nanos", "connect_fee_nanos",
    "initial_s", "increment_s", "grace_s", "included_s", "tariff",
)  # fmt: skip
_TYPES = ("int8", "varchar", "text", "bool", "int8", "int8", "int4", "int4", "int4", "int4", "jsonb")


def _tariff(value: object) -> str | None:
    """The full form of core.rates as its JSON text."""
    if value is None:
        return None
    try:
        tariff_rate(value)
    except RateInvalid as problem:
        raise checks.Unfit(str(problem)) from None
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


ROW_CHECKS: Mapping[str, checks.Check] = {
    "prefix": checks.digits_only,
    "destination": checks.text(),
    "blocked": checks.yes_no,
    "price_nanos": checks.amount(0, checks.MOST_NANOS, price=True),
    "connect_fee_nanos": checks.amount(0, checks.MOST_NANOS, price=True),
    "initial_s": checks.whole(0, 86_400),
    "increment_s": checks.whole(1, 86_400),
    "grace_s": checks.whole(0, 86_400),
    "included_s": checks.whole(0, 86_400),
    "tariff": _tariff,
}

RowGiven = CardRow | Mapping[str, object]


def read_card_file(content: bytes | str, *, mapping: ColumnMapping | None = None) -> Parsed:
    """The rows of an uploaded file (CSV in any usual form, or XLSX) and everything that is wrong with it."""
    if isinstance(content, bytes) and content[:4] == b"PK\x03\x04":
        try:
            return card_files.parse_rows(_rows_of(content), mapping=mapping)
        except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError) as problem:
            return card_files.unreadable(f"This is not a workbook that can be read: {problem}")
    text = content if isinstance(content, str) else _text_of(content)
    return card_files.parse(text, mapping=mapping)


@act
def create_draft(
    *, card_id: int, rows: Sequence[RowGiven], effective_at: datetime | str | None = None, note: str = ""
) -> Revision:
    """Keeps rows as a revision that rates nothing until `publish_draft`. Without a moment: from its publication on."""
    return _draft(card_id, rows, effective_at, note)


@act
def publish_draft(*, revision_id: int, effective_at: datetime | str | None = None) -> Revision:
    """Freezes a draft: calls that begin from `effective_at` on are rated by it; without a moment, from now on."""
    return _publish(records.locked(Revision, revision_id), effective_at)


@act
def publish_revision(
    *, card_id: int, rows: Sequence[RowGiven], effective_at: datetime | str | None = None, note: str = ""
) -> Revision:
    """Replaces the prices of a card, all of them, from a moment on; without a moment, from now on."""
    return _publish(_draft(card_id, rows, effective_at, note), effective_at)


@act
def delete_draft(*, revision_id: int) -> None:
    """Throws an unpublished revision away."""
    revision = records.locked(Revision, revision_id)
    if revision.published_at is not None:
        raise refuse("revision_id", "A published revision stays: publish a new one instead.")
    revision.delete()


def _draft(card_id: int, rows: Sequence[RowGiven], effective_at: datetime | str | None, note: str) -> Revision:
    values = checks.cleaned(
        {"effective_at": checks.optional(checks.instant), "note": checks.text(1000)},
        {"effective_at": effective_at, "note": note},
    )
    card = records.locked(Card, card_id)  # numbers are given in turn
    checked = checked_rows(rows)
    number = (card.revisions.aggregate(last=Max("number"))["last"] or 0) + 1
    revision = Revision.objects.create(
        card=card,
        number=number,
        effective_at=values["effective_at"] or Now(),
        rate_count=len(checked),
        note=values["note"],
    )
    _copy(revision.pk, checked)
    return revision


def _publish(revision: Revision, effective_at: datetime | str | None) -> Revision:
    values = checks.cleaned({"effective_at": checks.optional(checks.instant)}, {"effective_at": effective_at})
    if revision.published_at is not None:
        raise refuse("revision_id", "This revision is published already.")
    if not revision.rate_count:
        raise refuse("rows", "A revision without prices would refuse every call: add rates first.")
    published = records.change(revision, {"effective_at": values["effective_at"] or Now(), "published_at": Now()})
    later = Revision.objects.filter(card_id=revision.card_id, effective_at__gt=published.effective_at)
    newer = later.exclude(published_at=None).order_by("effective_at").first()
    if published.card.reseller_id is not None:
        for sentence in loss_sentences(published.card, prices_of(published), published.effective_at):
            warn(sentence)
    if newer is not None:
        warn(f"Revision {newer.number} replaces these prices from {newer.effective_at:%Y-%m-%d %H:%M} UTC on.")
    return published


def rows_of(revision: Revision) -> list[CardRow]:
    """The rates of a revision as rows, such as another can be made of."""
    found = Rate.objects.filter(revision=revision).order_by("id").values(*COLUMNS)
    return [CardRow(**{**row, "tariff": _tariff(row["tariff"])}) for row in found]


def checked_rows(rows: Sequence[RowGiven]) -> list[CardRow]:
    """Rows as they are stored. Raises Invalid that names row and field of every mistake."""
    if len(rows) > MOST_ROWS:
        raise refuse("rows", f"A card holds at most {MOST_ROWS} rates.")
    errors: dict[str, list[str]] = {}
    found: list[CardRow] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows):
        try:
            checked = row if isinstance(row, CardRow) else _checked_row(row)
        except Invalid as problem:
            errors |= {f"rows[{number}].{name}": sentences for name, sentences in problem.errors.items()}
        else:
            first = seen.setdefault(checked.prefix, number)
            if first != number:
                errors[f"rows[{number}].prefix"] = [f"{checked.prefix} is also in row {first}: list it once."]
            found.append(checked)
        if len(errors) >= MOST_ERRORS:
            break
    if errors:
        raise Invalid(errors)
    return found


def _checked_row(row: Mapping[str, object]) -> CardRow:
    values = checks.cleaned(ROW_CHECKS, row)
    if "prefix" not in values:
        raise refuse("prefix", "This is required.")
    priced = values.get("blocked") or values.get("tariff") or "price_nanos" in values
    if not priced:
        raise refuse("price_nanos", "Give a price, or block the prefix.")
    return CardRow(**values)


def _copy(revision_id: int, rows: Iterable[CardRow]) -> None:
    """Writes rates by binary COPY: a hundred thousand in a second."""
    columns = ", ".join(("revision_id", *COLUMNS))
    with connection.cursor() as cursor, cursor.copy(f"COPY rate ({columns}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(_TYPES)
        for row in rows:
            tariff = Jsonb(row.tariff, dumps=str) if row.tariff else None  # its text is JSON already
            copy.write_row(
                (
                    revision_id, row.prefix, row.destination, row.blocked, row.price_nanos, row.connect_fee_nanos,
                    row.initial_s, row.increment_s, row.grace_s, row.included_s, tariff,
                )
            )  # fmt: skip


def _text_of(content: bytes) -> str:
    """UTF-8 or UTF-16 by its mark, else UTF-8, else what Windows writes; every byte means something there."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _rows_of(content: bytes) -> list[list[str]]:
    """The first sheet as text, row by row."""
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    try:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what a file claims of its size is often wrong
        return [[_cell(value) for value in row[:MOST_CELL_COLUMNS]] for row in sheet.iter_rows(values_only=True)]
    finally:
        book.close()


def _cell(value: object) -> str:
    """A cell as a person would have typed it. Excel keeps decimals as binary fractions: 15 digits are what it shows."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return format(Decimal(format(value, ".15g")), "f")
        case _:
            return str(value)
