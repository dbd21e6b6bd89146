"""Acts on the notes about a customer: who wrote what, and when. A note is never changed, only taken back."""

from __future__ import annotations

from tollgate.actions import acts, checks, records
from tollgate.actions.acts import act
from tollgate.store.models import Customer, CustomerNote

CHECKS = {"text": checks.text(5000, required=True)}


@act
def add_customer_note(*, customer_id: int, text: str) -> CustomerNote:
    """Writes a note for users of the panel; contacts never see it."""
    values = checks.cleaned(CHECKS, {"text": text})
    customer = records.find(Customer, customer_id)
    return records.create(CustomerNote, {**values, "customer_id": customer.pk, "author": acts.current.get().name})


@act
def delete_customer_note(*, note_id: int) -> None:
    """Takes a note back; the audit log keeps what it said."""
    records.locked(CustomerNote, note_id).delete()
