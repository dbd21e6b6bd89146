"""Acts on exchange rates: what one unit of a currency was worth in another from a day on.

`convert` gives the amount and the rate it used, for whoever stores both; without a rate of that day or before it
refuses, so that no amount is ever converted by a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

from tollgate.actions import checks, records
from tollgate.actions.acts import NotFound, act, refuse
from tollgate.actions.charges import day
from tollgate.core.money import NANOS, Method, divide
from tollgate.core.taxes import to_minor
from tollgate.store.models import Account, ExchangeRate

MOST_RATE_NANOS: Final = 10**18
CHECKS: Final[Mapping[str, checks.Check]] = {
    "base": checks.currency,
    "quote": checks.currency,
    "on": day,
    "rate_nanos": checks.amount(1, MOST_RATE_NANOS, price=True),
    "source": checks.text(50),
}


@dataclass(frozen=True, slots=True)
class Converted:
    """An amount in another currency, rounded once to its smallest unit, and the rate that made it, with its day."""

    amount_micros: int
    rate_nanos: int
    on: date


@act
def set_exchange_rate(
    *, account_id: int, base: str, quote: str, on: str | date, rate_nanos: int, source: str = ""
) -> ExchangeRate:
    """Says what one unit of `base` is worth in `quote` from a day on; a rate of the same day is replaced."""
    values = checks.cleaned(
        CHECKS, {"base": base, "quote": quote, "on": on, "rate_nanos": rate_nanos, "source": source}
    )
    if values["base"] == values["quote"]:
        raise refuse("quote", "A currency is always worth itself: choose another.")
    account = records.find(Account, account_id)
    told = {name: values[name] for name in ("rate_nanos", "source")}
    which = {name: values[name] for name in ("base", "quote", "on")}
    rate, _ = ExchangeRate.objects.update_or_create(account_id=account.pk, **which, defaults=told)
    return rate


@act
def delete_exchange_rate(*, exchange_rate_id: int) -> None:
    """Removes a rate. What was converted by it keeps the rate it used."""
    rate = ExchangeRate.objects.filter(pk=exchange_rate_id).first()
    if rate is None:
        raise NotFound(f"There is no exchange rate {exchange_rate_id}.")
    rate.delete()


def convert(account_id: int, amount_micros: int, *, base: str, quote: str, on: date) -> Converted:
    """An amount of one currency in another by the last rate up to a day, either way round. Raises Invalid."""
    if base == quote:
        return Converted(amount_micros, NANOS, on)
    found = rate_on(account_id, base=base, quote=quote, on=on)
    if found is None:
        raise refuse("currency", f"There is no exchange rate from {base} to {quote} on {on}: enter one.")
    return Converted(to_minor(amount_micros * found.exact, quote), found.nanos, found.on)


@dataclass(frozen=True, slots=True)
class Quoted:
    """A rate as it was entered; `inverse`: of one unit of the quote in the base."""

    rate_nanos: int
    on: date
    inverse: bool

    @property
    def exact(self) -> Fraction:
        """What one unit of the base was worth in the quote."""
        rate = Fraction(self.rate_nanos, NANOS)
        return 1 / rate if self.inverse else rate

    @property
    def nanos(self) -> int:
        """The same to nine decimals, for people."""
        return divide(NANOS * NANOS, self.rate_nanos, Method.half_up) if self.inverse else self.rate_nanos


def rate_on(account_id: int, *, base: str, quote: str, on: date) -> Quoted | None:
    """The last rate between two currencies up to a day, either way round. None where no rate is known."""
    rates = ExchangeRate.objects.filter(account_id=account_id, on__lte=on, rate_nanos__gt=0).order_by("-on")
    straight, back = rates.filter(base=base, quote=quote).first(), rates.filter(base=quote, quote=base).first()
    if straight is not None and (back is None or back.on <= straight.on):
        return Quoted(straight.rate_nanos, straight.on, inverse=False)
    return None if back is None else Quoted(back.rate_nanos, back.on, inverse=True)
