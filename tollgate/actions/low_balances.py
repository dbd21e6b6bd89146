"""Telling customers that they run low: once when what they have left falls below their threshold.

The notice is armed again by money, not by the end of a call: what is left counts the money held for live calls, which
comes and goes, so only a balance (with its limit) above that of the notice arms it.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.expressions import CombinedExpression

from tollgate.actions import records
from tollgate.actions.acts import act, because
from tollgate.actions.notices import notify
from tollgate.actions.webhook_bodies import customer_body
from tollgate.actions.webhooks import emit
from tollgate.core.money import format_micros
from tollgate.core.templates import Figure
from tollgate.store.models import Customer, Wallet

log = logging.getLogger(__name__)


@act
def notify_low_balances() -> int:
    """Tells every customer that has fallen below its threshold, and arms those who have money again; gives how many."""
    because("what it has left against its threshold")
    return look(records.now())


def look(at: datetime) -> int:
    """The same at a moment. One question for all customers; only those that crossed are locked."""
    purse = Wallet.objects.filter(kind="customer", account_id=OuterRef("account_id"), owner_id=OuterRef("pk"))
    known = Customer.objects.filter(deleted_at=None).filter(
        Q(low_balance_micros__isnull=False) | Q(low_balance_noticed_at__isnull=False)
    )
    known = known.annotate(
        balance=Subquery(purse.values("balance_micros")),
        means=Subquery(purse.values(sum=_sum("balance_micros", "limit_micros"))),
        held=Subquery(purse.values("held_micros")),
    ).annotate(left=F("means") - F("held"))
    low = Q(low_balance_noticed_at=None, left__lt=F("low_balance_micros"))
    armed = Q(low_balance_noticed_at__isnull=False) & (
        Q(low_balance_micros=None)
        | Q(left__gte=F("low_balance_micros"), low_balance_noticed_micros=None)
        | Q(left__gte=F("low_balance_micros"), means__gt=F("low_balance_noticed_micros"))
    )
    crossed = known.filter(low | armed).select_for_update(no_key=True, skip_locked=True, of=("self",)).order_by("id")
    count = 0
    for customer in crossed:
        try:
            with transaction.atomic():
                _crossed(customer, at)
        except Exception:  # whatever befalls one, the others are told
            log.exception("ALARM customer %s is not told of its low balance", customer.pk)
        else:
            count += 1
    return count


def _crossed(customer: Customer, at: datetime) -> None:
    """Tells a customer that has fallen below its threshold, or arms the notice of one that has money again."""
    if customer.low_balance_noticed_at is not None:
        records.change(customer, {"low_balance_noticed_at": None, "low_balance_noticed_micros": None})
        return
    _tell(customer)
    means: int = customer.means  # type: ignore[attr-defined]  # annotated above
    records.change(customer, {"low_balance_noticed_at": at, "low_balance_noticed_micros": means})


def _tell(customer: Customer) -> None:
    left: int = customer.left  # type: ignore[attr-defined]  # annotated above
    threshold = customer.low_balance_micros or 0
    body = {
        **customer_body(customer),
        "currency": customer.currency,
        "balance_micros": customer.balance,  # type: ignore[attr-defined]
        "available_micros": left,
        "threshold_micros": threshold,
    }
    emit(account_id=customer.account_id, event="balance.low", ref=f"customer:{customer.pk}", body=body)
    values = {
        "available": Figure(format_micros(left, 2)),
        "threshold": Figure(format_micros(threshold, 2)),
        "currency": customer.currency,
    }
    notify(customer, "balance.low", values)


def _sum(one: str, other: str) -> CombinedExpression:
    return F(one) + F(other)
