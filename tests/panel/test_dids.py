"""Claims about the pages of DIDs: the inventory, the cards of every level, many at once, what resellers' users see."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.budgets import asked
from tests.panel.bulk import check_refusal, job
from tests.panel.cast import CHARGED_ID, Cast, with_rita
from tests.panel.conftest import logged_in
from tests.panel.test_delays import IN_2_HOURS
from tests.panel.test_forms import as_shown, errors_of
from tollgate.actions.acts import Actor, acting
from tollgate.actions.cards import create_card
from tollgate.actions.dids import create_did
from tollgate.actions.revisions import publish_revision
from tollgate.store.models import CDR, Account, Audit, Card, Carrier, Customer, DelayedSave, Did, DidPrice, Task

pytestmark = pytest.mark.django_db
NEW = {
    "number": "+370 5 207 0001", "customer_id": "", "card_id": "", "carrier_id": "", "carrier_card_id": "",
    "destinations": "", "order": "serial", "channels": "0", "cps_milli": "0", "max_duration_s": "",
    "recording": "inherit", "pai_mode": "default", "public_note": "", "private_note": "", "enabled": "on",
}  # fmt: skip
PLACE = "sip:203.0.113.60"


@dataclass(frozen=True)
class Cards:
    """Cards of origination: what customers pay, what Baltic's customers pay, what Cirrus is paid."""

    sold: Card
    resold: Card
    bought: Card


@pytest.fixture
def cards(cast: Cast) -> Cards:
    """The cards, each with a price for numbers of Lithuania."""
    with acting(Actor("setup", frozenset({"*"}))):
        both: dict[str, Any] = {"account_id": cast.account.pk, "currency": "EUR", "direction": "origination"}
        made = Cards(
            create_card(name="Numbers", kind="customer", **both),
            create_card(name="Baltic numbers", kind="customer", reseller_id=cast.baltic.pk, **both),
            create_card(name="Cirrus numbers", kind="carrier", carrier_id=cast.cirrus.pk, **both),
        )
        begun = datetime(2020, 1, 1, tzinfo=UTC)
        for card in (made.sold, made.resold, made.bought):
            publish_revision(card_id=card.pk, rows=[{"prefix": "370", "price_nanos": 1_000_000}], effective_at=begun)
    return made


def given(cast: Cast, cards: Cards, number: str = "37052070001", **fields: Any) -> Did:
    """A DID of Acme by the act."""
    with acting(Actor("setup", frozenset({"*"}))):
        whose = {"customer_id": cast.acme.pk, "card_id": cards.sold.pk, "destinations": PLACE}
        carried = {"carrier_id": cast.cirrus.pk, "carrier_card_id": cards.bought.pk}
        return create_did(account_id=cast.account.pk, number=number, **{**whose, **carried, **fields})


def rows_of(client: Client, address: str) -> list[str]:
    """The numbers that a list shows."""
    return [row.number for row in client.get(address).context["grid"].rows]


