"""Claims about users of a reseller: they find, name and change nothing but what belongs to its customers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.panel.cast import CHARGED_ID, RATES, Cast, with_rita
from tests.panel.conftest import logged_in
from tests.panel.test_access import OWN, PUBLIC, addresses
from tollgate.actions.acts import Actor, Invalid, NotFound, acting
from tollgate.actions.bulk import start_bulk_edit
from tollgate.actions.cards import create_card
from tollgate.actions.cli_proofs import decide_cli_proof
from tollgate.actions.clis import add_verified_cli
from tollgate.actions.contacts import create_contact
from tollgate.actions.customer_notes import add_customer_note
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.delays import cancel_delayed_save, delay_save
from tollgate.actions.payments import create_payment
from tollgate.actions.retention import place_legal_hold
from tollgate.actions.revisions import create_draft, publish_revision
from tollgate.actions.routes import create_ingress_route, create_tag_route
from tollgate.actions.uploads import one_named
from tollgate.core.areas import SHARED_TABLES
from tollgate.panel.audit import TABLES
from tollgate.panel.urls import urlpatterns
from tollgate.store.models import (
    CDR,
    Audit,
    Card,
    CliProof,
    ContactSession,
    Customer,
    DelayedSave,
    IngressRoute,
    InvoiceTemplate,
    Localization,
    PortalDomain,
    Tag,
    Tax,
    User,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
STAFF = ("ann@", "bob@", "nils@", ">Ann<", ">Bob<", ">Nils<", "192.0.2.99")
FOREIGN = (
    *("Acme", "Cirrus", "Carla", "carla@", "acme-carla", "198.51.100.7", "Retail", "World", "Wholesale"),
    *("portal.demo.example", "VAT 19", "Vouching", "Nida letter", "Nida numbers", *STAFF),
)


def resold_addresses() -> Iterator[tuple[str, str, Any]]:
    """The pages of cards and routes with those that a reseller's user may see."""
    known = {"customer_id": Customer.objects.get(name="Corso").pk}
    for card in Card.objects.filter(name__in=("Bought", "Resold")):
        known |= {"card_id": card.pk, "route_id": card.ingress_routes.get().pk}
        for pattern in urlpatterns:
            names = set(pattern.pattern.converters)
            if names & {"card_id", "route_id", "customer_id"} and names <= known.keys():
                values = {key: known[key] for key in names}
                yield str(pattern.name), reverse(f"panel:{pattern.name}", kwargs=values), pattern.callback


@pytest.fixture
def rita(cast: Cast) -> Client:
    """Rita, who works for the reseller Baltic and whose group lets her do and read everything of it."""
    Localization.objects.update(name="Nida numbers")  # words that no page has of its own
    InvoiceTemplate.objects.update(name="Nida letter")
    user, corso = with_rita(cast)
    with acting(Actor("setup", frozenset({"*"}))):
        _resold(cast, corso)
    return logged_in(user)


def _resold(cast: Cast, corso: Customer) -> None:
    """Baltic buys by a card over Cirrus and sells to Corso by one of its own; beside them what is not its to know."""
    new = {"account_id": cast.account.pk, "kind": "customer", "currency": "EUR"}
    bought = create_card(name="Bought", **new)  # type: ignore[arg-type]
    sold = create_card(name="Resold", reseller_id=cast.baltic.pk, **new)  # type: ignore[arg-type]
    publish_revision(card_id=bought.pk, rows=list(RATES), note="Cirrus asked for it")
    create_draft(card_id=bought.pk, rows=[{"prefix": "999", "destination": "Cirrus drafts", "price_nanos": 1}])
    publish_revision(card_id=sold.pk, rows=list(RATES), note="spring list")
    options: Any = [{"card_id": cast.carrier_card.pk}]
    create_ingress_route(customer_id=cast.baltic.pk, name="Over Cirrus", card_id=bought.pk, options=options)
    create_ingress_route(customer_id=corso.pk, name="Corso calls", card_id=sold.pk, options=options)
    tag = Tag.objects.get()
    create_tag_route(tag_id=tag.pk, name="Gold by Cirrus", card_id=cast.customer_card.pk, options=options)


