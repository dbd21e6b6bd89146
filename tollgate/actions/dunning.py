"""Dunning: what happens around the day on which an invoice is due, each step once, written down, and undone when paid.

What had paid an invoice may be taken back, by a card's holder or a bank, and a collection may fail. From the look that
finds it unpaid again the steps begin anew (`_Spell`), but for late fees: one invoice bears each fee once.

`run` is the job: it takes every issued invoice that is not settled to `dun_invoice`; `core.dunning` finds its steps.
The holds it sets end when the invoice is settled or void (holds.py).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypedDict, Unpack
from zoneinfo import ZoneInfo

from django.db.models import F, Q

from tollgate.actions import checks, records
from tollgate.actions.acts import Actor, act, acting, because, refuse
from tollgate.actions.allocations import take_turns
from tollgate.actions.charges import TAX_CHECKS, check_reason, make_charge
from tollgate.actions.holds import HARDER, impose
from tollgate.actions.notices import invoice_values, notify
from tollgate.actions.taxes import taxes_of
from tollgate.actions.webhook_bodies import invoice_body
from tollgate.actions.webhooks import emit
from tollgate.core.dunning import PPM, Debt, Step, late_fee, reached
from tollgate.core.holds import Hold
from tollgate.core.taxes import LATE_FEE_CATEGORY, LATE_FEE_WORDS, TaxDoubt
from tollgate.store.models import Account, Charge, Customer, DunningEvent, DunningStep, Invoice

ACTIONS = ("remind", "late_fee", "restrict", "penalty")
STATUS: Mapping[str, str] = {"restrict": "inactive", "penalty": "penalty"}
"""Restricted: no calls, the portal for billing only; a penalty blocks everything."""
OUTCOMES: Mapping[str, str] = {
    "": "The status was set by hand and stays",
    HARDER: "An earlier step of this invoice is harder: the status stays",
}
"""What is said of a step that leaves the status as it is, by what `impose` gives."""
MOST_DAYS = 365
BILLS = ("invoice", "debit_note")
AGAIN = "again"
"""The key of the row which says that an invoice is unpaid again."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Spell:
    """A time in which an invoice is unpaid: how many there were before, and the day on which it began if any were."""

    reopened_count: int
    began_on: date | None = None


class DunningStepFields(TypedDict, total=False):
    """What may be set on a step. `fee_micros` is in `currency` and goes on invoices in it alone.

    A fee bears no tax, as compensation, unless its `tax_category` is empty: then it bears those of its invoice.
    """

    fee_ppm: int
    fee_micros: int
    currency: str
    tax_category: str
    exemption_reason: str
    enabled: bool


class DunningStepChanges(DunningStepFields, total=False):
    """What may be changed on a step."""

    title: str
    days: int
    action: str


def _currency(value: object) -> str:
    return "" if value == "" else str(checks.currency(value))


CHECKS: Mapping[str, checks.Check] = {
    "title": checks.text(100, required=True),
    "days": checks.whole(-MOST_DAYS, MOST_DAYS),
    "action": checks.one_of(ACTIONS),
    "fee_ppm": checks.whole(0, PPM),
    "fee_micros": checks.amount(0, checks.MOST_MICROS),
    "currency": _currency,
    "enabled": checks.yes_no,
    **TAX_CHECKS,
}


@act
def create_dunning_step(
    *, account_id: int, title: str, days: int, action: str, **fields: Unpack[DunningStepFields]
) -> DunningStep:
    """Makes a step. It reaches the invoices that come to its day from now on."""
    values = checks.cleaned(CHECKS, {**fields, "title": title, "days": days, "action": action})
    account = records.find(Account, account_id)
    values = _with_tax(values, DunningStep())
    _check_together(DunningStep(account=account, **values))
    return records.create(DunningStep, {**values, "account_id": account.pk})


@act
def update_dunning_step(
    *, step_id: int, version: int | None = None, **changes: Unpack[DunningStepChanges]
) -> DunningStep:
    """Changes a step. Invoices that it was taken for already stay as they are."""
    values = checks.cleaned(CHECKS, changes)
    step = records.locked(DunningStep, step_id, version)
    values = _with_tax(values, step)
    for name, value in values.items():
        setattr(step, name, value)
    _check_together(step)
    return records.change(step, values)


