"""What a customer's own record, and those above it, say of every call alike: made once, and kept with the record.

A record that changes is another object, as are those below it, so nothing here grows old. To answer one more question
ahead, add a field and fill it in `_made`; what depends on the moment says so by a flag, and is asked at each call.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tollgate.core.calls_text import quote
from tollgate.core.refusals import Key, Refusal
from tollgate.core.snapshot import Payer

VERIFIED = '{"gate":"verified","ok":true,"scope":"customer","values":{"email":true,"mobile":true}}'


class Standing(NamedTuple):
    """A customer before any call is known."""

    payers: tuple[Payer, ...]  # the customer, its resellers, the account
    scopes: tuple[str, ...]  # of each, as refusals and gates name it
    active_line: str | None  # the gate of the status; None where a status is not active, or ends by itself
    unverified: Refusal | None
    has_hours: bool
    expires: bool
    assures: bool  # some level does not just sell at a loss, so that its price is compared with its cost
    max_duration_s: int | None  # the shortest maximum among them


def standing(customer: Payer) -> Standing:
    """The standing of a customer."""
    known = customer.standing
    if isinstance(known, Standing):
        return known
    made = _made(customer)
    object.__setattr__(customer, "standing", made)
    return made


def scope_of(payer: Payer, payers: Sequence[Payer]) -> str:
    """The level's name in refusals and gates: the customer who calls, its resellers, the account."""
    if payer.kind == "account":
        return "account"
    return "customer" if payer is payers[0] else "reseller"


def status_line(statuses: list[tuple[str, str]]) -> str:
    """The gate of the status, passed: the name and status of each level."""
    values = ",".join([f"{quote(name)}:{quote(status)}" for name, status in statuses])
    return f'{{"gate":"status","ok":true,"scope":"customer","values":{{{values}}}}}'


def _made(customer: Payer) -> Standing:
    payers = (customer, *customer.parents)
    steady = all(payer.status_until is None and payer.status == "active" for payer in payers)
    longest = [payer.max_duration_s for payer in payers if payer.max_duration_s]
    return Standing(
        payers=payers,
        scopes=tuple(scope_of(payer, payers) for payer in payers),
        active_line=status_line([(payer.name, payer.status) for payer in payers]) if steady else None,
        unverified=_unverified(customer),
        has_hours=any(payer.hours is not None or payer.schedule is not None for payer in payers),
        expires=any(payer.expires_at is not None or payer.valid_days is not None for payer in payers),
        assures=any(payer.loss_making_calls != "allow" for payer in payers),
        max_duration_s=min(longest, default=None),
    )


def _unverified(customer: Payer) -> Refusal | None:
    if not customer.email_ok:
        return Refusal(Key.email_unverified, "customer", (("name", customer.name), ("verified", False)))
    if not customer.mobile_ok:
        return Refusal(Key.mobile_unverified, "customer", (("name", customer.name), ("verified", False)))
    return None