def test_a_resellers_user_finds_nothing_of_others_anywhere(cast: Cast, rita: Client) -> None:
    with acting(Actor(cast.ann.email, frozenset({"*"}), "x", "user", cast.ann.pk)):  # it waits for one of her forms
        later = {"ingress_route_id": IngressRoute.objects.get(name="Corso calls").pk, "options": []}
        delay_save(act="update_ingress_route", arguments=later, due_at=datetime.now(UTC) + DAY)
        ticked = {"account_id": cast.account.pk, "record_ids": [cast.acme.pk], "changes": {"channels": 3}}
        start_bulk_edit(noun="customer", **ticked)

    def reads(address: str) -> None:
        answer = rita.get(address, follow=True)
        assert answer.status_code in (200, 403, 404, 405), address
        text = b"".join(answer).decode() if answer.streaming else answer.content.decode()  # type: ignore[arg-type]
        shown = [words for words in FOREIGN if words in text.replace(address, "")]
        assert not shown, (address, shown)

    own = OWN | PUBLIC | {"search"}
    for name, address, _ in [*addresses(cast), *resold_addresses()]:
        if name not in own:
            reads(address)
            reads(f"{address}?export=csv")
    assert "Corso" in rita.get("/customers/").content.decode()
    assert rita.get("/search/?q=Cor").status_code == 302
    route = IngressRoute.objects.get(name="Corso calls")
    assert "/circuits/" not in rita.get(f"/routes/{route.pk}/").content.decode(), "no button that is refused to her"
    for words in ("Acm", "Cirr", "198.51.100.7", "charged@edge", "acme-carla"):
        assert "No" in rita.get("/search/", {"q": words}).content.decode()


def test_a_room_is_offered_only_to_who_may_say_where_it_stands(cast: Cast, ann: Client, rita: Client) -> None:
    corso = Customer.objects.get(name="Corso")
    auth, new = (f"/customers/{corso.pk}/{page}/" for page in ("auth", "conference-rooms/new"))
    for client, offered in ((ann, True), (rita, False)):
        page = client.get(auth).content.decode()
        assert "Conference rooms" in page
        assert ("Add a room" in page) is offered
        assert client.get(new).status_code == (200 if offered else 403)
    assert "Ask for one where you buy" in rita.get("/conference-rooms/").content.decode()


def test_a_resellers_user_sees_calls_of_its_customers_as_they_were_sold(cast: Cast, rita: Client) -> None:
    corso = Customer.objects.get(name="Corso")
    cdr = CDR.objects.get(pk=CHARGED_ID)
    cdr.pk, cdr.customer, cdr.edge_call_id = 9001, corso, "of-corso"
    cdr.save(force_insert=True)
    pages = [f"/customers/{corso.pk}/", "/cdrs/?f.from=2026-01-01T00:00"]
    pages += [f"/customers/{corso.pk}/{part}/" for part in ("cdrs", "payments", "contacts", "audit", "auth")]
    for address in [*pages, f"/customers/{corso.pk}/cdrs/?export=csv"]:
        answer = rita.get(address)
        assert answer.status_code == 200, address
        text = b"".join(answer).decode() if answer.streaming else answer.content.decode()  # type: ignore[arg-type]
        assert not [words for words in (*FOREIGN, "Profit", "Carrier cost") if words in text], address
    assert "442079460001" in rita.get(f"/customers/{corso.pk}/cdrs/").content.decode()


