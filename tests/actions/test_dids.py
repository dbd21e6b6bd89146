"""Claims about DIDs: who may have one, by which cards each level pays, where its calls may go, who may change what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from tests.actions.cast import ANN, sold_by
from tests.actions.test_customers import refused
from tollgate.actions.acts import Actor, Done, NotEditable, NotFound, OutOfDate, acting
from tollgate.actions.callee_addresses import OURS
from tollgate.actions.card_losses import look, marks_of
from tollgate.actions.cards import create_card, delete_card, update_card
from tollgate.actions.carriers import create_carrier, create_gateway
from tollgate.actions.conferences import create_conference_room, delete_conference_room
from tollgate.actions.customers import create_customer, delete_customer, restore_customer, update_customer
from tollgate.actions.dids import create_did, delete_did, update_did
from tollgate.actions.edges import create_edge
from tollgate.actions.endpoints import create_ip_endpoint, create_sip_user, delete_endpoint
from tollgate.actions.portal_domains import create_portal_domain
from tollgate.actions.records import now
from tollgate.actions.revisions import publish_revision
from tollgate.actions.routes import create_ingress_route, create_tag_route
from tollgate.actions.tags import create_tag
from tollgate.store.models import Account, Audit, Card, Carrier, Customer, Did, DidPrice, Wallet
from tollgate.store.queries.resale import given_to, seen_of

LONDON = "442071838750"
PASSWORD = "a long secret"


@dataclass(frozen=True)
class Scene:
    """Cirrus brings calls; Acme buys of us, Gull of Sund, who buys of Nordic; Rita is of Nordic."""

    account: Account
    cirrus: Carrier
    acme: Customer
    nordic: Customer
    sund: Customer
    gull: Customer
    card: Card
    paid: Card
    rita: Actor

    def did(self, number: str = LONDON, **fields: Any) -> Did:
        """A DID of Acme by Cirrus unless something else is said."""
        usual = {"customer_id": self.acme.pk, "card_id": self.card.pk, "carrier_id": self.cirrus.pk}
        return create_did(account_id=self.account.pk, number=number, **{**usual, **fields})

    def card_of(self, name: str, reseller: Customer | None = None, currency: str = "EUR") -> Card:
        """A customer card of origination."""
        more = {} if reseller is None else {"reseller_id": reseller.pk}
        made = create_card(
            account_id=self.account.pk, kind="customer", name=name, currency=currency, direction="origination",
            **more,  # type: ignore[arg-type]
        )  # fmt: skip
        priced(made)
        return made

    def of_gull(self, **fields: Any) -> Did:
        """A DID of Gull with a card for each level."""
        cards = {"sund": self.card_of("Nordic in", self.nordic), "gull": self.card_of("Sund in", self.sund)}
        sellers = {str(self.nordic.pk): self.card.pk, str(self.sund.pk): cards["sund"].pk}
        given = {"customer_id": self.gull.pk, "card_id": cards["gull"].pk, "reseller_cards": sellers}
        return self.did(**{**given, **fields})


def priced(card: Card, price_nanos: int = 1000) -> None:
    """Gives a card a price for London."""
    rows = [{"prefix": "4420", "price_nanos": price_nanos}]
    publish_revision(card_id=card.pk, rows=rows, effective_at=datetime(2020, 1, 1, tzinfo=UTC))


@pytest.fixture
def scene(account: Account) -> Scene:
    """The cast, with cards of origination."""
    cirrus = create_carrier(account_id=account.pk, name="Cirrus", currency="EUR")
    paid = create_card(
        account_id=account.pk, kind="carrier", name="Cirrus in", currency="EUR", carrier_id=cirrus.pk,
        direction="origination",
    )  # fmt: skip
    card = create_card(account_id=account.pk, kind="customer", name="In", currency="EUR", direction="origination")
    for one in (paid, card):
        priced(one)
    customers: dict[str, Customer] = {}
    for name, above in (("Acme", ""), ("Nordic", ""), ("Sund", "Nordic"), ("Gull", "Sund")):
        customers[name] = create_customer(
            account_id=account.pk, name=name, currency="EUR", is_reseller=name in ("Nordic", "Sund"),
            parent_id=customers[above].pk if above else None,
        )  # fmt: skip
    acme, nordic, sund, gull = customers.values()
    rita = Actor(
        "rita", frozenset({"*"}), "asked", "user", areas=frozenset({"*"}), reseller_id=nordic.pk,
        reach=frozenset({sund.pk, gull.pk}),
    )  # fmt: skip
    return Scene(account, cirrus, acme, nordic, sund, gull, card, paid, rita)


def test_a_number_is_kept_as_its_digits_once_in_the_account_and_in_the_inventory_first(scene: Scene) -> None:
    did = create_did(account_id=scene.account.pk, number=" +44 (20) 7183-8750 ")
    assert (did.number, did.customer_id, did.card_id, did.destinations, did.enabled) == (LONDON, None, None, "", True)
    for same in ("00442071838750", LONDON, "+442071838750"):
        words = refused("number", create_did, account_id=scene.account.pk, number=same)
        assert words == "This number is a DID already."
    for wrong in ("", "020 7183 8750", "44", "+44x", "4" * 19, 44):
        words = refused("number", create_did, account_id=scene.account.pk, number=wrong)
        assert "international form" in words
    assert set(Audit.objects.filter(table_name="did").values_list("verb", "act")) == {("INSERT", "create_did")}


def test_a_did_counts_its_calls_by_its_own_limits(scene: Scene) -> None:
    did = scene.did(channels=2, cps_milli=1500)
    meter = Wallet.objects.get(kind="did", owner_id=did.pk)
    assert (meter.channels_max, meter.cps_max_milli) == (2, 1500)
    update_did(did_id=did.pk, channels=5)
    meter.refresh_from_db()
    assert (meter.channels_max, meter.cps_max_milli) == (5, 1500)


def test_whoever_has_a_did_pays_by_a_customer_card_of_origination_in_its_currency(scene: Scene) -> None:
    assert "customer card" in refused("card_id", scene.did, card_id=None)
    assert "customer card" in refused("card_id", scene.did, card_id=scene.paid.pk)
    assert "of termination" in refused("card_id", scene.did, card_id=sold_by(scene.account).pk)
    assert "in USD" in refused("card_id", scene.did, card_id=scene.card_of("In USD", currency="USD").pk)
    assert "not below" in refused("card_id", scene.did, card_id=scene.card_of("Nordic in", scene.nordic).pk)
    refused("customer_id", scene.did, customer_id=10**6)
    assert not Did.objects.exists()
    did = scene.did()
    assert "customer card" in refused("card_id", update_did, did_id=did.pk, card_id=None)
    assert update_did(did_id=did.pk, card_id=scene.card_of("Cheap").pk).card.name == "Cheap"  # type: ignore[union-attr]


def test_the_carrier_is_paid_by_a_card_of_its_own_of_origination_or_not_at_all(scene: Scene) -> None:
    delta = create_carrier(account_id=scene.account.pk, name="Delta", currency="EUR")
    out = create_card(
        account_id=scene.account.pk, kind="carrier", name="Cirrus A-Z", currency="EUR", carrier_id=scene.cirrus.pk
    )
    assert "of this carrier" in refused(
        "carrier_card_id", scene.did, carrier_id=delta.pk, carrier_card_id=scene.paid.pk
    )
    assert "of this carrier" in refused("carrier_card_id", scene.did, carrier_card_id=scene.card.pk)
    assert "of termination" in refused("carrier_card_id", scene.did, carrier_card_id=out.pk)
    assert "nobody is paid" in refused("carrier_card_id", scene.did, carrier_id=None, carrier_card_id=scene.paid.pk)
    refused("carrier_id", scene.did, carrier_id=10**6)
    did = scene.did(carrier_card_id=scene.paid.pk)
    assert did.carrier_card_id == scene.paid.pk
    did = update_did(did_id=did.pk, carrier_id=delta.pk)
    assert (did.carrier_id, did.carrier_card_id) == (delta.pk, None)
    assert update_did(did_id=did.pk, carrier_id=None).carrier_id is None


def test_each_reseller_above_pays_by_a_card_and_nobody_else(scene: Scene) -> None:
    did = scene.of_gull()
    by = dict(did.prices.values_list("reseller__name", "card__name"))
    assert by == {"Nordic": "In", "Sund": "Nordic in"}
    sellers = {str(row.reseller_id): row.card_id for row in did.prices.all()}
    again = {"number": "442071838751", "customer_id": scene.gull.pk, "card_id": did.card_id}
    assert refused("reseller_cards", scene.did, **again).endswith("missing: Sund, Nordic.")
    few = {str(scene.nordic.pk): sellers[str(scene.nordic.pk)]}
    assert refused("reseller_cards", scene.did, **again, reseller_cards=few).endswith("missing: Sund.")
    many = {**sellers, str(scene.acme.pk): scene.card.pk}
    assert "only the resellers" in refused("reseller_cards", scene.did, **again, reseller_cards=many)
    for card, words in ((sold_by(scene.account), "of termination"), (scene.paid, "customer card")):
        wrong = {**sellers, str(scene.nordic.pk): card.pk}
        told = refused("reseller_cards", scene.did, **again, reseller_cards=wrong)
        assert told.startswith("Nordic: ")
        assert words in told
    above = {**sellers, str(scene.nordic.pk): sellers[str(scene.sund.pk)]}  # its own card: it would pay itself
    assert "not below" in refused("reseller_cards", scene.did, **again, reseller_cards=above)
    for unfit in ([1], {"x": 1}, {"1": "2"}, {1: 2}):
        refused("reseller_cards", scene.did, **again, reseller_cards=unfit)
    refused("reseller_cards", scene.did, number="442071838751", reseller_cards=sellers)  # Acme has nobody above it


def test_a_change_of_what_resellers_pay_is_a_new_version_and_saving_the_same_leaves_no_trace(scene: Scene) -> None:
    did = scene.of_gull()
    sellers = {str(row.reseller_id): row.card_id for row in did.prices.all()}
    before = Audit.objects.count()
    same = update_did(did_id=did.pk, version=did.version, reseller_cards=sellers)
    assert (same.version, Audit.objects.count()) == (did.version, before)
    cheap = {**sellers, str(scene.nordic.pk): scene.card_of("Cheap").pk}
    assert update_did(did_id=did.pk, version=did.version, reseller_cards=cheap).version == did.version + 1
    with pytest.raises(OutOfDate):
        update_did(did_id=did.pk, version=did.version, reseller_cards=sellers)
    assert Audit.objects.filter(table_name="did_price", verb="UPDATE").count() == 1


def test_a_did_given_to_another_customer_loses_what_was_the_first_ones(scene: Scene) -> None:
    create_sip_user(customer_id=scene.acme.pk, username="3001", password=PASSWORD)
    baltic = create_customer(account_id=scene.account.pk, name="Baltic", currency="EUR")
    did = scene.did(destinations="3001", public_note="Sales")
    assert "customer card" in refused("card_id", update_did, did_id=did.pk, customer_id=baltic.pk)
    did = update_did(did_id=did.pk, customer_id=baltic.pk, card_id=scene.card.pk)
    assert (did.customer_id, did.destinations, did.public_note) == (baltic.pk, "", "Sales")
    words = refused(
        "reseller_cards", update_did, did_id=did.pk, customer_id=scene.gull.pk,
        card_id=scene.card_of("Sund in", scene.sund).pk,
    )  # fmt: skip
    assert "missing: Sund, Nordic" in words
    delete_customer(customer_id=scene.acme.pk)
    assert "restore it first" in refused(
        "customer_id", update_did, did_id=did.pk, customer_id=scene.acme.pk, card_id=scene.card.pk
    )


def test_a_did_without_a_customer_is_in_the_inventory_and_has_nothing_of_a_customers(scene: Scene) -> None:
    did = scene.of_gull(destinations="sip:203.0.113.9")
    did = update_did(did_id=did.pk, customer_id=None, card_id=did.card_id, destinations=did.destinations)
    assert (did.customer_id, did.card_id, did.destinations, did.carrier_id) == (None, None, "", scene.cirrus.pk)
    assert not DidPrice.objects.exists()
    for name, value in (("card_id", scene.card.pk), ("destinations", "100"), ("reseller_cards", {"1": 1})):
        assert "Nobody has this DID" in refused(name, update_did, did_id=did.pk, **{name: value})
        refused(name, create_did, account_id=scene.account.pk, number="4420000", **{name: value})
    assert update_did(did_id=did.pk, card_id=None, destinations="", reseller_cards={}, channels=3).channels == 3


def test_only_a_did_of_nobody_without_live_calls_is_removed(scene: Scene) -> None:
    did = scene.did()
    assert "inventory" in refused("did_id", delete_did, did_id=did.pk)
    update_did(did_id=did.pk, customer_id=None)
    live(scene, did)
    assert "live calls" in refused("did_id", delete_did, did_id=did.pk)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM call")
    delete_did(did_id=did.pk)
    assert not Did.objects.exists()
    with pytest.raises(NotFound):
        delete_did(did_id=did.pk)


def live(scene: Scene, did: Did) -> None:
    """A call to a DID that goes on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO call (id, account_id, edge, edge_call_id, customer_id, cli, cld, number, destination, state,"
            " authorized_at, granted_s, granted_until, max_s, extended_count, last_seen_at, plan)"
            " VALUES (1, %s, 'e', '1', %s, '1', %s, %s, '', 'authorized', now(), 60, now(), 60, 0, now(), '{}')",
            [scene.account.pk, scene.acme.pk, did.number, did.number],
        )


