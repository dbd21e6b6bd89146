"""Periods of a minimum spend that were charged, compared anew when calls of theirs are corrected.

A recalculation or a late end posts entries to the customer's wallet after the period was charged. `look` finds the
periods that such entries are of, with what each is to be charged more or given back; `settle` remembers it. The run of
packages (package_runs.py) makes the charges, each once by the correction that led to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Max

from tollgate.actions.package_dues import Due, correction_due, span_of, used_micros
from tollgate.actions.postings import wallet_id_of
from tollgate.actions.statements import fetch
from tollgate.core.packages import Period, correction_key, shortfall_micros
from tollgate.store.models import CustomerPackage, SpendPeriod


@dataclass(frozen=True, slots=True)
class Look:
    """What has come since the last look, up to the correction `entry_id`: the periods that it changes, and the charge
    of each that has one."""

    entry_id: int
    periods: Sequence[SpendPeriod] = ()
    dues: Sequence[Due] = ()


def keep(held: CustomerPackage, period: Period, due: Due, *, known_id: int) -> None:
    """Remembers that a period was charged, with the terms that it was charged by. The look of before is still to be
    answered by the next one, so that nothing of earlier periods is passed over.

    `known_id` is the newest correction before it was asked what the calls have cost: what comes meanwhile is compared.
    """
    assert due.until_on is not None
    assert due.least_micros is not None
    assert due.used_micros is not None
    looked = _looked_until(held)
    from_at, until_at = span_of(held.customer, period)
    values = {
        "until_on": due.until_on,
        "from_at": from_at,
        "until_at": until_at,
        "least_micros": due.least_micros,
        "used_micros": due.used_micros,
        "charged_micros": due.amount_micros,
        "entry_id": known_id if looked is None else looked,
    }
    SpendPeriod.objects.get_or_create(customer_package=held, from_on=due.from_on, defaults=values)


def look(held: CustomerPackage) -> Look | None:
    """What corrections have changed since the last look; None where there was none."""
    looked = _looked_until(held) if held.package.minimum_spend else None
    if looked is None:
        return None
    newest = newest_correction(held)
    if newest <= looked:
        return None
    customer = held.customer
    rows = fetch("packages", "corrected_periods", held.pk, customer.account_id, wallet_id_of(customer), looked, newest)
    periods = list(SpendPeriod.objects.filter(pk__in=[row["id"] for row in rows]).order_by("from_on"))
    dues = []
    for one in periods:
        one.used_micros = used_micros(customer, one.from_at, one.until_at)
        missing = shortfall_micros(one.least_micros, one.used_micros)
        if missing != one.charged_micros:
            dues.append(
                correction_due(
                    held,
                    Period(one.from_on, one.until_on),
                    missing - one.charged_micros,
                    key=correction_key(held.pk, one.from_on, newest),
                    used_micros=one.used_micros,
                    least_micros=one.least_micros,
                )
            )
            one.charged_micros = missing
    return Look(newest, periods, dues)


def settle(held: CustomerPackage, seen: Look) -> None:
    """Remembers a look whose charges are made."""
    SpendPeriod.objects.bulk_update(seen.periods, ["used_micros", "charged_micros"], batch_size=500)
    latest = held.spend_periods.order_by("-entry_id", "-from_on").first()
    assert latest is not None
    latest.entry_id = seen.entry_id
    latest.save(update_fields=["entry_id"])


def corrected(customer_id: int | None = None) -> list[tuple[int, int]]:
    """Packages whose charged periods are to be compared anew, each with its customer: of one, or of all that are
    charged now."""
    return [(row["id"], row["customer_id"]) for row in fetch("packages", "corrected_holders", customer_id)]


def newest_correction(held: CustomerPackage) -> int:
    """The newest entry by which a call of the customer was corrected. Those of a wallet come in the order of their
    commits, so what this does not know of yet is after it."""
    rows = fetch("packages", "newest_correction", wallet_id_of(held.customer))
    found: int = rows[0]["id"]
    return found


def _looked_until(held: CustomerPackage) -> int | None:
    found: int | None = held.spend_periods.aggregate(newest=Max("entry_id"))["newest"]
    return found
