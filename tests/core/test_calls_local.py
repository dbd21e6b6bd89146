"""Claims about calls on our own net: whose phone is called, at which price, and what it is shown."""

from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest

from tests.core.call_cast import (
    ACME_WALLET,
    AT,
    CENT,
    EURO,
    INVITE,
    RHINE_WALLET,
    SAAR_INVITE,
    SAAR_WALLET,
    World,
    world,
)
from tollgate.core import localization
from tollgate.core.calls import Plan
from tollgate.core.calls_types import Delivery, Invite
from tollgate.core.extensions import Book, Span
from tollgate.core.ledger import Purse, apply_grant
from tollgate.core.localization import Localization
from tollgate.core.refusals import Key, answer
from tollgate.core.snapshot import Callee, Endpoint

PRICED = {"local_price_nanos": 60_000_000, "local_increment_s": 6}
TO_PHONE = INVITE._replace(cld="1001")


def net(**changes: Any) -> World:
    """Saar shares the phone 1001 and keeps 1003, a customer who is gone has 1002, Acme its own 1004."""
    phones = {
        "1001": Endpoint(7, 4, "sip_user", 27, shared=True),
        "1002": Endpoint(8, 99, "sip_user", 28, shared=True),
        "1003": Endpoint(9, 4, "sip_user", 29),
        "1004": Endpoint(10, 1, "sip_user", 30),
    }
    return world(users=phones, **changes)


ROOM_WALLET = 70
CALLEES: Book[Callee] = Book(
    [
        (Span(2000, 2049), Callee("endpoint", 5, 4, "Saar PBX", "203.0.113.40", shared=True)),
        (Span(3000, 3000), Callee("endpoint", 6, 4, "Saar's other", "203.0.113.41")),
        (Span(4000, 4009), Callee("endpoint", 1, 1, "Acme PBX", "2001:db8::7", 5061, "tls")),
        (Span(5000, 5000), Callee("conference_room", 3, 1, "Monday", "203.0.113.60", wallet_id=ROOM_WALLET)),
    ]
)


def behind(**changes: Any) -> World:
    """Saar's PBX has 2000-2049 for all and another 3000, Acme's own has 4000-4009, and Acme meets in room 5000."""
    known = net(extensions=CALLEES, **changes)
    known.purses[ROOM_WALLET] = Purse(ROOM_WALLET, 1, "conference_room", 3, None, 97, None)
    return known


def to(number: str) -> Invite:
    return INVITE._replace(cld=number)


def delivered(planned: Plan) -> Delivery:
    assert planned.handling.local is not None
    return planned.handling.local


def test_a_shared_extension_is_called_over_no_carrier_and_free_at_no_price() -> None:
    broke = net(purses={ACME_WALLET: {"balance_micros": 0}})
    granted = broke.granted(TO_PHONE)
    planned = broke.plan(TO_PHONE)
    assert (planned.local_user, planned.destination, planned.number) == ("1001", "Local", "1001")
    assert (granted.holds, granted.carrier_wallet_ids, granted.dropped) == ((0,), (), ())
    assert [route.carrier_id for route in granted.routes] == [0]
    assert [gate.gate for gate in granted.gates][-2:] == ["local_call", "grant"]
    assert delivered(planned) == Delivery("1001", INVITE.cli)
    assert broke.plan(TO_PHONE._replace(cld="A")).local_user is None


def test_a_local_call_is_sold_at_every_level_s_own_price() -> None:
    known = net(saar=PRICED, rhine={"local_price_nanos": 30_000_000, "local_increment_s": 60})
    granted = known.granted(SAAR_INVITE._replace(cld="1001"))
    legs = known.plan(SAAR_INVITE._replace(cld="1001")).legs
    assert [(leg.wallet_id, leg.book, leg.free) for leg in legs] == [
        (SAAR_WALLET, "resale", False),
        (RHINE_WALLET, "revenue", False),
    ]
    assert (granted.granted_s, granted.holds) == (6, (6_000, 30_000))