def test_a_number_is_put_into_the_inventory_given_to_a_customer_taken_back_and_removed(
    cast: Cast, cards: Cards, ann: Client, bob: Client
) -> None:
    assert "No DIDs yet" in ann.get("/dids/").content.decode()
    assert ann.post("/dids/new/", NEW)["Location"] == "/dids/"
    did = Did.objects.get(number="37052070001")
    page = f"/dids/{did.pk}/"
    assert (rows_of(ann, "/dids/?f.of=True"), rows_of(ann, "/dids/?f.of=False")) == ([did.number], [])
    assert "No customer has a DID yet." in ann.get("/dids/?f.of=False").content.decode()
    assigned = {
        **as_shown(ann.get(page)), "customer_id": "Acme", "card_id": "Numbers", "carrier_id": cast.cirrus.pk,
        "carrier_card_id": cards.bought.pk, "destinations": f"{PLACE}\nsip:office@203.0.113.61:5080;transport=tcp",
        "channels": "4", "max_duration_s": "1:00:00", "public_note": "Front desk", "private_note": "ported",
    }  # fmt: skip
    assert bob.post(page, assigned).status_code == 403
    assert ann.post(page, assigned)["Location"] == f"/customers/{cast.acme.pk}/dids/"
    did.refresh_from_db()
    assert (did.customer, did.card, did.carrier, did.carrier_card) == (cast.acme, cards.sold, cast.cirrus, cards.bought)
    assert did.destinations.splitlines() == [PLACE, "sip:office@203.0.113.61:5080;transport=tcp"]
    assert (did.channels, did.max_duration_s, did.private_note) == (4, 3600, "ported")
    listed = ann.get("/dids/").content.decode()
    for words in ("Acme", "Numbers", "Cirrus", "Cirrus numbers", f"{PLACE} + 1", "As the customer&#x27;s"):
        assert words in listed, words
    for address in (f"/customers/{cast.acme.pk}/dids/", f"/carriers/{cast.cirrus.pk}/", "/dids/?f.of=False"):
        assert f'href="{page}"' in ann.get(address).content.decode(), address
    assert f'href="{page}"' not in ann.get(f"/customers/{cast.baltic.pk}/dids/").content.decode()
    assert f'href="{page}"' in ann.get(f"/audit/?f.what=did&f.record={did.pk}").content.decode()
    assert ann.get("/search/?q=%2B370+5+207+0001")["Location"] == page
    ann.post(f"{page}delete/", {"confirmation": did.number})
    assert "put it back into the inventory first" in ann.get(page).content.decode()
    ann.post(f"{page}release/", {"confirmation": "1"})
    assert Did.objects.get(pk=did.pk).customer == cast.acme, "its number was not typed"
    ann.post(f"{page}release/", {"confirmation": did.number})
    did.refresh_from_db()
    assert (did.customer, did.card, did.destinations, did.carrier) == (None, None, "", cast.cirrus)
    assert ann.post(f"{page}delete/", {"confirmation": did.number})["Location"] == "/dids/"
    assert not Did.objects.exists()
    assert Audit.objects.filter(table_name="did", verb="DELETE", actor="ann@demo.example").count() == 1


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"number": "12"}, "number", "international form"),
        ({"number": "+370 5 207 0009"}, "number", "already"),
        ({"customer_id": "Nobody"}, "customer_id", "no customer"),
        ({"card_id": ""}, "card_id", "Choose a customer card"),
        ({"card_id": "Retail"}, "card_id", "There is no card of this name that fits here"),
        ({"destinations": f"{PLACE}\nsip:203.0.113.61;transport=sms"}, "destinations", "Line 2: the transport"),
        ({"destinations": f"{PLACE}\n{PLACE}"}, "destinations", "Line 2: sip:203.0.113.60 is there already"),
        ({"destinations": "777"}, "destinations", "777 is no SIP user"),
        ({"destinations": "acme-carla\n5000"}, "destinations", "it stands alone"),
        ({"carrier_id": "", "carrier_card_id": "bought"}, "carrier_card_id", "choose the carrier"),
        ({"customer_id": "", "card_id": ""}, "destinations", "Nobody has this DID"),
        ({"max_duration_s": "0"}, "max_duration_s", ""),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_is_saved(
    cast: Cast, cards: Cards, ann: Client, typed: dict[str, str], field: str, words: str
) -> None:
    given(cast, cards, "37052070009")
    good = {**NEW, "customer_id": "Acme", "card_id": "Numbers", "destinations": PLACE, "carrier_id": cast.cirrus.pk}
    found = {name: str(cards.bought.pk) if value == "bought" else value for name, value in typed.items()}
    answer = ann.post("/dids/new/", {**good, **found})
    assert answer.status_code == 422
    assert list(errors_of(answer)) == [field]
    assert words in str(errors_of(answer)[field])
    assert Did.objects.count() == 1
    assert ann.post("/dids/new/", good).status_code == 302, "the rest of the input was good"