@act
def delete_dunning_step(*, step_id: int, version: int | None = None) -> None:
    """Removes a step; its history stays."""
    records.locked(DunningStep, step_id, version).delete()


@act
def dun_invoice(*, invoice_id: int, at: datetime | str) -> int:
    """Takes the steps of one unpaid invoice that are due at a moment, each once; gives how many."""
    moment: datetime = checks.cleaned({"at": checks.instant}, {"at": at})["at"]
    invoice = records.find(Invoice, invoice_id)
    customer = records.locked(Customer, invoice.customer_id)
    take_turns(customer)  # a payment of the same moment comes before or after
    invoice = records.locked(Invoice, invoice_id)
    if invoice.state != "issued" or invoice.kind not in BILLS or invoice.open_micros == 0 or invoice.due_on is None:
        return 0
    collections = list(invoice.bank_lines.values_list("state", flat=True))
    if "waiting" in collections:
        return 0  # it is being collected: if that fails, the steps are taken from then on
    today = moment.astimezone(ZoneInfo(invoice.zone)).date()
    spell = _spell(invoice, collections.count("rejected"), moment)
    of_spell = Q(reopened_count=spell.reopened_count) | Q(action="late_fee")
    taken = set(invoice.dunning_events.filter(of_spell).values_list("key", flat=True))
    _announce(invoice, spell, (today - invoice.due_on).days, taken, moment)
    rows = DunningStep.objects.filter(account_id=invoice.account_id, enabled=True, currency__in=("", invoice.currency))
    by_key = {f"step:{row.pk}": row for row in rows}
    fit = [
        Step(key=key, days=row.days, action=row.action, made_on=row.created_at.date()) for key, row in by_key.items()
    ]
    debt = Debt(
        due_on=invoice.due_on,
        grace_days=customer.overdue_grace_days,
        most=customer.overdue_action,
        again_on=spell.began_on,
    )
    found = reached(debt, fit, taken, today)
    for step in found:
        because(f"invoice {invoice}: {by_key[step.key].title if step.key in by_key else 'overdue'}")
        _take(invoice, spell, step, by_key.get(step.key), moment)
    return len(found)


def run(at: datetime) -> int:
    """Every unpaid invoice in a transaction of its own; whatever befalls one, the others are looked at."""
    unpaid = Invoice.objects.filter(state="issued", kind__in=BILLS, due_on__isnull=False)
    unpaid = unpaid.filter(settled_micros__lt=F("total_micros")).order_by("due_on", "id")
    count = 0
    with acting(Actor("timetable", frozenset({"dun_invoice"}))):
        for invoice_id in list(unpaid.values_list("pk", flat=True)):
            try:
                count += dun_invoice(invoice_id=invoice_id, at=at)
            except Exception:
                log.exception("ALARM invoice %s is not dunned", invoice_id)
    return count


def _spell(invoice: Invoice, failed_count: int, at: datetime) -> _Spell:
    """The time in which an invoice is unpaid now. The look that finds it unpaid again writes so: days count from it."""
    reopened_count = failed_count + _fallen_count(invoice)
    if not reopened_count:
        return _Spell(0)
    told = invoice.dunning_events.filter(key=AGAIN, reopened_count=reopened_count).first()
    if told is None:
        words = "Unpaid again: the steps begin anew"
        told = _write(invoice, _Spell(reopened_count), key=AGAIN, action="event", words=words, at=at)
    return _Spell(reopened_count, told.at.astimezone(ZoneInfo(invoice.zone)).date())


def _fallen_count(invoice: Invoice) -> int:
    """How often an invoice was paid in whole and then no longer."""
    settled = fallen = 0
    for micros in invoice.allocations.order_by("id").values_list("amount_micros", flat=True):
        fallen += settled >= invoice.total_micros > settled + micros
        settled += micros
    return fallen


def _announce(invoice: Invoice, spell: _Spell, days: int, taken: set[str], at: datetime) -> None:
    """The events `invoice.due` (on the day) and `invoice.overdue` (from the day after), each once a spell."""
    for event, from_days in (("invoice.due", 0), ("invoice.overdue", 1)):
        missed = event == "invoice.due" and days > 0
        if days < from_days or event in taken or missed:
            continue
        emit(account_id=invoice.account_id, event=event, ref=f"invoice:{invoice.pk}", body=invoice_body(invoice))
        _write(invoice, spell, key=event, action="event", words=f"Event {event}", at=at)


