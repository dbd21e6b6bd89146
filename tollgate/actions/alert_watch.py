"""What alerts do: look at their figures, tell people, hold a customer, keep a history.

`watch` is the tick. Several workers may call it at once: one looks, the others leave it to that one. An alert of the
area `change` has no state: each look tells of the changes since the last.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Max, Q

from tollgate.actions import records
from tollgate.actions.acts import act, because
from tollgate.actions.alerts import PENALTIES_S, rule_of
from tollgate.actions.holds import impose
from tollgate.actions.messages import queue
from tollgate.actions.notices import contacts_told
from tollgate.core.alerts import AREAS, Stand, condition, decide, shown
from tollgate.core.holds import Hold
from tollgate.core.hours import zone_info
from tollgate.core.templates import Figure
from tollgate.store.models import Alert, AlertEvent, AlertState, Audit, Carrier, Contact, Customer
from tollgate.store.queries.alerts import Figures, changes

LOCK = 0x616C6572
"""The advisory lock of the look ("aler")."""
KEPT = timedelta(days=365)
CHANGE = "change"
TO_CONTACTS = "alert.fired"
"""What a customer opts out of that wants no alerts of its tags (core/notices.py)."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Watched:
    """Whose figure it is: a customer or a carrier."""

    customer: Customer | None
    carrier: Carrier | None

    @property
    def name(self) -> str:
        """As people call it."""
        return str(self.customer or self.carrier)

    @property
    def key(self) -> tuple[int | None, int | None]:
        """The ids of both, as a state has them."""
        return (self.customer.pk if self.customer else None, self.carrier.pk if self.carrier else None)

    @property
    def currency(self) -> str:
        """Of its money."""
        owner = self.customer or self.carrier
        return owner.currency if owner else ""


@act
def watch_alerts() -> int:
    """Looks at every alert once; gives how many fired, told again or were armed."""
    return watch(records.now())