def test_a_priced_local_call_needs_money() -> None:
    assert net(acme=PRICED, purses={ACME_WALLET: {"balance_micros": 0}}).refused(TO_PHONE).key is Key.credit
    poor = net(acme=PRICED, purses={ACME_WALLET: {"balance_micros": CENT}})
    assert poor.granted(TO_PHONE).granted_s == 6
    rich = net(acme=PRICED, slice_s=60, purses={ACME_WALLET: {"balance_micros": EURO}}).granted(TO_PHONE)
    assert (rich.granted_s, rich.holds) == (66, (66_000,))


def test_switched_off_it_is_a_number_like_any_other() -> None:
    outward = net(acme={"local_calls": False}).plan(TO_PHONE)
    assert (outward.local_user, outward.late and outward.late.key) == (None, Key.no_rate)
    assert net().plan(INVITE._replace(cld="1002")).local_user is None


def test_only_own_extensions_and_shared_ones_are_on_the_net() -> None:
    assert net().plan(INVITE._replace(cld="1003")).local_user is None
    assert net().plan(INVITE._replace(cld="1004")).local_user == "1004"


@pytest.mark.parametrize(("status", "key"), [("pending", Key.status_pending), ("inactive", Key.status_inactive)])
def test_only_an_active_customer_is_called(status: str, key: Key) -> None:
    refusal = net(saar={"status": status}).refused(TO_PHONE)
    assert (refusal.key, refusal.scope) == (key, "called")
    resting = net(saar={"status": "inactive", "status_until": AT})
    assert resting.granted(TO_PHONE, AT)
    assert resting.refused(TO_PHONE, AT - timedelta(seconds=1)).scope == "called"


def test_the_phone_is_shown_numbers_as_its_customer_writes_them() -> None:
    swaps = localization.parse
    own = Localization(
        "S", terminate_cli_in=swaps("44/0"), terminate_cli_out=swaps("0/9"), terminate_cld=swaps("1/44201")
    )
    local = delivered(net(saar={"localization": own}).plan(TO_PHONE))
    assert (local.user, local.cli, local.number) == ("1001", "92071838750", "44201001")


@pytest.mark.parametrize(
    ("mode", "privacy", "shown"),
    [("default", None, "1"), ("default", "id", ""), ("if_available", "none", "1"), ("remove", None, "")],
)
def test_the_phone_is_told_the_caller_s_assertion_unless_that_is_private(
    mode: str, privacy: str | None, shown: str
) -> None:
    planned = net(acme={"pai_mode": mode}).plan(TO_PHONE._replace(pai="<sip:1@a>", privacy=privacy))
    assert delivered(planned).pai == shown


def test_the_caller_s_timeouts_hold_for_phones_too() -> None:
    usual = delivered(net().plan(TO_PHONE))
    assert (usual.first_reply_s, usual.pdd_s, usual.ring_s) == (5, 5, 60)
    known = net(acme={"first_reply_s": 1, "pdd_s": 2, "ring_s": 3})
    quick = delivered(known.plan(TO_PHONE))
    assert (quick.first_reply_s, quick.pdd_s, quick.ring_s) == (1, 2, 3)
    assert known.granted(TO_PHONE).ring_s == 5


def test_within_the_net_a_phone_may_show_its_own_name() -> None:
    strict = {"approved_clis_only": True}
    from_phone = INVITE._replace(user="acme1", cli="ACME1")
    users = {"1001": Endpoint(7, 4, "sip_user", 27, shared=True), "acme1": Endpoint(9, 1, "sip_user", 29)}
    phones = world(acme=strict, users=users)
    phones.granted(from_phone._replace(cld="1001"))
    assert phones.refused(from_phone).key is Key.cli_restricted
    assert phones.refused(from_phone._replace(cld="1001", cli="1001")).key is Key.cli_restricted
    assert net(acme=strict).refused(TO_PHONE).key is Key.cli_restricted


