"""A story over every process: Ann changes a limit in the panel's form, and the next INVITE obeys it; Rita of a reseller
publishes prices, and the next INVITE is charged by them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.journeys.panel_session import Session, make_operator, web_process
from tests.sip.scene import PER_SECOND, Scene, Seller, require_programs, whole_path
from tests.sip.sipp import CallResult, until
from tests.world import EURO
from tollgate.jobs.postgres import Postgres

pytestmark = pytest.mark.sip
NUMBER = "442071838750"
EMAIL, PASSWORD = "ann@demo.example", "correct horse battery"


@pytest.fixture(scope="module")
def scene(postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Charging, edge and database, started."""
    require_programs()
    with whole_path(postgres, template=migrated_template, folder=tmp_path_factory.mktemp("scene")) as whole:
        yield whole


@pytest.fixture(scope="module")
def ann(scene: Scene) -> Iterator[Session]:
    """Ann at the panel of the same installation, signed in."""
    make_operator(scene.charging.database_url, email=EMAIL, password=PASSWORD)
    with web_process(scene.charging.folder, database_url=scene.charging.database_url) as address:
        session = Session(address)
        session.log_in(EMAIL, PASSWORD)
        yield session


def change(ann: Session, acme: Seller, **fields: str) -> None:
    """Ann saves the form of Acme; then one second passes, no more."""
    ann.save(f"/customers/{acme.customer}/edit/", **fields)
    time.sleep(1)


def short_call(scene: Scene, acme: Seller) -> CallResult:
    """A call of half a second."""
    return scene.edge.call(caller=acme.ip, cld=NUMBER, hold_ms=500)


def test_a_customer_made_inactive_is_refused_by_the_next_call_and_rings_when_it_is_active_again(
    scene: Scene, ann: Session
) -> None:
    acme = scene.seller()
    assert short_call(scene, acme).code == 200
    change(ann, acme, status="inactive")
    refused = short_call(scene, acme)
    assert refused.code == 403
    assert scene.cdr(refused.call_id)["refusal"] == "status_inactive"
    change(ann, acme, status="active")
    assert short_call(scene, acme).code == 200
    scene.assert_books()


def test_fewer_channels_hold_for_the_next_call_and_spare_the_live_one(scene: Scene, ann: Session) -> None:
    acme = scene.seller(channels=5)
    live = scene.edge.place(caller=acme.ip, cld=NUMBER, hold_ms=8000)
    live.wait_for_answer()
    change(ann, acme, channels="1")
    refused = scene.edge.call(caller=acme.ip, cld=NUMBER, hold_ms=500, port=5062)
    assert refused.code == 503
    assert scene.cdr(refused.call_id)["refusal"] == "channels_customer"
    change(ann, acme, channels="2")
    assert scene.edge.call(caller=acme.ip, cld=NUMBER, hold_ms=500, port=5064).code == 200
    ended = live.result()
    assert (ended.code, ended.ended_by) == (200, "caller")
    until(lambda: scene.world.wallet("customer", acme.customer)["channels"] == 0, what="free channels")
    scene.assert_books()


def test_a_credit_line_given_carries_the_next_call_and_taken_away_refuses_it(scene: Scene, ann: Session) -> None:
    acme = scene.seller(money_micros=0)
    assert short_call(scene, acme).code == 402
    change(ann, acme, billing_type="postpaid", debit_limit_micros_kind="credit", debit_limit_micros_amount="5")
    assert scene.world.wallet("customer", acme.customer)["limit_micros"] == 5 * EURO
    answered = short_call(scene, acme)
    assert answered.code == 200
    cost_micros = scene.cdr(answered.call_id)["cost_micros"]
    assert cost_micros > 0
    scene.world.top_up(acme.customer, cost_micros)  # a debt beyond the limit is a finding of the laws
    change(ann, acme, debit_limit_micros_kind="none", debit_limit_micros_amount="")
    refused = short_call(scene, acme)
    assert refused.code == 402
    assert scene.cdr(refused.call_id)["refusal"] == "credit"
    scene.assert_books()


def test_prices_that_a_resellers_user_publishes_charge_the_next_call_at_its_level_alone(
    scene: Scene, ann: Session
) -> None:
    world, rate = scene.world, {**PER_SECOND, "price_nanos": 90_000_000}
    reseller = scene.seller(rates=({**PER_SECOND, "price_nanos": 30_000_000},), is_reseller=True)
    below = world.customer("below Rita", money_micros=EURO, parent_id=reseller.customer)
    card = world.card("Retail", [rate], reseller_id=reseller.customer)
    world.route(below, card, [])
    ip = scene.edge.address(251)
    world.ip_endpoint(below, ip)
    rita = Session(ann.address)
    email = "rita@reseller.example"
    make_operator(scene.charging.database_url, email=email, password=PASSWORD, reseller_id=reseller.customer)
    rita.log_in(email, PASSWORD)
    rita.save(f"/cards/{card}/markup/", source_card_id=str(reseller.card), markup_ppm="50")
    time.sleep(1)
    result = scene.edge.call(caller=ip, cld=NUMBER, hold_ms=1300)
    cdr = scene.cdr(result.call_id)
    booked = dict(world.rows("SELECT book, amount_micros FROM entry WHERE call_id = %s", cdr["id"]))
    assert cdr["billed_s"] == 2
    assert booked == {"resale": -1500, "revenue": -1000, "carrier_cost": 2000}, "before it was 3000 to the reseller"
    scene.assert_books()
