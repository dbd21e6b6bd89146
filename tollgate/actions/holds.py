"""Holding a customer for a reason that is no person's decision: an alert's penalty, an invoice that is not paid.

    hold = Hold(status="penalty", reason="Invoice 12 is overdue.", until_at=None)
    impose(customer_id, cause="invoice:12", hold=hold, at=at)
    lift(customer_id, cause="invoice:12", at=at)

Several reasons may hold at once (core.holds). Whoever changes the status by hand takes over: no reason is put above it,
and none restores anything after it. Each change is an event and a notice `customer.status`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import F, Q

from tollgate.actions import records
from tollgate.actions.acts import act, because
from tollgate.actions.notices import notify
from tollgate.actions.webhook_bodies import customer_body, written
from tollgate.actions.webhooks import emit
from tollgate.core.holds import ACTIVE, Hold, Status, is_harder, is_ours, seen
from tollgate.store.models import Customer, CustomerHold, Invoice

WORDS = {"active": "restored", "inactive": "restricted", "penalty": "blocked"}
OVERRIDDEN = "overridden"
HARDER = "harder"
FRAUD = "fraud"
UNPAID = "invoice:"
"""How the causes of unpaid invoices begin."""
UNTOLD = {FRAUD: "We are looking into calls of your account: please contact us."}
"""What the customer hears instead of a reason that is for people inside."""


def impose(customer_id: int, *, cause: str, hold: Hold, at: datetime) -> str:
    """Lets a reason hold a customer: `imposed`, `harder` (what the cause did before takes more, and stays), or nothing
    when it rests already by a person's decision, which stays."""
    customer = records.locked(Customer, customer_id)
    holding = _open(customer)
    if not is_ours(_status(customer), _reasons(holding), at):
        _end(holding, OVERRIDDEN, at)
        holding = []
    if not holding and _status(customer) != ACTIVE:
        return ""
    same = [one for one in holding if one.cause == cause]
    if any(is_harder(one.status, hold.status) for one in same):
        return HARDER
    _end(same, "others", at)
    CustomerHold.objects.create(
        account_id=customer.account_id,
        customer=customer,
        cause=cause,
        status=hold.status,
        reason=hold.reason,
        from_at=at,
        until_at=hold.until_at,
    )
    _write(customer, _open(customer))
    return "imposed"


def lift(customer_id: int, *, cause: str, at: datetime) -> str:
    """Ends a reason: `restored`, `others` (another one holds on), `overridden` (a person had decided), or nothing."""
    customer = records.locked(Customer, customer_id)
    return _lifted(customer, [one for one in _open(customer) if one.cause == cause], at)


def held_by_unpaid_alone(customer: Customer, at: datetime) -> bool:
    """Whether a customer rests for unpaid invoices and for nothing else."""
    holding = _open(customer)
    ours = is_ours(_status(customer), _reasons(holding), at)
    return bool(holding) and ours and all(one.cause.startswith(UNPAID) for one in holding)


def held_for_fraud(customer: Customer, at: datetime) -> bool:
    """Whether a customer rests for fraud, be it for something else besides; what a person decided is no such reason."""
    holding = _open(customer)
    return any(one.cause == FRAUD for one in holding) and is_ours(_status(customer), _reasons(holding), at)


def end_over(at: datetime) -> int:
    """Ends the reasons whose time is over, and those of invoices that are settled or void; gives how many."""
    causes = [f"{UNPAID}{pk}" for pk in _settled_invoices()]
    over = CustomerHold.objects.filter(Q(until_at__lte=at) | Q(cause__in=causes), ended_at=None)
    ids = sorted(set(over.values_list("customer_id", flat=True)))
    count = 0
    for customer in Customer.objects.filter(pk__in=ids).select_for_update(no_key=True).order_by("id"):
        ended = [one for one in _open(customer) if (one.until_at and one.until_at <= at) or one.cause in causes]
        _lifted(customer, ended, at)
        count += len(ended)
    return count


@act
def end_customer_holds() -> int:
    """Gives customers back what alerts and unpaid invoices have taken, once that is over; gives how many ended."""
    because("its time was over, or the invoice is settled")
    return end_over(records.now())


def _lifted(customer: Customer, ended: list[CustomerHold], at: datetime) -> str:
    if not ended:
        return ""
    holding = _open(customer)
    if not is_ours(_status(customer), _reasons(holding), at):
        _end(holding, OVERRIDDEN, at)
        return OVERRIDDEN
    left = [one for one in holding if one not in ended]
    outcome = "others" if left else "restored"
    _end(ended, outcome, at)
    _write(customer, left)
    return outcome


def _write(customer: Customer, holding: list[CustomerHold]) -> None:
    """The status that the reasons make, told when it is another one, or active again (be it that its time ran out)."""
    becomes = seen(_reasons(holding))
    another = customer.status != becomes.status
    values = {"status": becomes.status, "status_reason": becomes.reason, "status_until": becomes.until_at}
    records.change(customer, values)
    if not another and becomes != ACTIVE:
        return
    body = {
        **customer_body(customer),
        "status": becomes.status,
        "reason": becomes.reason,
        "until": written(becomes.until_at),
    }
    emit(account_id=customer.account_id, event="customer.status", ref=f"customer:{customer.pk}", body=body)
    kept = (UNTOLD[one.cause] for one in holding if one.cause in UNTOLD and one.reason == becomes.reason)
    notify(customer, "customer.status", {"status": WORDS[becomes.status], "why": next(kept, becomes.reason)})


def _settled_invoices() -> list[int]:
    """The invoices that hold somebody and are paid or void by now."""
    held = CustomerHold.objects.filter(cause__startswith=UNPAID, ended_at=None).values_list("cause", flat=True)
    ids = [int(cause.partition(":")[2]) for cause in held]
    settled = Q(settled_micros__gte=F("total_micros")) | ~Q(state="issued")
    return list(Invoice.objects.filter(settled, pk__in=ids).values_list("pk", flat=True)) if ids else []


def _open(customer: Customer) -> list[CustomerHold]:
    return list(CustomerHold.objects.filter(customer=customer, ended_at=None).order_by("id"))


def _reasons(holding: Iterable[CustomerHold]) -> list[Hold]:
    return [Hold(status=one.status, reason=one.reason, until_at=one.until_at) for one in holding]


def _status(customer: Customer) -> Status:
    return Status(status=customer.status, reason=customer.status_reason, until_at=customer.status_until)


def _end(holding: Iterable[CustomerHold], outcome: str, at: datetime) -> None:
    for one in holding:
        records.change(one, {"ended_at": at, "outcome": outcome})
