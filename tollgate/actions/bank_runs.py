"""Acts on files for the bank: fetched, sent, canceled; and on their lines: come back.

A line moves money when its payment completes, by hand (`payments`, `bank_confirmations`) or by a statement
(`bank_credits`). What comes back after
that undoes the payment, so its invoice is open again; what was refused before never moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date
from typing import Any, Final

from tollgate.actions import checks, records
from tollgate.actions.acts import act, because, refuse, warn
from tollgate.actions.bank_lines import DIRECT_DEBIT, hold
from tollgate.actions.charges import day
from tollgate.actions.debits import opened
from tollgate.actions.in_transit import stay
from tollgate.actions.notices import notify
from tollgate.actions.payment_amounts import BANK_TRANSFER
from tollgate.actions.payment_booking import complete, left_micros, new_payment
from tollgate.actions.payments import give_back, left_to_give, needs_two
from tollgate.core import sepa
from tollgate.core.money import format_micros
from tollgate.core.templates import Figure
from tollgate.store.models import BankLine, BankRun, Mandate, Payment

CHECKS: Final[Mapping[str, checks.Check]] = {
    "reason_code": checks.matching("([A-Z0-9]{4})?", "Give the bank's code of four signs, such as AM04."),
    "returned_on": checks.optional(day),
    "never_sent": checks.yes_no,
}
OVER: Final = ("returned", "rejected")


@act
def export_bank_run(*, bank_run_id: int) -> str:
    """The file as it was made, the same bytes each time: XML in UTF-8 with the account numbers in full."""
    run = records.locked(BankRun, bank_run_id)  # nobody cancels it meanwhile
    if run.fetched_at is None:
        if run.state == "canceled":
            raise refuse("bank_run_id", f"File {run} is canceled: make another.")
        run = records.change(run, {"fetched_at": records.now()})
    return opened(run.content_sealed)


@act
def send_bank_run(*, bank_run_id: int, version: int | None = None) -> BankRun:
    """Says that the bank has the file: from now on it is not canceled here."""
    run = records.locked(BankRun, bank_run_id, version)
    if run.state == "canceled":
        raise refuse("bank_run_id", f"File {run} is canceled: make another.")
    return run if run.state == "sent" else records.change(run, {"state": "sent", "sent_at": records.now()})


@act
def cancel_bank_run(*, bank_run_id: int, never_sent: bool = False, version: int | None = None) -> BankRun:
    """Takes back a file that the bank does not have: its invoices may be collected anew, its transfers wait again.

    Of one that was fetched somebody has to say that the bank never had it (`never_sent`): else it may pay twice.
    """
    sure = checks.cleaned(CHECKS, {"never_sent": never_sent})["never_sent"]
    run = records.locked(BankRun, bank_run_id, version)
    if run.state == "canceled":
        return run
    if run.state == "sent" or run.lines.exclude(state="waiting").exists():
        raise refuse("bank_run_id", f"The bank has file {run}: ask it to recall that, and say here what came back.")
    if run.fetched_at is not None and not sure:
        raise refuse("never_sent", f"File {run} was fetched: say that the bank never had it, or it may do it twice.")
    lines = BankLine.objects.filter(run=run)
    if run.kind == "debit":
        Payment.objects.filter(bank_line__run=run, status="pending").update(status="canceled")
        lines.update(state="canceled")
    else:
        lines.update(run=None, batch_id="")
    return records.change(run, {"state": "canceled", "canceled_at": records.now()})


@act
def return_bank_line(*, bank_line_id: int, reason_code: str = "", returned_on: date | str | None = None) -> BankLine:
    """Says that the money of a line came back, or never moved: its invoice is open again, its customer is told."""
    given = {"reason_code": reason_code, "returned_on": returned_on}
    values = checks.cleaned(CHECKS, given)
    found = records.find(BankLine, bank_line_id)
    hold(found)
    payment = records.locked(Payment, found.payment_id)  # before the line, as whoever completes or cancels it
    line = records.locked(BankLine, bank_line_id)
    if line.state in OVER:
        return line
    if line.state == "canceled" or line.run is None:
        raise refuse("bank_line_id", "The bank never had it.")
    because(f"{values['reason_code']} {sepa.reason_words(values['reason_code'])}".strip())
    line = _taken_back(line, payment, values["reason_code"], values["returned_on"])
    if line.run is not None and line.run.state == "made":
        records.change(line.run, {"state": "sent", "sent_at": records.now()})
    if line.mandate_id is not None:
        _after_debit(line)
    return line


def _taken_back(line: BankLine, payment: Payment, code: str, on: date | None) -> BankLine:
    words = f"Returned by the bank: {code} {sepa.reason_words(code)}".strip()
    told = {"return_code": code, "returned_on": on or records.now().astimezone(UTC).date()}
    if line.state == "waiting":
        note = "\n".join(part for part in (payment.private_note, words) if part)
        stay(records.change(payment, {"status": "canceled", "private_note": note}))
        return records.change(line, {"state": "rejected", **told})
    if payment.kind != "payment":
        _brought_back(line, payment, words)
        return records.change(line, {"state": "returned", **told})
    left = left_micros(payment)
    if left_to_give(payment) != left:
        raise refuse("bank_line_id", "A refund of its payment waits: cancel it, or say what became of it, first.")
    if left:
        give_back(payment.pk, None, kind="reversal", reason=words)
    if left < line.amount_micros:
        _taken_twice(line, line.amount_micros - left, words)
    return records.change(line, {"state": "returned", **told})


def _taken_twice(line: BankLine, micros: int, words: str) -> None:
    """What was refunded before the bank took it back as well: the customer has it twice, and owes it."""
    values: dict[str, Any] = {"gateway": DIRECT_DEBIT, "kind": "reversal", "amount_micros": -micros}
    back = new_payment(line.customer, **values, private_note=f"{words}, after it was refunded")
    warn(f"{format_micros(micros, 2)} {line.currency} of it were refunded before: the customer owes them.")
    if not needs_two(back):
        complete(back)


def _brought_back(line: BankLine, payment: Payment, words: str) -> None:
    """What was paid out is the customer's again."""
    values: dict[str, Any] = {"gateway": BANK_TRANSFER, "kind": "reversal", "amount_micros": line.amount_micros}
    back = new_payment(line.customer, **values, reverses_id=payment.reverses_id, private_note=words)
    if needs_two(back):
        warn("Another user approves that it came back: the account asks for two people.")
        return
    complete(back)


def _after_debit(line: BankLine) -> None:
    """A mandate that would fail again collects no more, and the customer is told what is open."""
    code = line.return_code
    if code in sepa.STOPS:
        mandate = records.locked(Mandate, line.mandate_id)
        records.change(mandate, {"collects": False})
        warn(f"Mandate {mandate} collects no more: {sepa.reason_words(code)}.")
    notify(
        line.customer,
        "debit.returned",
        {
            "number": line.end_to_end_id if line.invoice is None else line.invoice.number or "",
            "amount": Figure(format_micros(line.amount_micros, 2)),
            "currency": line.currency,
            "iban": line.iban_shown,
            "reason": sepa.reason_words(code),
            "payment_details": line.account.payment_details,
        },
    )