def test_each_reseller_above_the_customer_is_asked_for_its_card(cast: Cast, cards: Cards, ann: Client) -> None:
    _, corso = with_rita(cast)
    picker = f"reseller_cards-{cast.baltic.pk}"
    assert picker not in ann.get("/dids/new/").content.decode()
    assert picker not in ann.get("/dids/resellers/?customer_id=Acme").content.decode()
    asked_for = ann.get("/dids/resellers/?customer_id=corso").content.decode()
    assert picker in asked_for
    assert f"/suggestions/did_card/?customer={cast.baltic.pk}" in asked_for
    new = f"/customers/{corso.pk}/dids/new/"
    shown = ann.get(new)
    assert picker in shown.content.decode()
    sent = {**NEW, **as_shown(shown), "number": NEW["number"], "card_id": "Baltic numbers"}
    answer = ann.post(new, sent)
    assert "missing: Baltic" in str(errors_of(answer)["reseller_cards"])
    assert picker in answer.content.decode()
    answer = ann.post(new, {**sent, picker: "Retail"})
    assert "Baltic: There is no card of this name that fits here." in str(errors_of(answer)["reseller_cards"])
    assert 'value="Retail"' in answer.content.decode(), "what was typed is there again"
    assert ann.post(new, {**sent, picker: "Numbers"})["Location"] == f"/customers/{corso.pk}/dids/"
    did = Did.objects.get()
    assert (did.customer, did.card) == (corso, cards.resold)
    assert list(DidPrice.objects.values_list("reseller_id", "card_id")) == [(cast.baltic.pk, cards.sold.pk)]
    page = f"/dids/{did.pk}/"
    assert 'value="Numbers"' in ann.get(page).content.decode()
    untouched = {**as_shown(ann.get(page)), picker: "Numbers"}
    assert "Nothing would change" in str(errors_of(ann.post(page, untouched | IN_2_HOURS)))
    assert ann.post(page, untouched | {"customer_id": "Acme", "card_id": "Numbers"}).status_code == 302
    assert not DidPrice.objects.exists(), "nobody is between the account and Acme"


def test_another_customer_is_put_off_with_all_that_it_has_to_have(cast: Cast, cards: Cards, ann: Client) -> None:
    _, corso = with_rita(cast)
    did = given(cast, cards)
    page = f"/dids/{did.pk}/"
    moved = {**as_shown(ann.get(page)), "customer_id": "Corso", f"reseller_cards-{cast.baltic.pk}": "Numbers"}
    assert ann.post(page, moved | IN_2_HOURS)["Location"] == page
    saved = DelayedSave.objects.get()
    assert saved.arguments["reseller_cards"] == {str(cast.baltic.pk): cards.sold.pk}
    assert ann.post(f"/delays/{saved.pk}/run/").status_code == 302
    saved.refresh_from_db()
    assert saved.state == "done", (saved.state, saved.result)
    did.refresh_from_db()
    assert (did.customer, did.card, did.destinations) == (corso, cards.sold, PLACE)
    assert did.prices.get().card == cards.sold


def test_recording_is_chosen_on_a_did_only_where_the_account_has_it(cast: Cast, cards: Cards, ann: Client) -> None:
    page = f"/dids/{given(cast, cards).pk}/"
    for has_it, wish in ((False, "inherit"), (True, "on")):
        Account.objects.update(recording=has_it)
        shown = ann.get(page)
        form = shown.context["form"]
        assert form.fields["recording"].disabled is not has_it
        assert ("not enabled in System &gt; Account" in str(form["recording"].as_field_group())) is not has_it
        assert ann.post(page, {**as_shown(shown), "recording": "on"}).status_code == 302
        assert Did.objects.get().recording == wish


def test_a_number_is_found_as_it_is_written_and_by_who_has_or_brings_it(cast: Cast, cards: Cards, ann: Client) -> None:
    given(cast, cards, private_note="ported from Delta")
    given(cast, cards, "442071838750", customer_id=None, card_id=None, destinations="", carrier_id=None,
          carrier_card_id=None, enabled=False)  # fmt: skip
    acme, free = ["37052070001"], ["442071838750"]
    for query, found in {
        "q=%2B370+5+207": acme, "q=0044+(20)+7183-8750": free, "q=acm": acme, "q=cirr": acme, "q=203.0.113": acme,
        "q=delta": acme, "q=0001": acme, "q=nothing": [], "f.customer=acm": acme, "f.carrier=cirr": acme,
        "f.enabled=False": free, "f.of=True": free, "f.of=True&q=acm": [], "sort=-number": free + acme,
        "c.channels=is:0": acme + free, "sort=customer__name": acme + free,
    }.items():  # fmt: skip
        assert rows_of(ann, f"/dids/?{query}") == found, query
    file = b"".join(ann.get("/dids/?f.of=False&export=csv")).decode()  # type: ignore[arg-type]  # it comes in parts
    assert ("37052070001" in file, "442071838750" in file, PLACE in file) == (True, False, True)


def test_a_longer_list_asks_no_more_of_the_database(cast: Cast, cards: Cards, ann: Client) -> None:
    given(cast, cards)
    pages = ("/dids/", f"/customers/{cast.acme.pk}/dids/", f"/carriers/{cast.cirrus.pk}/")
    ann.get(pages[0])
    before = [asked(ann, page)[2] for page in pages]
    for number in range(5):
        given(cast, cards, f"3705207001{number}")
    assert [asked(ann, page)[2] for page in pages] == before