def test_calls_go_to_what_the_customer_may_call_and_a_phone_stands_alone(scene: Scene) -> None:
    baltic = create_customer(account_id=scene.account.pk, name="Baltic", currency="EUR")
    for owner, name, shared in ((scene.acme, "Desk.1", False), (baltic, "3002", False), (baltic, "3003", True)):
        create_sip_user(customer_id=owner.pk, username=name, password=PASSWORD, shared=shared)
    create_ip_endpoint(customer_id=scene.acme.pk, network="203.0.113.7", extensions="2000-2049")
    create_conference_room(customer_id=scene.acme.pk, name="Monday", extension=5000, host="203.0.113.60")
    did = scene.did()
    for text, kept in (
        ("DESK.1", "desk.1"),
        ("3003", "3003"),
        (" 2007 \n\n5000", "2007\n5000"),
        ("sip:203.0.113.9\nsip:Office@PBX.example.com:5080;transport=tcp\n2010",
         "sip:203.0.113.9\nsip:Office@pbx.example.com:5080;transport=tcp\n2010"),
    ):  # fmt: skip
        assert update_did(did_id=did.pk, destinations=text).destinations == kept
    for text, words in (
        ("3002", "no SIP user, extension or conference room of Acme"),
        ("2050", "no SIP user, extension or conference room of Acme"),
        ("desk.1\n2007", "stands alone"),
        ("2007\n2007", "there already"),
        ("sip:", "Line 1"),
        ("tel:+44", "Line 1"),
        ("\n".join(f"sip:203.0.113.{host}" for host in range(11)), "at most 10"),
    ):
        assert words in refused("destinations", update_did, did_id=did.pk, destinations=text)


