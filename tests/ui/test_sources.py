"""A queryset as a grid's source, on the real database: every row once in both directions, empty values last."""

import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import Count, Field
from django.test.utils import CaptureQueriesContext

from tollgate.store.models.accounts import Account
from tollgate.store.models.customers import Customer
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Filter, Grid, Page
from tollgate.ui.grouping import headings
from tollgate.ui.keys import read_key, write_key
from tollgate.ui.sources import Key, Query, QuerysetSource

GRID = Grid(
    name="customers",
    columns=(
        Column("name", "Name", sort="name"),
        Column("limit", "Daily limit", value="daily_spend_limit_micros", sort="daily_spend_limit_micros"),
        Column("channels", "Channels", kind=Kind.COUNT, sort="channels"),
        Column("account", "Account", value="account.name", sort="account__name"),
        Column("parent", "Reseller", value="parent.name", sort="parent__name"),
    ),
    sort="name",
    filters=(Filter("status", "Status", "status", choices=(("active", "Active"), ("pending", "Pending"))),),
    page_size=4,
)
PLACES: dict[str, Any] = {
    **dict.fromkeys(("AutoField", "BigAutoField", "BigIntegerField", "IntegerField", "SmallIntegerField"), -5),
    **dict.fromkeys(("CharField", "TextField", "GenericIPAddressField", "EmailField", "URLField"), "\xe9 x"),
    "BooleanField": False,
    "DateField": date(2026, 11, 2),
    "DateTimeField": datetime(2026, 11, 2, 12, 0, 0, 5, tzinfo=UTC),
    "TimeField": time(12, 30),
    "DecimalField": Decimal("0.10"),
    "UUIDField": UUID(int=5),
    "NetworkField": ip_network("192.0.2.0/24"),
}
UNSORTED = {"ArrayField", "BinaryField", "JSONField"}
SORTS = ["name", "daily_spend_limit_micros", "channels", "account__name", "parent__name"]


@pytest.fixture
def source(db: None) -> QuerysetSource:
    account = Account.objects.create(name="Demo Telecom", currency="EUR")
    reseller: Customer | None = None
    for number, limit in enumerate(itertools.islice(itertools.cycle([None, 5, 7, 5, None, 0]), 14)):
        made = Customer.objects.create(
            account=account,
            parent=reseller if number % 2 else None,
            is_reseller=number == 0,
            number=f"{number:010d}",
            name=f"Acme {number}",
            currency="EUR",
            channels=number % 3,
            daily_spend_limit_micros=limit,
            status="pending" if number == 3 else "active",
        )
        reseller = reseller or made
    rows = Customer.objects.select_related("account", "parent")
    return QuerysetSource(queryset=rows, search=("name__icontains", "number__startswith"))


def follow(source: QuerysetSource, url: str) -> Page:
    return GRID.page(dict(parse_qsl(url[1:])), source)


def walk(source: QuerysetSource, sort: str) -> list[list[str]]:
    forth = [GRID.page({"sort": sort}, source)]
    while url := forth[-1].following_url():
        forth.append(follow(source, url))
    back = [forth[-1]]
    while url := back[-1].previous_url():
        back.append(follow(source, url))
    pages = [[row.name for row in page.rows] for page in forth]
    assert [[row.name for row in page.rows] for page in reversed(back)] == pages
    return pages


@pytest.mark.parametrize("sort", [sign + sort for sort in SORTS for sign in ("", "-")])
def test_every_row_is_shown_once_in_both_directions(source: QuerysetSource, sort: str) -> None:
    names = [name for shown in walk(source, sort) for name in shown]
    assert len(names) == 14
    assert set(names) == {f"Acme {number}" for number in range(14)}


def test_a_grouped_list_is_walked_back_page_by_page(source: QuerysetSource) -> None:
    forth = [GRID.page({"group": "account", "sort": "-name"}, source)]
    while url := forth[-1].following_url():
        forth.append(follow(source, url))
    back = [forth[-1]]
    while url := back[-1].previous_url():
        back.append(follow(source, url))
    assert [page.rows for page in reversed(back)] == [page.rows for page in forth]
    assert len(forth) == 4


def test_a_group_adds_up_its_rows_and_not_what_is_joined_to_them(source: QuerysetSource) -> None:
    rows = source.queryset.annotate(count=Count("children"), customer_count=Count("children"))
    sums = {"channels": ("channels", "currency"), "below": ("customer_count", "")}
    found = QuerysetSource(queryset=rows).tally(GRID.page({}, source).view.query, "status", ["active", "pending"], sums)
    told = {
        (*row["values"], row["unit_currency"]): (row["count"], row["sum_channels"], row["sum_below"]) for row in found
    }
    assert told == {("active", "EUR"): (13, 13, 7), ("pending", "EUR"): (1, 0, 0)}
    none = QuerysetSource(queryset=rows.none())
    assert none.tally(GRID.page({}, source).view.query, "status", ["active"], sums) == []


def test_a_heading_bears_only_what_its_whole_group_has_in_common(source: QuerysetSource) -> None:
    def heading(value: Callable[[Customer], Any], sort: str = "status", **more: Any) -> str:
        group = Column("group", "Group", value=value, sort=sort, **more)
        query = Query(sort=sort, search="Acme 3")
        return headings(source, query, group, [group], source.rows(query, 9))[0]

    assert heading(lambda row: row.status.upper()) == "Group: PENDING · 1"
    assert heading(lambda row: f"{row.status} {row.channels}") == "Group: pending · 1"
    assert heading(lambda row: f"{row.status} {row.channels}", kind=Kind.BADGE) == "Group: Pending · 1"
    assert heading(lambda row: f"{row}", sort="is_reseller") == "Group: no · 1"
    assert heading(lambda row: "none at all" if row.phone == "" else row.name, sort="phone") == "Group: none at all · 1"
    assert heading(lambda row: row.parent.name + row.name, sort="parent__name") == "Group: Acme 0 · 1"
    assert heading(lambda row: row.name, sort="created_at").startswith("Group: 20")


def test_every_value_that_a_column_may_hold_is_a_place_in_a_list() -> None:
    kinds = {
        field.get_internal_type()
        for model in apps.get_app_config("store").get_models()
        for field in model._meta.get_fields()
        if isinstance(field, Field) and not field.is_relation
    }
    assert kinds <= PLACES.keys() | UNSORTED, "say what its values are, and let keys.py read them"
    for kind in kinds & PLACES.keys():
        key = Key(PLACES[kind], 7)
        assert read_key(write_key(key, "x"), "x") == key, kind


@pytest.mark.parametrize("sort", ["daily_spend_limit_micros", "-daily_spend_limit_micros"])
def test_empty_values_come_last(source: QuerysetSource, sort: str) -> None:
    shown = list(source.stream(GRID.page({"sort": sort}, source).view.query))
    empty = [row.daily_spend_limit_micros is None for row in shown]
    assert empty == sorted(empty)
    assert True in empty


def test_search_matches_any_of_its_lookups_and_filters_narrow(source: QuerysetSource) -> None:
    assert GRID.page({"q": "acme 1"}, source).total == 5
    assert GRID.page({"q": "0000000012"}, source).total == 1
    assert GRID.page({"f.status": "pending"}, source).total == 1


def test_a_page_costs_two_queries_and_no_offset(source: QuerysetSource) -> None:
    url = GRID.page({}, source).following_url()
    with CaptureQueriesContext(connection) as queries:
        follow(source, url).lines()
    assert len(queries) == 2
    assert not any("OFFSET" in query["sql"] for query in queries)
