"""Payments by the rules: surcharges, refunds in part, vouchers, and which invoice money settles.

All amounts are micros. To add a rule, add a function; what it rounds is said in its docstring.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tollgate.core.money import MICROS, Method, divide, minor_digits

PPM: Final = 10**6
ASK_AGAIN: Final = (timedelta(minutes=5), timedelta(hours=1))
"""When a gateway is asked about a payment of unknown outcome; daily afterwards, for a week."""
ASKED_MOST: Final = 9
MOST_MULTIPLIER_MILLI: Final = 3000
SURPRISING_MILLI: Final = 1500
"""From here on a multiplier is confirmed: 1.1 gives ten percent, 11 is a slip."""


@dataclass(frozen=True, slots=True)
class Part:
    """So much of something to one document."""

    id: int
    amount_micros: int


def step_micros(currency: str) -> int:
    """The smallest unit of a currency (ISO 4217) in micros."""
    step: int = MICROS // 10 ** minor_digits(currency)
    return step


def payable(amount_micros: int, step: int) -> bool:
    """Whether an amount can be paid: above zero, in whole steps."""
    return amount_micros > 0 and amount_micros % step == 0


def surcharge_micros(amount_micros: int, *, fixed_micros: int, ppm: int, step: int) -> int:
    """What is asked on top of an amount, rounded up to whole steps of what can be paid."""
    exact = fixed_micros * PPM + amount_micros * ppm
    return divide(exact, PPM * step, Method.up) * step


def share_micros(amount_micros: int, *, part_micros: int, whole_micros: int) -> int:
    """The part of an amount that a part of another amount stands for; the whole gives the whole, exactly."""
    return divide(amount_micros * part_micros, whole_micros, Method.half_up)


def part_back_micros(amount_micros: int, *, part_micros: int, whole_micros: int, currency: str) -> int:
    """What goes back of an amount once a part of another amount has, in the currency's smallest units.

    Count it from the beginning each time and take the difference: then the last part takes what is left, to the unit.
    """
    if part_micros >= whole_micros:
        return amount_micros
    step = step_micros(currency)
    return divide(amount_micros * max(0, part_micros), whole_micros * step, Method.half_up) * step


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What a payer paid, in the currency it was paid in: the surcharge is in it, and of it the gateway kept its fee.

    `deducted`: the fee was taken off what the wallet gained; `converted`: the wallet has another currency.
    """

    micros: int
    surcharge_micros: int
    fee_micros: int
    deducted: bool
    converted: bool

    @property
    def gained_micros(self) -> int:
        """What of it the wallet gained."""
        gained = self.micros - self.surcharge_micros
        if self.deducted:
            gained -= share_micros(gained, part_micros=self.fee_micros, whole_micros=self.micros)
        return gained


def worth_micros(amount_micros: int, paid: Paid, part_micros: int, *, currency: str) -> int:
    """What a part of what was paid is worth in the wallet's currency, as the amount is that the wallet gained of it.

    Where it was converted it is rounded to the coin, by the rate that the amount was converted by.
    """
    if not paid.converted:
        return part_micros
    step = step_micros(currency)
    return divide(amount_micros * part_micros, max(1, paid.gained_micros) * step, Method.half_up) * step


def reached_micros(amount_micros: int, paid: Paid, *, currency: str) -> int:
    """What reached us of a payment that gave a wallet an amount: what was paid less what the gateway kept of it.

    What is above the amount is a surcharge, what is below it a fee that is absorbed. In the wallet's currency.
    """
    beyond = paid.micros - paid.fee_micros - paid.gained_micros
    if not paid.converted:
        return paid.micros - paid.fee_micros
    return amount_micros + worth_micros(amount_micros, paid, beyond, currency=currency)


def left_us_micros(
    amount_micros: int, *, whole_micros: int, gone_micros: int, paid: Paid, back_micros: int | None, currency: str
) -> int:
    """What leaves us (below zero) when a wallet loses an amount of a payment, or comes back when it gains it again.

    `whole_micros` is what the payment gave the wallet, `gone_micros` what of it that had lost before: parts of what was
    paid are counted from the beginning, so that they sum to it however many they are. `back_micros` is what moved,
    where it did in the wallet's currency: that counts unless it is more than the amount's part of what was paid, by
    more than a coin. Then somebody has booked the rest before.
    """
    step, all_paid = step_micros(currency), worth_micros(whole_micros, paid, paid.micros, currency=currency)
    was, due = (
        part_back_micros(all_paid, part_micros=gone, whole_micros=whole_micros, currency=currency)
        for gone in (gone_micros, gone_micros - amount_micros)
    )
    part = was - due
    if back_micros is None or abs(back_micros) > abs(part) + step:
        return part
    return back_micros


def told_of(receipt_micros: int, *, refunded_micros: int, amount_micros: int, currency: str) -> int:
    """How much of a receipt is given back once so much of its payment is, in whole coins; with the whole it is all.

    What the receipt tells of goes back first. Count it from the beginning each time and take the difference.
    """
    if refunded_micros >= amount_micros:
        return receipt_micros
    step = step_micros(currency)
    return min(max(0, refunded_micros) // step * step, receipt_micros)


def within_left(amount_micros: int, left: Sequence[int], *, currency: str) -> list[int]:
    """An amount of whole coins over parts by what is left of them, none beyond its own; the sum is the amount.

    The amount is at most all that is left.
    """
    whole, step = sum(left), step_micros(currency)
    reached = given = 0
    shares = []
    for part in left:
        reached += part
        due = divide(amount_micros * reached, whole * step, Method.half_up) * step if whole else 0
        shares.append(due - given)
        given = due
    return shares


def voucher_bonus_micros(paid_micros: int, *, multiplier_milli: int, addition_micros: int, currency: str) -> int:
    """What a voucher gives beside the payment itself: payment x multiplier + addition, less the payment.

    It is rounded down to whole coins of the currency.
    """
    exact = divide(paid_micros * (multiplier_milli - 1000), 1000, Method.down) + addition_micros
    step = step_micros(currency)
    return exact // step * step


def split_note(text: str) -> tuple[str, str]:
    """A description of another system as public and private note: what follows its first # is private."""
    public, _, private = text.partition("#")
    return public.strip(), private.strip()


def spread(amount_micros: int, open_parts: Iterable[Part]) -> Sequence[Part]:
    """An amount over documents in their order: each gets what it is open for until nothing is left."""
    parts, left = [], amount_micros
    for part in open_parts:
        taken = min(left, part.amount_micros)
        if taken > 0:
            parts.append(Part(part.id, taken))
            left -= taken
    return parts


def pause(asked_count: int) -> timedelta | None:
    """How long to wait before a gateway is asked again; None when it has been asked often enough."""
    if asked_count >= ASKED_MOST:
        return None
    return ASK_AGAIN[asked_count] if asked_count < len(ASK_AGAIN) else timedelta(days=1)
