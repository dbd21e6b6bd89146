"""Claims about reading by the API: pages, filters, fields, and what a reseller's token never sees."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.caller import Api, fields_of
from tests.panel.cast import CHARGED_ID, LIVE_ID, PASSWORD, REFUSED_ID, Cast
from tollgate.actions import records
from tollgate.actions.acts import Actor, acting
from tollgate.actions.cards import create_card
from tollgate.actions.clis import add_verified_cli
from tollgate.actions.contacts import create_contact, delete_contact
from tollgate.actions.customer_notes import add_customer_note
from tollgate.actions.payments import create_payment
from tollgate.actions.postings import wallet_of
from tollgate.actions.retention import place_legal_hold
from tollgate.actions.revisions import create_draft, publish_revision
from tollgate.actions.routes import create_ingress_route
from tollgate.actions.tags import create_tag, delete_tag
from tollgate.actions.users import create_user, create_user_group
from tollgate.api.noun_rows import Noun, all_fields
from tollgate.api.nouns import NOUNS
from tollgate.store.models import (
    CDR,
    AccountCharge,
    AccountPackage,
    Agreement,
    AgreementAcceptance,
    Alert,
    AlertEvent,
    AlertState,
    Allocation,
    Audit,
    AutoTopUp,
    BankLine,
    BankRun,
    CarrierDispute,
    CarrierDisputeNote,
    CarrierStatement,
    CarrierSum,
    ChangeRequest,
    Charge,
    CircuitTest,
    ContactSession,
    Customer,
    CustomerHold,
    CustomPage,
    DelayedSave,
    DeletedRecord,
    Department,
    Did,
    DunningEvent,
    DunningStep,
    Entry,
    Invoice,
    JournalCode,
    LegalHold,
    Mandate,
    Message,
    OwnText,
    Payment,
    PaymentEvent,
    PaymentGateway,
    Pin,
    Recording,
    RecordingSpace,
    SavedView,
    SignInLink,
    SignInProvider,
    Task,
    TaskRow,
    VatCheck,
    Voucher,
    VoucherBatch,
)

SINCE = {"since": "2020-01-01T00:00:00Z"}
pytestmark = pytest.mark.django_db
SUMS = ("our_calls", "our_duration_s", "their_micros", "our_micros", "difference_micros")
FOREIGN = ("Acme", "Cirrus", "Carla", "carla@", "acme-carla", "198.51.100.7", "Retail", "World", "ann@demo")


def foreign_ids(cast: Cast) -> dict[str, int]:
    """A record of each noun that is none of the reseller Baltic's customers': of most nouns the first one."""
    _filled(cast)
    paid = _paid(cast)
    return {noun.name: _first(noun) for noun in NOUNS} | {
        "customers": cast.acme.pk, "contacts": cast.contact.pk, "endpoints": cast.ip_endpoint.pk,
        "cdrs": CHARGED_ID, "calls": LIVE_ID, "users": cast.ann.pk, **paid,
        "wallets": wallet_of(cast.acme).pk, "audit": Audit.objects.filter(customer_id=cast.acme.pk).latest("id").pk,
    }  # fmt: skip


def _first(noun: Noun) -> int:
    assert noun.model._default_manager.exists(), noun.name
    found: int = noun.model._default_manager.order_by("pk").values_list("pk", flat=True)[0]
    return found


def _filled(cast: Cast) -> None:
    """One of what the cast has none of."""
    at = datetime.now(UTC)
    account, acme = {"account": cast.account}, {"customer": cast.acme}
    compared = CarrierStatement.objects.earliest("id")
    made: dict[Any, dict[str, Any]] = {
        LegalHold: {**acme, "released_at": None},
        CustomerHold: {**account, **acme, "cause": "dunning", "status": "inactive", "from_at": at},
        Charge: {**account, **acme, "kind": "fee", "key": "k", "description": "F", "from_on": at, "until_on": at,
                 "unit_price_nanos": 0, "amount_micros": 0, "currency": "EUR", "at": at},
        VatCheck: {**acme, "number": "LT1", "state": "queued", "next_at": at, "asked_at": at},
        AccountCharge: {**account, "on": at, "what": "calls", "used": 1, "price_nanos": 0, "amount_micros": 0,
                        "currency": "EUR"},
        Agreement: {**account, "number": 1, "title": "T", "text": "t", "sha256": "0" * 64, "published_at": at},
        ContactSession: {"contact": cast.contact, "key_hash": "k" * 64, "ip": "203.0.113.9"},
        ChangeRequest: {**account, "proposed": {"city": "Vilnius"}, "asked_by": "ann"},
        DelayedSave: {**account, **acme, "act": "update_customer", "arguments": {}, "before": {}, "after": {},
                      "table_name": "customer",
                      "row_id": cast.acme.pk, "title": "T", "due_at": at, "author_id": cast.ann.pk, "author": "ann"},
        Did: {**account, **acme, "number": "442071838750", "card": cast.customer_card},
        Task: {**account, "kind": "upload", "author_id": cast.ann.pk},
        Recording: {**acme, "call_id": CHARGED_ID, "folder": "f", "size_bytes": 44},
        DeletedRecord: {**account, **acme, "table_name": "alias", "record_id": 1, "author": "ann", "sealed": "s"},
        SavedView: {"user": cast.ann, "grid": "customers", "name": "Kept"},
        AlertState: {"alert": Alert.objects.earliest("id"), **acme},
        CarrierDisputeNote: {"dispute": CarrierDispute.objects.earliest("id"), "author": "ann", "text": "T"},
        CarrierSum: {"statement": compared, "run": compared.run, "kind": "equal", "destination": "D",
                     "currency": "EUR", **dict.fromkeys(SUMS, 0)},
        AlertEvent: {"alert": Alert.objects.earliest("id"), "kind": "fired", "at": at},
        DunningEvent: {**account, **acme, "invoice": Invoice.objects.earliest("id"),
                       "step": DunningStep.objects.earliest("id"), "action": "remind", "at": at},
        Pin: {**acme, "mark": 1},
        CircuitTest: {**account, "number": "4420", "asked_by": "ann"},
        CustomPage: {**account, "name": "Who to call"},
        Department: {**account, "key": "field", "name": "Field"},
        OwnText: {**account, "language": "en", "message": "Save", "text": "Keep"},
        SignInLink: {"provider": SignInProvider.objects.get(), "subject": "a-1", "user": cast.ann},
        JournalCode: {**account, "place": "revenue", "code": "4000"},
        AccountPackage: {**account, "kind": "other", "name": "P", "unit": "day", "basis": "unit_day", "price_nanos": 0,
                         "quantity": 1, "starts_on": at},
    }  # fmt: skip
    for model, fields in made.items():
        if not model.objects.exists():
            model.objects.create(**fields)
    agreed = {"by": "ann", "sha256": "0" * 64}
    AgreementAcceptance.objects.get_or_create(agreement=Agreement.objects.earliest("id"), defaults=agreed)
    if not TaskRow.objects.exists():
        TaskRow.objects.create(task=Task.objects.earliest("id"), number=1, state="waiting")


def _paid(cast: Cast) -> dict[str, int]:
    """Acme's payment, what it settles, its stored card, and by what customers pay."""
    paid, gateway = Payment.objects.get(customer=cast.acme), PaymentGateway.objects.get()
    owner: dict[str, Any] = {"account": cast.account, "customer": cast.acme}
    settled: dict[str, Any] = {
        "account": cast.account,
        "payment": paid,
        "invoice": Invoice.objects.earliest("id"),
        "amount_micros": 0,
    }
    card, _ = AutoTopUp.objects.get_or_create(**owner, gateway=gateway, method_sealed="x", method_label="Visa 4242")
    return {
        "payments": paid.pk, "allocations": Allocation.objects.get_or_create(**settled)[0].pk, "auto-top-ups": card.pk,
        "payment-gateways": gateway.pk, "payment-events": PaymentEvent.objects.earliest("id").pk,
        "mandates": Mandate.objects.get().pk, "bank-runs": BankRun.objects.get().pk,
        "bank-lines": BankLine.objects.get().pk,
        "voucher-batches": VoucherBatch.objects.get().pk, "vouchers": Voucher.objects.earliest("id").pk,
    }  # fmt: skip


