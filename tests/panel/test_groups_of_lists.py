"""Claims about lists in groups: rows of one value stand below what their whole group comes to."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.panel.cast import Cast
from tollgate.store.models import Contact, Customer

pytestmark = pytest.mark.django_db


def test_rows_of_one_value_stand_below_what_their_whole_group_comes_to(cast: Cast, ann: Client) -> None:
    def headings(address: str) -> list[str]:
        return [words for words in ann.get(address).context["grid"].headings if words]

    Customer.objects.filter(pk=cast.baltic.pk).update(status="inactive")
    grid = ann.get("/customers/?group=status&sort=-status").context["grid"]
    assert [words for words in grid.headings if words] == [
        "Status: Inactive · 1 · Balance 0.00 EUR · Live channels 0",
        "Status: Active · 1 · Balance 25.00 EUR · Live channels 0",
    ]
    assert [row.name for row in grid.rows] == ["Baltic", "Acme"]
    page = ann.get("/customers/?group=status").content.decode()
    places = [page.index(words) for words in (">Status: Active", ">Acme</a>", ">Status: Inactive", ">Baltic</a>")]
    assert places == sorted(places)
    titles = {title.column.name: title.sort_url for title in grid.titles()}
    assert titles["name"] == "?sort=name&group=", "another order knows no groups"
    assert "group=status" in titles["status"]
    assert "group=status" in grid.state(), "a view that is kept knows its groups"
    Contact.objects.create(customer=cast.baltic, email="x@baltic.example", kind="noc")
    assert headings("/contacts/?group=kind") == ["Department: General · 1", "Department: NOC · 1"]
    for address in ("/customers/?group=nonsense", "/customers/?group=balance", "/cdrs/?group=state&f.from=2026-01-01"):
        assert headings(address) == [], address


def test_a_list_that_counts_what_is_joined_stands_in_groups_of_each_column_that_offers_it(
    cast: Cast, ann: Client
) -> None:
    for name in ("taxes", "tags", "portal_domains", "invoice_templates", "webhooks", "access_numbers", "groups"):
        address = reverse(f"panel:{name}")
        offered = ann.get(address).context["grid"].groupable
        assert offered, name
        for column in offered:
            answer = ann.get(address, {"group": column.name})
            assert answer.status_code == 200, (name, column.name)
            assert any(answer.context["grid"].headings), (name, column.name)
    assert f"Address: {cast.gateway.host} · 1" in ann.get("/gateways/?group=address").content.decode()
