"""What statements tell of our own files: collections that the bank has credited, and what it sends back of any file.

A credit is found by the id of its batch or by its end-to-end id, and completes the payments that wait for it; what is
sent back is found by its end-to-end id. Told a second time, by whatever statement, nothing moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db.models import Q

from tollgate.actions import records
from tollgate.actions.acts import refuse
from tollgate.actions.allocations import take_all_turns
from tollgate.actions.bank_runs import OVER, return_bank_line
from tollgate.actions.bank_tellings import Told, is_another, keep_telling
from tollgate.actions.payments import complete_payment
from tollgate.core.money import format_micros
from tollgate.store.models import Account, BankLine, BankRun, Payment

UNTOLD_DAYS: Final = 5
"""So long after its day a credit may be what settled a line by hand; later it is other money of the same words."""
NO_REASON: Final = "NARR"
"""What stands for a reason that the bank has told in words."""


def collected(account: Account, values: Mapping[str, Any], told: Told) -> Payment | None:
    """The payment, or the first of several, that a credit of a collection completes; None where it is none of ours."""
    lines = _by_end_to_end(account, values, told) or in_batch(account, values, told, kind="debit")
    if not lines:
        return None
    if values["currency"].upper() != lines[0].currency:
        raise refuse("currency", f"It was collected in {lines[0].currency}.")
    return completed(lines, values, told)


def completed(lines: Sequence[BankLine], values: Mapping[str, Any], told: Told) -> Payment:
    """The payment, or the first of several, of lines of our files that the bank has told of: once."""
    take_all_turns(line.customer for line in lines if line.state == "waiting")  # wallets before payments and lines
    for line in lines:
        if line.state == "waiting":
            at = values["received_at"] or records.now()
            records.change(records.locked(Payment, line.payment_id), {"received_at": at})
            complete_payment(payment_id=line.payment_id)
        if not line.told_as:
            told_as = {"told_as": values["external_id"], "told_on": told.booked_on}
            records.change(records.locked(BankLine, line.pk), told_as)
    payment = Payment.objects.get(pk=lines[0].payment_id)
    if len(lines) == 1 and lines[0].amount_micros == told.amount_micros:  # not what a batch came to
        keep_telling(payment, told)
    return payment


def sent_back(account: Account, values: Mapping[str, Any], told: Told) -> Payment | None:
    """The payment that the bank has sent back, once it is undone; None where it is none of our files'."""
    sent = lines_of(account, Q(end_to_end_id=told.end_to_end_id)) if told.end_to_end_id else []
    sent = [line for line in sent if _is_after(line, told)]
    moved = [line for line in sent if line.state not in OVER]
    over = [line for line in sent if line.state in OVER]
    if not moved or (told.booked_on is None and over):  # without a day it may be what was told before
        return Payment.objects.get(pk=(over or sent)[0].payment_id) if sent else None
    line = moved[0]
    if values["amount_micros"] < line.amount_micros:
        words = f"{format_micros(line.amount_micros, 2)} {line.currency}"
        raise refuse("amount_micros", f"{words} were moved: less than that came back. Say it on the file's page.")
    code = values["return_reason"].upper()
    code = "" if code == NO_REASON else code
    return_bank_line(bank_line_id=line.pk, reason_code=code, returned_on=told.booked_on)
    return Payment.objects.get(pk=line.payment_id)


def lines_of(account: Account, which: Q) -> list[BankLine]:
    """Lines that the bank has, the newest day first. Whoever asks holds their files until the act ends."""
    found = BankLine.objects.filter(which, account=account, run__isnull=False).exclude(state="canceled")
    runs = BankRun.objects.filter(pk__in=found.values("run_id"))
    list(runs.select_for_update(no_key=True).order_by("pk"))  # another statement at the same moment waits here
    return list(found.select_related("run", "customer").order_by("-run__execute_on", "-pk"))


def _is_after(line: BankLine, told: Told) -> bool:
    return line.run is not None and (told.booked_on is None or line.run.execute_on <= told.booked_on)


def _by_end_to_end(account: Account, values: Mapping[str, Any], told: Told) -> list[BankLine]:
    """The collection of this id and amount that waits; else the one that this credit was told of before."""
    if not told.end_to_end_id:
        return []
    found = lines_of(account, Q(end_to_end_id=told.end_to_end_id, run__kind="debit"))
    found = [line for line in found if line.amount_micros == told.amount_micros and _is_after(line, told)]
    waiting = [line for line in found if line.state == "waiting"]
    known = [line for line in found if line.state != "waiting" and _is_told(line, values, told)]
    return [line for line in known if line.told_as][:1] or waiting[:1] or known[:1]


def _is_told(line: BankLine, values: Mapping[str, Any], told: Told) -> bool:
    """Whether a credit is what has settled a line: by the bank's id, the day, or since a person has said so before."""
    same = line.told_as in (values["external_id"], told.entry_ref, told.part_ref)
    if line.told_as:
        by_day = line.told_on is not None and line.told_on == told.booked_on
        return same or (by_day and not is_another(line.payment_id, told))
    if line.state not in ("settled", "returned") or line.run is None or told.booked_on is None:
        return False
    return (told.booked_on - line.run.execute_on).days <= UNTOLD_DAYS


def in_batch(account: Account, values: Mapping[str, Any], told: Told, *, kind: str) -> list[BankLine]:
    """The lines of a batch that the bank has booked as one sum. Raises Invalid where the sum is another."""
    batch = values["batch_id"]
    if not batch:
        return []
    which = Q(batch_id=batch) | Q(run__message_id=batch)
    found = [line for line in lines_of(account, which & Q(run__kind=kind)) if _is_after(line, told)]
    if not found:
        return []
    waiting = [line for line in found if line.state == "waiting"]
    ids = ("", values["external_id"], told.entry_ref, told.part_ref)
    sums = [_sum(waiting)]
    others = [line for line in found if line.told_as not in ids]  # told by another credit, or another statement
    if not others or (not waiting and all(line.told_on in (None, told.booked_on) for line in others)):
        sums += [_sum(found), _sum([line for line in found if line.state != "rejected"])]
    if told.amount_micros not in sums:
        left = f"{format_micros(_sum(waiting), 2)} {found[0].currency}"
        raise refuse("amount_micros", f"{left} of {batch} wait: say on the file's page what came back or has come.")
    return waiting or found[:1]


def _sum(lines: Sequence[BankLine]) -> int:
    return sum(line.amount_micros for line in lines)