def test_every_noun_is_listed_and_read_with_the_same_fields(cast: Cast, ann: Api) -> None:
    ids = foreign_ids(cast)
    for noun in NOUNS:
        listed = ann.get(noun.name, SINCE if noun.ranged else {})
        assert listed.status_code == 200, noun.name
        row = next(row for row in listed.json()["data"] if row["id"] == ids[noun.name])
        read = ann.get(f"{noun.name}/{row['id']}")
        assert read.json() == row
        assert set(row) == set(all_fields(noun))
        assert read.headers.get("ETag") == (f'"{row["version"]}"' if "version" in row else None)


def test_a_customer_tells_the_room_that_its_recordings_take(cast: Cast, ann: Api) -> None:
    RecordingSpace.objects.create(customer=cast.acme, files_count=2, size_bytes=1_288_490_189)
    rows = ann.get("customers", {"fields": "id,recordings_bytes"}).json()["data"]
    assert {row["id"]: row["recordings_bytes"] for row in rows} == {cast.acme.pk: 1_288_490_189, cast.baltic.pk: 0}


def test_no_secret_is_a_field(cast: Cast, ann: Api) -> None:
    told = {name for noun in NOUNS for name in all_fields(noun)}
    assert not told & records.SECRETS
    assert not {name for name in told if name.endswith(("_hash", "_sealed", "_hashes"))}
    secret = Message.objects.earliest("id")
    Message.objects.filter(pk=secret.pk).update(secret=True, text="https://link/of-one")
    assert "of-one" not in ann.get("messages").content.decode()
    assert "of-one" not in ann.act("retry_message", message_id=secret.pk).content.decode()
    Message.objects.filter(pk=secret.pk).update(secret=False)
    assert "of-one" in ann.get(f"messages/{secret.pk}").json()["body"]