def test_who_removes_what_a_did_rings_at_is_told(scene: Scene, done: Done) -> None:
    phone = create_sip_user(customer_id=scene.acme.pk, username="desk", password=PASSWORD)
    other = create_sip_user(customer_id=scene.acme.pk, username="hall", password=PASSWORD)
    pbx = create_ip_endpoint(customer_id=scene.acme.pk, network="203.0.113.7", extensions="2000-2049")
    room = create_conference_room(customer_id=scene.acme.pk, name="M", extension=5000, host="203.0.113.60", shared=True)
    for number, places in (("4420001", "desk"), ("4420002", "2007"), ("4420003", "2008\n5000"), ("4420004", "2010")):
        scene.did(number, destinations=places)
    scene.of_gull(destinations="5000")
    done.warnings.clear()
    delete_endpoint(endpoint_id=other.pk)
    assert done.warnings == []
    delete_endpoint(endpoint_id=phone.pk)
    delete_endpoint(endpoint_id=pbx.pk)
    delete_conference_room(conference_room_id=room.pk)
    assert [words.split(":")[0] for words in done.warnings] == [
        "Calls to DIDs went to it (4420001)",
        "Calls to DIDs went to it (4420002, 4420003, 4420004)",
        f"Calls to DIDs went to it (4420003, {LONDON})",
    ]


