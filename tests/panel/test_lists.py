"""Claims about lists and the dashboard: what they show, what an empty one says, how many queries a page takes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.panel.cast import CHARGED_ID, EURO, PASSWORD, Cast
from tests.panel.conftest import logged_in
from tests.panel.test_forms import CUSTOMER
from tollgate.actions.acts import Actor, acting
from tollgate.actions.users import create_user, create_user_group
from tollgate.store.models import Customer, Payment, User, UserGroup
from tollgate.store.queries import dashboard

pytestmark = pytest.mark.django_db


def test_a_customer_that_cannot_call_is_marked(cast: Cast, ann: Client) -> None:
    rows = {row.name: row for row in ann.get("/customers/").context["grid"].rows}
    assert (rows["Acme"].has_endpoint, rows["Acme"].has_route) == (True, True)
    assert (rows["Baltic"].has_endpoint, rows["Baltic"].has_route) == (False, False)
    assert rows["Acme"].balance_micros == 25 * EURO
    assert "no endpoint, no route" in ann.get("/customers/").content.decode()


def test_the_dashboard_counts_calls_money_and_refusals(cast: Cast) -> None:
    now = dashboard.now(cast.account, datetime.now(UTC))
    assert (now.live, now.talking) == (2, 1)
    assert now.refusals == (("credit", 1),)
    assert now.today.refused == 1
    assert now.today.carried == now.today.attempts - 1
    for spend in now.spends:
        assert (spend.currency, spend.profit_micros) == ("EUR", spend.cost_micros - spend.carrier_cost_micros)
    assert [carrier.name for carrier in now.carriers] == ["Cirrus"]
    assert [edge.heard for edge in now.edges] == [False]


def test_the_dashboard_tells_what_waits_for_a_person_who_may_read_of_it(cast: Cast, ann: Client) -> None:
    Payment.objects.all().update(status="completed")
    assert [(work.title, work.url) for work in ann.get("/").context["waiting"]] == [("Your email to confirm", "/me/")]
    User.objects.update(email_verified_at=datetime.now(UTC))
    assert b"Waiting for people" not in ann.get("/").content
    money = {"account": cast.account, "currency": "EUR", "amount_micros": 10**6, "status": "pending"}
    Payment.objects.create(customer=cast.acme, gateway="bank_transfer", **money)
    for number in range(2):
        Payment.objects.create(gateway="paypal_ipn", external_id=str(number), **money)
    Customer.objects.filter(pk=cast.acme.pk).update(parked_at=datetime.now(UTC), parked_reason="who knows")
    told = {work.title: work.records_count for work in ann.get("/").context["waiting"]}
    assert told == {"Customers whose billing rests": 1, "Payments to approve": 1, "Money of unknown payers": 2}
    for work in ann.get("/").context["waiting"]:
        assert ann.get(work.url).status_code == 200
    with acting(Actor("setup", frozenset({"*"}))):
        group = create_user_group(name="Traffic", acts=[], areas=["dashboard", "invoices"])
        tess = create_user(name="Tess", email="tess@demo.example", password=PASSWORD, group_ids=[group.pk])
    User.objects.update(email_verified_at=datetime.now(UTC))
    assert [work.title for work in logged_in(tess).get("/").context["waiting"]] == ["Customers whose billing rests"]


def test_the_last_day_is_drawn_in_whole_steps(cast: Cast) -> None:
    series = dashboard.series(cast.account, datetime.now(UTC))
    assert len(series.times) == len(series.attempts) == len(series.answered) == 24 * 12 + 1
    assert (sum(series.attempts), sum(series.answered)) == (4, 2)


def test_ratios_of_nothing_are_not_told() -> None:
    nothing = dashboard.Traffic(attempts=3, refused=3, answered=0, duration_ms=0)
    assert (nothing.asr_percent, nothing.acd_s) == (None, None)
    some = dashboard.Traffic(attempts=4, refused=1, answered=2, duration_ms=9_000)
    assert (str(some.asr_percent), some.acd_s) == ("66.7", 5)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("acm", "Acme"),
        ("carla@", "Carla"),
        ("198.51.100.7", "198.51.100.7/32"),
        ("acme-carla", "acme-carla"),
        ("cirr", "Cirrus A-Z"),
        ("charged@edge", "442071838750 to 442079460001"),
        ("+44 2079", "442071838750 to"),
        (str(CHARGED_ID), "442071838750 to"),
        ("live@edge", "442071838750 to 442079460001"),
        ("+370 612", "Carla"),
    ],
)
def test_the_search_finds_each_kind(cast: Cast, ann: Client, text: str, title: str) -> None:
    answer = ann.get("/search/", {"q": text})
    if answer.status_code == 302:
        assert ann.get(answer["Location"]).status_code == 200
    else:
        assert title in answer.content.decode()


def test_the_search_takes_anything_that_is_typed(cast: Cast, ann: Client) -> None:
    for text in ("", "a", "%", "'", "198.51.100.0/24", "9" * 400, "\x00", "🙂🙂", "::1"):
        assert ann.get("/search/", {"q": text}).status_code == 200, text


def test_empty_lists_say_what_to_do_next(db: None) -> None:
    from tollgate.actions.accounts import create_account
    from tollgate.actions.acts import Actor, acting

    with acting(Actor("setup", frozenset({"*"}))):
        create_account(name="Fresh", currency="EUR")
    user = User.objects.create_user("first@demo.example", name="First")
    user.groups.add(UserGroup.objects.create(name="All", acts=["*"], areas=["*"]))
    client = logged_in(user)
    for address, words in (
        ("/customers/", "Add a customer"), ("/carriers/", "Add a carrier"), ("/cards/customer/", "Add a card"),
        ("/endpoints/", "open a customer"), ("/routes/", "open a customer"), ("/gateways/", "open a carrier"),
        ("/edges/", "Add an edge"), ("/live/", "Calls appear here"), ("/", "Register the first"),
    ):  # fmt: skip
        assert words in client.get(address).content.decode(), address


def test_the_audit_log_tells_what_changed(cast: Cast, ann: Client) -> None:
    page = ann.get(f"/customers/{cast.acme.pk}/audit/").content.decode()
    assert "Name: Acme" in page
    assert "Create customer" in page


def test_a_list_is_called_by_its_page_s_title_and_a_form_has_the_panel_s_styles(cast: Cast, ann: Client) -> None:
    assert 'aria-label="Customers">' in ann.get("/customers/").content.decode()
    assert "panel/panel.css" in ann.get("/carriers/new/").content.decode()


def test_a_user_s_choice_of_columns_and_sort_is_kept_until_it_is_reset(cast: Cast, ann: Client, bob: Client) -> None:
    def shown(client: Client, address: str = "/customers/") -> tuple[list[str], str]:
        view = client.get(address).context["grid"].view
        return [column.name for column in view.columns], view.sort

    own = shown(ann)
    kept = {"grid": "customers", "columns": "balance,name,nonsense", "sort": "-balance_micros"}
    answer = ann.post("/me/lists/", {**kept, "back": "/customers/?q=ac"})
    assert answer["Location"] == "/customers/?q=ac"
    assert shown(ann) == (["balance", "name"], "-balance_micros")
    assert shown(ann, "/customers/?columns=name&sort=name") == (["name"], "name"), "the address wins"
    file = b"".join(ann.get("/customers/?export=csv")).decode()
    assert file.splitlines()[0] == "Balance,Balance currency,Customer"
    assert (shown(bob), shown(ann, "/carriers/")) == (own, shown(bob, "/carriers/")), "one user's, of one list"
    assert 'name="reset"' in ann.get("/customers/").content.decode()
    ann.post("/me/lists/", {**kept, "reset": "1", "back": "/customers/"})
    assert shown(ann) == own
    assert 'name="reset"' not in ann.get("/customers/").content.decode()


def test_a_choice_goes_back_to_no_other_site(cast: Cast, ann: Client) -> None:
    for back in ("https://evil.example/", "//evil.example/", ""):
        assert ann.post("/me/lists/", {"grid": "customers", "columns": "name", "back": back})["Location"] == "/me/"


@pytest.fixture(scope="module")
def swept(django_db_blocker: Any) -> Iterator[None]:
    """Takes what a rolled back crowd leaves in the files out of the way of the tests that follow."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("VACUUM FULL customer, wallet")


