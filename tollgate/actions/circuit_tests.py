"""Acts on circuit tests: real calls by which an operator sees how a carrier, a gateway or a route works.

A test is called by the SIP user that the options name, so its customer pays for it by its own routes, and it is held,
charged and kept like any other call. Each person has one at a time, and so many an hour. The calls themselves are
placed by `jobs.circuit_calls`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from tollgate.actions import checks, records
from tollgate.actions.acts import act, current, refuse
from tollgate.store.models import Account, Carrier, CircuitTest, Endpoint, Gateway

OPEN: Final = ("queued", "calling")
MOST_AN_HOUR: Final = 30
"""Of one person."""
LONGEST_S: Final = 60
LEASE: Final = timedelta(minutes=3)
"""Ringing and talking end long before; what is open for longer has lost the process that called."""
KEPT: Final = timedelta(days=90)
"""Then a test is forgotten; its call stays as long as any other."""
WAITED: Final = timedelta(minutes=5)
"""A worker makes two at once: others wait their turn."""
CHECKS: Final = {
    "number": checks.matching(r"\+?[0-9]{2,20}", "Give the digits to dial."),
    "cli": checks.matching(r"(\+?[0-9]{2,20})?", "Give the digits to show, or nothing."),
    "talk_s": checks.whole(1, LONGEST_S),
}


@act
def start_circuit_test(
    *,
    account_id: int,
    number: str,
    talk_s: int = 10,
    cli: str = "",
    carrier_id: int | None = None,
    gateway_id: int | None = None,
) -> CircuitTest:
    """Has a number called: through this gateway alone, or a carrier's, or by the usual way where neither is given."""
    values = checks.cleaned(CHECKS, {"number": number, "cli": cli, "talk_s": talk_s})
    account = records.find(Account, account_id)
    user = caller(account)
    way, gateway_ids = _way(account, carrier_id, gateway_id)
    at, name = records.now(), current.get().name
    give_up(at)
    if CircuitTest.objects.filter(account=account, asked_by=name, state__in=OPEN).exists():
        raise refuse("number", "Your last test is still going on: wait for its end.")
    asked = CircuitTest.objects.filter(account=account, asked_by=name, created_at__gt=at - timedelta(hours=1))
    if asked.count() >= MOST_AN_HOUR:
        raise refuse("number", f"You have made {MOST_AN_HOUR} tests in the last hour: wait a while.")
    CircuitTest.objects.filter(account=account, created_at__lt=at - KEPT).delete()
    begun = {"account": account, "endpoint": user, "way": way, "gateway_ids": gateway_ids, "asked_by": name}
    return records.create(CircuitTest, {**values, **begun})


def caller(account: Account) -> Endpoint:
    """The SIP user that calls. Raises Invalid where the options name none that may."""
    user = account.circuit_user
    if user is None or not user.enabled or not user.ha1:
        raise refuse("number", "Nobody can call: choose a circuit test user under System > Options > Calls.")
    return user


def give_up(at: datetime) -> None:
    """Says of what is open for too long that it has failed: a new one may begin."""
    words = "The call was broken off: the process that placed it ended."
    lost = CircuitTest.objects.filter(state="calling", called_at__lt=at - LEASE)
    lost.update(state="failed", words=words, ended_at=at)
    words = "Nobody placed the call in time: is `tollgate work` running?"
    waiting = CircuitTest.objects.filter(state="queued", created_at__lt=at - WAITED)
    waiting.update(state="failed", words=words, ended_at=at)


def _way(account: Account, carrier_id: int | None, gateway_id: int | None) -> tuple[str, list[int]]:
    """What the test is of, in words, and the gateways that it may take; nothing for the usual way."""
    if gateway_id is not None:
        gateway = Gateway.objects.filter(pk=gateway_id, carrier__account=account).select_related("carrier").first()
        if gateway is None or carrier_id not in (None, gateway.carrier_id):
            raise refuse("gateway_id", "Choose a gateway of this account, and of the carrier if one is given.")
        if not gateway.enabled or gateway.carrier.status != "active":
            raise refuse("gateway_id", "This gateway takes no calls: it is disabled, or its carrier is not active.")
        return f"{gateway.carrier}: {gateway}", [gateway.pk]
    if carrier_id is None:
        return "", []
    carrier = Carrier.objects.filter(pk=carrier_id, account=account).first()
    if carrier is None:
        raise refuse("carrier_id", "Choose a carrier of this account.")
    gateway_ids = list(carrier.gateways.filter(enabled=True).order_by("pk").values_list("pk", flat=True))
    if carrier.status != "active" or not gateway_ids:
        raise refuse("carrier_id", "This carrier takes no calls: it is not active, or has no gateway that is enabled.")
    return str(carrier), gateway_ids
