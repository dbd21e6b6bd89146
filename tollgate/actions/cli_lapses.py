"""Proved numbers that have to be proved again: who proved one years ago may have lost it since.

Only what contacts have proved lapses, in accounts that say after how many days, and never within a week of the
reminder: where the days are made fewer, nothing is taken off at once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from tollgate.actions import records
from tollgate.actions.acts import act
from tollgate.actions.notices import notify
from tollgate.store.models import VerifiedCli
from tollgate.store.queries.clis import WEEK, with_lapse

log = logging.getLogger(__name__)


@act
def lapse_verified_clis() -> int:
    """Tells customers which numbers their contacts must verify again, and takes off what they did not within a week;
    gives how many were taken off."""
    at = records.now()
    known = with_lapse(VerifiedCli.objects.filter(customer__deleted_at=None))
    stays = Q(over_at=None) | Q(over_at__gt=at + WEEK)
    for cli in _locked(known.filter(stays).exclude(reminded_at=None)):
        records.change(cli, {"reminded_at": None})
    told: dict[int, list[Any]] = {}
    for cli in _locked(known.filter(reminded_at=None, over_at__lte=at + WEEK)):
        told.setdefault(cli.customer_id, []).append(cli)
    for customer_id, clis in told.items():
        try:
            with transaction.atomic():
                _remind(clis, at)
        except Exception:  # whatever befalls one, the others are told
            log.exception("ALARM customer %s is not told of numbers that lapse", customer_id)
    gone = list(_locked(known.filter(over_at__lte=at, reminded_at__lte=at - WEEK)))
    for cli in gone:
        cli.delete()
    return len(gone)


def _locked(found: QuerySet[Any]) -> QuerySet[Any]:
    related = found.select_related("customer").order_by("customer_id", "id")
    return related.select_for_update(of=("self",), skip_locked=True)


def _remind(clis: Sequence[Any], at: datetime) -> None:
    """One mail for all numbers of a customer, with the first day on which one is taken off."""
    first = max(min(cli.over_at for cli in clis), at + WEEK)
    for cli in clis:
        records.change(cli, {"reminded_at": at})
    numbers = ", ".join(f"+{cli.number}" for cli in clis)
    notify(clis[0].customer, "cli.lapsing", {"numbers": numbers, "lapses_on": f"{first:%Y-%m-%d}"})