def test_only_cards_of_origination_in_the_payers_currency_are_offered(cast: Cast, cards: Cards, ann: Client) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        create_card(
            account_id=cast.account.pk, kind="customer", name="Dollars", currency="USD", direction="origination"
        )
    _, corso = with_rita(cast)

    def offered(kind: str, **about: object) -> list[str]:
        return [row["value"] for row in ann.get(f"/suggestions/{kind}/", about).json()["offers"]]

    assert offered("did_card", customer_id="Acme") == offered("did_card", customer=cast.acme.pk) == ["Numbers"]
    assert offered("did_card", customer_id="corso") == ["Baltic numbers", "Numbers"]
    assert offered("did_card", customer_id="") == ["Baltic numbers", "Dollars", "Numbers"]
    assert offered("route_card", customer=cast.acme.pk) == ["Retail"], "and none of them to a route"
    assert "Cirrus numbers" not in ann.get(f"/routes/{cast.route.pk}/").content.decode()
    form = ann.get("/dids/new/").context["form"]
    assert [words for _, words in form.fields["carrier_card_id"].choices] == ["None", "Cirrus: Cirrus numbers (EUR)"]
    assert 'data-suggest-with="customer_id"' in str(form["card_id"])
    assert corso.currency == "EUR"


def test_a_resellers_user_says_where_calls_of_its_customers_go_and_sees_nobody_elses_numbers(
    cast: Cast, cards: Cards
) -> None:
    user, corso = with_rita(cast)
    rita, theirs = logged_in(user), given(cast, cards)
    both = {"customer_id": corso.pk, "card_id": cards.sold.pk, "reseller_cards": {str(cast.baltic.pk): cards.sold.pk}}
    did = given(cast, cards, "37052070002", private_note="cheap one", **both)
    listed = rita.get("/dids/").content.decode()
    assert rows_of(rita, "/dids/") == rows_of(rita, f"/customers/{corso.pk}/dids/") == [did.number]
    page = f"/dids/{did.pk}/"
    shown = rita.get(page)
    for words in ("Cirrus", "cheap one", "Inventory", "Add a DID", "Put back", "37052070001", "Carrier card<"):
        assert words not in listed, words
        assert words not in shown.content.decode(), words
    for address in (f"/dids/{theirs.pk}/", f"/dids/{theirs.pk}/release/", f"/dids/{theirs.pk}/delete/"):
        assert rita.get(address).status_code == 404
        assert rita.post(address, {"confirmation": theirs.number}).status_code == 404
    for address in ("/dids/new/", f"/customers/{corso.pk}/dids/new/", "/dids/resellers/?customer_id=Corso"):
        assert rita.get(address).status_code == 403
    offers = rita.get(f"/suggestions/did_card/?customer={corso.pk}").json()["offers"]
    assert offers == [{"value": "Baltic numbers", "words": "EUR"}]
    sent = {**as_shown(shown), "card_id": "Baltic numbers", "public_note": "Front desk", "order": "random"}
    assert rita.post(page, sent)["Location"] == f"/customers/{corso.pk}/dids/"
    did.refresh_from_db()
    assert (did.card, did.public_note, did.order) == (cards.resold, "Front desk", "random")
    assert (did.carrier, did.private_note, did.channels) == (cast.cirrus, "cheap one", 0)
    rita.post(f"{page}release/", {"confirmation": did.number})
    rita.post(f"{page}delete/", {"confirmation": did.number})
    assert Did.objects.get(pk=did.pk).customer == corso


