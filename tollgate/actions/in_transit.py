"""Payouts on their way: out of the wallet from when they are asked for, in the book `in_transit` until the bank has
paid.

So nothing else spends or gives back the same money: neither calls, nor documents, nor another refund. No act of its
own: `payouts` sends, `payment_booking` says that it has arrived, who cancels it or hears that it came back that it
stays.
"""

from __future__ import annotations

from typing import Final

from tollgate.actions import records
from tollgate.actions.allocations import settle_open, take_turns
from tollgate.actions.postings import post, wallet_of
from tollgate.store.models import Entry, Payment

BOOK: Final = "in_transit"


def send(back: Payment) -> None:
    """Takes a payout out of the wallet, and out of what is left of the payment that it gives back."""
    _move(back, back.amount_micros, "sent", f"Payout {back.pk} is on its way")


def arrive(back: Payment) -> None:
    """Ends that a refund is on its way, before it is booked as paid; nothing for one that was on none."""
    if is_sent(back):
        _move(back, -back.amount_micros, "arrived", f"Payout {back.pk} is paid")


def stay(back: Payment) -> None:
    """Puts back what is not paid out after all: it is the wallet's, and settles what is open."""
    if not is_sent(back):
        return
    _move(back, -back.amount_micros, "stayed", f"Payout {back.pk} is not paid")
    if back.customer is not None:
        settle_open(back.customer)


def is_sent(back: Payment) -> bool:
    """Whether a payment was ever taken out of its wallet before it was booked."""
    return Entry.objects.filter(account_id=back.account_id, key=f"payment:{back.pk}:sent").exists()


def _move(back: Payment, amount_micros: int, what: str, note: str) -> None:
    assert back.customer is not None
    assert back.reverses_id is not None
    take_turns(back.customer)
    ref = f"payment:{back.pk}"
    kind = "refund" if amount_micros < 0 else "reversal"
    wallet = wallet_of(back.customer)
    post(wallet, BOOK, kind, amount_micros=amount_micros, note=note, key=f"{ref}:{what}", ref=ref)
    original = records.locked(Payment, back.reverses_id)
    records.change(original, {"leaving_micros": original.leaving_micros - amount_micros})