def test_a_resellers_user_hears_of_no_did_of_others_that_rings_there(scene: Scene) -> None:
    room = create_conference_room(customer_id=scene.gull.pk, name="M", extension=5000, host="203.0.113.60", shared=True)
    scene.did("4420001", destinations="5000")
    scene.of_gull(destinations="5000")
    with acting(scene.rita) as said:
        delete_conference_room(conference_room_id=room.pk)
    assert said.warnings == [f"Calls to DIDs went to it ({LONDON}): give those another destination."]


def test_calls_go_to_no_gateway_no_edge_and_not_to_ourselves(scene: Scene) -> None:
    create_gateway(carrier_id=scene.cirrus.pk, name="gw", host="203.0.113.5")
    create_edge(account_id=scene.account.pk, name="e", kind="kamailio", rpc_url="http://203.0.113.77:5060/RPC")
    for host in ("203.0.113.5", "203.0.113.77", "127.0.0.1", "localhost"):
        refused("destinations", scene.did, destinations=f"sip:{host}")


def test_tls_is_warned_of_where_an_edge_cannot_send_it(scene: Scene, done: Done) -> None:
    create_edge(account_id=scene.account.pk, name="e", kind="kamailio", rpc_url="http://203.0.113.77:5060/RPC")
    scene.did(destinations="sip:203.0.113.9;transport=tls")
    assert any("by TLS" in words for words in done.warnings)


