"""Claims about the lists on a customer's pages: searched, sorted, filtered, filed and ticked as the long ones, each by
itself, and about this customer alone.
"""

import pytest
from django.test import Client
from django.urls import reverse

from tests.panel.cast import Cast
from tollgate.actions.acts import Actor, acting
from tollgate.actions.clis import add_verified_cli
from tollgate.actions.contacts import create_contact
from tollgate.actions.customers import update_customer
from tollgate.panel.bulk_nouns import NOUNS
from tollgate.store.models import Contact

pytestmark = pytest.mark.django_db
SETUP = Actor("setup", frozenset({"*"}))


@pytest.fixture
def people(cast: Cast) -> list[int]:
    """Three more people at Acme, and one of the same name at Baltic."""
    with acting(SETUP):
        made = [
            create_contact(customer_id=cast.acme.pk, email=f"{name}@acme.example", first_name=name.title()).pk
            for name in ("zoe", "abe", "moe")
        ]
        create_contact(customer_id=cast.baltic.pk, email="zoe@baltic.example", first_name="Zoe")
    return made


def emails(client: Client, page: str, query: str) -> list[str]:
    return [row.email for row in client.get(f"{page}?{query}").context["contacts"].rows]


def test_contacts_of_a_customer_are_searched_sorted_and_filed_beside_its_summary(
    cast: Cast, ann: Client, people: list[int]
) -> None:
    page = reverse("panel:customer", args=[cast.acme.pk])
    assert emails(ann, page, "contacts.q=zoe") == ["zoe@acme.example"], "no other customer's"
    assert emails(ann, page, "contacts.q=acme+nobody") == []
    rising = emails(ann, page, "contacts.sort=email")
    assert rising == sorted(rising) == emails(ann, page, "contacts.sort=-email")[::-1]
    assert len(rising) == Contact.objects.filter(customer=cast.acme).count() == len(emails(ann, page, "sort=-begun_at"))
    assert emails(ann, page, "q=nobody&f.login=False") == emails(ann, page, ""), "what is said of another list"
    assert emails(ann, page, "contacts.f.login=False") == []
    told = ann.get(f"{page}?contacts.q=zoe&f.from=2026-01-01").context
    assert told["grid"].view.kept == {"f.from": "2026-01-01"}
    assert "f.from=2026-01-01" in told["contacts"].csv_url(), "the other list stays as it is"
    assert "contacts.q=zoe" in told["contacts"].csv_url()
    assert told["contacts"].clear_url() == "?f.from=2026-01-01"
    file = ann.get(f"{page}?contacts.export=csv&contacts.q=zoe")
    text = b"".join(file.streaming_content).decode()  # type: ignore[attr-defined]  # an export is streamed
    assert ("zoe@acme.example" in text, "abe@" in text, "zoe@baltic" in text) == (True, False, False)


def test_what_is_ticked_or_found_at_a_customer_is_edited_and_leads_back_there(
    cast: Cast, ann: Client, people: list[int]
) -> None:
    page = reverse("panel:customer_contacts", args=[cast.acme.pk])
    shown = ann.get(page, {"contacts.q": "oe@"}).content.decode()
    assert 'form="customer_contacts-ticks"' in shown
    assert f'name="customer" value="{cast.acme.pk}"' in shown
    assert 'name="query" value="q=oe%40"' in " ".join(shown.split()), "as the long list says it"
    edit, of_acme = reverse("panel:bulk_edit", args=["contact"]), {"customer": cast.acme.pk}
    answer = ann.get(edit, {"scope": "all", "query": "q=oe%40", **of_acme})
    assert answer.context["count"] == 2, "and not the one at Baltic"
    assert answer.context["back_url"] == page
    assert ann.get(edit, {"scope": "all", "query": "q=oe%40"}).context["count"] == 3
    assert ann.get(edit, {"id": people[:2], **of_acme}).context["count"] == 2
    assert ann.get(edit, of_acme).headers["Location"] == page, "with words on what to do"


def test_all_that_is_found_at_a_customer_is_what_its_page_shows_and_never_all_of_its_own(
    cast: Cast, ann: Client, people: list[int]
) -> None:
    with acting(SETUP):
        add_verified_cli(customer_id=cast.acme.pk, number="+37061234569")
        update_customer(customer_id=cast.acme.pk, name="Moe Trading")
        create_contact(customer_id=cast.acme.pk, email="di@moe.example", first_name="Di")
    page = reverse("panel:customer", args=[cast.acme.pk])
    assert emails(ann, page, "contacts.q=moe+trading") == []
    assert sorted(emails(ann, page, "contacts.q=moe")) == ["di@moe.example", "moe@acme.example"]
    delete, of_acme = reverse("panel:bulk_delete", args=["contact"]), {"customer": cast.acme.pk, "scope": "all"}
    assert ann.get(delete, {"query": "q=moe", **of_acme}).context["count"] == 2
    for noun, listed in NOUNS.items():
        if listed.of_customer is not None and noun != "did":  # a DID is searched by its customer's name there, too
            address = reverse("panel:bulk_delete", args=[noun])
            told = ann.get(address, {"query": "q=Moe+Trading", **of_acme})
            assert told.headers.get("Location") == reverse(listed.of_customer.page, args=[cast.acme.pk]), noun


@pytest.mark.parametrize("customer", ["", "acme", "1x", "-1", "9" * 30, "0", "987654321"])
def test_all_that_is_found_at_no_customer_is_nobody(cast: Cast, ann: Client, customer: str) -> None:
    for noun in ("contact", "endpoint", "carrier"):
        address = reverse("panel:bulk_delete" if noun != "carrier" else "panel:bulk_edit", args=[noun])
        assert "count" in (ann.get(address, {"scope": "all", "query": ""}).context or {}), noun
        assert ann.get(address, {"scope": "all", "query": "", "customer": customer}).status_code == 302, noun


@pytest.mark.parametrize(
    ("tab", "name", "prefix", "noun"),
    [
        ("customer_auth", "grid", "", "endpoint"),
        ("customer_auth", "rooms", "rooms.", "conference_room"),
        ("customer_routing", "grid", "", "ingress_route"),
        ("customer_routing", "clis", "clis.", "cli"),
        ("customer_aliases", "grid", "", "alias"),
        ("customer_dids", "grid", "", "did"),
    ],
)
def test_every_list_of_what_a_customer_has_is_searched_sorted_and_ticked(
    cast: Cast, ann: Client, tab: str, name: str, prefix: str, noun: str
) -> None:
    with acting(SETUP):
        add_verified_cli(customer_id=cast.acme.pk, number="+37061234569")
    page = reverse(f"panel:{tab}", args=[cast.acme.pk])
    before = ann.get(page).context[name]
    for column in before.grid.columns:
        for way in ("", "-") if column.sort else ():
            told = ann.get(page, {f"{prefix}sort": f"{way}{column.sort}"}).context[name]
            assert {row.pk for row in told.rows} == {row.pk for row in before.rows}, column.name
    assert ann.get(page, {f"{prefix}q": "nothing has this"}).context[name].rows == []
    assert before.grid.ticks
    assert all(row.customer_id == cast.acme.pk for row in before.rows)
    assert reverse("panel:bulk_edit", args=[noun]) in ann.get(page).content.decode() or noun == "cli"
    files = ann.get(page, {f"{prefix}export": "csv"})
    assert files.headers["Content-Type"].startswith("text/csv")