def test_a_resellers_user_is_not_told_who_of_the_operator_did_something(cast: Cast, rita: Client) -> None:
    corso = Customer.objects.get(name="Corso")
    ann = Actor(cast.ann.email, frozenset({"*"}), "asked", "user", cast.ann.pk, "192.0.2.99")
    with acting(ann):
        update_customer(customer_id=corso.pk, reference="PO 1")
        delay_save(
            act="update_customer", arguments={"customer_id": corso.pk, "channels": 3}, due_at=datetime.now(UTC) + DAY
        )
        note = add_customer_note(customer_id=corso.pk, text="Calls back")
        cli = add_verified_cli(customer_id=corso.pk, number="+37061234569")
        money = create_payment(customer_id=corso.pk, amount_micros=5_000_000)
        carl = create_contact(customer_id=corso.pk, email="carl@corso.example", first_name="Carl")
        proof = CliProof.objects.create(
            customer=corso, number="37061234570", way="sms", state="waiting", expires_at=datetime.now(UTC) + DAY
        )
        decide_cli_proof(cli_proof_id=proof.pk, approved=False)
    ContactSession.objects.create(
        contact=carl, key_hash="x", user_id=cast.ann.pk, user_name=cast.ann.email, user_epoch=0, ip="192.0.2.99"
    )
    of_note = Audit.objects.get(table_name="customer_note", row_id=note.pk)
    pages = [f"/customers/{corso.pk}/{part}" for part in ("", "audit/", "edit/", "payments/", "auth/")]
    pages += ["/audit/", f"/audit/{of_note.pk}/", "/clis/", f"/clis/{cli.pk}/", f"/payments/{money.pk}/", "/delays/"]
    pages += [f"/delays/{DelayedSave.objects.get().pk}/", f"/contacts/{carl.pk}/sessions/", "/customers/"]
    pages += [f"/clis/codes/{proof.pk}/"]
    decided = Audit.objects.filter(table_name="cli_proof", row_id=proof.pk).latest("id")
    pages += [f"/audit/{decided.pk}/"]
    for address in [*pages, "/audit/?export=csv", f"/customers/{corso.pk}/audit/?export=csv", "/delays/?export=csv"]:
        answer = rita.get(address)
        assert answer.status_code == 200, address
        text = b"".join(answer).decode() if answer.streaming else answer.content.decode()  # type: ignore[arg-type]
        assert not [words for words in STAFF if words in text], address
    assert "Operator" in rita.get(f"/customers/{corso.pk}/audit/").content.decode()
    everything = rita.get("/audit/?f.actor=nobody&f.ip=203&c.actor=nobody").content.decode()
    assert f"/audit/{of_note.pk}/" in everything, "no filter tells who it was"
    rita.post(f"/customers/{corso.pk}/notes/new/", {"text": "Mine"})
    assert "rita@baltic.example" in rita.get("/audit/").content.decode(), "those of the reseller have their names"


def test_the_log_tells_a_resellers_user_of_shared_areas_alone(cast: Cast, ann: Client, rita: Client) -> None:
    corso = Customer.objects.get(name="Corso")
    with acting(Actor(cast.ann.email, frozenset({"*"}), "asked", "user", cast.ann.pk)):
        route = create_ingress_route(customer_id=corso.pk, card_id=cast.customer_card.pk, name="Main")
        later = {"due_at": datetime.now(UTC) + DAY}
        of_route = delay_save(
            act="update_ingress_route", arguments={"ingress_route_id": route.pk, "channels": 7}, **later
        )
        own = delay_save(act="update_customer", arguments={"customer_id": corso.pk, "channels": 3}, **later)
        hold = place_legal_hold(customer_id=corso.pk, reason="Court file 7")
    hidden = Audit.objects.filter(customer_id=corso.pk, table_name__in=("ingress_route", "legal_hold"))
    assert {row.table_name for row in hidden} == {"ingress_route", "legal_hold"}
    for row in hidden:
        assert (ann.get(f"/audit/{row.pk}/").status_code, rita.get(f"/audit/{row.pk}/").status_code) == (200, 404)
    for address in ("/audit/", f"/customers/{corso.pk}/audit/", "/audit/?export=csv"):
        answer = rita.get(address)
        text = b"".join(answer).decode() if answer.streaming else answer.content.decode()  # type: ignore[arg-type]
        assert "Corso" in text
        assert hold.reason not in text, address
    assert hold.reason in ann.get(f"/customers/{corso.pk}/audit/").content.decode()
    for saved, status in ((own, 200), (of_route, 404)):
        page = f"/delays/{saved.pk}/"
        assert (ann.get(page).status_code, rita.get(page).status_code) == (200, status)
    user = User.objects.get(email="rita@baltic.example")
    held = Actor(user.email, frozenset({"*"}), kind="user", id=user.pk, reach=frozenset({corso.pk}))
    with acting(held), pytest.raises(NotFound):
        cancel_delayed_save(delayed_save_id=of_route.pk)
    assert {"customer", "contact", "payment"} <= SHARED_TABLES <= set(TABLES)


