"""Acts on vouchers: made in batches, their codes seen once, each used once.

A code is 16 signs of Crockford's alphabet (80 random bits), so its plain hash tells nobody anything. Wrong codes are
counted per customer: after `WRONG_MOST` in an hour it waits. Customers enter theirs by `redeem_voucher`, which stands
in own_payments.py.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypedDict, Unpack

from django.db import transaction

from tollgate.actions import checks, records
from tollgate.actions.acts import act, current, refuse
from tollgate.actions.allocations import take_turns
from tollgate.actions.payment_amounts import VOUCHER, is_allowed
from tollgate.actions.payment_booking import give_bonus
from tollgate.core.money import format_micros
from tollgate.core.payments import MOST_MULTIPLIER_MILLI, SURPRISING_MILLI
from tollgate.store.models import Account, Customer, Voucher, VoucherAttempt, VoucherBatch
from tollgate.store.secrets import CannotUnseal, seal, unseal

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ALIKE: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})
CODE_SIGNS: Final = 16
MOST_COUNT: Final = 10_000
MOST_ADDITION: Final = 10**10
WRONG_MOST: Final = 10
WRONG_WITHIN: Final = timedelta(hours=1)
WRONG: Final = "This is no voucher that can be used: check the code."
CHECKS: Final[Mapping[str, checks.Check]] = {
    "name": checks.text(100, required=True),
    "currency": checks.currency,
    "count": checks.whole(1, MOST_COUNT),
    "multiplier_milli": checks.whole(1000, MOST_MULTIPLIER_MILLI),
    "addition_micros": checks.amount(0, MOST_ADDITION),
    "minimum_micros": checks.amount(0, checks.MOST_MICROS),
    "expires_at": checks.optional(checks.instant),
}
CHANGED: Final[Mapping[str, checks.Check]] = {"enabled": checks.yes_no, "expires_at": CHECKS["expires_at"]}


class VoucherBatchFields(TypedDict, total=False):
    """What may be said of a batch."""

    multiplier_milli: int
    addition_micros: int
    minimum_micros: int
    expires_at: datetime | str | None


class VoucherBatchChanges(TypedDict, total=False):
    """What may be changed on a batch. No moment at all: its vouchers do not expire."""

    enabled: bool
    expires_at: datetime | str | None


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What became of a code: `credited`, `waiting` for a payment, or `refused`, with words for whoever entered it."""

    state: str
    words: str
    amount_micros: int = 0


@act
def create_voucher_batch(
    *,
    account_id: int,
    name: str,
    currency: str,
    count: int,
    confirm: bool = False,
    **fields: Unpack[VoucherBatchFields],
) -> VoucherBatch:
    """Makes vouchers. Their codes are read once, by `export_voucher_codes`. Generous multipliers are confirmed."""
    given: dict[str, Any] = {**fields, "name": name, "currency": currency, "count": count}
    values = checks.cleaned(CHECKS, given)
    account = records.find(Account, account_id)
    for name in ("addition_micros", "minimum_micros"):
        checks.whole_coins(name, values.get(name, 0), values["currency"])
    _check(values, confirm=confirm)
    codes = [_new_code() for _ in range(values["count"])]
    batch = records.create(VoucherBatch, {**values, "account_id": account.pk, "codes_sealed": seal(json.dumps(codes))})
    Voucher.objects.bulk_create(
        Voucher(batch=batch, serial=serial, code_hash=hashed(code)) for serial, code in enumerate(codes, 1)
    )
    return batch


@act
def update_voucher_batch(
    *, voucher_batch_id: int, version: int | None = None, **changes: Unpack[VoucherBatchChanges]
) -> VoucherBatch:
    """Switches a whole batch off or on, or lets it expire at another moment or never; used vouchers stay used."""
    values = checks.cleaned(CHANGED, changes)
    return records.change(records.locked(VoucherBatch, voucher_batch_id, version), values)


