"""Claims about any list as a pivot: its groups by some columns at once, with what they come to."""

import pytest
from django.test import Client
from django.urls import get_resolver, reverse

from tests.panel.cast import Cast
from tollgate.store.models import Customer
from tollgate.ui import pivots

pytestmark = pytest.mark.django_db


def told(client: Client, address: str) -> dict[tuple[str, ...], list[str | None]]:
    """By keys and currency the parts that the page gets."""
    answer = client.get(f"{address}&export=pivot")
    assert answer.status_code == 200
    return {(*group["keys"], group["currency"]): group["parts"] for group in answer.json()["groups"]}


def test_customers_by_status_and_currency_with_their_balances_to_the_last_unit(cast: Cast, ann: Client) -> None:
    Customer.objects.filter(pk=cast.baltic.pk).update(status="inactive")
    known = told(ann, "/customers/?pivot_by=status,country")
    assert {(keys[0], keys[-1]): parts[0] for keys, parts in known.items()} == {
        ("Active", "EUR"): "1",
        ("Inactive", "EUR"): "1",
    }
    answer = ann.get("/customers/?pivot_by=status&export=pivot").json()
    assert [found["title"] for found in answer["dimensions"]] == ["Status"]
    place = answer["parts"].index("balance")
    money = {group["keys"][0]: group["parts"][place] for group in answer["groups"]}
    assert money == {"Active": "25000000", "Inactive": "0"}
    assert told(ann, "/customers/?pivot_by=status&q=Baltic").keys() == {("Inactive", "EUR")}, "as it is filtered"


@pytest.mark.parametrize(
    ("page", "apart", "added"),
    [
        ("taxes", {"priority"}, {"customers"}),
        ("aliases", {"position"}, set()),
        ("cli_rules", {"position"}, set()),
        ("access_numbers", {"wrong_most"}, set()),
        ("invoices", {"left"}, {"total"}),
    ],
)
def test_places_limits_and_what_is_open_on_either_side_are_never_added_up(
    cast: Cast, ann: Client, page: str, apart: set[str], added: set[str]
) -> None:
    address = reverse(f"panel:{page}")
    grid = ann.get(address).context["grid"]
    assert apart <= {column.name for column in grid.grid.columns}
    answer = ann.get(f"{address}?pivot_by={grid.groupable[0].name}&export=pivot").json()
    figures = {measure["name"] for measure in answer["measures"]}
    assert (figures & apart, figures >= added) == (set(), True)
    assert not any(column.adds for column in grid.grid.columns if column.name in apart)


def test_a_group_in_two_currencies_counts_its_rows_once(cast: Cast, ann: Client) -> None:
    usd = Customer.objects.create(account=cast.account, name="Dollar", number="555001", currency="USD", status="active")
    Customer.objects.filter(pk__in=(cast.acme.pk, cast.baltic.pk)).update(status="active")
    known = told(ann, "/customers/?pivot_by=status")
    assert usd.currency in {keys[-1] for keys in known}
    assert sum(int(parts[0] or 0) for parts in known.values()) == 3


def test_every_list_that_offers_columns_answers_as_a_pivot_by_all_of_them(cast: Cast, ann: Client) -> None:
    walked = 0
    for pattern in get_resolver("tollgate.panel.urls").url_patterns:
        name = getattr(pattern, "name", None)
        if not name or pattern.pattern.regex.groups:
            continue
        address = reverse(f"panel:{name}")
        if name in ("logout", "export") or ann.get(address).status_code != 200:
            continue
        context = ann.get(address).context
        page = context.get("grid") if context else None
        if not getattr(page, "pivots", False):
            continue
        columns = [column.name for column in page.groupable]
        for by in (*columns, ",".join(columns[:3])):
            assert ann.get(address, {"pivot_by": by}).status_code == 200, (name, by)
            answer = ann.get(address, {"pivot_by": by, "export": "pivot"})
            assert answer.status_code == 200, (name, by)
            count = sum(int(group["parts"][0]) for group in answer.json()["groups"])
            assert count == page.total, (name, by)
        walked += 1
    assert walked > 30


def test_more_groups_than_a_page_can_hold_are_said(cast: Cast, ann: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pivots, "GROUPS_MOST", 1)
    answer = ann.get("/customers/?pivot_by=name&export=pivot").json()
    assert answer["groups"] == []
    assert "Choose fewer columns" in answer["problem"]


def test_the_page_offers_the_columns_and_the_way_back(cast: Cast, ann: Client) -> None:
    assert "pivot_by=" in ann.get("/customers/").content.decode()
    page = ann.get("/customers/?q=Acme&pivot_by=&pivot_by=status").content.decode()
    assert 'href="?q=Acme"' in page
    assert 'value="status" checked' in page
    assert "pivot_by=status&amp;export=pivot" in page
    assert ann.get("/customers/?pivot_by=nonsense").status_code == 200, "the first that there is"
    assert ann.get("/customers/?pivot_by=status&f.status=nonsense").status_code == 422