def test_names_are_looked_for_once_however_many_notes_a_page_has(cast: Cast, rita: Client) -> None:
    corso = Customer.objects.get(name="Corso")
    page, counts = f"/customers/{corso.pk}/", []
    rita.get(page)  # a session's first page asks more
    for _ in range(2):
        with acting(Actor(cast.ann.email, frozenset({"*"}), kind="user", id=cast.ann.pk)):
            for text in ("Calls back", "Paid", "Moved"):
                add_customer_note(customer_id=corso.pk, text=text)
        with CaptureQueriesContext(connection) as asked:
            assert rita.get(page).content.decode().count("Operator") >= 3
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_a_resellers_user_names_no_record_of_the_operator_in_a_customer(cast: Cast, rita: Client) -> None:
    corso = Customer.objects.get(name="Corso")
    form = rita.get(f"/customers/{corso.pk}/edit/").context["form"]
    assert "tag_ids" not in form.fields
    managers = dict(form.fields["account_manager_id"].choices)
    assert list(managers.values()) == ["None", "Rita"]
    foreign = {
        "account_manager_id": cast.ann.pk,
        "domain_id": PortalDomain.objects.get().pk,
        "localization_id": Localization.objects.get().pk,
        "invoice_template_id": InvoiceTemplate.objects.get().pk,
        "tag_ids": [Tag.objects.get().pk],
        "tax_ids": [Tax.objects.get().pk],
    }
    user = User.objects.get(email="rita@baltic.example")
    actor = Actor(
        user.email, frozenset({"*"}), kind="user", id=user.pk, reseller_id=cast.baltic.pk, reach=frozenset({corso.pk})
    )
    with acting(actor):
        for name, value in foreign.items():
            with pytest.raises(Invalid) as refused:
                update_customer(customer_id=corso.pk, **{name: value})
            assert list(refused.value.errors) == [name]
            with pytest.raises(Invalid):
                create_customer(
                    account_id=cast.account.pk, name="Elba", currency="USD", parent_id=cast.baltic.pk, **{name: value}
                )
        update_customer(customer_id=corso.pk, account_manager_id=user.pk)
        for field, text in (
            ("account_manager_id", "Ann"),
            ("domain_id", "portal.demo.example"),
            ("tag_ids", "Wholesale"),
        ):
            with pytest.raises(Invalid, match="There is no"):  # of a file: as if there were none
                one_named(field, cast.account.pk, text)
        assert one_named("account_manager_id", cast.account.pk, "Rita") == user.pk
    with acting(Actor("setup", frozenset({"*"}))):  # what the operator gives stays, and what the reseller has is known
        update_customer(customer_id=corso.pk, account_manager_id=cast.ann.pk, tag_ids=foreign["tag_ids"])
        update_customer(customer_id=cast.baltic.pk, domain_id=foreign["domain_id"])
    page = rita.get(f"/customers/{corso.pk}/edit/")
    assert "Ann" in dict(page.context["form"].fields["account_manager_id"].choices).values()
    with acting(actor):
        changed = update_customer(
            customer_id=corso.pk,
            account_manager_id=cast.ann.pk,
            tag_ids=foreign["tag_ids"],
            domain_id=foreign["domain_id"],
        )
        with pytest.raises(Invalid, match="leave them as they are"):
            update_customer(customer_id=corso.pk, tag_ids=[])
    assert changed.tag_ids == foreign["tag_ids"]


def test_a_resellers_user_changes_nothing_of_others(cast: Cast, rita: Client) -> None:
    def everything() -> list[tuple[str, int]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT table_name, row_id FROM audit WHERE actor = 'rita@baltic.example' AND table_name <> 'app_user'"
            )
            return cursor.fetchall()

    for name, address, view in addresses(cast):
        if hasattr(view, "act") and name not in OWN:
            answer = rita.post(address, {"name": "Taken", "confirmation": "Acme", "amount_micros": "5", "key": "k"})
            assert answer.status_code in (302, 403, 404, 405, 422), name
    assert everything() == []


def test_a_resellers_user_makes_customers_below_the_reseller_only(cast: Cast, rita: Client) -> None:
    form = {"name": "Duna", "currency": "EUR", "status": "active", "channels": "0", "cps_milli": "0"}
    defaults = rita.get("/customers/new/").context["form"]
    shown = {name: defaults[name].value() for name in defaults.fields}
    given = {name: value for name, value in shown.items() if value is not None and value is not False} | form
    rita.post("/customers/new/", {**given, "parent_id": "Baltic"})
    assert cast.baltic.children.filter(name="Duna").exists()
    for parent_id in ("", "Acme", str(cast.acme.pk)):
        rita.post("/customers/new/", {**given, "name": "Elba", "parent_id": parent_id})
    assert not Customer.objects.filter(name="Elba").exists()
