"""Claims about lists that leave out what few rows have and walk an index: they tell what any other way would."""

from typing import Any

import pytest
from django.db import connection
from django.db.models import Q
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.panel.cast import Cast, with_rita
from tests.panel.conftest import logged_in
from tollgate.actions.acts import Actor, acting
from tollgate.actions.cards import create_card
from tollgate.actions.customers import create_customer, delete_customer
from tollgate.actions.routes import create_ingress_route, create_tag_route
from tollgate.actions.tags import create_tag
from tollgate.store.models import Account, Customer, IngressRoute, Payment
from tollgate.ui.sources import Query, QuerysetSource

pytestmark = pytest.mark.django_db
SETUP = Actor("setup", frozenset({"*"}))


@pytest.fixture
def rita(cast: Cast) -> Client:
    """A user of Baltic, which sells to others."""
    return logged_in(with_rita(cast)[0])


@pytest.fixture
def routes(cast: Cast) -> list[int]:
    """Routes of customers, some with the same name, and some of a tag, which have no customer; their ids."""
    with acting(SETUP):
        card = create_card(account_id=cast.account.pk, kind="customer", name="Long", currency="EUR").pk
        tag = create_tag(account_id=cast.account.pk, name="Gold")
        for name in ("Zed", "Ada", "Moe"):
            one = create_customer(account_id=cast.account.pk, name=name, currency="EUR")
            for place in range(2):
                create_ingress_route(customer_id=one.pk, name=f"{name} {place}", card_id=card)
        for place in range(3):
            create_tag_route(tag_id=tag.pk, name=f"Gold {place}", card_id=card, tech_prefix=f"{place}#")
    return list(IngressRoute.objects.values_list("pk", flat=True))


def walked(source: QuerysetSource, query: dict[str, Any]) -> list[int]:
    """Every row to the end and back, two at a time."""
    found: list[int] = []
    key = None
    while rows := source.rows(Query(**query, after=key), 2):
        found += [row.pk for row in rows]
        key = source.key(rows[-1], query["sort"])
    back: list[int] = []
    while rows := source.rows(Query(**query, after=key, back=True), 2):
        back += [row.pk for row in rows]
        key = source.key(rows[-1], query["sort"])
    assert back == found[-2::-1], "all but the last row, from which it began"
    return found


@pytest.mark.parametrize("sort", ["customer__name", "tag__name"])
@pytest.mark.parametrize("falling", [False, True])
def test_rows_with_and_without_a_value_stand_in_one_order_however_they_are_asked_for(
    cast: Cast, routes: list[int], sort: str, *, falling: bool
) -> None:
    every = IngressRoute.objects.select_related("customer", "tag")
    query = {"sort": sort, "descending": falling}
    plain = QuerysetSource(queryset=every)
    owner = sort.removesuffix("__name")
    apart = QuerysetSource(queryset=every, narrow=True, walked={sort: Q(**{f"{owner}__account": cast.account})})
    found = walked(apart, query)
    assert found == walked(plain, query)
    assert sorted(found) == sorted(routes)
    owners = [getattr(IngressRoute.objects.get(pk=pk), f"{owner}_id") for pk in found]
    assert sorted(owners, key=lambda pk: pk is None) == owners, "those of none last"
    assert None in owners


@pytest.mark.parametrize(
    ("page", "of_acme"),
    [("/contacts/", True), ("/endpoints/", True), ("/routes/", True), ("/clis/", False), ("/number-blocks/", False)],
)
def test_lists_leave_out_who_is_deleted_and_everybody_elses(
    cast: Cast, ann: Client, rita: Client, routes: list[int], page: str, *, of_acme: bool
) -> None:
    def owners(browser: Client) -> set[int | None]:
        return {row.customer_id for row in browser.get(page).context["grid"].rows}

    before = owners(ann)
    assert not of_acme or cast.acme.pk in before
    assert owners(rita) <= set(Customer.objects.filter(parent=cast.baltic).values_list("pk", flat=True))
    other = Account.objects.create(name="Other", currency="EUR")
    gone = next((pk for pk in before if pk not in (None, cast.acme.pk)), None)
    Customer.objects.filter(pk=cast.acme.pk).update(account=other)
    assert owners(ann) == before - {cast.acme.pk}
    if gone is not None and of_acme:
        with acting(SETUP):
            delete_customer(customer_id=gone)
        assert owners(ann) == before - {cast.acme.pk, gone}


@pytest.mark.usefixtures("routes")
@pytest.mark.parametrize("page", ["/customers/", "/contacts/", "/endpoints/", "/routes/", "/payments/"])
def test_no_column_of_a_long_list_is_asked_for_row_by_row(cast: Cast, ann: Client, page: str) -> None:
    money = {"account": cast.account, "currency": "EUR", "amount_micros": 10**6, "status": "pending"}
    Payment.objects.create(customer=cast.acme, gateway="bank_transfer", **money)

    def asked(**chosen: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert ann.get(page, chosen).context["grid"].rows
        return len(queries)

    columns = ann.get(page).context["grid"].grid.columns
    usual = asked() + (page == "/customers/")  # whose tags are read where they are shown, all at once
    assert asked(columns=",".join(column.name for column in columns)) == usual


def test_routes_are_found_by_their_name_their_customers_and_their_tags(
    cast: Cast, ann: Client, rita: Client, routes: list[int]
) -> None:
    def found(browser: Client, text: str) -> list[str]:
        return sorted(row.name for row in browser.get("/routes/", {"q": text}).context["grid"].rows)

    assert found(ann, "ada 1") == ["Ada 1"]
    assert found(ann, "moe") == ["Moe 0", "Moe 1"]
    assert found(ann, "gold") == ["Gold 0", "Gold 1", "Gold 2"]
    assert found(ann, "nobody has this") == []
    assert found(rita, "gold") == []