@act
def export_voucher_codes(*, voucher_batch_id: int) -> list[str]:
    """The codes of a batch in the order of their serials: given once, then only their hashes are left."""
    batch = records.locked(VoucherBatch, voucher_batch_id)
    if not batch.codes_sealed:
        raise refuse("voucher_batch_id", f"The codes were exported by {batch.exported_by}: they are shown once.")
    try:
        codes: list[str] = json.loads(unseal(batch.codes_sealed))
    except CannotUnseal:
        raise refuse("voucher_batch_id", "The codes were sealed with another data key: start with that one.") from None
    exported = {"codes_sealed": "", "exported_at": records.now(), "exported_by": current.get().name}
    records.change(batch, exported)
    return codes


@act
def disable_voucher(*, voucher_id: int) -> Voucher:
    """Makes one voucher useless that was not used yet."""
    voucher = Voucher.objects.select_for_update().filter(pk=voucher_id).first()
    if voucher is None or voucher.state == "used":
        raise refuse("voucher_id", "This voucher does not exist or was used.")
    return records.change(voucher, {"state": "disabled"})


def redeem(customer: Customer, code: str) -> Redeemed:
    """Uses a code for a customer: credits at once, or with the next payment that is large enough.

    A wrong code is an answer and no error, for it is counted. Raises Invalid where no code is looked at.
    """
    at = records.now()
    if customer.deleted_at is not None or not is_allowed(customer, VOUCHER):
        raise refuse("code", "Vouchers cannot be used here.")
    take_turns(customer)  # guesses of one customer take turns, so that the limit holds
    recent = VoucherAttempt.objects.filter(customer=customer, at__gt=at - WRONG_WITHIN)
    if recent.count() >= WRONG_MOST:
        raise refuse("code", "Too many wrong codes: try again in an hour.")
    voucher = _found(code, customer, at)
    if voucher is None:
        VoucherAttempt.objects.create(customer=customer)
        return Redeemed("refused", WRONG)
    batch = voucher.batch
    if batch.minimum_micros:
        records.change(voucher, {"state": "waiting", "customer_id": customer.pk, "entered_at": at})
        least = f"{format_micros(batch.minimum_micros, 2)} {batch.currency}"
        return Redeemed("waiting", f"The voucher waits for your next payment of at least {least}.")
    records.change(voucher, {"entered_at": at})
    bonus = give_bonus(voucher, customer)
    credit = f"{format_micros(bonus.amount_micros, 2)} {bonus.currency}"
    return Redeemed("credited", f"{credit} are credited.", bonus.amount_micros)


def hashed(code: str) -> str:
    """What is kept of a code, however it was typed."""
    plain = "".join(sign for sign in code.upper().translate(ALIKE) if sign in ALPHABET)
    return hashlib.sha256(plain.encode()).hexdigest()


def forget_attempts(at: datetime) -> int:
    """Removes wrong attempts that count no more; gives how many."""
    with transaction.atomic():
        return VoucherAttempt.objects.filter(at__lt=at - WRONG_WITHIN).delete()[0]


def _found(code: str, customer: Customer, at: datetime) -> Voucher | None:
    """The voucher of a code, locked, if this customer can use it now."""
    known = Voucher.objects.select_for_update(of=("self",)).select_related("batch")
    voucher = known.filter(code_hash=hashed(code), batch__account_id=customer.account_id).first()
    if voucher is None or voucher.state != "available" or not voucher.batch.enabled:
        return None
    over = voucher.batch.expires_at is not None and voucher.batch.expires_at <= at
    return None if over or voucher.batch.currency != customer.currency else voucher


def _check(values: dict[str, Any], *, confirm: bool) -> None:
    multiplier, addition = values.get("multiplier_milli", 1000), values.get("addition_micros", 0)
    if not values.get("minimum_micros", 0):
        if multiplier != 1000:
            raise refuse("minimum_micros", "A multiplier needs a payment to multiply: give a minimum above zero.")
        if not addition:
            raise refuse("addition_micros", "A voucher without a payment gives its addition: give one.")
    if multiplier == 1000 and not addition:
        raise refuse("multiplier_milli", "This voucher would give nothing.")
    if multiplier >= SURPRISING_MILLI and not confirm:
        extra = (multiplier - 1000) // 10
        raise refuse("confirm", f"Each of these payments gains {extra} % more: confirm that this is meant.")


def _new_code() -> str:
    signs = "".join(secrets.choice(ALPHABET) for _ in range(CODE_SIGNS))
    return "-".join(signs[start : start + 4] for start in range(0, CODE_SIGNS, 4))
