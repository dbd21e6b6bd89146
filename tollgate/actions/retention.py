"""Acts on legal holds: while one lasts, nothing of its customer is deleted, whatever the days of retention say.

How long each class of data is kept stands in the options (`actions.options`); `jobs.retention` obeys both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models.functions import Now

from tollgate.actions import acts, checks, records
from tollgate.actions.acts import act, refuse
from tollgate.store.models import Customer, LegalHold

CHECKS: Mapping[str, checks.Check] = {"reason": checks.text(1000, required=True)}


@act
def place_legal_hold(*, customer_id: int, reason: str) -> LegalHold:
    """From now on nothing of this customer is deleted: recordings, messages, CDRs in the lake. What is being erased at
    that moment is erased, and the hold comes after it."""
    values: dict[str, Any] = checks.cleaned(CHECKS, {"reason": reason})
    customer = records.locked(Customer, customer_id)  # as whoever erases something of it does
    if LegalHold.objects.filter(customer=customer, released_at=None).exists():
        raise refuse("customer_id", "This customer is held already.")
    return records.create(LegalHold, {**values, "customer_id": customer.pk, "placed_by": acts.current.get().name})


@act
def release_legal_hold(*, customer_id: int, reason: str) -> LegalHold:
    """Ends the hold: what its days of retention would have deleted is deleted from the next night on."""
    values: dict[str, Any] = checks.cleaned(CHECKS, {"reason": reason})
    customer = records.find(Customer, customer_id)
    hold = LegalHold.objects.select_for_update().filter(customer=customer, released_at=None).first()
    if hold is None:
        raise refuse("customer_id", "This customer is not held.")
    acts.because(values["reason"])
    LegalHold.objects.filter(pk=hold.pk).update(released_at=Now(), released_by=acts.current.get().name)
    hold.refresh_from_db()
    return hold
