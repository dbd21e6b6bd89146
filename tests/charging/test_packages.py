"""Claims about packages with call recording: calls obey them on their days, to the instant, without a restart."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.charging.cast import World
from tests.charging.process import Charging
from tests.charging.test_dids import DID, Inbound, inbound
from tests.charging.test_doors import GOOD
from tests.charging.test_extensions import obeyed
from tests.moments import today

__all__ = ["inbound"]
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
ZONE = "Pacific/Auckland"


def begins(day: date, zone: str = ZONE) -> datetime:
    """The instant at which a day begins."""
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)


def held(world: World, first: date, last: date | None, **columns: Any) -> int:
    """A package with call recording, in Acme's hands."""
    package = world.insert(
        "package", account_id=world.account, name="Recorded line", currency="EUR", frequency="none", feature="recording"
    )
    given = {"customer_id": world.acme, "package_id": package, "starts_on": first, "ends_on": last, **columns}
    return world.insert("customer_package", **given)


def recorded(charging: Charging, at: datetime | None = None, **question: Any) -> str:
    """By what a call would be recorded at a moment: a package, `itself` where no package decides; empty for not."""
    asked = {**GOOD, **question, **({} if at is None else {"at": at.isoformat()})}
    gates = charging.post("/v1/simulate", **asked)["gates"]
    found = [gate["values"].get("package", "itself") for gate in gates if gate["gate"] == "recorded"]
    return found[0] if found else ""


def test_calls_are_recorded_on_the_days_of_a_package_in_the_customers_zone(world: World, charging: Charging) -> None:
    world.run("UPDATE account SET recording = true")
    world.update("customer", world.acme, billing_zone=ZONE)
    first, last = today() + 3 * DAY, today() + 5 * DAY
    found = held(world, first, last)
    obeyed(lambda: recorded(charging, begins(first)), "Recorded line")
    assert recorded(charging, begins(first) - SECOND) == "", "a second before"
    assert recorded(charging, begins(last + DAY) - SECOND) == "Recorded line", "its last second"
    assert recorded(charging, begins(last + DAY)) == ""
    world.update("customer_package", found, ends_on=first)
    obeyed(lambda: recorded(charging, begins(first + DAY)), "")
    assert recorded(charging, begins(first + DAY) - SECOND) == "Recorded line"
    world.update("customer", world.acme, billing_zone="", zone="UTC")
    obeyed(lambda: recorded(charging, begins(first)), "")
    assert recorded(charging, begins(first, "UTC")) == "Recorded line"
    world.update("customer", world.acme, recording=True)
    obeyed(lambda: recorded(charging, begins(first, "UTC")), "itself")
    world.update("customer", world.acme, recording=False)
    world.run("UPDATE account SET recording = false")
    obeyed(lambda: recorded(charging, begins(first, "UTC")), "")


def test_a_call_that_is_made_while_it_is_held_is_recorded_by_the_edge(world: World, charging: Charging) -> None:
    world.run("UPDATE account SET recording = true")
    held(world, today() - DAY, None)
    obeyed(lambda: recorded(charging), "Recorded line")
    assert charging.authorize("now")["record"] is True
    charging.ended("now", datetime.now(UTC), sip=487)
    gates = world.cdr("now")["detail"]["gates"]
    assert [gate["values"] for gate in gates if gate["gate"] == "recorded"] == [{"package": "Recorded line"}]


def test_a_package_for_a_did_records_its_calls_alone_and_for_as_long_as_the_customer_has_it(
    world: World, charging: Charging, inbound: Inbound
) -> None:
    world.run("UPDATE account SET recording = true")
    found = held(world, today() - DAY, None, did_id=inbound.did, did_number=DID)
    comes_in = {"source": {"ip": "203.0.113.5"}, "cld": DID}
    obeyed(lambda: recorded(charging, **comes_in), "Recorded line")
    assert recorded(charging) == "", "calls that go out are the customer's"
    first = today() + 3 * DAY
    world.update("customer_package", found, starts_on=first)
    obeyed(lambda: recorded(charging, begins(first), **comes_in), "")
    world.update("customer", world.acme, billing_zone=ZONE)
    obeyed(lambda: recorded(charging, begins(first), **comes_in), "Recorded line")
    assert recorded(charging, begins(first) - SECOND, **comes_in) == ""
    world.update("customer_package", found, starts_on=today() - DAY)
    obeyed(lambda: recorded(charging, **comes_in), "Recorded line")
    world.sip_user(world.baltic, "3002", "x")
    inbound.change(customer_id=world.baltic, destinations="3002")
    obeyed(lambda: (inbound.place(), recorded(charging, **comes_in)), (("3002",), ""))