def _take(invoice: Invoice, spell: _Spell, step: Step, row: DunningStep | None, at: datetime) -> None:
    customer = invoice.customer
    charge: Charge | None = None
    if step.action == "remind":
        overdue = invoice.due_on is not None and at.astimezone(ZoneInfo(invoice.zone)).date() > invoice.due_on
        sent = notify(customer, "invoice.overdue" if overdue else "invoice.due", invoice_values(invoice))
        words = f"Reminder to {', '.join(one.recipient for one in sent)}" if sent else "Reminder: nobody wants it"
    elif step.action == "late_fee":
        assert row is not None, "only the account's steps have fees"
        charge = _fee(invoice, row, at)
        words = charge.description if charge is not None else "Late fee of nothing"
    else:
        reason = f"Invoice {invoice} is overdue."
        hold = Hold(status=STATUS[step.action], reason=reason, until_at=None)
        done = impose(customer.pk, cause=f"invoice:{invoice.pk}", hold=hold, at=at)
        words = OUTCOMES.get(done, f"Status {STATUS[step.action]}")
    _write(invoice, spell, key=step.key, action=step.action, words=words, at=at, step=row, charge=charge)


def _fee(invoice: Invoice, row: DunningStep, at: datetime) -> Charge | None:
    """The late fee, charged at once; the next invoice shows it."""
    fee_micros = late_fee(
        invoice.open_micros, fee_ppm=row.fee_ppm, fee_micros=row.fee_micros, currency=invoice.currency
    )
    if fee_micros == 0:
        return None
    today = at.astimezone(ZoneInfo(invoice.zone)).date()
    category, reason = _tax_of_fee(invoice.customer, row, today)
    return make_charge(
        customer=invoice.customer,
        kind="late_fee",
        key=f"late fee {invoice.pk} {row.pk}",
        description=f"Late fee for invoice {invoice}",
        from_on=today,
        until_on=today + timedelta(days=1),
        unit_price_nanos=fee_micros * 1000,
        post_now=True,
        tax_category=category,
        exemption_reason=reason,
    )


def _tax_of_fee(customer: Customer, row: DunningStep, on: date) -> tuple[str, str]:
    """Why its fee bears no tax, as category and reason. Where documents of the customer bear none, or are outside the
    scope of VAT, it says no more than they do."""
    found = taxes_of(customer, on)
    taxed = isinstance(found, TaxDoubt) or (found and not any(rule.category == "O" for rule in found))
    return (row.tax_category, row.exemption_reason) if taxed else ("", "")


def _write(
    invoice: Invoice,
    spell: _Spell,
    *,
    key: str,
    action: str,
    words: str,
    at: datetime,
    step: DunningStep | None = None,
    charge: Charge | None = None,
) -> DunningEvent:
    return DunningEvent.objects.create(
        account_id=invoice.account_id,
        customer_id=invoice.customer_id,
        invoice=invoice,
        reopened_count=spell.reopened_count,
        step=step,
        key=key,
        action=action,
        words=words,
        charge=charge,
        at=at,
    )


def _with_tax(values: dict[str, Any], before: DunningStep) -> dict[str, Any]:
    """The values with what a late fee says of tax where nothing is said; other steps say nothing of it."""
    if values.get("action", before.action) != "late_fee":
        return {**values, "tax_category": "", "exemption_reason": ""}
    if before.action == "late_fee" or "tax_category" in values:
        return values
    return {"tax_category": LATE_FEE_CATEGORY, "exemption_reason": LATE_FEE_WORDS, **values}


def _check_together(step: DunningStep) -> None:
    """Whether the fields go together. Raises Invalid."""
    check_reason(step.tax_category, step.exemption_reason)
    fee = step.fee_ppm > 0 or step.fee_micros > 0
    if step.action == "late_fee" and not fee:
        raise refuse("fee_ppm", "A late fee is a part of what is open, an amount, or both: give one.")
    if step.action != "late_fee" and fee:
        raise refuse("action", "Only a late fee has a part or an amount.")
    if step.fee_micros and not step.currency:
        raise refuse("currency", "Give the currency of the amount.")
    if step.days <= 0 and step.action != "remind":
        raise refuse("days", "Before an invoice is overdue it is only reminded of: give at least 1.")