def test_a_cursor_walks_every_record_once(cast: Cast, ann: Api) -> None:
    ann.act("top_up", customer_id=cast.acme.pk, amount_micros=10_000)
    for noun, model in (("cdrs", CDR), ("entries", Entry)):
        ids, cursor = [], ""
        while cursor is not None:
            page = ann.get(noun, {**SINCE, "limit": 1, "cursor": cursor, "fields": "id"}).json()
            assert all(set(row) == {"id"} for row in page["data"])
            ids += [row["id"] for row in page["data"]]
            cursor = page["next"]
        assert len(ids) == len(set(ids)) == model.objects.count() > 1  # type: ignore[attr-defined]  # both have them
    cursor = ann.get("cdrs", {**SINCE, "limit": 1}).json()["next"]
    for bad in (f"{cursor}x", "nonsense"):
        assert fields_of(ann.get("cdrs", {**SINCE, "cursor": bad})) == {("cursor", "invalid")}
    assert fields_of(ann.get("entries", {"cursor": cursor})) == {("cursor", "invalid")}, "of another list"


def test_filters_and_bounds_find_and_unknown_ones_are_refused(cast: Cast, ann: Api) -> None:
    def ids(noun: str, **query: object) -> list[int]:
        return [row["id"] for row in ann.get(noun, query).json()["data"]]

    assert ids("customers", name="Acme") == [cast.acme.pk]
    assert ids("customers", is_reseller="true") == [cast.baltic.pk]
    assert ids("cdrs", state="refused", customer_id=cast.acme.pk, **SINCE) == [REFUSED_ID]
    moment = ann.get(f"cdrs/{REFUSED_ID}").json()["started_at"]
    assert moment.endswith("Z")
    assert ids("cdrs", since=moment) == [REFUSED_ID]
    assert ids("cdrs", before=moment, **SINCE) == [CHARGED_ID]
    assert ids("entries", wallet_kind="customer", owner_id=cast.baltic.pk) == []
    bad = {"color": "red", "is_reseller": "perhaps", "parent_id": "9" * 30, "name": "\0", "limit": "0", "fields": "ha1"}
    assert {name for name, _ in fields_of(ann.get("customers", bad))} == set(bad)
    assert fields_of(ann.get("cdrs", {"since": "yesterday"})) == {("since", "invalid")}
    assert fields_of(ann.get("cdrs", {"before": moment})) == {("since", "required")}, "calls have no end"
    assert fields_of(ann.get("exchange-rates", {"on": "soon"})) == {("on", "invalid")}
    assert ann.get(f"customers/{10**30}").status_code == 404
    customer = ann.get(f"customers/{cast.acme.pk}").json()
    assert (customer["balance_micros"], customer["currency"]) == (25_000_000, "EUR")


