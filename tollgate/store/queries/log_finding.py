"""What somebody typed, found in the logs: changes, jobs, delayed saves, messages. They only grow, so each search tells
whether it has to compare row by row: the newest that fit are then shown soon, and counted no further than a page.

    LogSearch(table="message", owned=True, keyed={"state": {"failed": "Failed"}})

One that is `owned` has a `customer_id` and is found by its customers too, and one with keys by their words (`keyed`).
What a log tells not to everybody is searched by `told`: what may be known of a row contains the text, one by one, among
those that the index finds by all their words, and of the customers in `reach` alone, for others have very many more.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, Final

from django.db import connection
from django.db.models import BooleanField, F, Func, OuterRef, Q, Subquery, TextField, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Lower, StrIndex
from django.db.models.lookups import GreaterThan

from tollgate.core.areas import STAFF_FIELDS
from tollgate.store.models import Customer
from tollgate.store.queries.finding import FOUND_BY, SHORT, VALUES, compared, ids_with, listed, one_by_one

Told = Callable[[str], Q]
VALUES_MOST: Final = 2_000
"""A column with more values than this is compared row by row, among those that the index finds."""
FITS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "icontains": str.__contains__,
    "istartswith": lambda value, text: value.startswith(text),
    "iexact": str.__eq__,
}
WITHOUT_STAFF: Final = (
    "concat_ws(E'\\n', reason, replace(act, '_', ' '), table_name || ' ' || row_id, verb, "
    f"{VALUES.format('before - %s::text[]')}, {VALUES.format('after - %s::text[]')})"
)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search of a log means, and whether rows have to be compared to find it."""

    meaning: Q
    one_by_one: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSearch:
    """How one log is searched for one reader; each text is looked for once."""

    table: str
    owned: bool = False
    keyed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    told: Told | None = None
    reach: Collection[int] | None = None
    known: dict[str, Found] = field(default_factory=dict)

    def __call__(self, text: str) -> Q:
        """What the search means."""
        return self.found(text).meaning

    def found(self, text: str) -> Found:
        """The same, with how it is found."""
        if text not in self.known:
            self.known[text] = self._look(text)
        return self.known[text]

    def _look(self, text: str) -> Found:
        own = ids_with(self.table, text, of=self.reach)
        meaning = one_by_one(self.table, text) if own is None else listed("pk", own)
        if self.told is not None and own != "":
            meaning = self.told(text) if own is None else meaning & self.told(text)
        slow = own is None
        if self.owned:
            owners = ids_with("customer", text)
            slow = slow or owners is None
            meaning |= _of_customers(text) if owners is None else listed("customer_id", owners) if owners else Q()
        for column, titles in self.keyed.items():
            meaning |= Q((f"{column}__in", _keys(titles, text)))
        return Found(meaning, slow)


def by_values(table: str, column: str) -> Mapping[str, Callable[[str], Q]]:
    """What filters and conditions mean on an indexed column of a long table that mostly holds few values, again and
    again: these are read once, and so is what each text means."""
    values = cache(partial(_values, table, column))
    return {f"{column}__{how}": cache(partial(_by_value, table, column, values, how)) for how in FITS}


def audit_told(colleagues: Collection[int]) -> Told:
    """What a reseller's user may know of a change: who did it and from where of the reseller's own users alone."""

    def told(text: str) -> Q:
        staff = list(STAFF_FIELDS)
        values: RawSQL = RawSQL(WITHOUT_STAFF, (staff, staff), output_field=TextField())  # noqa: S611 - fixed text
        known = ~Q(actor_kind="user") | Q(actor_kind=None) | Q(actor_id__in=colleagues)
        return _contains(values, text) | known & _contains(_lines(F("actor"), Func(F("ip"), function="host")), text)

    return told


def delay_told(colleagues: Collection[int]) -> Told:
    """The same of a delayed save."""

    def told(text: str) -> Q:
        after: RawSQL = RawSQL(VALUES.format("after"), (), output_field=TextField())  # noqa: S611 - fixed text
        values = _lines("title", "result", "reason", after)
        return _contains(values, text) | Q(author_id__in=colleagues) & _contains(F("author"), text)

    return told


def _by_value(table: str, column: str, values: Callable[[], Collection[str] | None], how: str, text: str) -> Q:
    known, wanted = values(), text.casefold()
    if known is not None:
        return Q((f"{column}__in", [one for one in known if FITS[how](one.casefold(), wanted)]))
    indexed = (column,) in FOUND_BY[table].words and len(text) >= SHORT
    ids = ids_with(table, text) if indexed else None
    return compared(column, how, text) if ids is None else listed("pk", ids) & compared(column, how, text)


def _values(table: str, column: str) -> list[str] | None:
    """All that a column holds, from one to the next by its index; None when they are many."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE held AS ((SELECT {column} AS one FROM {table} ORDER BY {column} LIMIT 1) UNION ALL"  # noqa: S608 - fixed text
            f" SELECT (SELECT {column} FROM {table} WHERE {column} > held.one ORDER BY {column} LIMIT 1) FROM held"
            f" WHERE held.one IS NOT NULL) SELECT one FROM held WHERE one IS NOT NULL LIMIT {VALUES_MOST + 1}"
        )
        found = [one for (one,) in cursor.fetchall()]
    return found if len(found) <= VALUES_MOST else None


def _of_customers(text: str) -> Q:
    """Rows of customers that are very many, asked row by row."""
    theirs = Customer.objects.filter(one_by_one("customer", text), pk=OuterRef("customer_id")).values(one=Value(True))
    return Q(Coalesce(Subquery(theirs[:1]), Value(False), output_field=BooleanField()))


def _keys(titles: Mapping[str, str], text: str) -> list[str]:
    """Those whose words contain the text; a short one begins them."""
    wanted = text.casefold()
    fits = str.__contains__ if len(wanted) >= SHORT else str.startswith
    return [key for key, title in titles.items() if fits(title.casefold(), wanted)]


def _lines(*words: Any) -> Func:
    return Func(Value("\n"), *words, function="concat_ws", output_field=TextField())


def _contains(words: Any, text: str) -> Q:
    return Q(GreaterThan(StrIndex(Lower(words), Lower(Value(text))), 0))
