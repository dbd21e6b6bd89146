"""Claims about calls whose customer a PIN says: whose they are, and what of the endpoint that presents it holds."""

from ipaddress import ip_network

from tests.core.call_cast import ENDPOINT_WALLET, INVITE, Addresses, world
from tollgate.core.calls import read_gates
from tollgate.core.calls_caller import presenter
from tollgate.core.calls_types import Holder, Presented
from tollgate.core.refusals import Key, Refusal
from tollgate.core.snapshot import Endpoint

VOICE = Endpoint(7, 2, "ip", ENDPOINT_WALLET, limited=True, tech_prefix="88", presents_pins=True)
HOLDER = Holder("37052000000", 1)


def known(endpoint: Endpoint = VOICE) -> Addresses:
    return Addresses(((ip_network("198.51.100.7/32"), endpoint),))


def test_the_holder_calls_and_the_endpoint_that_presents_the_pin_limits_and_rewrites() -> None:
    planned = world(networks=known()).plan(INVITE._replace(cld="88442079460001", holder=HOLDER))
    assert planned.customer is not None
    assert (planned.customer.name, planned.endpoint, planned.number) == ("Acme", VOICE, "442079460001")
    assert ENDPOINT_WALLET in planned.wallet_ids
    gate = read_gates(planned.status_lines)[0]
    values = {"ip": INVITE.source_ip, "access_number": "37052000000", "endpoint": 7}
    assert (gate.gate, gate.scope, gate.values) == ("identity", "pin", values)


def test_a_switch_may_present_a_pin_from_where_no_endpoint_is() -> None:
    planned = world().plan(INVITE._replace(source_ip="192.0.2.1", holder=HOLDER))
    assert planned.customer is not None
    assert (planned.customer.name, planned.endpoint) == ("Acme", None)
    assert ENDPOINT_WALLET not in planned.wallet_ids
    assert planned.status_refusal is None


def test_a_pin_of_nobody_is_nobodys_call_however_well_known_the_address_is() -> None:
    locked = Refusal(Key.pin_locked, "pin")
    for holder, key in ((Holder("1", None, locked), Key.pin_locked), (Holder("1", 99), Key.pin_unknown)):
        planned = world().plan(INVITE._replace(holder=holder))
        assert planned.customer is None
        assert planned.wallet_ids == ()
        assert planned.status_refusal is not None
        assert planned.status_refusal.key is key


def test_only_an_endpoint_that_may_presents_pins_and_no_sip_user_does() -> None:
    there = world(networks=known())
    way = presenter(INVITE._replace(cld="88442079460001"), there.snapshot)
    assert way is not None
    assert (way.endpoint, way.dialed) == (VOICE, "442079460001")
    assert presenter(INVITE, there.snapshot) is None  # without its tech prefix
    assert presenter(INVITE._replace(cld="881", user="carla"), there.snapshot) is None
    assert presenter(INVITE, world().snapshot) is None
    orphan = world(networks=known(Endpoint(7, 99, "ip", 1, presents_pins=True)))
    assert presenter(INVITE, orphan.snapshot) is None
    plain = world(networks=known(Endpoint(7, 2, "ip", 1, presents_pins=True)))
    assert presenter(INVITE, plain.snapshot) is not None


def test_a_presented_pin_is_not_shown_by_whoever_prints_the_call() -> None:
    presented = INVITE._replace(presented=Presented("37052000000", "482915"))
    assert "37052000000" in repr(presented)
    assert "482915" not in repr(presented)
