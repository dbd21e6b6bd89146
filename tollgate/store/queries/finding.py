"""Which records contain what somebody typed, among hundreds of thousands: by the indexes of schema_search.sql.

    Customer.objects.filter(customers_with("acm"))

A text of three signs or more finds what contains it, a shorter one words that begin so. What few records contain is
found by the index; for what very many do, every row is compared in the order of the list, which then ends early: the
planner walks the list so because it takes a third of all rows to fit. To make another noun searchable, give it an index
of that kind in a migration and its entry in `FOUND_BY`.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

from django.db import connection
from django.db.models import BooleanField, F, Func, OuterRef, Q, Subquery, TextField, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Concat, Lower, StrIndex
from django.db.models.lookups import Exact, GreaterThan

from tollgate.store.models import Contact, Tag

FEW: Final = 10_000
"""More matches than this are compared one by one."""
NAMED: Final = 50_000
"""The same for what is asked of one column."""
SHORT: Final = 3
"""Texts of fewer signs begin a word."""
LIKE: Final[Mapping[str, str]] = {"icontains": "%{}%", "istartswith": "{}%", "iexact": "{}"}
"""How a column is compared, and the pattern of that."""
VALUES: Final = "jsonb_path_query_array({}, '$.*')::text"
LOGGED: Final = ("before", "after")
"""The values of a record as logs keep it, without their names."""
Meaning = Callable[[str], Q]


@dataclass(frozen=True, slots=True)
class FoundBy:
    """The words of a table that are searched, as in its index: each of one column, or of several with a blank. `made`
    are words that SQL makes of its columns, for lists of that table alone."""

    words: tuple[tuple[str, ...], ...]
    made: tuple[str, ...] = ()

    @property
    def columns(self) -> str:
        """As SQL."""
        return ", ".join((*(" || ' ' || ".join(names) for names in self.words), *self.made))

    def of(self, path: str) -> Func:
        """As an expression, from a table that leads here by `path`: what `search_words` gives, but that function is
        called for each row anew, which takes eight times as long."""
        spaced = [[part for name in names for part in (Value(" "), F(path + name))][1:] for names in self.words]
        words: list[Any] = [Concat(*parts) if len(parts) > 1 else parts[0] for parts in spaced]
        assert not (self.made and path), "what SQL makes is of the list's own table"
        words += [RawSQL(made, (), output_field=TextField()) for made in self.made]  # noqa: S611 - fixed text
        return Lower(Func(Value("\n"), *words, function="concat_ws", output_field=TextField()))


FOUND_BY: Final[Mapping[str, FoundBy]] = {
    "customer": FoundBy((("name",), ("company",), ("reference",), ("accounting_id",), ("number",))),
    "contact": FoundBy((("first_name", "last_name"), ("email",), ("phone",), ("mobile",))),
    "endpoint": FoundBy((("username",), ("name",))),
    "ingress_route": FoundBy((("name",),)),
    "payment": FoundBy((("external_id",), ("payer",), ("public_note",))),
    "invoice": FoundBy((("number",), ("reference",))),
    "message": FoundBy((("recipient",), ("subject",))),
    "task": FoundBy((("title",), ("author",), ("result",), ("reason",))),
    "delayed_save": FoundBy((("title",), ("author",), ("result",), ("reason",)), (VALUES.format("after"),)),
    "audit": FoundBy(
        (("actor",), ("reason",)),
        ("replace(act, '_', ' ')", "host(ip)", "table_name || ' ' || row_id", "verb", *map(VALUES.format, LOGGED)),
    ),
}


def with_text(table: str, text: str) -> Q:
    """Rows of the table whose own columns contain the text."""
    ids = ids_with(table, text)
    return listed("pk", ids) if ids is not None else one_by_one(table, text)


def customers_with(text: str) -> Q:
    """Customers whose names or ids contain the text, or one of whose contacts does."""
    own, people = ids_with("customer", text), ids_with("contact", text, "customer_id")
    if own is not None and people is not None:
        return listed("pk", ",".join(ids for ids in (own, people) if ids))
    known = own if own is not None else people
    asked = one_by_one("customer", text) if own is None else Q()
    if people is None:
        theirs = Contact.objects.filter(one_by_one("contact", text), customer_id=OuterRef("pk")).values(one=Value(True))
        asked |= Q(Coalesce(Subquery(theirs[:1]), Value(False), output_field=BooleanField()))  # asked row by row
    return asked | listed("pk", known) if known else asked


def contacts_with(text: str) -> Q:
    """Contacts whose name, email or numbers contain the text, or whose customer's names or ids do."""
    return _either("contact", text)