def watch(at: datetime) -> int:
    """The same at a moment. One look at a time, whoever looks; whatever befalls one alert, the others are looked at."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
            if cursor.fetchone() != (True,):
                return 0
        alerts = Alert.objects.filter(Q(customer=None) | Q(customer__deleted_at=None), enabled=True)
        alerts = alerts.select_related("account", "customer", "carrier", "tag").order_by("id")
        figures: dict[int, Figures] = {}
        count = 0
        for alert in alerts:
            seen = figures.setdefault(alert.account_id, Figures(alert.account_id, at))
            try:
                with transaction.atomic():
                    count += sum(_changed(alert, at) if alert.area == CHANGE else _looked(alert, seen, at))
            except Exception:
                log.exception("ALARM alert %s is not looked at", alert.pk)
        return count


@act
def test_alert(*, alert_id: int) -> AlertEvent:
    """Tells the recipients as if the alert had fired, with the figure of now; nothing is held."""
    alert = records.find(Alert, alert_id)
    at = records.now()
    watched = next(_watched(alert), Watched(None, None))
    value = 0 if alert.area == CHANGE else _figure(Figures(alert.account_id, at), alert, watched)
    _tell(alert, watched, value=shown(alert.area, value, watched.currency), note="This is a test.")
    return _note(alert, watched, kind="tested", value=value, at=at)


def forget_old(at: datetime) -> int:
    """Removes the history older than a year; gives how many rows."""
    return AlertEvent.objects.filter(at__lt=at - KEPT).delete()[0]


def _looked(alert: Alert, figures: Figures, at: datetime) -> Iterator[bool]:
    """One alert of a figure: for each it is of, whether something was done."""
    states, rule, zone = _states(alert), rule_of(alert), zone_info(alert.account.zone)
    for watched in _watched(alert):
        state = states.pop(watched.key, None)
        state = state or AlertState(alert=alert, customer=watched.customer, carrier=watched.carrier)
        value = _figure(figures, alert, watched)
        move = decide(rule, Stand(fired_at=state.fired_at, told_at=state.told_at), value, at, zone=zone)
        if not move.kind:
            continue
        state.fired_at, state.told_at = move.stand.fired_at, move.stand.told_at
        state.save()
        words = _held(alert, watched, at) if move.kind == "fired" else ""
        if move.kind != "cleared":
            _tell(alert, watched, value=shown(alert.area, value, watched.currency), note=words)
        _note(alert, watched, kind=move.kind, value=value, words=words, at=at)
        yield True
    _forget(states.values())


def _changed(alert: Alert, at: datetime) -> Iterator[bool]:
    """An alert of changes: what was changed since the last look; the first look only remembers where it stands."""
    states = _states(alert)
    for watched in _watched(alert):
        state = states.pop(watched.key, None)
        if state is None:
            newest = Audit.objects.aggregate(newest=Max("id"))["newest"] or 0
            AlertState.objects.create(alert=alert, customer=watched.customer, seen_id=newest)
            continue
        assert watched.customer is not None, "carriers have no endpoints"
        found = changes(alert.account_id, state.seen_id, at).get(watched.customer.pk)
        if found is None:
            continue
        records.change(state, {"seen_id": found.newest, "told_at": at})
        held = _held(alert, watched, at)
        said = f"By {found.actor or 'the database'}. {held}".strip()
        _tell(alert, watched, value=str(found.changes), note=said, to_contacts=held)
        _note(alert, watched, kind="fired", value=found.changes * 10**6, words=said, at=at)
        yield True
    _forget(states.values())


def _states(alert: Alert) -> dict[tuple[int | None, int | None], AlertState]:
    return {(state.customer_id, state.carrier_id): state for state in alert.states.all()}


def _forget(states: Iterable[AlertState]) -> None:
    """Who has lost the tag is watched no longer: with the tag given back it is looked at anew."""
    for state in states:
        state.delete()


def _watched(alert: Alert) -> Iterator[Watched]:
    if alert.carrier is not None:
        yield Watched(None, alert.carrier)
    elif alert.customer is not None:
        yield Watched(alert.customer, None)
    elif alert.tag is not None:
        for customer in alert.tag.customers.filter(deleted_at=None).order_by("id"):
            yield Watched(customer, None)


def _figure(figures: Figures, alert: Alert, watched: Watched) -> int | None:
    return figures.of(
        alert.area,
        alert.sample_min,
        customer_id=watched.customer.pk if watched.customer else None,
        carrier_id=watched.carrier.pk if watched.carrier else None,
    )


def _held(alert: Alert, watched: Watched, at: datetime) -> str:
    """The penalty of an alert that has just fired, in words; nothing where it has none."""
    if not alert.penalty_s or watched.customer is None:
        return ""
    until = at + timedelta(seconds=alert.penalty_s)
    because(f"alert: {alert.title}")
    hold = Hold(status="penalty", reason=f"Alert: {alert.title}", until_at=until)
    if impose(watched.customer.pk, cause=f"alert:{alert.pk}", hold=hold, at=at):
        return f"It is blocked for {PENALTIES_S[alert.penalty_s]}."
    return "Its status was set by hand and stays."


def _tell(alert: Alert, watched: Watched, *, value: str, note: str, to_contacts: str | None = None) -> None:
    """A message to each recipient, and for a tag to the contacts of the customer, unless it wants none.

    Contacts are told another note where that one names the operator's people, wherever their address stands.
    """
    values = {
        "title": alert.title,
        "subject": watched.name,
        "area": AREAS[alert.area].title,
        "value": Figure(value),
        "condition": Figure(condition(alert.area, rule_of(alert), watched.currency)),
        "level": "" if alert.level == "none" else alert.level.title(),
        "note": note,
    }
    shared = values if to_contacts is None else {**values, "note": to_contacts}
    customer_id = watched.customer.pk if watched.customer else None
    for recipient in alert.recipients:
        kind = "email" if "@" in recipient else "sms"
        told = shared if to_contacts is not None and _of_contact(alert.account_id, recipient) else values
        queue(
            account_id=alert.account_id, template=alert.template, values=told, recipient=recipient, kind=kind,
            customer_id=customer_id,
        )  # fmt: skip
    if alert.tag_id is None or watched.customer is None:
        return
    if TO_CONTACTS not in watched.customer.notification_opt_outs:
        for contact in contacts_told(watched.customer):
            queue(account_id=alert.account_id, template=alert.template, values=shared, contact=contact)


def _of_contact(account_id: int, address: str) -> bool:
    """Whether somebody of a customer reads what goes to an address."""
    theirs = Q(email__iexact=address) | Q(mobile=address)
    return Contact.objects.filter(theirs, customer__account_id=account_id).exists()


def _note(alert: Alert, watched: Watched, *, kind: str, value: int | None, words: str = "", at: datetime) -> AlertEvent:
    return AlertEvent.objects.create(
        alert=alert,
        customer=watched.customer,
        carrier=watched.carrier,
        kind=kind,
        value_micros=value,
        words=words,
        at=at,
    )
