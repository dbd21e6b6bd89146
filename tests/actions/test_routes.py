"""Claims about carriers, cards, routes, edges: what fits together and what is refused."""

import pytest

from tests.actions.cast import acme, bought_by, sold_by
from tests.actions.test_customers import refused
from tollgate.actions.acts import Done, OutOfDate
from tollgate.actions.cards import create_card, delete_card, update_card
from tollgate.actions.carriers import create_carrier, create_gateway, delete_gateway, update_carrier, update_gateway
from tollgate.actions.customers import create_customer
from tollgate.actions.edges import create_edge, update_edge
from tollgate.actions.routes import create_ingress_route, create_tag_route, delete_ingress_route, update_ingress_route
from tollgate.actions.tags import create_tag, delete_tag
from tollgate.store.models import Account, Audit, Gateway, IngressRoute, RouteOption, Wallet


def test_a_route_sells_by_a_customer_card_over_carrier_cards(account: Account, done: Done) -> None:
    first, second = bought_by(account), bought_by(account, "Delta")
    route = create_ingress_route(
        customer_id=acme(account).pk,
        name="World",
        card_id=sold_by(account).pk,
        dial_patterns=" 44 \n\n^1[2-9]",
        options=[{"card_id": first.pk}, {"card_id": second.pk, "weight": 5}],
    )
    assert route.dial_patterns == "44\n^1[2-9]"
    assert list(route.options.values_list("card_id", "position", "weight")) == [(first.pk, 1, 100), (second.pk, 2, 5)]
    assert not done.warnings
    update_ingress_route(ingress_route_id=route.pk, options=[{"card_id": second.pk}], enabled=False)
    assert list(route.options.values_list("card_id", "position", "weight")) == [(second.pk, 1, 5)]


def test_saving_the_same_options_again_leaves_no_trace(account: Account) -> None:
    card = bought_by(account)
    route = create_ingress_route(
        customer_id=acme(account).pk, name="World", card_id=sold_by(account).pk, options=[{"card_id": card.pk}]
    )
    before = Audit.objects.count()
    update_ingress_route(ingress_route_id=route.pk, options=[{"card_id": card.pk}], version=route.version)
    assert Audit.objects.count() == before


def test_a_route_without_carriers_is_saved_with_a_warning(account: Account, done: Done) -> None:
    create_ingress_route(customer_id=acme(account).pk, name="World", card_id=sold_by(account).pk)
    assert "no carrier cards" in done.warnings[0]


def test_a_route_refuses_cards_that_do_not_fit(account: Account) -> None:
    customer, selling, buying = acme(account), sold_by(account), bought_by(account)
    nordic = create_customer(account_id=account.pk, name="Nordic", currency="EUR", is_reseller=True)
    resold = create_card(account_id=account.pk, kind="customer", name="Resold", currency="EUR", reseller_id=nordic.pk)
    dollars = sold_by(account, "Acme USD", "USD")
    route = {"customer_id": customer.pk, "name": "World"}
    assert "customer card" in refused("card_id", create_ingress_route, **route, card_id=buying.pk)
    assert "in USD" in refused("card_id", create_ingress_route, **route, card_id=dollars.pk)
    assert "reseller" in refused("card_id", create_ingress_route, **route, card_id=resold.pk)
    unfit: list[object] = [
        [{"card_id": selling.pk}],
        [{"card_id": buying.pk}] * 2,
        [{}],
        [{"card_id": 1, "x": 2}],
        "all",
    ]
    for options in unfit:
        refused("options", create_ingress_route, **route, card_id=selling.pk, options=options)
    for patterns in ("^(", "+44", "1-800"):
        refused("dial_patterns", create_ingress_route, **route, card_id=selling.pk, dial_patterns=patterns)
    assert not IngressRoute.objects.exists()
    assert not RouteOption.objects.exists()


def test_a_customer_below_a_reseller_buys_by_the_resellers_card(account: Account) -> None:
    nordic = create_customer(account_id=account.pk, name="Nordic", currency="EUR", is_reseller=True)
    fjord = create_customer(account_id=account.pk, name="Fjord", currency="EUR", parent_id=nordic.pk)
    resold = create_card(account_id=account.pk, kind="customer", name="Resold", currency="EUR", reseller_id=nordic.pk)
    route = create_ingress_route(customer_id=fjord.pk, name="World", card_id=resold.pk)
    delete_ingress_route(ingress_route_id=route.pk)
    assert not IngressRoute.objects.exists()


def test_a_carrier_card_has_its_carriers_currency(account: Account) -> None:
    carrier = create_carrier(account_id=account.pk, name="Cirrus", currency="EUR", ring_s=30)
    card = {"account_id": account.pk, "kind": "carrier", "name": "Cirrus A-Z"}
    assert "paid in EUR" in refused("currency", create_card, **card, currency="USD", carrier_id=carrier.pk)
    refused("carrier_id", create_card, **card, currency="EUR")
    nordic = create_customer(account_id=account.pk, name="Nordic", currency="EUR", is_reseller=True)
    refused("reseller_id", create_card, **card, currency="EUR", carrier_id=carrier.pk, reseller_id=nordic.pk)
    selling = {"account_id": account.pk, "kind": "customer", "name": "Retail", "currency": "EUR"}
    refused("carrier_id", create_card, **selling, carrier_id=carrier.pk)
    refused("reseller_id", create_card, **selling, reseller_id=acme(account).pk)
    refused("tech_prefix", create_card, **selling, tech_prefix="77")
    refused("precision", create_card, **selling, precision=7)


