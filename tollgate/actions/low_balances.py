"""Telling customers that they run low: once when what they have left falls below their threshold.

The notice is armed again by money, not by the end of a call: what is left counts the money held for live calls, which
comes and goes. So whoever has enough again is armed by an entry since the notice that brought money, whatever calls
have cost meanwhile, by a balance (with its limit) above that of the notice, and by a higher limit (`after_change`).
Looking saves nothing but a crossing, so that it is no new version of a customer who calls.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.db.models.expressions import CombinedExpression

from tollgate.actions import records
from tollgate.actions.acts import act, because
from tollgate.actions.notices import notify
from tollgate.actions.webhook_bodies import customer_body
from tollgate.actions.webhooks import emit
from tollgate.core.money import format_micros
from tollgate.core.templates import Figure
from tollgate.store.models import Customer, Entry, Wallet

ARMED: Final[Mapping[str, None]] = {
    "low_balance_noticed_at": None,
    "low_balance_noticed_micros": None,
    "low_balance_noticed_entry_id": None,
}
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
        wallet=Subquery(purse.values("pk")),
        balance=Subquery(purse.values("balance_micros")),
        means=Subquery(purse.values(sum=_sum("balance_micros", "limit_micros"))),
        held=Subquery(purse.values("held_micros")),
    ).annotate(left=F("means") - F("held"))
    low = Q(low_balance_noticed_at=None, left__lt=F("low_balance_micros"))
    entries = Entry.objects.filter(wallet_id=OuterRef("wallet"))  # its ids come in the order of their commits
    gained = entries.filter(pk__gt=OuterRef("low_balance_noticed_entry_id"), amount_micros__gt=0).exclude(kind="call")
    has_money = Q(low_balance_noticed_micros=None) | Q(means__gt=F("low_balance_noticed_micros")) | Exists(gained)
    armed = Q(low_balance_noticed_at__isnull=False) & (
        Q(low_balance_micros=None) | (Q(left__gte=F("low_balance_micros")) & has_money)
    )
    crossed = known.filter(low | armed).annotate(newest=Subquery(entries.order_by("-id").values("id")[:1]))
    crossed = crossed.select_for_update(no_key=True, skip_locked=True, of=("self",)).order_by("id")
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


def after_change(customer: Customer, values: Mapping[str, Any]) -> dict[str, Any]:
    """What new values of a customer do to its notice: another threshold is told of anew, a higher limit is money."""
    if customer.low_balance_noticed_at is None:
        return {}
    if values.get("low_balance_micros", customer.low_balance_micros) != customer.low_balance_micros:
        return dict(ARMED)
    higher = values.get("debit_limit_micros", customer.debit_limit_micros) > customer.debit_limit_micros
    return {"low_balance_noticed_micros": None} if higher else {}


def _crossed(customer: Customer, at: datetime) -> None:
    """Tells a customer that has fallen below its threshold, or arms the notice of one that has money again."""
    if customer.low_balance_noticed_at is not None:
        records.change(customer, ARMED)
        return
    _tell(customer)
    values = {
        "low_balance_noticed_at": at,
        "low_balance_noticed_micros": customer.means,  # type: ignore[attr-defined]  # annotated above
        "low_balance_noticed_entry_id": customer.newest or 0,  # type: ignore[attr-defined]
    }
    records.change(customer, values)


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