def copy(cursor: Any, table: str, changes: dict[str, str], among: str, *, like: int | None = None) -> None:
    """A row like Acme's, or the one of an id, for each n, but for these columns."""
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_identity = 'NO'"
        " AND column_name <> 'id' AND is_generated = 'NEVER'",
        [table],
    )
    columns = [name for (name,) in cursor.fetchall()]
    values = ", ".join([changes.get(name, f'pattern."{name}"') for name in columns])
    acme = like or "(SELECT id FROM customer WHERE name = 'Acme')"
    found = f"id = {acme}" if like or table == "customer" else f"kind = 'customer' AND owner_id = {acme}"
    names = ", ".join(f'"{name}"' for name in columns)
    cursor.execute(f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} pattern, {among} WHERE pattern.{found}")


@pytest.mark.usefixtures("swept")
def test_a_list_of_100_000_customers_opens_is_walked_and_searched(cast: Cast, ann: Client) -> None:
    ann.get("/customers/")  # what is read once per process is read
    with CaptureQueriesContext(connection) as few:
        ann.get("/customers/")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # without the triggers of each row
        copy(
            cursor,
            "customer",
            {"name": "'Copy ' || n", "number": "(10000000 + n)::text"},
            "generate_series(1, 100000) n",
        )
        copy(cursor, "wallet", {"owner_id": "n.id"}, "(SELECT id FROM customer WHERE name LIKE 'Copy %') n")
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
        cursor.execute("ANALYZE customer, wallet")  # as a list of such a length is known to the planner
    with CaptureQueriesContext(connection) as many:
        page = ann.get("/customers/")
    assert len(many) == len(few)
    assert "of 10,000+" in page.content.decode()
    grid = page.context["grid"]
    following = ann.get(f"/customers/{grid.following_url()}").context["grid"]
    assert following.rows[0].name > grid.rows[-1].name
    for found in ("copy 99999", "10099999"):
        assert [row.name for row in ann.get("/customers/", {"q": found}).context["grid"].rows] == ["Copy 99999"]
    with CaptureQueriesContext(connection) as queries:
        page = ann.get("/customers/", {"q": "copy", "sort": "number"})
    assert (page.context["grid"].total, len(page.context["grid"].rows)) == (1_001, 100)
    (walk,) = (query["sql"] for query in queries if "STRPOS" in query["sql"] and "COUNT" not in query["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {walk}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Scan using customer_by_number" in plan, plan  # in the order of the list, until the page is full
    made = ann.post("/customers/new/", {**CUSTOMER, "name": "One more"})
    assert made.status_code == 302
