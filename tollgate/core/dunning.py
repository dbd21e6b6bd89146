"""Dunning: which steps an invoice that is not paid has reached. Pure: days and rules in, steps out.

A customer's `overdue_action` is the most that is done to it: none < remind < restrict < penalty. Reminders count from
the due day; fees, restrictions and penalties wait for the customer's days of grace besides. A step reaches only
invoices that come to its day after it was made, so that a new step does not fall on old debts. Of an invoice that is
unpaid again the days count from that day, or from the due day if that is later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from tollgate.core.money import minor_digits

STRENGTH: Final = ("none", "remind", "restrict", "penalty")
PPM: Final = 10**6
OWN: Final = "overdue"
"""The key, before the action, of what the customer's own overdue action does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: its key, so many days after the due day (below zero: before), what it does, since when it exists."""

    key: str
    days: int
    action: str
    made_on: date = date.min


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """An invoice that is not paid, and what its customer allows."""

    due_on: date
    grace_days: int
    most: str
    """The customer's overdue action."""
    again_on: date | None = None
    """The day on which it was unpaid again: what had paid it was taken back."""

    @property
    def from_on(self) -> date:
        """The day from which days count."""
        return self.due_on if self.again_on is None else max(self.due_on, self.again_on)


def steps_of(debt: Debt, steps: Iterable[Step]) -> list[Step]:
    """The account's steps that fit the customer, and its own: what happens the day after its grace is over."""
    fit = [step for step in steps if _fits(step, debt)]
    reminds = any(step.action == "remind" and step.days > 0 for step in fit)
    if debt.most != "none" and not (debt.most == "remind" and reminds):
        fit.append(
            Step(key=f"{OWN}:{debt.most}", days=1 if debt.most != "remind" else 1 + debt.grace_days, action=debt.most)
        )
    return sorted(fit, key=lambda step: (day_of(step, debt), step.key))


def day_of(step: Step, debt: Debt) -> date:
    """The day on which a step is taken."""
    waits = 0 if step.action == "remind" else debt.grace_days
    return debt.from_on + timedelta(days=step.days + waits)


def reached(debt: Debt, steps: Iterable[Step], taken: Collection[str], today: date) -> list[Step]:
    """The steps to take now, in order. Of several reminders that wait only the last is one; the rest, and
    those before one that was sent, were missed."""
    fit = steps_of(debt, steps)
    now = [step for step in fit if step.key not in taken and step.made_on <= day_of(step, debt) <= today]
    reminded = max(
        (place for place, step in enumerate(fit) if step.action == "remind" and step.key in taken), default=-1
    )
    reminders = [step for step in now if step.action == "remind"]
    missed = [*reminders[:-1], *(step for step in reminders if fit.index(step) < reminded)]
    return [step for step in now if step not in missed]


def late_fee(open_micros: int, *, fee_ppm: int, fee_micros: int, currency: str) -> int:
    """A part of what is open and a fixed amount, rounded half up once to the currency's minor unit."""
    unit: int = 10 ** (6 - minor_digits(currency))
    exact_ppm = open_micros * fee_ppm + fee_micros * PPM
    steps = (2 * exact_ppm + unit * PPM) // (2 * unit * PPM)
    return steps * unit


def _fits(step: Step, debt: Debt) -> bool:
    if step.action == "late_fee":
        return debt.most != "none"
    if step.action == "remind" and step.days <= 0:  # before it is due nobody is overdue
        return debt.again_on is None or debt.again_on < debt.due_on
    return STRENGTH.index(step.action) <= STRENGTH.index(debt.most)