@pytest.mark.parametrize(
    "address",
    ["customers?limit=1&limit=2", "customers/1?fields=id&fields=name", "acts/update_customer?reason=a&reason=b"],
)
def test_what_an_address_says_twice_is_refused(cast: Cast, ann: Api, address: str) -> None:
    answer = ann.post(address, "{}") if address.startswith("acts/") else ann.get(address)
    assert answer.status_code == 422
    assert fields_of(answer) == {(address.partition("?")[2].partition("=")[0], "invalid")}


def test_what_a_mandate_may_still_collect_and_a_file_still_waits_for_is_told(cast: Cast, ann: Api) -> None:
    mandate = Mandate.objects.get()
    assert [row["standing"] for row in ann.get("mandates?standing=active").json()["data"]] == ["active"]
    BankLine.objects.update(sequence="FNAL")
    assert ann.get("mandates?standing=active").json()["data"] == []
    assert ann.get(f"mandates/{mandate.pk}").json()["standing"] == "used up"
    assert [row["waiting_count"] for row in ann.get("bank-runs").json()["data"]] == [0]
    BankLine.objects.update(state="waiting")
    assert [row["waiting_count"] for row in ann.get("bank-runs").json()["data"]] == [1]


def test_a_resellers_token_reads_nothing_of_others(cast: Cast, rita: Api) -> None:
    ids, opened = foreign_ids(cast), set()
    for noun in NOUNS:
        listed = rita.get(noun.name, SINCE if noun.ranged else {})
        open_to_them = noun.customer or noun.seen
        assert listed.status_code == (200 if open_to_them else 403), noun.name
        assert not [words for words in FOREIGN if words in listed.content.decode()], noun.name
        one = rita.get(f"{noun.name}/{ids[noun.name]}")
        assert one.status_code == (404 if open_to_them else 403), noun.name
        opened |= {noun.name} if listed.status_code == 200 else set()
    assert opened == {
        *("customers", "customer-notes", "contacts", "endpoints", "number-blocks", "verified-clis", "cdrs", "calls"),
        *("aliases", "cli-proofs", "cli-rules", "conference-rooms", "contact-sessions", "pins", "tasks", "task-rows"),
        *("wallets", "entries", "payments", "allocations", "auto-top-ups", "delayed-saves", "audit"),
        *("cards", "revisions", "rates", "ingress-routes", "dids", "deleted-records", "saved-views"),
    }
    assert [row["name"] for row in rita.get("customers").json()["data"]] == ["Corso"]
    assert rita.get("cdrs", {**SINCE, "fields": "profit_micros"}).status_code == 422


