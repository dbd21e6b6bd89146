"""Which records contain what somebody typed, among hundreds of thousands: by the indexes of schema_search.sql.

    Customer.objects.filter(customers_with("acm"))

A text of three signs or more finds what contains it, a shorter one words that begin so. What few records contain is
found by the index; for what very many do, every row is compared in the order of the list, which then ends early. To
make another noun searchable, give it an index there and its entry in `FOUND_BY`.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from django.db import connection
from django.db.models import Q
from django.db.models.expressions import RawSQL

from tollgate.store.models import Contact

FEW: Final = 20_000
"""More matches than this are compared one by one."""
LISTED: Final = 200
SHORT: Final = 3
"""Texts of fewer signs begin a word."""


@dataclass(frozen=True, slots=True)
class FoundBy:
    """The columns of a table that are searched, as SQL exactly as in its index and as lookups."""

    columns: str
    lookups: tuple[str, ...]


FOUND_BY: Final[Mapping[str, FoundBy]] = {
    "customer": FoundBy(
        "name, company, reference, accounting_id, number", ("name", "company", "reference", "accounting_id", "number")
    ),
    "contact": FoundBy(
        "first_name || ' ' || last_name, email, phone, mobile",
        ("first_name", "last_name", "email", "phone", "mobile"),
    ),
    "endpoint": FoundBy("username, name", ("username", "name")),
}


def with_text(table: str, text: str) -> Q:
    """Rows of the table whose own columns contain the text."""
    ids = _ids(table, text)
    return _among("pk", ids) if ids is not None else _one_by_one(table, text)


def customers_with(text: str) -> Q:
    """Customers whose names or ids contain the text, or one of whose contacts does."""
    own, people = _ids("customer", text), _ids("contact", text, "customer_id")
    if own is not None and people is not None:
        return _among("pk", own | people)
    known = own if own is not None else people
    one_by_one = _one_by_one("customer", text) if own is None else Q()
    if people is None:
        one_by_one |= Q(pk__in=Contact.objects.filter(_one_by_one("contact", text)).values("customer_id"))
    return one_by_one | _among("pk", known) if known else one_by_one


def contacts_with(text: str) -> Q:
    """Contacts whose name, email or numbers contain the text, or whose customer's names or ids do."""
    return _either("contact", text)


def endpoints_with(text: str) -> Q:
    """Endpoints whose username or name contains the text, or whose customer's names or ids do."""
    return _either("endpoint", text)


def _either(table: str, text: str) -> Q:
    own, owners = _ids(table, text), _ids("customer", text)
    mine = _among("pk", own) if own is not None else _one_by_one(table, text)
    theirs = _among("customer_id", owners) if owners is not None else _one_by_one("customer", text, "customer__")
    return theirs if own is not None and not own else mine if owners is not None and not owners else mine | theirs


def _among(column: str, ids: Collection[int]) -> Q:
    """One of these ids. Many are handed over as one array, which is read in no time."""
    if len(ids) <= LISTED:
        return Q(**{f"{column}__in": ids})
    return Q(**{f"{column}__in": RawSQL("SELECT unnest(%s::bigint[])", (list(ids),))})


def _one_by_one(table: str, text: str, path: str = "") -> Q:
    matches = Q()
    for name in FOUND_BY[table].lookups:
        matches |= Q(**{f"{path}{name}__icontains": text})
    return matches


def _ids(table: str, text: str, column: str = "id") -> frozenset[int] | None:
    """The ids of the rows with that text; None when they are many."""
    columns = FOUND_BY[table].columns
    held = f"FROM {table} WHERE search_grams(search_words({columns})) @> search_wanted(%s)"
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) SELECT 1 {held}", [text])  # what the statistics know costs nothing
        plan = cursor.fetchone()[0]
        plan = json.loads(plan) if isinstance(plan, str) else plan
        if plan[0]["Plan"]["Plan Rows"] > FEW:
            return None
        cursor.execute(
            f"SELECT {column} {held} AND (%s OR lower(concat_ws(E'\\n', {columns})) LIKE lower(%s)) LIMIT {FEW + 1}",
            [text, len(text) < SHORT, f"%{escaped}%"],
        )
        found = cursor.fetchall()
    return None if len(found) > FEW else frozenset(row[0] for row in found)
