"""The lines of files for the bank, as payments see them. No act of its own; `payments` asks here.

A line says of its payment which invoice it settles and that it goes by the file: it is canceled there, not alone.
"""

from __future__ import annotations

from typing import Final

from tollgate.actions import records
from tollgate.actions.acts import refuse
from tollgate.actions.allocations import take_turns
from tollgate.store.models import BankLine, BankRun, Payment

DIRECT_DEBIT: Final = "direct_debit"
"""The gateway of payments that are collected."""


def hold(line: BankLine) -> None:
    """Holds the file of a line, then the customer's wallet, until the act ends.

    Whoever confirms or cancels lines, or says that they came back, does it first, in this order, and only then locks
    their payments and then the lines; a statement, which may hold several files and wallets, does so too.
    """
    if line.run_id is not None:
        BankRun.objects.select_for_update(no_key=True).get(pk=line.run_id)
    take_turns(line.customer)


def line_of(payment: Payment) -> BankLine | None:
    """The line that a payment goes by, locked; None for all other payments."""
    found = BankLine.objects.select_for_update(no_key=True, of=("self",)).filter(payment=payment)
    return found.select_related("invoice").first()  # its file is read after the lock, for it may have come meanwhile


def check_amount(line: BankLine, amount_micros: int) -> None:
    """Refuses another amount than the file says."""
    if abs(amount_micros) != line.amount_micros:
        raise refuse("amount_micros", "A file for the bank moves just this amount: say what came back instead.")


def settled(line: BankLine) -> BankLine:
    """Keeps that the money of a line has moved; who says so knows that the bank had its file."""
    run = line.run
    if run is None:
        raise refuse("payment_id", "It is in no file for the bank yet.")
    if run.state == "made":
        records.change(run, {"state": "sent", "sent_at": records.now()})
    return records.change(line, {"state": "settled"})


def forgotten(line: BankLine) -> None:
    """A line whose payment is canceled: alone only while it is in no file."""
    if line.run is not None:
        raise refuse("payment_id", f"It is in file {line.run}: cancel that, or say there that it came back.")
    records.change(line, {"state": "canceled"})