def test_a_resellers_user_looks_at_the_resellers_own_numbers_and_leaves_them_as_they_are(
    cast: Cast, cards: Cards
) -> None:
    user, corso = with_rita(cast)
    rita = logged_in(user)
    own = given(cast, cards, "37052070003", customer_id=cast.baltic.pk, private_note="cheap one")
    prices = {str(cast.baltic.pk): cards.sold.pk}
    given(cast, cards, "37052070004", customer_id=corso.pk, card_id=cards.resold.pk, reseller_cards=prices)
    given(cast, cards, "37052070005")
    assert rows_of(rita, "/dids/") == [own.number, "37052070004"]
    listed = rita.get("/dids/").content.decode()
    assert f"/customers/{corso.pk}/dids/" in listed
    assert f"/customers/{cast.baltic.pk}/" not in listed, "there it would meet a page that is not its own"
    shown = rita.get(f"/dids/{own.pk}/")
    assert shown.context["read_only"]
    assert own.destinations in shown.content.decode()
    for words in ("Cirrus", "cheap one", f"/customers/{cast.baltic.pk}/"):
        assert words not in shown.content.decode(), words
    assert rita.get(f"/cards/{cards.sold.pk}/").status_code == 200, "the card that it pays by"
    assert rita.post(f"/dids/{own.pk}/", {**as_shown(shown), "order": "random"}).status_code == 403
    for way in ("release", "delete"):
        rita.post(f"/dids/{own.pk}/{way}/", {"confirmation": own.number})
    own.refresh_from_db()
    assert (own.order, own.customer) == ("serial", cast.baltic)
    assert rita.get("/search/", {"q": own.number})["Location"] == f"/dids/{own.pk}/"
    assert "37052070005" not in rita.get("/search/", {"q": "3705207"}).content.decode()


def test_many_numbers_are_given_to_a_customer_at_once_taken_back_and_removed(
    cast: Cast, cards: Cards, ann: Client, bob: Client
) -> None:
    _, corso = with_rita(cast)
    free = {"customer_id": None, "card_id": None, "destinations": ""}
    made = [given(cast, cards, f"3705207000{number}", **free) for number in (1, 2, 3)]
    check_refusal(bob, "did", "/dids/", made[0], ("edit", "delete"))
    ids = {"id": [one.pk for one in made[:2]]}
    fields = ["customer_id", "card_id", "reseller_cards", "destinations"]
    page = ann.get("/bulk/did/edit/", {**ids, "field": fields})
    assert "once it is named" in page.content.decode()
    typed = {"customer_id": "Corso", "card_id": "Numbers", "destinations": PLACE}
    answer = ann.post("/bulk/did/edit/", {**ids, "field": fields, **typed, f"reseller_cards-{cast.baltic.pk}": "x"})
    assert "Baltic: There is no card" in str(errors_of(answer)["reseller_cards"])
    cards_of = {f"reseller_cards-{cast.baltic.pk}": "Numbers"}
    told = job(ann.post("/bulk/did/edit/", {**ids, "field": fields, **typed, **cards_of}, follow=True))
    assert "2 of 2 rows done" in told
    assert set(Did.objects.filter(customer=corso, card=cards.sold, destinations=PLACE)) == set(made[:2])
    assert DidPrice.objects.filter(reseller=cast.baltic, card=cards.sold).count() == 2
    told = job(ann.post("/bulk/did/delete/", {"id": [one.pk for one in made], "confirmation": "3"}, follow=True))
    assert "put it back into the inventory first" in told
    assert list(Did.objects.order_by("number")) == made[:2]
    job(ann.post("/bulk/did/edit/", {**ids, "field": ["customer_id"], "customer_id": ""}, follow=True))
    assert Did.objects.filter(customer=None, card=None, destinations="").count() == 2
    told = job(ann.post("/bulk/did/delete/", {**ids, "confirmation": "2"}, follow=True))
    assert "37052070001" in told
    assert not Did.objects.exists()


FILE = """Number;Company;Customer card;Cards of resellers;Carrier;Carrier card;Destinations;Channels;Public note
+370 5 207 0001;Acme;Numbers;;Cirrus;Cirrus numbers;sip:203.0.113.60, sip:203.0.113.61;2;Front desk
+370 5 207 0002;Corso;Numbers;Baltic = Numbers;Cirrus;;;;
+370 5 207 0003;;;;Cirrus;;;;
+370 5 207 0004;Acme;Retail;;;;;;
+370 5 207 0005;Corso;Numbers;Baltic;;;;;
"""


def test_numbers_are_brought_in_a_file_with_their_cards_and_destinations(cast: Cast, cards: Cards, ann: Client) -> None:
    _, corso = with_rita(cast)
    assert "/uploads/did/" in ann.get("/dids/").content.decode()
    step = ann.post("/uploads/did/", {"file": SimpleUploadedFile("dids.csv", FILE.encode())})
    start = ann.get(step["Location"]).context["form"]
    sent = {name: str(start[name].value()) for name in start.fields if start[name].value() is not None}
    told = job(ann.post(step["Location"], {**sent, "dry": ""}, follow=True))
    first, second, third = Did.objects.order_by("number")
    assert (first.customer, first.card, first.carrier_card, first.channels) == (cast.acme, cards.sold, cards.bought, 2)
    assert first.destinations.splitlines() == [PLACE, "sip:203.0.113.61"]
    assert (second.customer, second.prices.get().card) == (corso, cards.sold)
    assert (third.customer, third.carrier) == (None, cast.cirrus)
    assert Task.objects.get().failed_count == 2
    assert "no customer card of origination" in told
    assert "write each as the reseller, =, and its card" in told


