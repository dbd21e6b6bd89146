"""Claims about the calls beside a line of an invoice: they are those that it adds up, and no others."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client

from tests.actions.bills import Talk, charged
from tests.panel.cast import EURO, Cast
from tollgate.actions.acts import Actor, acting
from tollgate.actions.customers import create_customer
from tollgate.actions.invoices import draft_invoice
from tollgate.store.models import Customer, Invoice, InvoiceLine

pytestmark = pytest.mark.django_db
DAY_AT = datetime(2026, 9, 3, 12, tzinfo=UTC)
PLACES = ("Latvia", "Latvia Mobile", "", "latvian islands")


def draft(customer: Customer, grouping: str) -> Invoice:
    """A draft of two days, the first one begun late."""
    with acting(Actor("setup", frozenset({"*"}))):
        return draft_invoice(customer_id=customer.pk, from_on="2026-09-03", until_on="2026-09-05", grouping=grouping)


def told(ann: Client, line: InvoiceLine) -> tuple[int, list[str]]:
    """What the list behind a line adds up to, and whose calls they are."""
    lines = ann.get(f"/invoices/{line.invoice_id}/").context["lines"]
    (url,) = [shown.cdrs_url for shown in lines if shown.row.pk == line.pk]
    rows = ann.get(url).context["grid"].rows
    return sum(row.cost_micros for row in rows), sorted({row.customer.name for row in rows})


@pytest.mark.parametrize("grouping", ["day", "destination", "route", "total"])
def test_the_calls_beside_a_line_are_those_it_adds_up(cast: Cast, ann: Client, grouping: str) -> None:
    talks = [
        Talk(DAY_AT + timedelta(days=place % 2), (place + 1) * EURO, 60, name) for place, name in enumerate(PLACES)
    ]
    charged(cast.acme, talks)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # no record is ever changed
        cursor.execute("UPDATE cdr SET state = 'unresolved' WHERE cost_micros = %s", [EURO])
        cursor.execute("SET LOCAL session_replication_role = origin")
    document = draft(cast.acme, grouping)
    lines = list(document.lines.filter(kind="usage"))
    assert sum(line.exact_micros for line in lines) == 10 * EURO
    assert len(lines) == {"day": 2, "destination": 4}.get(grouping, 1)
    for line in lines:
        assert told(ann, line) == (line.exact_micros, ["Acme"])


def test_a_line_leads_to_no_calls_before_what_it_bills(cast: Cast, ann: Client) -> None:
    charged(cast.acme, [Talk(DAY_AT, EURO), Talk(DAY_AT - timedelta(hours=6), 2 * EURO)])
    line = draft(cast.acme, "day").lines.filter(kind="usage").earliest("pk")
    InvoiceLine.objects.filter(pk=line.pk).update(usage_from_at=DAY_AT - timedelta(hours=1))
    assert told(ann, line) == (EURO, ["Acme"])


def test_a_resellers_line_leads_to_the_calls_of_its_customers_too(cast: Cast, ann: Client) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        corso = create_customer(account_id=cast.account.pk, name="Corso", currency="EUR", parent_id=cast.baltic.pk)
    charged(cast.baltic, [Talk(DAY_AT, EURO)])
    charged(corso, [Talk(DAY_AT, 2 * EURO)], reseller=cast.baltic)
    charged(cast.acme, [Talk(DAY_AT, 4 * EURO)])
    line = draft(cast.baltic, "day").lines.get(kind="usage")
    assert line.calls_count == 2
    assert told(ann, line) == (3 * EURO, ["Baltic", "Corso"]), "each at its own customer's price"
