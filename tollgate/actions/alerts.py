"""Alerts as people set them: whose figure is watched, when it fires, who is told and for how long a customer is held.

What they do is in alert_watch.py, when in core/alerts.py. A rule of a tag is one of each customer that has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypedDict, Unpack

from tollgate.actions import checks, records
from tollgate.actions.acts import act, refuse
from tollgate.actions.deleted_records import deleted, remove
from tollgate.actions.in_service import check_in_service
from tollgate.core.alerts import ALWAYS, AREAS, COMPARED, ByDay, Rule, reset_fits
from tollgate.store.models import Account, Alert, Carrier, Customer, Tag

PENALTIES_S: Mapping[int, str] = {
    0: "None",
    60: "1 minute",
    300: "5 minutes",
    900: "15 minutes",
    3600: "1 hour",
    86_400: "1 day",
    31_536_000: "1 year",
}
REPEATS_MIN: Mapping[int, str] = {0: "Never", 15: "15 minutes", 60: "Hourly", 1440: "Daily", 10_080: "Weekly"}
SAMPLES_MIN = (1, 5, 15, 30, 60, 1440)
LEVELS = ("none", "warning", "error")
TEMPLATES = ("alert", "alert_digest")
MOST_RECIPIENTS = 20
OWNERS = ("customer_id", "carrier_id", "tag_id")
WATCHED = ("enabled", "area", "operator", "threshold_micros", *OWNERS)
"""What arms an alert anew when it becomes another."""
DAY_MIN = 1440


class AlertFields(TypedDict, total=False):
    """What may be set on an alert. Exactly one of customer, carrier and tag says whose figure it is. What repeats daily
    or weekly is told again at `repeat_hour` (0 to 23) by the clock of the account."""

    enabled: bool
    customer_id: int | None
    carrier_id: int | None
    tag_id: int | None
    recipients: list[str]
    operator: str
    threshold_micros: int
    reset_micros: int | None
    sample_min: int
    penalty_s: int
    repeat_min: int
    repeat_hour: int
    level: str
    template: str


class AlertChanges(AlertFields, total=False):
    """What may be changed on an alert."""

    title: str
    area: str


def _recipients(value: object) -> list[str]:
    if not isinstance(value, list) or len(value) > MOST_RECIPIENTS:
        raise checks.Unfit(f"Give at most {MOST_RECIPIENTS} emails or mobile numbers.")
    return list(dict.fromkeys(checks.email(one) if "@" in str(one) else checks.phone(one) for one in value if one))


def _among(values: Mapping[int, str] | tuple[int, ...]) -> checks.Check:
    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value not in values:
            raise checks.Unfit(f"Choose one of {', '.join(map(str, values))}.")
        return value

    return check


_ID = checks.optional(checks.whole(1, checks.MOST_ID))
_FIGURE = checks.amount(-checks.MOST_MICROS, checks.MOST_MICROS)
CHECKS: Mapping[str, checks.Check] = {
    "title": checks.text(100, required=True),
    "enabled": checks.yes_no,
    "customer_id": _ID,
    "carrier_id": _ID,
    "tag_id": _ID,
    "recipients": _recipients,
    "area": checks.one_of(tuple(AREAS)),
    "operator": checks.one_of((*COMPARED, ALWAYS)),
    "threshold_micros": _FIGURE,
    "reset_micros": checks.optional(_FIGURE),
    "sample_min": _among(SAMPLES_MIN),
    "penalty_s": _among(PENALTIES_S),
    "repeat_min": _among(REPEATS_MIN),
    "repeat_hour": checks.whole(0, 23),
    "level": checks.one_of(LEVELS),
    "template": checks.one_of(TEMPLATES),
}


@act
def create_alert(*, account_id: int, title: str, area: str, **fields: Unpack[AlertFields]) -> Alert:
    """Makes an alert. It is armed: it fires at the next look if its figure is one that fires."""
    values = checks.cleaned(CHECKS, {**fields, "title": title, "area": area})
    account = records.find(Account, account_id)
    alert = Alert(account=account, **values)
    _check_together(alert)
    check_in_service(alert.customer)
    return records.create(Alert, {**values, "account_id": account.pk})


@act
def update_alert(*, alert_id: int, version: int | None = None, **changes: Unpack[AlertChanges]) -> Alert:
    """Changes an alert; one that watches something else from now on is armed anew, and so is one that is enabled."""
    values = checks.cleaned(CHECKS, changes)
    alert = records.locked(Alert, alert_id, version)
    was = alert.customer_id
    anew = any(values.get(name, getattr(alert, name)) != getattr(alert, name) for name in WATCHED)
    for name, value in values.items():
        setattr(alert, name, value)
    _check_together(alert)
    if alert.customer_id != was:
        check_in_service(alert.customer)
    if anew:
        alert.states.all().delete()
    return records.change(alert, values)


@act
def delete_alert(*, alert_id: int, version: int | None = None) -> None:
    """Removes an alert with its history. What it holds ends at its time. For a week `restore_alert` undoes it."""
    alert = records.locked(Alert, alert_id, version)
    remove(alert, account_id=alert.account_id)


@act
def restore_alert(*, alert_id: int) -> Alert:
    """Brings a deleted alert back, armed anew: what happened meanwhile it does not tell. Its history stays gone."""
    return deleted(Alert, alert_id, "alert_id").restore()


def rule_of(alert: Alert) -> Rule:
    """When it fires, as the core reads it."""
    return Rule(
        operator=alert.operator,
        threshold_micros=alert.threshold_micros,
        reset_micros=alert.reset_micros,
        repeat=_repeat_of(alert),
    )


def _repeat_of(alert: Alert) -> timedelta | ByDay | None:
    """Whole days go by the clock, minutes by what has passed."""
    if alert.repeat_min >= DAY_MIN:
        return ByDay(days=alert.repeat_min // DAY_MIN, hour=alert.repeat_hour)
    return timedelta(minutes=alert.repeat_min) if alert.repeat_min else None


def _check_together(alert: Alert) -> None:
    """Whether the fields go together. Raises Invalid."""
    area = AREAS[alert.area]
    if sum(getattr(alert, name) is not None for name in OWNERS) != 1:
        raise refuse("customer_id", "Choose one: a customer, a carrier or a tag.")
    models: Mapping[str, Any] = {"customer_id": Customer, "carrier_id": Carrier, "tag_id": Tag}
    for name, model in models.items():
        owner = getattr(alert, name)
        if owner is not None and records.find(model, owner).account_id != alert.account_id:
            raise refuse(name, "This belongs to another account.")
    if not (area.carriers if alert.carrier_id is not None else area.customers):
        word = "carriers" if alert.carrier_id is not None else "customers"
        raise refuse("area", f"{area.title} is nothing that {word} have.")
    if not alert.recipients and alert.tag_id is None:
        raise refuse("recipients", "Give at least one email or mobile number.")
    if alert.penalty_s and alert.carrier_id is not None:
        raise refuse("penalty_s", "Only customers are held.")
    if not reset_fits(rule_of(alert)):
        raise refuse("reset_micros", "Give a figure beyond the threshold, where it is armed again, or leave it empty.")
