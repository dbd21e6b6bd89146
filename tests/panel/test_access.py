"""Claims about who may open and press what, walking every address of the panel as everybody who should not."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, reverse

from tests.panel.cast import CHARGED_ID, LIVE_ID, PASSWORD, RATES, Cast
from tests.panel.conftest import logged_in
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
from tollgate.actions.users import create_user, create_user_group
from tollgate.core.areas import AREAS, SHARED_TABLES, area_of_page
from tollgate.panel.audit import TABLES
from tollgate.panel.texts import digest_of
from tollgate.panel.urls import urlpatterns
from tollgate.store.models import (
    CDR,
    AccessNumber,
    AccountPackage,
    Agreement,
    Alert,
    Alias,
    Audit,
    Card,
    CarrierDispute,
    CarrierFile,
    CarrierStatement,
    CircuitTest,
    CliProof,
    CliRule,
    ConferenceRoom,
    ContactSession,
    Customer,
    CustomerNote,
    CustomerPackage,
    CustomPage,
    DelayedSave,
    DunningStep,
    ExchangeRate,
    IngressRoute,
    Invoice,
    InvoiceLine,
    InvoiceTemplate,
    LegalHold,
    Localization,
    MailSettings,
    Message,
    NumberBlock,
    Package,
    Payment,
    PaymentEvent,
    PaymentGateway,
    PortalDomain,
    Recalculation,
    SavedReport,
    SignInProvider,
    SmsSettings,
    Tag,
    Task,
    Tax,
    Template,
    User,
    VerifiedCli,
    Voucher,
    VoucherBatch,
    Webhook,
    WebhookDelivery,
)

pytestmark = pytest.mark.django_db
OWN = {
    "me",
    "theme",
    "remember",
    "views",
    "own_password",
    "own_email",
    "recovery_codes",
    "help",
    "help_page",
    "help_picture",
}  # everybody's, whatever the groups
MEMBERS = {
    "dashboard",
    "search",
    "suggestions",
    "shown_page",
    "token_new",
    "token_revoke",
}  # any group's; each shows only what may be read
PUBLIC = {"forgot", "set_password", "confirm_email", "confirm_login_email"}
NOT_HERE = {
    "call_recording",
    "card_check",
    "carrier_file_check",
    "upload",
    "upload_check",
    "bulk_edit",
    "bulk_delete",
}  # they need a file: test_cards.py, test_calls.py
DAY = timedelta(days=1)
STAFF = ("ann@", "bob@", "nils@", ">Ann<", ">Bob<", ">Nils<", "192.0.2.99")
STRICTER_POLICY = "default-src 'none'"  # of files that people brought
EXAMPLES = re.compile(r"<(textarea|pre|code)\b.*?</\1>|&lt;.*?&gt;", re.DOTALL)  # text, whatever it looks like
FOREIGN = (
    *("Acme", "Cirrus", "Carla", "carla@", "acme-carla", "198.51.100.7", "Retail", "World", "Wholesale"),
    *("portal.demo.example", "VAT 19", "Nida letter", "Nida numbers", *STAFF),
)


def addresses(cast: Cast) -> Iterator[tuple[str, str, Any]]:
    """Every address with records of the cast in it: its name, the address, its view. Unknown ids are 1."""
    known = {
        "customer_id": cast.acme.pk, "contact_id": cast.contact.pk, "endpoint_id": cast.ip_endpoint.pk,
        "route_id": cast.route.pk, "carrier_id": cast.cirrus.pk, "gateway_id": cast.gateway.pk,
        "card_id": cast.customer_card.pk, "call_id": LIVE_ID, "user_id": cast.ann.pk, "group_id": cast.group.pk,
        "message_id": Message.objects.earliest("id").pk, "key": "set_password", "language": "en", "block": "company",
        "mail_settings_id": MailSettings.objects.get().pk, "sms_settings_id": SmsSettings.objects.get().pk,
        "digest": digest_of("Cancel"),
        "template_id": Template.objects.get().pk, "audit_id": Audit.objects.earliest("id").pk,
        "payment_id": Payment.objects.get().pk, "payment_gateway_id": PaymentGateway.objects.get().pk,
        "payment_event_id": PaymentEvent.objects.get().pk, "voucher_batch_id": VoucherBatch.objects.get().pk,
        "voucher_id": Voucher.objects.earliest("id").pk,
        "conference_room_id": ConferenceRoom.objects.get().pk,
        "block_id": NumberBlock.objects.get().pk, "access_number_id": AccessNumber.objects.get().pk,
        "sold_package_id": Package.objects.get().pk, "customer_package_id": CustomerPackage.objects.get().pk,
        "task_id": _first(Task), "delayed_save_id": _first(DelayedSave), "noun": "customer",
        "package_id": _first(AccountPackage), "number": Agreement.objects.count() or 1,
        "edge_id": cast.edge.pk, "note_id": CustomerNote.objects.get().pk, "cli_id": VerifiedCli.objects.get().pk,
        "alias_id": Alias.objects.get().pk,
        "cli_rule_id": CliRule.objects.get().pk, "cli_proof_id": CliProof.objects.get().pk,
        "span": "day", "report_id": SavedReport.objects.get().pk,
        "tag_id": Tag.objects.get().pk, "localization_id": Localization.objects.get().pk,
        "provider_id": SignInProvider.objects.get().pk,
        "webhook_id": Webhook.objects.get().pk, "delivery_id": WebhookDelivery.objects.earliest("id").pk,
        "alert_id": Alert.objects.get().pk, "step_id": DunningStep.objects.get().pk,
        "domain_id": PortalDomain.objects.get().pk, "invoice_id": Invoice.objects.earliest("id").pk,
        "line_id": InvoiceLine.objects.earliest("id").pk, "tax_id": Tax.objects.earliest("id").pk,
        "invoice_template_id": InvoiceTemplate.objects.earliest("id").pk,
        "exchange_rate_id": ExchangeRate.objects.earliest("id").pk,
        "kind": "invoice", "page": "how-to/connect-a-customer", "name": "call.png",
        "first": "2026-01-01", "program": "xero", "last": "2026-01-31",
        "recalculation_id": Recalculation.objects.get().pk,
        "statement_id": CarrierStatement.objects.get().pk, "file_id": CarrierFile.objects.get().pk,
        "dispute_id": CarrierDispute.objects.get().pk,
        "custom_page_id": CustomPage.objects.get_or_create(account=cast.account, name="Acme first")[0].pk,
        "circuit_test_id": CircuitTest.objects.get_or_create(
            account=cast.account, asked_by=cast.ann.email, defaults={"number": "442079460001", "state": "done"}
        )[0].pk,
        "legal_hold_id": LegalHold.objects.get_or_create(
            customer=cast.baltic, released_at=None, defaults={"reason": "case 7", "placed_by": "Ann"}
        )[0].pk,
    }  # fmt: skip
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        wanted = pattern.pattern.converters
        values = {key: known.get(key, 1 if "Int" in type(kind).__name__ else "x") for key, kind in wanted.items()}
        yield str(pattern.name), reverse(f"panel:{pattern.name}", kwargs=values), pattern.callback


def _first(model: type[Any]) -> int:
    """The id of a record that some tests make; of others 1, which is none."""
    known: int | None = model.objects.order_by("pk").values_list("pk", flat=True).first()
    return known or 1


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


def guarded(cast: Cast) -> Iterator[tuple[str, str, Any]]:
    """The addresses that a group opens."""
    return (row for row in addresses(cast) if row[0] not in OWN | PUBLIC | MEMBERS)


def test_nobody_is_sent_to_the_login(cast: Cast) -> None:
    for name, address, _ in addresses(cast):
        for answer in (Client().get(address), Client().post(address)):
            if name not in PUBLIC and answer.status_code != 405:
                assert answer.status_code == 302, name
                assert answer["Location"].startswith("/account/login/"), name


def test_every_page_opens_for_ann(cast: Cast, ann: Client) -> None:
    opened, policy = 0, ann.get("/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    for name, address, _ in addresses(cast):
        answer = ann.get(address)
        assert answer["Content-Security-Policy"] in (policy, STRICTER_POLICY), name
        assert answer.status_code in ({200, 302, 405} | ({404} if "/1/" in address or name in NOT_HERE else set())), (
            name
        )
        opened += answer.status_code == 200
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            own = EXAMPLES.sub("", answer.content.decode())
            assert not re.search(r"<style| style=| on[a-z]+=", own), name
    assert opened > 60
    assert ann.get(reverse("panel:call", args=[CHARGED_ID])).status_code == 200
    assert ann.get(reverse("panel:endpoint", args=[cast.sip_user.pk])).status_code == 200


def test_bob_reads_and_changes_nothing(cast: Cast, bob: Client) -> None:
    reading = {"customers", "customer", "card", "call", "live_calls", "audit", "customer_edit", "route"}
    seen, refused = set(), 0
    for name, address, view in guarded(cast):
        if bob.get(address).status_code == 200:
            seen.add(name)
        if hasattr(view, "act"):
            assert bob.post(address).status_code in (403, 405), name
            refused += 1
    assert reading <= seen
    assert refused > 50
    assert not {name for name in seen if "_new" in name or "import" in name or name == "customer_top_up"}


def test_a_reader_sees_no_button_that_writes(cast: Cast, bob: Client) -> None:
    for address in ("/customers/", f"/customers/{cast.acme.pk}/", f"/carriers/{cast.cirrus.pk}/", "/users/", "/live/"):
        page = bob.get(address).content.decode()
        for words in ("Add a", "Top up", "Import prices", "End call", "Delete this"):
            assert words not in page, (address, words)
    assert "Save" not in bob.get(f"/customers/{cast.acme.pk}/edit/").content.decode()


def test_a_user_without_a_group_sees_nothing(cast: Cast) -> None:
    nils = logged_in(cast.nils)
    for name, address, _ in addresses(cast):
        if name not in OWN | PUBLIC:
            assert nils.get(address).status_code in (403, 405), name
            assert nils.post(address).status_code in (403, 405), name
    assert nils.get("/me/").status_code == 200


def test_every_page_is_of_an_area() -> None:
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        if str(pattern.name) not in OWN | PUBLIC | MEMBERS:
            assert area_of_page(pattern.callback.__module__) in AREAS, pattern.name


@pytest.fixture
def rita(cast: Cast) -> Client:
    """Rita, who works for the reseller Baltic and whose group lets her do and read everything of it."""
    Localization.objects.update(name="Nida numbers")  # words that no page has of its own
    InvoiceTemplate.objects.update(name="Nida letter")
    with acting(Actor("setup", frozenset({"*"}))):
        corso = create_customer(account_id=cast.account.pk, name="Corso", currency="EUR", parent_id=cast.baltic.pk)
        _resold(cast, corso)
        group = create_user_group(name="Resellers", acts=["*"], areas=["*"])
        user = create_user(
            name="Rita",
            email="rita@baltic.example",
            password=PASSWORD,
            group_ids=[group.pk],
            reseller_id=cast.baltic.pk,
        )
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
    rita.post("/customers/new/", {**given, "parent_id": str(cast.baltic.pk)})
    assert cast.baltic.children.filter(name="Duna").exists()
    for parent_id in ("", str(cast.acme.pk)):
        rita.post("/customers/new/", {**given, "name": "Elba", "parent_id": parent_id})
    assert not Customer.objects.filter(name="Elba").exists()
