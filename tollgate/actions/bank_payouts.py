"""What statements tell of our transfers: that the bank has paid them, one by one or as one sum, and that one came back.

A transfer is paid once. Told again, by whatever statement and in whatever order, nothing moves; told as other money,
the row fails, for then the bank has paid twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Q

from tollgate.actions.acts import refuse
from tollgate.actions.bank_matches import UNTOLD_DAYS, completed, in_batch, lines_of, sent_back
from tollgate.actions.bank_tellings import Told, is_another
from tollgate.core.bank_statements import MADE
from tollgate.core.money import format_micros
from tollgate.store.models import Account, BankLine, BankRun, Payment

NOT_OURS: Final = "No transfer or file of ours has these ids: take the row out, or say on the file's page what moved."
ALL_THE_SAME: Final = (
    "and the bank has paid it all the same: make a file of it, keep that to yourself, and bring this row again."
)


def paid_out(account: Account, values: Mapping[str, Any], told: Told) -> Payment:
    """The payment, or the first of several, of what the bank has paid. Raises Invalid for what is none of ours."""
    lines = _by_end_to_end(account, values, told) or _by_batch(account, values, told)
    if values["currency"].upper() != lines[0].currency:
        raise refuse("currency", f"It was to be paid in {lines[0].currency}.")
    return completed(lines, values, told)


def paid_back(account: Account, values: Mapping[str, Any], told: Told) -> Payment | None:
    """The payment of a transfer that has come back, told as a credit by its id; None for other money."""
    ours = BankLine.objects.filter(account=account, mandate=None, run__isnull=False)
    if not told.end_to_end_id or not ours.filter(end_to_end_id=told.end_to_end_id).exists():
        return None
    return sent_back(account, values, told)


def _by_end_to_end(account: Account, values: Mapping[str, Any], told: Told) -> list[BankLine]:
    """The transfer of this id. Raises Invalid where it was canceled here, is of another amount, or was paid before."""
    if not told.end_to_end_id:
        return []
    named = Q(end_to_end_id=told.end_to_end_id, mandate=None)
    found = BankLine.objects.filter(named, account=account).first()
    if found is None:
        return []
    if found.state == "canceled":
        words = "was canceled here, and the bank has paid it: ask for it back, or adjust the customer's balance."
        raise refuse("end_to_end_id", f"{found} {words}")
    if found.run_id is None:
        raise refuse("end_to_end_id", f"{found} is in no file, {ALL_THE_SAME}")
    line = lines_of(account, named)[0]
    if line.amount_micros != told.amount_micros:
        raise refuse("amount_micros", f"{line} is of {format_micros(line.amount_micros, 2)} {line.currency}.")
    if line.state != "waiting" and not _is_known(line, values, told):
        raise refuse("end_to_end_id", _twice(line))
    return [line]


def _is_known(line: BankLine, values: Mapping[str, Any], told: Told) -> bool:
    """Whether this is what was told of a transfer before, or since a person has said so."""
    if line.state == "rejected":  # it went out and came back, told the other way round
        return line.returned_on is None or told.booked_on is None or told.booked_on <= line.returned_on
    if line.told_as in (values["external_id"], told.entry_ref, told.part_ref):
        return True
    if not line.told_as:
        assert line.run is not None
        return told.booked_on is None or (told.booked_on - line.run.execute_on).days <= UNTOLD_DAYS
    by_day = None in (line.told_on, told.booked_on) or line.told_on == told.booked_on
    made = MADE in (line.told_as[:1], values["external_id"][:1])  # an id that says nothing outside its statement
    return by_day and (made or not is_another(line.payment_id, told))


def _twice(line: BankLine) -> str:
    if line.state == "rejected":
        return f"{line} was said to have come back on {line.returned_on}, and the bank has paid it since: ask the bank."
    when = "as somebody has said" if line.told_on is None else f"on {line.told_on}"
    return f"{line} was paid before, {when}: the bank may have paid it twice. Ask the bank, and take the row out."


def _by_batch(account: Account, values: Mapping[str, Any], told: Told) -> list[BankLine]:
    """The transfers that the bank has paid as one sum. Raises Invalid for another sum, or what is no file of ours."""
    found = in_batch(account, values, told, kind="transfer")
    if found:
        return found
    for run in BankRun.objects.filter(account=account, kind="transfer", state="canceled"):
        if values["batch_id"] in (run.message_id, f"{run.message_id}-1"):
            raise refuse("batch_id", f"File {run} was canceled here, {ALL_THE_SAME}")
    raise refuse("end_to_end_id", NOT_OURS)
