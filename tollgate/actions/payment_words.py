"""The act that says anew what a payment was for and by whom: words alone, whatever has become of its money."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypedDict, Unpack

from tollgate.actions import checks, records
from tollgate.actions.acts import act, refuse
from tollgate.actions.payment_booking import BACK
from tollgate.actions.payments import BY_HAND, MOST_NOTE
from tollgate.store.models import Payment

CHECKS: Final[Mapping[str, checks.Check]] = {
    "public_note": checks.text(MOST_NOTE),
    "private_note": checks.text(MOST_NOTE),
    "payer": checks.text(200),
}


class PaymentWords(TypedDict, total=False):
    """What may be said anew: the description that the customer sees, the private note, who paid."""

    public_note: str
    private_note: str
    payer: str


@act
def update_payment(*, payment_id: int, version: int | None = None, **changes: Unpack[PaymentWords]) -> Payment:
    """Changes the description, private note or payer of a payment, also of one that is completed. No amount changes.

    Entries and documents keep the words that they were made with. Where a gateway or the bank has told who paid, or a
    file for the bank says whom it pays, the payer stays.
    """
    values = checks.cleaned(CHECKS, changes)
    payment = records.locked(Payment, payment_id, version)
    if values.get("payer", payment.payer) != payment.payer and not is_told_by_people(payment):
        raise refuse("payer", "People did not enter it: say otherwise in a note.")
    return records.change(payment, values)


def is_told_by_people(payment: Payment) -> bool:
    """Whether people have entered who paid: no gateway or statement has told it, and no file for the bank says it."""
    return payment.gateway in BY_HAND and payment.noticed_as is None and payment.kind not in BACK
