"""Claims about the audit log's pages: found by any of its sides, told in words, exported, and kept apart."""

import csv
import io

import pytest
from django.db import connection
from django.test import Client

from tests.panel.cast import EURO, Cast
from tests.panel.conftest import logged_in
from tollgate.actions.acts import Actor, acting
from tollgate.actions.audit import note_event
from tollgate.actions.customers import update_customer
from tollgate.panel.audit import TABLES
from tollgate.store.models import Audit, Customer, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(cast: Cast) -> Cast:
    """Ann gives Acme a credit line, Carla tries to log in, Baltic is changed by a job."""
    ann = Actor("ann@demo.example", frozenset({"*"}), "asked by phone", "user", cast.ann.pk, "192.0.2.7")
    with acting(ann):
        update_customer(customer_id=cast.acme.pk, debit_limit_micros=-25 * EURO)
    carla = Actor("carla@acme.example", frozenset(), kind="contact", id=cast.contact.pk, ip="203.0.113.9")
    note_event(
        actor=carla, verb="LOGIN_FAILED", table_name="contact", row_id=cast.contact.pk, customer_id=cast.acme.pk,
        account_id=cast.account.pk, told={"why": "address"},
    )  # fmt: skip
    with acting(Actor("nightly", frozenset({"*"}))):
        update_customer(customer_id=cast.baltic.pk, channels=3)
    return cast


def rows(client: Client, query: str) -> list[dict[str, str]]:
    """The export of a search."""
    answer = client.get(f"/audit/?{query}&export=csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]  # an export is streamed
    return list(csv.DictReader(io.StringIO(text)))


def test_the_log_is_found_by_each_of_its_sides(told: Cast, ann: Client) -> None:
    for query, count in (
        ("f.actor=carla", 1),
        ("f.kind=contact", 1),
        ("f.kind=user", 1),
        ("f.ip=203.0.113", 1),
        ("f.ip=192.0.2.7", 1),
        ("f.verb=LOGIN_FAILED", 1),
        ("f.verb=LOGIN", 0),
        ("f.customer=acme&f.act=update_customer&f.verb=UPDATE", 1),
        (f"f.customer={told.acme.pk}&f.actor=carla", 1),
        (f"f.what=customer&f.record={told.baltic.pk}&f.verb=UPDATE", 1),
        ("f.what=customer&f.act=update_customer", 2),
        ("f.what=customer&f.until=2020-01-01", 0),
        ("f.act=update_customer&f.from=2020-01-01&f.what=customer", 2),
    ):
        assert len(rows(ann, query)) == count, query


def test_a_change_is_told_in_words_and_value_by_value(told: Cast, ann: Client) -> None:
    (row,) = rows(ann, f"f.what=customer&f.record={told.acme.pk}&f.act=update_customer")
    assert row["Before → after"] == "Debit limit: 0.00 → -25.00"
    found = Audit.objects.get(table_name="customer", act="update_customer", row_id=told.acme.pk)
    page = ann.get(f"/audit/{found.pk}/").content.decode()
    for words in ("Debit limit", "25.00", "192.0.2.7", "asked by phone", f"/customers/{told.acme.pk}/"):
        assert words in page
    made = Audit.objects.get(table_name="endpoint", row_id=told.ip_endpoint.pk, verb="INSERT")
    assert f"Acme ({told.acme.pk})" in ann.get(f"/audit/{made.pk}/").content.decode(), "what it points to has a name"


def test_every_kind_of_record_that_the_log_keeps_can_be_chosen(told: Cast, ann: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE tgname = 'audit'")
        audited = {name for (name,) in cursor.fetchall()}
    assert audited <= set(TABLES)
    row_ids = {"left": {"17": "0" * 64, "18": "1" * 64}, "messages": 3}
    note_event(actor=Actor("ann", frozenset()), verb="ERASE", table_name="contact", row_id=17, told=row_ids)
    (row,) = rows(ann, "f.verb=ERASE")
    assert row["Before → after"] == "Left: 2 rows of the log, each known by its hash; Messages: 3"


def test_others_lead_to_the_log_of_a_record_or_a_customer_by_a_short_address(told: Cast, ann: Client) -> None:
    answer = ann.get(f"/audit/?table=customer&row={told.acme.pk}", follow=True)
    names = [row.verb for row in answer.context["grid"].rows]
    assert (names[0], names[-1]) == ("UPDATE", "INSERT")
    assert set(names[1:-1]) <= {"UPDATE"}
    everything = ann.get(f"/audit/?customer={told.acme.pk}", follow=True).context["grid"].rows
    assert {"customer", "contact", "endpoint", "ingress_route"} <= {row.table_name for row in everything}
    page = ann.get(f"/customers/{told.acme.pk}/audit/?f.actor=carla").content.decode()
    assert "login failed" in page


def test_a_resellers_user_sees_only_what_concerns_the_resellers_customers(told: Cast) -> None:
    Customer.objects.filter(pk=told.acme.pk).update(parent=told.baltic)
    User.objects.filter(pk=told.bob.pk).update(reseller_id=told.baltic.pk)
    bob = logged_in(User.objects.get(pk=told.bob.pk))
    assert {row["Record"] for row in rows(bob, "f.what=customer")} == {str(told.acme.pk)}
    hidden = Audit.objects.filter(table_name="customer", row_id=told.baltic.pk).latest("id")
    assert bob.get(f"/audit/{hidden.pk}/").status_code == 404