def test_deleted_records_are_told_to_those_who_read_their_kind(cast: Cast, ann: Api) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        delete_tag(tag_id=create_tag(account_id=cast.account.pk, name="Secret tag").pk)
        delete_contact(contact_id=create_contact(customer_id=cast.acme.pk, email="di@acme.example", first_name="Di").pk)
        group = create_user_group(name="People", acts=[], areas=["tasks", "contacts"])
        eve = Api.of(create_user(name="Eve", email="eve@d.example", password=PASSWORD, group_ids=[group.pk]))
    assert {row["table_name"] for row in ann.get("deleted-records").json()["data"]} == {"tag", "contact"}
    assert [row["table_name"] for row in eve.get("deleted-records").json()["data"]] == ["contact"]
    tag = DeletedRecord.objects.get(table_name="tag").pk
    assert (eve.get(f"deleted-records/{tag}").status_code, ann.get(f"deleted-records/{tag}").status_code) == (404, 200)


def test_a_resellers_token_reads_the_rules_of_its_customers_and_the_jobs_it_began(cast: Cast, rita: Api) -> None:
    corso = Customer.objects.get(name="Corso")
    made = rita.act("create_cli_rule", account_id=cast.account.pk, customer_id=corso.pk, cli="3706.*")
    assert made.status_code == 201, made.json()
    rule = made.json()["result"]
    assert [row["id"] for row in rita.get("cli-rules").json()["data"]] == [rule["id"]]
    given = {"noun": "customer", "record_ids": [corso.pk], "changes": {"channels": 7}}
    begun = rita.act("start_bulk_edit", account_id=cast.account.pk, **given)
    assert begun.status_code == 202, begun.json()
    number = int(begun["Location"].rpartition("/")[2])
    assert rita.get(f"tasks/{number}").json()["id"] == number
    assert [row["record_id"] for row in rita.get("task-rows").json()["data"]] == [corso.pk]


def test_a_resellers_token_reads_and_makes_cards_and_routes_without_a_word_of_carriers(cast: Cast, rita: Api) -> None:
    corso, rows = Customer.objects.get(name="Corso"), [{"prefix": "44", "price_nanos": 50_000_000}]
    with acting(Actor("setup", frozenset({"*"}))):
        bought = create_card(account_id=cast.account.pk, kind="customer", name="Bought", currency="EUR")
        publish_revision(card_id=bought.pk, rows=rows, note="by Cirrus")
        draft = create_draft(card_id=bought.pk, rows=rows)
        options: Any = [{"card_id": cast.carrier_card.pk}]
        above = create_ingress_route(customer_id=cast.baltic.pk, name="R", card_id=bought.pk, options=options)
    new = {"account_id": cast.account.pk, "kind": "customer", "name": "Retail", "currency": "EUR"}
    card = rita.act("create_card", **new).json()["result"]
    assert (card["reseller_id"], "carrier_id" in card) == (cast.baltic.pk, False)
    cheaper = [{"prefix": "44", "price_nanos": 40_000_000}]
    priced = rita.act("publish_revision", card_id=card["id"], rows=cheaper, note="mine")
    assert "Sold for less than Baltic pays by Bought: 44" in priced.json()["warnings"][0]
    notes = {row["card_id"]: row["note"] for row in rita.get("revisions").json()["data"]}
    assert notes == {card["id"]: "mine", bought.pk: ""}
    assert rita.get(f"revisions/{draft.pk}").status_code == 404
    assert rita.get("rates", {"revision_id": str(draft.pk)}).json()["data"] == []
    assert {row["price_nanos"] for row in rita.get("rates").json()["data"]} == {40_000_000, 50_000_000}
    assert {row["name"] for row in rita.get("cards").json()["data"]} == {"Bought", "Retail"}
    given = {"customer_id": corso.pk, "name": "World", "card_id": card["id"]}
    route = rita.act("create_ingress_route", **given).json()["result"]
    assert not {"strategy", "profit_assurance", "route_options", "tag_id"} & route.keys()
    assert [row["id"] for row in rita.get("ingress-routes").json()["data"]] == [route["id"]]
    own = {"ingress_route_id": route["id"]}
    assert rita.act("update_ingress_route", **own, options=options).status_code == 403
    assert rita.act("update_ingress_route", **own, card_id=bought.pk).status_code == 422
    assert rita.act("update_ingress_route", ingress_route_id=above.pk, channels=1).status_code == 404
    late = rita.act("update_ingress_route", **own, version=route["version"] + 1, channels=1)
    assert (late.status_code, "strategy" in late.json()["current"]) == (409, False)
    assert "strategy" in Api.of(cast.ann).get(f"ingress-routes/{route['id']}").json()


