"""Claims about calls on our own net: whose phone is called, at which price, and what it is shown."""

from datetime import timedelta
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
from tollgate.core.calls_types import Delivery
from tollgate.core.localization import Localization
from tollgate.core.refusals import Key
from tollgate.core.snapshot import Endpoint

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
    assert delivered(planned) == Delivery("1001")
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