def test_a_call_to_a_did_tells_its_gates_in_words(cast: Cast, ann: Client) -> None:
    cdr = CDR.objects.get(pk=CHARGED_ID)
    values = {"number": "37052070001", "to": "sip:37052070001@203.0.113.60:5060"}
    gates = [
        {"gate": "did", "ok": True, "scope": "customer", "values": values},
        {"gate": "channels_did", "ok": True, "scope": "did", "values": {"limit": 4}},
        {"gate": "cps_did", "ok": False, "scope": "did", "values": {"limit_milli": 500}},
    ]
    cdr.pk, cdr.edge_call_id, cdr.detail = 9001, "to-a-did", {**(cdr.detail or {}), "gates": gates}
    cdr.save(force_insert=True)
    told = ann.get(f"/calls/{cdr.pk}/").context["told"].gates
    assert [gate.title for gate in told] == ["DID", "Channels", "CPS DID"]
    page = " ".join(ann.get(f"/calls/{cdr.pk}/").content.decode().split())
    assert "<td>DID</td> <td>Customer</td>" in page
    assert "to <b>sip:37052070001@203.0.113.60:5060</b>" in page


def test_a_card_says_which_calls_it_prices_until_something_uses_it(cast: Cast, ann: Client) -> None:
    card = {
        "name": "Numbers", "currency": "EUR", "direction": "origination", "precision": "4", "method": "up",
        "duration_method": "up", "increments": "initial_then_increment",
    }  # fmt: skip
    page = ann.post("/cards/new-customer/", card)["Location"]
    assert "calls that come in to DIDs" in ann.get(page).content.decode()
    rows = {row.name: row.direction for row in ann.get("/cards/customer/").context["grid"].rows}
    assert rows == {"Numbers": "origination", "Retail": "termination"}
    assert [row.name for row in ann.get("/cards/customer/?f.direction=origination").context["grid"].rows] == ["Numbers"]
    for address, changed in ((f"{page}edit/", True), (f"/cards/{cast.customer_card.pk}/edit/", False)):
        shown = as_shown(ann.get(address))
        other = "termination" if changed else "origination"
        answer = ann.post(address, {**shown, "direction": other})
        assert (answer.status_code == 302) is changed
    assert "Routes use this card" in str(errors_of(answer)["direction"])
    assert set(Card.objects.filter(kind="customer").values_list("direction", flat=True)) == {"termination"}


def test_a_carrier_has_networks_that_its_calls_to_dids_come_from(cast: Cast, ann: Client) -> None:
    page = f"/carriers/{cast.cirrus.pk}/edit/"
    shown = as_shown(ann.get(page))
    assert "Nothing would change" in str(errors_of(ann.post(page, shown | IN_2_HOURS)))
    answer = ann.post(page, {**shown, "networks": "192.0.2.0/24\n192.0.2.300"})
    assert "Line 2" in str(errors_of(answer)["networks"])
    assert ann.post(page, {**shown, "networks": "192.0.2.0/24\n2001:db8::1"}).status_code == 302
    found = [str(network) for network in Carrier.objects.get(pk=cast.cirrus.pk).networks]
    assert found == ["192.0.2.0/24", "2001:db8::1/128"]
    shown = as_shown(ann.get(page))
    assert "Nothing would change" in str(errors_of(ann.post(page, shown | IN_2_HOURS)))


def test_a_did_of_a_deleted_customer_is_listed_and_stays_whose_it_is_when_it_is_saved(
    cast: Cast, cards: Cards, ann: Client
) -> None:
    did = given(cast, cards)
    Customer.objects.filter(pk=cast.acme.pk).update(deleted_at=datetime.now(UTC))
    assert rows_of(ann, "/dids/") == [did.number]
    page = f"/dids/{did.pk}/"
    assert ann.post(page, {**as_shown(ann.get(page)), "public_note": "kept"})["Location"] == "/dids/"
    did.refresh_from_db()
    assert (did.customer_id, did.public_note) == (cast.acme.pk, "kept")