def test_a_resellers_token_is_not_told_who_of_the_operator_did_something(cast: Cast, rita: Api) -> None:
    corso = Customer.objects.get(name="Corso")
    with acting(Actor(cast.ann.email, frozenset({"*"}), kind="user", id=cast.ann.pk, ip="192.0.2.99")):
        add_customer_note(customer_id=corso.pk, text="Calls back")
        add_verified_cli(customer_id=corso.pk, number="+37061234569")
    for noun in ("audit", "customer-notes", "verified-clis", "payments", "contact-sessions", "delayed-saves"):
        text = rita.get(noun).content.decode()
        assert "ann@" not in text, noun
        assert "192.0.2.99" not in text, noun
    assert "Calls back" in rita.get("customer-notes").content.decode()
    assert {"Calls back"} & {(row["after"] or {}).get("text") for row in rita.get("audit").json()["data"]}
    assert rita.get("audit", {"actor": cast.ann.email}).status_code == 422, "no filter tells it either"
    assert "ann@" in Api.of(cast.ann).get("customer-notes").content.decode()


def test_a_resellers_token_reads_in_the_log_and_of_a_conflict_what_its_areas_tell(cast: Cast, rita: Api) -> None:
    corso = Customer.objects.get(name="Corso")
    with acting(Actor(cast.ann.email, frozenset({"*"}), kind="user", id=cast.ann.pk)):
        place_legal_hold(customer_id=corso.pk, reason="Court file 7")
        payment = create_payment(customer_id=corso.pk, amount_micros=5_000_000, status="pending")
    tables = {row["table_name"] for row in rita.get("audit", {"limit": "200"}).json()["data"]}
    assert "payment" in tables
    assert "legal_hold" not in tables
    late = rita.act("complete_payment", payment_id=payment.pk, version=payment.version + 1)
    assert (late.status_code, late.json()["current"]["status"]) == (409, "pending")
    assert cast.ann.email not in late.content.decode()


def test_a_delayed_save_is_read_by_its_author_and_by_who_manages_those_of_others(cast: Cast, rita: Api) -> None:
    due = "2100-01-01T00:00:00Z"
    with acting(Actor("setup", frozenset({"*"}))):
        group = create_user_group(name="Readers of delays", acts=["delay_save", "update_customer"], areas=["delays"])
        dora = create_user(name="Dora", email="dora@demo.example", password=PASSWORD, group_ids=[group.pk])
    own = Api.of(dora)
    arguments = {"account_id": cast.account.pk, "company": "Secret plans Ltd"}
    assert Api.of(cast.ann).act("delay_save", act="update_account", arguments=arguments, due_at=due).status_code == 200
    arguments = {"customer_id": cast.acme.pk, "channels": 7}
    assert own.act("delay_save", act="update_customer", arguments=arguments, due_at=due).status_code == 200
    new = {"account_id": cast.account.pk, "name": "Duna", "currency": "EUR", "parent_id": cast.baltic.pk}
    made = rita.act("delay_save", act="create_customer", arguments=new, due_at=due)
    assert made.status_code == 200, made.content

    def acts(api: Api) -> list[str]:
        return sorted(row["act"] for row in api.get("delayed-saves").json()["data"])

    assert acts(own) == ["update_customer"]
    assert acts(Api.of(cast.ann, "read:delays")) == ["update_account"], "a token without those rights sees one's own"
    assert acts(Api.of(cast.ann)) == ["create_customer", "update_account", "update_customer"]
    assert acts(rita) == ["create_customer"], "also that of a customer who is yet to be made"
    theirs = DelayedSave.objects.get(act="update_account")
    assert own.get(f"delayed-saves/{theirs.pk}").status_code == 404
