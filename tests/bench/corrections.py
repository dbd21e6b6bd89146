"""What people correct in the month of `month.py`, by the acts that they have for it: calls are rated again after prices
were mended, long ones are charged as short ones, one recalculation is taken back; bills are credited and debited by
hand; payments are refunded and reversed.

The tasks that this begins are done as a worker does them. To correct something else, add it to `correct`, or to
`by_hand` for what needs bills.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from random import Random
from typing import Final, TypeVar

from tests.bench.month import OPERATOR, UNIT, Month, midnight
from tests.bench.month_calls import rates
from tollgate.actions import tasks
from tollgate.actions.acts import Actor, acting
from tollgate.actions.invoice_notes import credit_invoice, debit_invoice
from tollgate.actions.payments import create_payment, refund_payment, reverse_payment
from tollgate.actions.recalculations import start_recalculation, take_back_recalculation
from tollgate.actions.revisions import publish_revision
from tollgate.actions.users import create_user, create_user_group
from tollgate.core.money import minor_digits
from tollgate.store.models import CDR, Entry, Invoice, TaskRow, User
from tollgate.store.queries.invoice_lists import left_of_lines

Thing = TypeVar("Thing")
EMAIL: Final = "ann@demo.example"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
PERCENT: Final = (90, 110, 125)
"""What a price that is mended comes to, of the price before."""
LONG_S, SHORT_S = 10, 30


def ann() -> Actor:
    """Who corrects: tasks are done in the name of a user."""
    user = User.objects.filter(email=EMAIL).first()
    if user is None:
        with acting(OPERATOR):
            group = create_user_group(name="Operators", acts=["*"], areas=["*"])
            user = create_user(name="Ann", email=EMAIL, password="correct horse battery", group_ids=[group.pk])
    return Actor(user.email, frozenset({"*"}), "corrections", "user", user.pk, areas=frozenset({"*"}))


def correct(month: Month, count: int) -> int:
    """Corrects some of the calls so far, about so many; gives how many entries that took."""
    chance = Random(month.made)
    before = Entry.objects.filter(kind="correction").count()
    with acting(ann()):
        for card_id, part in month.cards.items():
            mend(card_id, part, month, chance)
        for carrier in month.carriers[:1]:
            mend(carrier.card, carrier.part, month, chance)
        for on_notes in (True, False):
            _recalculate(month, chance, count * 2 // 5, kind="rerate", on_notes=on_notes)
        mend(month.carriers[0].card, month.carriers[0].part, month, chance)
        _recalculate(month, chance, 2 * count, kind="rerate", carrier_id=month.carriers[0].id)
        short = {"kind": "adjust_duration", "least_s": LONG_S, "new_s": SHORT_S}
        last = _recalculate(month, chance, count // 3, **short)
        take_back_recalculation(recalculation_id=last, reason="they were long indeed")
        _work()
        _recalculate(month, chance, count // 3, **short)
    return Entry.objects.filter(kind="correction").count() - before


def mend(card_id: int, part: int, month: Month, chance: Random) -> None:
    """Publishes a card anew, with other prices for a third of its prefixes."""
    rows = rates(part)
    for row in chance.sample(rows, len(rows) // 3):
        row["price_nanos"] = row["price_nanos"] * chance.choice(PERCENT) // 100
    publish_revision(card_id=card_id, rows=rows, effective_at=midnight(month.begin_on))


def _recalculate(month: Month, chance: Random, count: int, **wanted: object) -> int:
    """A recalculation of about so many calls that follow one another somewhere in all that was called; its id."""
    calls = CDR.objects.filter(account=month.account, state="charged").order_by("started_at")
    moments = calls.values_list("started_at", flat=True)
    whole = calls.count()
    first = chance.randrange(max(1, whole - count))
    begun = start_recalculation(
        account_id=month.account.pk, from_at=moments[first], until_at=moments[min(whole - 1, first + count)],
        reason="the card was wrong", **wanted,  # type: ignore[arg-type]
    )  # fmt: skip
    _work()
    return begun.pk


def _work() -> None:
    """Does what tasks have to do, notes included."""
    tasks.work(lambda: EPOCH, EPOCH + timedelta(days=1))
    failed = TaskRow.objects.filter(state="failed").values_list("title", "errors")[:10]
    assert not failed, list(failed)


def by_hand(month: Month) -> None:
    """Of some bills a line is credited in part, to some one is added; some payments come, are refunded and reversed."""
    with acting(ann()):
        bills = Invoice.objects.filter(account=month.account, kind="invoice", state="issued", recalculation=None)
        for invoice in _spread(list(bills.order_by("customer_id"))):
            coin = 10 ** (6 - minor_digits(invoice.currency))
            line_id, left = max(left_of_lines(invoice).items(), key=itemgetter(1))
            part = [{"line_id": line_id, "net_micros": left // coin // 2 * coin}]
            credit_invoice(invoice_id=invoice.pk, reason="bad sound", lines=part)  # type: ignore[arg-type]
            added = [{"description": "Forgotten", "unit_price_nanos": 12 * UNIT * 1000}]
            debit_invoice(invoice_id=invoice.pk, reason="forgotten", lines=added)  # type: ignore[arg-type]
        callers = [*_spread(month.callers), *month.others]
        for number, caller in enumerate(callers):
            paid = create_payment(customer_id=caller.customer_id, amount_micros=(1000 + number) * UNIT)
            if number % 3 == 0:
                refund_payment(payment_id=paid.pk, amount_micros=(300 + number) * UNIT, reason="too much")
            if number % 3 == 1:
                reverse_payment(payment_id=paid.pk, reason="the check bounced")


def _spread(things: Sequence[Thing]) -> Sequence[Thing]:
    """Some of many."""
    return things[:: max(1, len(things) // 5)]