def test_a_local_call_is_recorded_as_the_customer_says() -> None:
    assert net(recording=True, acme={"recording": True}).plan(TO_PHONE).record
    assert not net(recording=True).plan(TO_PHONE).record


def test_an_extension_behind_an_address_is_a_local_call_to_that_address() -> None:
    known = behind(acme=PRICED)
    planned, granted = known.plan(to("2007")), known.granted(to("2007"))
    assert (planned.local_user, planned.destination, planned.number, planned.callee) == (None, "Local", "2007", None)
    (route,) = granted.routes
    assert route.uri == "sip:2007@203.0.113.40:5060;transport=udp"
    assert (route.host, route.port, route.transport, route.cld) == ("203.0.113.40", 5060, "udp", "2007")
    assert (route.cli, route.carrier_id, route.carrier_wallet_id) == (INVITE.cli, 0, 0)
    assert (granted.granted_s, granted.holds) == (6, (6_000,))
    assert '"kind":"endpoint","name":"Saar PBX"' in granted.gate_lines[-2]
    own = known.plan(to("4009")._replace(user="1004")).routes[0]
    assert own.uri == "sip:4009@[2001:db8::7]:5061;transport=tls"


def test_a_pbx_is_sent_the_number_as_its_customer_writes_it_and_a_room_its_extension() -> None:
    swaps = localization.parse
    own = Localization("S", terminate_cli_out=swaps("44/0"), terminate_cld=swaps("*/9"))
    known = behind(saar={"localization": own}, acme={"localization": own})
    (pbx,), (room,) = known.plan(to("2007")).routes, known.plan(to("5000")).routes
    assert (pbx.cld, pbx.cli) == ("92007", "02071838750")
    assert pbx.uri.startswith("sip:92007@")
    assert (room.cld, room.cli) == ("5000", "02071838750")


def test_a_pbx_is_shown_what_its_customer_is_to_see_and_not_our_way_of_it() -> None:
    """Acme's numbers become ours by its localization; Saar's makes what Acme sent of them, or hides them."""
    swaps = localization.parse
    ours = Localization("A", originate_cli_in=swaps("44/0044"))
    for rule, shown in (("0044/44", INVITE.cli), (f"00{INVITE.cli}/*", "")):
        back = Localization("S", terminate_cli_out=swaps(rule))
        known = behind(acme={"localization": ours}, saar={"localization": back})
        assert known.plan(to("2007")).routes[0].cli == shown == delivered(known.plan(TO_PHONE)).cli


@pytest.mark.parametrize("dialed", ["3000", "2050", "1999", "02007", "+2007"])
def test_what_is_not_shared_or_no_extension_goes_out(dialed: str) -> None:
    assert behind().plan(to(dialed)).destination != "Local"
    assert behind(acme={"local_calls": False}).plan(to("2007")).destination != "Local"


def test_a_pbx_does_not_get_back_what_it_sent_out() -> None:
    refusal = behind().refused(to("4001"))
    assert (refusal.key, refusal.scope) == (Key.local_loop, "called")
    assert behind().granted(to("4001")._replace(user="1004"))
    assert behind(saar={"status": "pending"}).refused(to("2007")).key is Key.status_pending


def test_a_pbx_gets_back_nothing_as_another_endpoint_at_its_address_either() -> None:
    """Its calls come from endpoint 1; what is called is another record with that address, or a network around it."""
    host, office = INVITE.source_ip, ip_network("198.51.100.0/28")
    for by in (Callee("endpoint", 6, 1, "PBX", host), Callee("endpoint", 6, 1, "PBX", "pbx.example", network=office)):
        looped = net(extensions=Book([(Span(4000, 4009), by)]))
        assert looped.refused(to("4001")).key is Key.local_loop
        assert looped.refused(to("4001")._replace(source_ip=f"::ffff:{host}", user="1004")).key is Key.local_loop
        assert looped.granted(to("4001")._replace(source_ip="192.0.2.77", user="1004"))
    room = Callee("conference_room", 3, 1, "Monday", host, wallet_id=ROOM_WALLET)
    met = net(extensions=Book([(Span(5000, 5000), room)]))
    met.purses[ROOM_WALLET] = Purse(ROOM_WALLET, 1, "conference_room", 3, None, 97, None)
    assert met.granted(to("5000")), "a room's server may transfer into its room"