def endpoints_with(text: str) -> Q:
    """Endpoints whose username or name contains the text, or whose customer's names or ids do."""
    return _either("endpoint", text)


def routes_with(text: str) -> Q:
    """Ingress routes of customers whose name contains the text, or whose customer's names or ids do."""
    return _either("ingress_route", text)


def all_routes_with(text: str) -> Q:
    """The same, and routes of tags by the tag's name."""
    tags = Tag.objects.filter(name__icontains=text).values_list("pk", flat=True)
    return routes_with(text) | among("tag_id", list(tags))


def payments_with(text: str) -> Q:
    """Payments whose external id, payer or public note contains the text, or whose customer's names or ids do."""
    return _either("payment", text)


def invoices_with(text: str) -> Q:
    """Documents whose number or reference contains the text, or whose customer's names or ids do."""
    return _either("invoice", text)


def by_company() -> Mapping[str, Meaning]:
    """What it means for a row of some customer to be asked for its name, by a filter or a condition."""
    return {f"customer__name__{lookup}": cache(partial(_of_company, lookup)) for lookup in LIKE}


def by_columns(table: str, *others: str) -> Mapping[str, Meaning]:
    """What conditions mean on those columns of a table that its search knows, and on these others."""
    names = [name for words in FOUND_BY[table].words for name in words] + [*others]
    found = {f"{name}__{lookup}": partial(_by_column, table, name, lookup) for name in names for lookup in LIKE}
    return {path: cache(meaning) for path, meaning in found.items()}


def by_title(column: str, titles: Mapping[str, str]) -> Mapping[str, Meaning]:
    """What conditions mean on a column of keys that is shown by these titles."""
    return {f"{column}__{lookup}": partial(_by_title, column, titles, lookup) for lookup in LIKE}


def by_tag() -> Mapping[str, Meaning]:
    """What it means for a row of some tag to be asked for its name: of tags there are few."""
    return {f"tag__name__{lookup}": cache(partial(_of_tag, lookup)) for lookup in LIKE}


def may_log_in(text: str) -> Q:
    """Contacts with, or without, the login to the portal: those that are few are looked up once."""
    ids = _ids_where("contact", "login_enabled" if text == "True" else "NOT login_enabled", [])
    return Q(login_enabled=text) if ids is None else listed("pk", ids)


def _of_company(lookup: str, text: str) -> Q:
    ids = _ids_by("customer", "name", lookup, text)
    return compared("customer__name", lookup, text) if ids is None else listed("customer_id", ids)


def _of_tag(lookup: str, text: str) -> Q:
    return among("tag_id", list(Tag.objects.filter(**{f"name__{lookup}": text}).values_list("pk", flat=True)))


def _by_title(column: str, titles: Mapping[str, str], lookup: str, text: str) -> Q:
    wanted = text.casefold()
    fits = {"icontains": str.__contains__, "istartswith": str.startswith, "iexact": str.__eq__}[lookup]
    return Q((f"{column}__in", [key for key, title in titles.items() if fits(title.casefold(), wanted)]))


def _by_column(table: str, name: str, lookup: str, text: str) -> Q:
    ids = _ids_by(table, name, lookup, text)
    return compared(name, lookup, text) if ids is None else listed("pk", ids)


