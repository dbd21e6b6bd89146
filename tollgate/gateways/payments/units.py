"""Amounts as most gateways count them: whole numbers of the currency's smallest unit (ISO 4217).

A gateway that counts otherwise (Stripe, PayPal) has its own functions.
"""

from __future__ import annotations

from tollgate.core.money import MICROS, UnknownCurrency, minor_digits
from tollgate.core.payments import step_micros
from tollgate.gateways.payments.model import Declined


def tens_micros(currency: str) -> int:
    """The step of gateways that take three decimals only where the last of them is 0."""
    unit = step_micros(currency)
    return unit * 10 if unit == MICROS // 1000 else unit


def counted(amount_micros: int, currency: str, *, who: str, tens: bool = False) -> int:
    """An amount in smallest units. Raises Declined for a fraction of them; with `tens`, three decimals end in a 0."""
    unit = step_micros(currency)
    step = tens_micros(currency) if tens else unit
    if amount_micros <= 0 or amount_micros % step:
        raise Declined(f"{who} takes no such fraction of {currency}.")
    return amount_micros // unit


def micros(units: object, currency: str) -> int:
    """The micros of so many smallest units, whether written as number or text; zero for anything else."""
    if isinstance(units, str) and units.isascii() and units.isdigit() and len(units) <= 18:
        units = int(units)
    if not isinstance(units, int) or isinstance(units, bool):
        return 0
    try:
        minor_digits(currency)
    except UnknownCurrency:
        return 0
    return units * step_micros(currency)