def test_what_keeps_calls_from_a_did_is_told(scene: Scene, done: Done) -> None:
    did = scene.did(carrier_card_id=scene.paid.pk, destinations="sip:203.0.113.9")
    assert not done.warnings
    empty = create_card(account_id=scene.account.pk, kind="customer", name="Empty", currency="EUR",
                        direction="origination")  # fmt: skip
    update_did(did_id=did.pk, carrier_id=None, destinations="", card_id=empty.pk)
    assert [words.split(":")[0] for words in done.warnings] == [
        "It has no carrier yet",
        "It has no destinations yet",
        f"Empty has no price for {LONDON}",
    ]
    done.warnings.clear()
    update_did(did_id=did.pk, enabled=False)
    assert not done.warnings


def test_what_a_did_cannot_be_is_refused_at_its_field(scene: Scene) -> None:
    did = scene.did()
    for name, value in (
        ("order", "lcr"), ("channels", -1), ("cps_milli", "1"), ("max_duration_s", 0), ("recording", "yes"),
        ("pai_mode", "required"), ("enabled", 1), ("public_note", "x" * 2001), ("number", "4420"), ("account_id", 1),
    ):  # fmt: skip
        refused(name, update_did, did_id=did.pk, **{name: value})
    with pytest.raises(OutOfDate):
        update_did(did_id=did.pk, version=did.version + 1, channels=1)
    assert update_did(did_id=did.pk, order="random", pai_mode="remove", max_duration_s=600).version == did.version + 1


def test_a_resellers_user_changes_where_calls_go_and_what_its_customer_pays_and_no_more(scene: Scene) -> None:
    did, own = scene.of_gull(private_note="bought dear"), scene.card_of("Sund cheap", scene.sund)
    phone = create_sip_user(customer_id=scene.gull.pk, username="4001", password=PASSWORD).username
    with acting(scene.rita) as said:
        changed = update_did(
            did_id=did.pk, destinations=phone, order="random", recording="on", pai_mode="remove", public_note="Gull",
            enabled=True, card_id=own.pk,
        )  # fmt: skip
        assert (changed.destinations, changed.card_id, changed.private_note) == ("4001", own.pk, "bought dear")
        operated: dict[str, Any] = {
            "customer_id": scene.sund.pk, "reseller_cards": {}, "carrier_id": None, "carrier_card_id": None,
            "channels": 1, "cps_milli": 1, "max_duration_s": 60, "private_note": "x",
        }  # fmt: skip
        for name, value in operated.items():
            with pytest.raises(NotEditable, match="Whom you buy from decides this"):
                update_did(did_id=did.pk, **{name: value})
        assert "Only users of the account" in refused("did_id", delete_did, did_id=did.pk)
        words = refused("number", create_did, account_id=scene.account.pk, number="4420")
        assert "Only users of the account" in words
        assert refused("destinations", update_did, did_id=did.pk, destinations="sip:203.0.113.9") == OURS
    assert said.warnings == []