def compared(path: str, lookup: str, text: str) -> Q:
    """The same row by row, by functions of which the planner takes a third of all rows to fit: it walks the list."""
    column, wanted = Lower(F(path)), Lower(Value(text))
    match lookup:
        case "icontains":
            return Q(GreaterThan(StrIndex(column, wanted), 0))
        case "istartswith":
            return Q(Func(column, wanted, function="starts_with", output_field=BooleanField()))
        case _:
            return Q(Exact(column, wanted))


def among(column: str, ids: Collection[int]) -> Q:
    """One of these ids, handed over as one array."""
    return listed(column, ",".join(map(str, ids)))


def listed(column: str, ids: str) -> Q:
    """One of these ids, with commas between them: a text takes a tenth of the time that an array of numbers takes."""
    array = RawSQL("%s::bigint[]", (f"{{{ids}}}",))
    one_of = Func(F(column), array, template="%(expressions)s", arg_joiner=" = ANY ", output_field=BooleanField())
    return Q(one_of)


def _either(table: str, text: str) -> Q:
    own, owners = ids_with(table, text), ids_with("customer", text)
    mine = listed("pk", own) if own is not None else one_by_one(table, text)
    theirs = listed("customer_id", owners) if owners is not None else one_by_one("customer", text, "customer__")
    return theirs if own is not None and not own else mine if owners is not None and not owners else mine | theirs


def one_by_one(table: str, text: str, path: str = "") -> Q:
    """The same asked of each row: which of them contain the text."""
    return Q(GreaterThan(StrIndex(FOUND_BY[table].of(path), Lower(Value(text))), 0))


def _ids_by(table: str, name: str, lookup: str, text: str) -> str | None:
    """The ids of the rows of which this column is like that, with commas between them; None when they are many.

    By the index where that leaves few rows to compare; otherwise all are, here and only once.
    """
    held = f"search_grams(search_words({FOUND_BY[table].columns})) @> search_wanted(%s) AND "
    compared = f"lower({name}::text) LIKE lower(%s)"
    pattern = LIKE[lookup].format(_escaped(text))
    known = any(name in words for words in FOUND_BY[table].words) and len(text) >= SHORT
    if known and _estimated(f"FROM {table} WHERE {held}true", text) <= NAMED:
        return _ids_where(table, held + compared, [text, pattern])
    return _ids_where(table, compared, [pattern])


def _ids_where(table: str, condition: str, values: list[str]) -> str | None:
    """The ids of the rows for which that holds, with commas between them; None when they are many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), string_agg(id::text, ',')"  # noqa: S608 - fixed text
            f" FROM (SELECT id FROM {table} WHERE {condition} LIMIT {NAMED + 1}) AS found",
            values,
        )
        count, ids = cursor.fetchone()
    return None if count > NAMED else ids or ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _estimated(held: str, text: str) -> int:
    """About how many rows fit: what the statistics know costs nothing."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) SELECT 1 {held}", [text])
        plan = cursor.fetchone()[0]
    plan = json.loads(plan) if isinstance(plan, str) else plan
    return int(plan[0]["Plan"]["Plan Rows"])


def ids_with(table: str, text: str, column: str = "id", *, of: Collection[int] | None = None) -> str | None:
    """The ids of the rows with that text, with commas between them; None when they are many. `of` these customers
    alone, if they are given."""
    columns = FOUND_BY[table].columns
    held = f"FROM {table} WHERE search_grams(search_words({columns})) @> search_wanted(%s)"
    if of is not None:
        held += f" AND customer_id = ANY('{{{','.join(map(str, of))}}}'::bigint[])"
    if _estimated(held, text) > FEW:
        return None
    with connection.cursor() as cursor:
        matching = f"{held} AND (%s OR lower(concat_ws(E'\\n', {columns})) LIKE lower(%s)) LIMIT {FEW + 1}"
        cursor.execute(
            f"SELECT count(*), string_agg(id::text, ',') FROM (SELECT {column} AS id {matching}) AS found",  # noqa: S608 - fixed text
            [text, len(text) < SHORT, f"%{_escaped(text)}%"],
        )
        count, ids = cursor.fetchone()
    return None if count > FEW else ids or ""