@pytest.mark.parametrize("why", ["disabled", "address"])
def test_what_is_closed_is_called_by_nobody_and_over_no_carrier(why: str) -> None:
    closed = net(extensions=Book([(Span(4000, 4000), Callee("endpoint", 6, 1, "PBX", "192.0.2.9", closed=why))]))
    refusal, planned = closed.refused(to("4000")), closed.plan(to("4000"))
    assert (refusal.key, refusal.scope, dict(refusal.values)["closed"]) == (Key.number_unallocated, "called", why)
    assert (planned.destination, planned.routes, planned.local_user) == ("Local", (), None)


def test_a_room_counts_who_is_in_it_and_is_busy_when_full() -> None:
    known = behind()
    assert ROOM_WALLET in known.granted(to("5000")).meters
    assert ROOM_WALLET not in known.granted(to("2007")).meters
    room = known.purses[ROOM_WALLET]
    room.channels, room.channels_max = 1, 2
    assert [gate.gate for gate in known.granted(to("5000")).gates][-3:] == ["conference_full", "local_call", "grant"]
    room.channels = 2
    refusal = known.refused(to("5000"))
    assert (refusal.key, refusal.scope, dict(refusal.values)["channels_max"]) == (
        Key.conference_full, "conference_room", 2,
    )  # fmt: skip
    assert known.granted(to("2007"))


PHONE_WALLET, PBX_WALLET = 27, 71


def limited() -> World:
    """Saar's phone 1001 and its PBX, which only receives calls, take two calls at once and one a second."""
    pbx = Callee("endpoint", 5, 4, "Saar PBX", "203.0.113.40", shared=True, wallet_id=PBX_WALLET, limited=True)
    phone = Endpoint(7, 4, "sip_user", PHONE_WALLET, limited=True, name="1001", shared=True)
    known = world(users={"1001": phone}, extensions=Book([(Span(2000, 2049), pbx)]))
    for wallet in (PHONE_WALLET, PBX_WALLET):
        known.purses[wallet] = Purse(wallet, 1, "endpoint", 5, None, 98, None, channels_max=2, cps_max_milli=1000)
    return known


@pytest.mark.parametrize(("number", "wallet"), [("2007", PBX_WALLET), ("1001", PHONE_WALLET)])
def test_calls_to_an_endpoint_count_as_those_from_it_and_one_more_finds_it_busy(number: str, wallet: int) -> None:
    known = limited()
    granted, purse = known.granted(to(number)), known.purses[wallet]
    assert granted.meters[-1] == wallet
    assert [gate.gate for gate in granted.gates][-4:] == ["channels_endpoint", "cps_endpoint", "local_call", "grant"]
    apply_grant(granted, known.purses, AT)
    assert purse.channels == 1
    refusal = known.refused(to(number))
    assert (refusal.key, refusal.scope, answer(refusal).sip) == (Key.cps_endpoint, "called", 503)
    purse.channels = 2
    refusal = known.refused(to(number))
    assert (refusal.key, refusal.scope, dict(refusal.values)["channels_max"]) == (Key.channels_endpoint, "called", 2)
    assert (answer(refusal).sip, answer(refusal).q850) == (486, 17), "busy, as it would say itself"


def test_a_phone_that_calls_its_own_number_is_counted_once() -> None:
    known = limited()
    itself = to("1001")._replace(user="1001")
    assert known.granted(itself).meters.count(PHONE_WALLET) == 1