def test_a_resellers_user_gives_only_cards_of_who_sells_to_the_customer(scene: Scene) -> None:
    did, foreign = scene.of_gull(), scene.card_of("Nordic too", scene.nordic)
    out = create_card(
        account_id=scene.account.pk, kind="customer", name="Sund out", currency="EUR", reseller_id=scene.sund.pk
    )
    with acting(scene.rita):
        for card in (scene.card, foreign):
            assert "the customer is below" in refused("card_id", update_did, did_id=did.pk, card_id=card.pk)
        assert "of termination" in refused("card_id", update_did, did_id=did.pk, card_id=out.pk)


def test_a_resellers_user_leaves_an_address_that_is_there_and_hears_nothing_of_carriers(scene: Scene) -> None:
    did = scene.of_gull(carrier_id=None, destinations="sip:203.0.113.9")
    create_conference_room(customer_id=scene.gull.pk, name="Monday", extension=5000, host="203.0.113.60")
    with acting(scene.rita) as said:
        changed = update_did(did_id=did.pk, destinations="5000\nsip:203.0.113.9")
    assert changed.destinations == "5000\nsip:203.0.113.9"
    assert said.warnings == []


def test_a_resellers_user_reaches_no_did_of_others(scene: Scene) -> None:
    of_acme, of_nobody = scene.did(), create_did(account_id=scene.account.pk, number="442071838751")
    of_nordic = scene.did("442071838752", customer_id=scene.nordic.pk)
    with acting(scene.rita):
        for did in (of_acme, of_nobody, of_nordic):
            for act in (update_did, delete_did):
                with pytest.raises(NotFound):
                    act(did_id=did.pk)


def test_resellers_see_the_cards_that_dids_are_paid_by(scene: Scene) -> None:
    did = scene.of_gull()
    names = {"Nordic": "In", "Sund": "Nordic in"}
    for reseller in (scene.nordic, scene.sund):
        given = Card.objects.filter(given_to(reseller.pk)).values_list("name", flat=True)
        assert list(given) == [names[reseller.name]]
    seen = set(Card.objects.filter(seen_of(scene.sund.pk, [scene.gull.pk])).values_list("name", flat=True))
    assert seen == {"Nordic in", "Sund in"}
    update_did(did_id=did.pk, customer_id=None)
    assert not Card.objects.filter(given_to(scene.nordic.pk)).exists()


def test_what_comes_in_is_not_compared_with_what_goes_out(scene: Scene, done: Done) -> None:
    dear = sold_by(scene.account, "Wholesale")
    priced(dear, price_nanos=10**9)
    create_ingress_route(customer_id=scene.nordic.pk, name="World", card_id=dear.pk)
    given: dict[str, Any] = {"account_id": scene.account.pk, "kind": "customer", "currency": "EUR"}
    out, inward = (
        create_card(**given, name=direction, reseller_id=scene.nordic.pk, direction=direction)
        for direction in ("termination", "origination")
    )
    look(now())
    for card in (inward, out):
        done.warnings.clear()
        priced(card)
        assert any("Sold for less" in words for words in done.warnings) is (card == out)
    while look(now()):
        pass
    assert (marks_of(inward, now()), len(marks_of(out, now()))) == ([], 1)