def test_a_card_in_use_stays(account: Account) -> None:
    card, spare = sold_by(account), sold_by(account, "Spare")
    create_ingress_route(customer_id=acme(account).pk, name="World", card_id=card.pk)
    assert "Routes use" in refused("card_id", delete_card, card_id=card.pk)
    delete_card(card_id=spare.pk)
    assert update_card(card_id=card.pk, precision=6, method="half_up", version=card.version).precision == 6


def test_gateways_have_addresses_that_can_be_called(account: Account) -> None:
    carrier = create_carrier(account_id=account.pk, name="Cirrus", currency="EUR")
    first = create_gateway(carrier_id=carrier.pk, name="gw1", host="127.0.0.21", port=5080)
    assert create_gateway(carrier_id=carrier.pk, name="gw2", host="sip.cirrus.example", transport="tls").port == 5061
    assert update_gateway(gateway_id=first.pk, port=None, transport="tls").port == 5061
    assert update_gateway(gateway_id=first.pk, port=None, transport="udp").port == 5060
    refused("host", create_gateway, carrier_id=carrier.pk, name="gw3", host="sip:cirrus")
    refused("port", update_gateway, gateway_id=first.pk, port=0)
    refused("name", create_gateway, carrier_id=carrier.pk, name="gw1", host="127.0.0.22")
    assert update_carrier(carrier_id=carrier.pk, status="inactive").status == "inactive"
    delete_gateway(gateway_id=first.pk)
    assert Gateway.objects.count() == 1


def test_who_holds_an_older_list_of_carriers_does_not_overwrite_a_newer_one(account: Account) -> None:
    card = bought_by(account)
    route = create_ingress_route(
        customer_id=acme(account).pk, name="World", card_id=sold_by(account).pk, options=[{"card_id": card.pk}]
    )
    seen = route.version
    update_ingress_route(ingress_route_id=route.pk, options=[{"card_id": card.pk, "weight": 77}], version=seen)
    with pytest.raises(OutOfDate):
        update_ingress_route(ingress_route_id=route.pk, options=[{"card_id": card.pk, "weight": 100}], version=seen)
    assert route.options.get().weight == 77


def test_two_edges_never_share_a_control_address(account: Account) -> None:
    address = "http://127.0.0.1:5070/RPC"
    create_edge(account_id=account.pk, name="kam1", kind="kamailio", rpc_url=address)
    refused("rpc_url", create_edge, account_id=account.pk, name="kam2", kind="kamailio", rpc_url=address)
    for name in ("sw1", "sw2"):
        create_edge(account_id=account.pk, name=name, kind="plain")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "127.0.0.1:5070",
        "http://",
        "http://192.0.34.7:8060/RPC",
        "http://kam1.example:8060",
        "http://10.0.0.5",
        "http://10.0.0.5:8060/elsewhere",
        "http://0.0.0.0:8060",
        "http://10.0.0.5:x",
    ],
)
def test_the_secret_goes_only_to_a_private_address_of_an_edge(account: Account, url: str) -> None:
    edge = create_edge(account_id=account.pk, name="kam1", kind="kamailio", rpc_url="http://127.0.0.1:5070/RPC")
    refused("rpc_url", update_edge, edge_id=edge.pk, rpc_url=url)
    refused("name", create_edge, account_id=account.pk, name="kam1")
    refused("kind", update_edge, edge_id=edge.pk, kind="asterisk")
    assert update_edge(edge_id=edge.pk, enabled=False).enabled is False


def test_a_tag_s_route_reaches_every_customer_with_the_tag(account: Account, done: Done) -> None:
    tag = create_tag(account_id=account.pk, name="Wholesale")
    selling, buying = sold_by(account), bought_by(account)
    route = create_tag_route(tag_id=tag.pk, name="World", card_id=selling.pk, options=[{"card_id": buying.pk}])
    assert (route.customer, route.owner) == (None, tag)
    assert Wallet.objects.get(kind="ingress_route", owner_id=route.pk).account_id == account.pk
    update_ingress_route(ingress_route_id=route.pk, options=[], channels=5)
    assert "no carrier cards" in done.warnings[-1]
    assert Wallet.objects.get(kind="ingress_route", owner_id=route.pk).channels_max == 5
    assert "Ingress routes" in refused("tag_id", delete_tag, tag_id=tag.pk)
    delete_ingress_route(ingress_route_id=route.pk)
    delete_tag(tag_id=tag.pk)


def test_a_tag_s_route_refuses_cards_that_do_not_fit(account: Account) -> None:
    tag = create_tag(account_id=account.pk, name="Wholesale")
    nordic = create_customer(account_id=account.pk, name="Nordic", currency="EUR", is_reseller=True)
    resold = create_card(account_id=account.pk, kind="customer", name="Resold", currency="EUR", reseller_id=nordic.pk)
    route = {"tag_id": tag.pk, "name": "World"}
    assert "customer card" in refused("card_id", create_tag_route, **route, card_id=bought_by(account).pk)
    assert "reseller" in refused("card_id", create_tag_route, **route, card_id=resold.pk)
    assert create_tag_route(tag_id=tag.pk, name="World", card_id=sold_by(account, "Acme USD", "USD").pk).pk


def test_a_carrier_s_rule_of_identity_is_one_of_four(account: Account) -> None:
    carrier = create_carrier(account_id=account.pk, name="Cirrus", currency="EUR", pai_mode="required")
    assert (carrier.pai_mode, update_carrier(carrier_id=carrier.pk, pai_mode="remove").pai_mode) == (
        "required",
        "remove",
    )
    refused("pai_mode", update_carrier, carrier_id=carrier.pk, pai_mode="sometimes")
