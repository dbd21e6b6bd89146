"""Acts on what a customer may do at all: its status, the approval of new ones, and how long it is valid."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Q, QuerySet

from tollgate.actions import checks, records
from tollgate.actions.acts import act, because, refuse
from tollgate.actions.customer_checks import CHECKS
from tollgate.actions.customers import BLOCKED, check_together
from tollgate.actions.holds import FRAUD, impose, lift
from tollgate.actions.in_service import check_in_service
from tollgate.actions.notices import notify
from tollgate.actions.statements import fetch
from tollgate.actions.webhook_bodies import customer_body, written
from tollgate.actions.webhooks import emit
from tollgate.core.holds import Hold
from tollgate.store.models import Call, Customer
from tollgate.store.queries.customers import below, with_end

NOTICE_DAYS: Final = 7
DAY: Final = timedelta(days=1)
UNTOLD: Final = Q(noticed_end_at=None)
log = logging.getLogger(__name__)
FRAUD_CHECKS: Final = {
    "reason": checks.text(450, required=True),
    "until": checks.optional(checks.instant),
    "end_calls": checks.yes_no,
}


@act
def set_customer_status(
    *, customer_id: int, status: str, reason: str = "", until: datetime | str | None = None, version: int | None = None
) -> Customer:
    """Gives a customer a status and says why. Inactive and penalty may end by themselves at `until`."""
    values = _cleaned({"status": status, "reason": reason, "until": until})
    customer = records.locked(Customer, customer_id, version)
    check_in_service(customer)
    check_together(values, customer, records.now())
    if values["status_reason"]:
        because(values["status_reason"])
    return records.change(customer, values)


@act
def hold_for_fraud(
    *, customer_id: int, reason: str, until: datetime | str | None = None, end_calls: bool = False
) -> Customer:
    """Blocks a customer whose traffic looks like fraud, until a moment or until `end_fraud_hold`; `end_calls` ends its
    live calls too, and of a reseller those of all below it. People do it, and systems that watch traffic. The reason
    stays inside: the customer hears that it is blocked, not of what it is suspected.

    It stacks with alerts and unpaid invoices, and gives back the status before it. Who rests by a person's decision is
    left as it is, and refused.
    """
    given = {"reason": reason, "until": until, "end_calls": end_calls}
    values = checks.cleaned(FRAUD_CHECKS, given)
    at = records.now()
    if values["until"] is not None and values["until"] <= at:
        raise refuse("until", "Give a moment that is still to come.")
    check_in_service(records.find(Customer, customer_id))
    because(values["reason"])
    hold = Hold(status="penalty", reason=f"Fraud: {values['reason']}", until_at=values["until"])
    if not impose(customer_id, cause=FRAUD, hold=hold, at=at):
        raise refuse("customer_id", "It rests by somebody's decision already: that stays.")
    if values["end_calls"]:
        live = Call.objects.filter(customer_id__in=[customer_id, *below(customer_id)])
        for call_id in live.values_list("pk", flat=True):
            fetch("panel_calls", "ask_to_end", call_id)
    return records.find(Customer, customer_id)


@act
def end_fraud_hold(*, customer_id: int, reason: str = "") -> Customer:
    """Gives a customer that was held for fraud back what it may do, unless something else holds it."""
    because(checks.cleaned({"reason": CHECKS["status_reason"]}, {"reason": reason})["reason"])
    if not lift(customer_id, cause=FRAUD, at=records.now()):
        raise refuse("customer_id", "This customer is not held for fraud.")
    return records.find(Customer, customer_id)


@act
def approve_customer(*, customer_id: int, version: int | None = None) -> Customer:
    """Lets a customer call that has waited for approval."""
    return records.change(_pending(customer_id, version), {"status": "active", "status_reason": ""})


@act
def reject_customer(*, customer_id: int, reason: str, version: int | None = None) -> Customer:
    """Turns a customer down that has waited for approval: it is inactive, with the reason."""
    words = checks.cleaned({"reason": checks.text(500, required=True)}, {"reason": reason})["reason"]
    because(words)
    return records.change(_pending(customer_id, version), {"status": "inactive", "status_reason": words})


@act
def end_customer_blocks() -> int:
    """Makes every customer active whose penalty or rest is over; calls have obeyed the moment itself already."""
    because("its time was over")
    over = Customer.objects.filter(status__in=BLOCKED, status_until__lte=records.now(), deleted_at=None)
    found = list(over.select_for_update(no_key=True).order_by("id"))
    for customer in found:
        records.change(customer, {"status": "active", "status_reason": "", "status_until": None})
    return len(found)


@act
def extend_customer(*, customer_id: int, until: datetime | str, version: int | None = None) -> Customer:
    """Lets a customer call until a later moment: its date moves there, and its days are made to last that long."""
    end = checks.cleaned({"until": checks.instant}, {"until": until})["until"]
    customer = records.locked(Customer, customer_id, version)
    check_in_service(customer)
    if end <= records.now():
        raise refuse("until", "Give a moment that is still to come.")
    known = with_end(Customer.objects.filter(pk=customer.pk)).get()
    if known.ends_at is not None and end <= known.ends_at:
        raise refuse("until", f"It may call until {known.ends_at:%Y-%m-%d %H:%M:%S} UTC already.")
    values: dict[str, Any] = {"expires_at": end}
    if customer.valid_days is not None and known.worn_out_at is not None and known.worn_out_at < end:
        values["valid_days"] = customer.valid_days - (known.worn_out_at - end) // DAY
    return records.change(customer, values)


@act
def notify_expiring_customers() -> int:
    """Tells every customer whose validity ends within a week, once for each end; gives how many."""
    at = records.now()
    known = with_end(Customer.objects.filter(deleted_at=None))
    near = Q(ends_at__gt=at, ends_at__lte=at + NOTICE_DAYS * DAY)
    for customer in _locked(known.filter(Q(ends_at=None) | Q(ends_at__gt=at + NOTICE_DAYS * DAY), ~UNTOLD)):
        records.change(customer, {"noticed_end_at": None})  # it moved away: if it comes back, that is told again
    told = 0
    for customer in _locked(known.filter(near, UNTOLD | ~Q(noticed_end_at=F("ends_at")), status="active")):
        try:
            with transaction.atomic():
                _tell_end(customer)
        except Exception:  # whatever befalls one, the others are told
            log.exception("ALARM customer %s is not told of its end", customer.pk)
        else:
            told += 1
    return told


def _tell_end(customer: Any) -> None:
    notify(customer, "customer.expiring", {"expires_at": f"{customer.ends_at:%Y-%m-%d %H:%M} UTC"})
    body = {**customer_body(customer), "ends_at": written(customer.ends_at)}
    emit(account_id=customer.account_id, event="customer.expiring", ref=f"customer:{customer.pk}", body=body)
    records.change(customer, {"noticed_end_at": customer.ends_at})


def _locked(found: QuerySet[Any]) -> QuerySet[Any]:
    return found.select_for_update(no_key=True, of=("self",)).order_by("id")


def _cleaned(given: dict[str, object]) -> dict[str, Any]:
    """Status, reason and until as the columns keep them, with errors under the names that were given."""
    short = {"status": "status", "reason": "status_reason", "until": "status_until"}
    values = checks.cleaned({name: CHECKS[column] for name, column in short.items()}, given)
    return {column: values[name] for name, column in short.items()}


def _pending(customer_id: int, version: int | None) -> Customer:
    customer = records.locked(Customer, customer_id, version)
    check_in_service(customer)
    if customer.status != "pending":
        raise refuse("customer_id", "This customer does not wait for approval.")
    return customer