def test_a_card_turns_only_while_nothing_uses_it(scene: Scene) -> None:
    did = scene.of_gull(carrier_card_id=scene.paid.pk)
    price = did.prices.get(reseller=scene.sund).card
    for card in (did.card, scene.paid, price):
        assert card is not None
        assert "DIDs use this card" in refused("direction", update_card, card_id=card.pk, direction="termination")
    unpriced = create_card(account_id=scene.account.pk, kind="customer", name="New", currency="EUR",
                           direction="origination")  # fmt: skip
    update_did(did_id=scene.did("442071838751").pk, card_id=unpriced.pk)
    assert "DIDs use this card" in refused("card_id", delete_card, card_id=unpriced.pk)
    out = sold_by(scene.account)
    create_ingress_route(customer_id=scene.acme.pk, name="World", card_id=out.pk)
    assert "Routes use this card" in refused("direction", update_card, card_id=out.pk, direction="origination")
    assert update_card(card_id=out.pk, direction="termination").direction == "termination"
    free = sold_by(scene.account, "Free")
    assert update_card(card_id=free.pk, direction="origination").direction == "origination"


def test_a_card_of_origination_puts_no_prefix_before_numbers(scene: Scene) -> None:
    given = {"account_id": scene.account.pk, "kind": "carrier", "currency": "EUR", "carrier_id": scene.cirrus.pk}
    refused("tech_prefix", create_card, **given, name="Both", direction="origination", tech_prefix="99")
    out = create_card(**given, name="Out", tech_prefix="99")  # type: ignore[arg-type]
    refused("tech_prefix", update_card, card_id=out.pk, direction="origination")
    assert update_card(card_id=out.pk, direction="origination", tech_prefix="").direction == "origination"
    refused("tech_prefix", update_card, card_id=out.pk, tech_prefix="99")
    refused("direction", create_card, **given, name="Sideways", direction="sideways")


def test_routes_and_portal_domains_refuse_cards_of_origination(scene: Scene) -> None:
    out, tag = sold_by(scene.account), create_tag(account_id=scene.account.pk, name="T")
    route = {"customer_id": scene.acme.pk, "name": "World"}
    assert "of origination" in refused("card_id", create_ingress_route, **route, card_id=scene.card.pk)
    refused("card_id", create_tag_route, tag_id=tag.pk, name="World", card_id=scene.card.pk)
    words = refused("options", create_ingress_route, **route, card_id=out.pk, options=[{"card_id": scene.paid.pk}])
    assert words.startswith("Cirrus in: This card is of origination")
    domain = {"account_id": scene.account.pk, "host": "portal.example", "template_customer_id": scene.acme.pk}
    domain["brand"] = "P"
    assert "of origination" in refused("card_ids", create_portal_domain, **domain, card_ids=[scene.card.pk])
    create_portal_domain(**domain, card_ids=[out.pk])
    assert "portal domain" in refused("direction", update_card, card_id=out.pk, direction="origination")


def test_a_deleted_customer_keeps_its_dids_and_has_them_again_when_restored(scene: Scene, done: Done) -> None:
    did = scene.did(destinations="sip:203.0.113.9")
    delete_customer(customer_id=scene.acme.pk)
    assert any("It keeps its DIDs" in words for words in done.warnings)
    restore_customer(customer_id=scene.acme.pk)
    did.refresh_from_db()
    assert (did.customer_id, did.destinations) == (scene.acme.pk, "sip:203.0.113.9")


def test_nobody_moves_below_another_reseller_with_dids_that_resellers_pay_for(scene: Scene) -> None:
    did = scene.of_gull()
    for customer, parent in ((scene.gull, scene.nordic), (scene.sund, None)):
        parent_id = None if parent is None else parent.pk
        words = refused("parent_id", update_customer, customer_id=customer.pk, parent_id=parent_id)
        assert words.startswith(f"Its DIDs ({LONDON}) name cards of all above it")
    update_did(did_id=did.pk, customer_id=None)
    assert update_customer(customer_id=scene.gull.pk, parent_id=scene.nordic.pk).parent_id == scene.nordic.pk


def test_the_customer_of_a_did_is_the_row_that_the_audit_log_tells_it_of(scene: Scene) -> None:
    did = scene.of_gull()
    told = Audit.objects.filter(table_name="did", row_id=did.pk).values_list("customer_id", flat=True)
    assert set(told) == {scene.gull.pk}
    assert ANN.name in Audit.objects.filter(table_name="did_price").values_list("actor", flat=True)
