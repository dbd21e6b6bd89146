"""Acts on carriers' statements: what a carrier bills, its files, how they are read, and what is accepted of it.

A change of what is compared lets the statement wait for the next comparison (`reconciliation_work`). Accepting posts
one entry, so that the carrier's wallet has moved by what is owed for the statement; disputes (`carrier_disputes`) are
left out of it and post their own. A field of the format goes into `FORMAT_CHECKS` and the form of
`panel.reconciliations`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any, Final, TypedDict, Unpack

from django.db.models import Sum

from tollgate.actions import checks, records
from tollgate.actions.acts import Invalid, act, because, current, refuse, warn
from tollgate.actions.carrier_file_rows import MOST_BYTES, head_of, packed, remembered, settings_of
from tollgate.actions.charges import day
from tollgate.actions.postings import post
from tollgate.actions.statements import fetch
from tollgate.core.carrier_files import FIELDS, SECONDS, TIMES
from tollgate.core.uploads import CellInvalid, lacking
from tollgate.store.models import (
    Carrier,
    CarrierDispute,
    CarrierFile,
    CarrierFileContent,
    CarrierFormat,
    CarrierLine,
    CarrierStatement,
    Entry,
    Wallet,
)
from tollgate.store.queries.reconciliation import Unreadable, corrected_since, due, gathered, period_of

MOST_TOLERANCE_S: Final = 3_600
MOST_DAYS: Final = 400


class FormatFields(TypedDict, total=False):
    """How a carrier writes its files, and how much a difference may be."""

    time_format: str
    zone: str
    time_of: str
    duration_unit: str
    duration_of: str
    decimal_comma: bool
    strip: str
    add: str
    time_tolerance_s: int
    duration_tolerance_s: int
    cost_tolerance_micros: int


class StatementChanges(TypedDict, total=False):
    """What may be changed on a statement."""

    number: str
    from_on: str | date
    until_on: str | date
    zone: str
    total_micros: int
    duration_s: int | None
    calls_count: int | None
    note: str


FORMAT_CHECKS: Final[Mapping[str, checks.Check]] = {
    "time_format": checks.one_of(TIMES),
    "zone": checks.optional(checks.zone),
    "time_of": checks.one_of(("answered", "started", "ended")),
    "duration_unit": checks.one_of(SECONDS),
    "duration_of": checks.one_of(("talked", "billed")),
    "decimal_comma": checks.yes_no,
    "strip": checks.matching(r"[0-9*#|]*", "Give prefixes of the signs 0-9 * #, parted by |."),
    "add": checks.tech_prefix,
    "time_tolerance_s": checks.whole(0, MOST_TOLERANCE_S),
    "duration_tolerance_s": checks.whole(0, MOST_TOLERANCE_S),
    "cost_tolerance_micros": checks.amount(0, 10**9),
}
STATEMENT_CHECKS: Final[Mapping[str, checks.Check]] = {
    "number": checks.text(60, required=True),
    "from_on": day,
    "until_on": day,
    "zone": checks.zone,
    "currency": checks.currency,
    "total_micros": checks.amount(-checks.MOST_MICROS, checks.MOST_MICROS),
    "duration_s": checks.optional(checks.whole(0, 10**12)),
    "calls_count": checks.optional(checks.whole(0, 10**12)),
    "note": checks.text(2000),
}


@act
def describe_carrier_files(
    *, carrier_id: int, version: int | None = None, **fields: Unpack[FormatFields]
) -> CarrierFormat:
    """Says how a carrier writes its files and what differences are none. Its open statements are compared again."""
    values = checks.cleaned(FORMAT_CHECKS, fields)
    if "zone" in values:
        values["zone"] = values["zone"] or ""
    found = format_of(records.find(Carrier, carrier_id))
    concerned = CarrierStatement.objects.filter(carrier_id=carrier_id, accepted_at=None, disputes=None)
    for statement_id in concerned.order_by("pk").values_list("pk", flat=True):  # before the format, as a new file does
        statement = records.locked(CarrierStatement, statement_id)
        if not frozen(statement):  # accepted or disputed since they were looked up
            _wait(statement)
    return records.change(records.locked(CarrierFormat, found.pk, version), values)


@act
def create_carrier_statement(
    *,
    carrier_id: int,
    number: str,
    from_on: str | date,
    until_on: str | date,
    total_micros: int,
    zone: str | None = None,
    currency: str | None = None,
    duration_s: int | None = None,
    calls_count: int | None = None,
    note: str = "",
) -> CarrierStatement:
    """Keeps a carrier's invoice over some days, before tax, to be compared. `until_on` is the first day after."""
    carrier = records.find(Carrier, carrier_id)
    given = {
        "number": number, "from_on": from_on, "until_on": until_on, "total_micros": total_micros,
        "zone": zone or carrier.account.zone, "currency": currency or carrier.currency, "duration_s": duration_s,
        "calls_count": calls_count, "note": note,
    }  # fmt: skip
    values = _dated(checks.cleaned(STATEMENT_CHECKS, given))
    made = records.create(CarrierStatement, {**values, "carrier_id": carrier.pk, "account_id": carrier.account_id})
    _warn_of_overlap(made)
    return made


@act
def update_carrier_statement(
    *, statement_id: int, version: int | None = None, **changes: Unpack[StatementChanges]
) -> CarrierStatement:
    """Changes a statement that is neither accepted nor in dispute; it is compared again."""
    statement = _open(statement_id, version)
    values = checks.cleaned({name: STATEMENT_CHECKS[name] for name in StatementChanges.__annotations__}, changes)
    _dated({"from_on": statement.from_on, "until_on": statement.until_on, **values})
    changed = _wait(records.change(statement, values))
    _warn_of_overlap(changed)
    return changed


@act
def delete_carrier_statement(*, statement_id: int) -> None:
    """Deletes a statement with its files and lines. What was accepted or disputed stays."""
    statement = _open(statement_id)
    if statement.payments.exists():
        raise refuse(
            "statement_id", "Payments are for this statement: say of each that it is for another, or for none."
        )
    CarrierLine.objects.filter(statement=statement).delete()
    statement.delete()


@act
def add_statement_file(
    *,
    statement_id: int,
    name: str,
    content: str,
    columns: Mapping[str, int],
    kind: str = "calls",
    header_line: int | None = None,
) -> CarrierFile:
    """Adds a file of the carrier (CSV or XLSX as base64) to a statement, which is compared again.

    `columns` says by field which column it is, from 0, and is remembered for the carrier's next file of this `kind`:
    `calls`, or `totals` by destination and day. Moments, durations and numbers are read by the carrier's format.
    """
    statement = _open(statement_id)
    data = _content(content)
    checked = checks.cleaned(
        {"name": checks.text(200, required=True), "kind": checks.one_of(FIELDS)}, {"name": name, "kind": kind}
    )
    if statement.files.exclude(kind=kind).exists():
        raise refuse("kind", "A statement has files of calls or of totals, not both.")
    sha256 = hashlib.sha256(data).hexdigest()
    before = CarrierFile.objects.filter(carrier=statement.carrier, sha256=sha256).select_related("statement").first()
    if before is not None:
        raise refuse("content", f"This file was added to statement {before.statement.number} already.")
    how = format_of(statement.carrier)
    headers, line = _headers(data, kind, columns, header_line)
    how = records.change(
        records.locked(CarrierFormat, how.pk), {"columns": {**how.columns, kind: remembered(headers, columns)}}
    )
    made = records.create(
        CarrierFile,
        {**checked, "statement_id": statement.pk, "carrier_id": statement.carrier_id, "sha256": sha256,
         "bytes_count": len(data), "settings": settings_of(how, columns, line), "added_by": current.get().name},
    )  # fmt: skip
    CarrierFileContent.objects.create(file=made, data=packed(data))
    _wait(statement)
    return made


@act
def remove_statement_file(*, file_id: int) -> None:
    """Takes a file off its statement, which is compared again."""
    file = records.locked(CarrierFile, file_id)
    statement = _open(file.statement_id)
    file.delete()
    _wait(statement)


@act
def compare_statement(*, statement_id: int) -> CarrierStatement:
    """Compares a statement again, with the calls, corrections and tolerances of now."""
    statement = _open(statement_id)
    files = records.find(CarrierFormat, format_of(statement.carrier).pk)
    for file in statement.files.all():
        told = settings_of(files, file.settings["columns"], file.settings["header_line"])
        records.change(records.locked(CarrierFile, file.pk), {"settings": told})
    return _wait(statement)


@act
def accept_carrier_statement(*, statement_id: int, fee: bool = False, reason: str = "") -> CarrierStatement:
    """Takes on what the carrier bills, but for what is in dispute: one entry brings its wallet there.

    Calls that the statement does not hold stay owed as we rated them: a later one may hold them. A statement without
    files that bills no calls is a `fee`: all of it comes on top of what the calls of its days cost.
    """
    wallet = _wallet_locked(statement_id)
    statement = _compared(statement_id)
    because(reason or f"Statement {statement.number} accepted")
    claimed = sum(statement.disputes.values_list("claimed_micros", flat=True))
    accepted = statement.total_micros - claimed
    if statement.currency != wallet.currency:
        raise refuse("statement_id", f"It is in {statement.currency}, the carrier's wallet in {wallet.currency}.")
    count = statement.acceptance + 1
    figures = _figures_of_now(statement, wallet, fee=fee)
    amount_micros = accepted - int(figures["billed_micros"])
    if amount_micros:
        post(
            wallet, "carrier_cost", "adjustment", amount_micros=amount_micros,
            note=f"Statement {statement.number} of {statement.carrier} is accepted",
            key=f"carrier statement {statement.pk} {count}", ref=ref_of(statement),
        )  # fmt: skip
    done = {"accepted_micros": accepted, "accepted_at": records.now(), "accepted_by": current.get().name}
    changed = records.change(statement, {**done, "acceptance": count, "figures": figures})
    if figures["basis"] == "calls":
        compare_overlapping(changed)
    return changed


@act
def take_back_carrier_acceptance(*, statement_id: int, reason: str) -> CarrierStatement:
    """Posts the opposite of what accepting a statement has posted; it may be changed and accepted again."""
    words = checks.cleaned({"reason": checks.text(500, required=True)}, {"reason": reason})["reason"]
    because(words)
    wallet = _wallet_locked(statement_id)
    statement = records.locked(CarrierStatement, statement_id)
    if statement.accepted_at is None:
        raise refuse("statement_id", "This statement is not accepted.")
    take_back(
        wallet, key=f"carrier statement {statement.pk} {statement.acceptance}",
        note=f"Taken back: statement {statement.number}, {words}", ref=ref_of(statement),
    )  # fmt: skip
    changed = records.change(statement, {"accepted_micros": None, "accepted_at": None, "accepted_by": ""})
    return _wait(changed) if changed.figures.get("basis") == "fee" else changed


def take_back(wallet: Wallet, *, key: str, note: str, ref: str) -> None:
    """Posts the opposite of the entry of a key, once; does nothing where there is none."""
    entry = Entry.objects.filter(account_id=wallet.account_id, key=key).first()
    if entry is not None:
        post(
            wallet, entry.book, entry.kind, amount_micros=-entry.amount_micros, note=note[:1000],
            key=f"{key} taken back", ref=ref,
        )  # fmt: skip


def frozen(statement: CarrierStatement) -> bool:
    """Whether its lines stay as they are, because it is accepted or in dispute."""
    return statement.accepted_at is not None or statement.disputes.exists()


def compare_overlapping(statement: CarrierStatement) -> None:
    """Lets the statements of the same days wait whose calls may be billed by this one now; its wallet is locked.

    An accepted one comes before all others, any other before those that come after it.
    """
    for other in overlapping(statement):
        later = (other.from_on, other.pk) > (statement.from_on, statement.pk)
        if later or statement.accepted_at is not None:
            locked = CarrierStatement.objects.select_for_update(no_key=True).filter(pk=other.pk).first()
            if locked is not None and locked.state == "compared" and not frozen(locked):
                _wait(locked)


def overlapping(statement: CarrierStatement) -> list[CarrierStatement]:
    """The other statements of the carrier that are of some of its days, each in the zone of its own."""
    from_at, until_at = period_of(statement)
    near = CarrierStatement.objects.filter(
        carrier_id=statement.carrier_id, from_on__lte=statement.until_on, until_on__gte=statement.from_on
    ).exclude(pk=statement.pk)
    periods = [(other, *period_of(other)) for other in near.order_by("pk")]
    return [other for other, begins_at, ends_at in periods if begins_at < until_at and from_at < ends_at]


def lock_wallet(wallet: Wallet) -> None:
    """Keeps the entries of a wallet as they are until the act ends; to be done before a statement is locked."""
    fetch("ledger_postings", "lock_wallet", wallet.pk)


def wallet_of(carrier: Carrier) -> Wallet:
    """What we owe a carrier."""
    return Wallet.objects.get(account_id=carrier.account_id, kind="carrier", owner_id=carrier.pk)


def ref_of(statement: CarrierStatement) -> str:
    """What its entries name."""
    return f"carrier_statement:{statement.pk}"


def format_of(carrier: Carrier) -> CarrierFormat:
    """How a carrier writes; made where nothing was said yet."""
    return CarrierFormat.objects.get_or_create(carrier=carrier)[0]


def booked_micros(statement: CarrierStatement) -> int:
    """What the statement and its disputes have moved in the carrier's wallet."""
    refs = [ref_of(statement), *(f"carrier_dispute:{pk}" for pk in statement.disputes.values_list("pk", flat=True))]
    wallet = wallet_of(statement.carrier)
    found = Entry.objects.filter(wallet=wallet, ref__in=refs).aggregate(micros=Sum("amount_micros"))["micros"]
    return int(found or 0)


def _open(statement_id: int, version: int | None = None) -> CarrierStatement:
    """A statement that may still be changed, locked."""
    statement = records.locked(CarrierStatement, statement_id, version)
    if statement.accepted_at is not None:
        raise refuse("statement_id", "This statement is accepted: take that back first.")
    if CarrierDispute.objects.filter(statement=statement).exists():
        raise refuse("statement_id", "Lines of this statement are in dispute: delete its disputes first.")
    return statement


def _compared(statement_id: int) -> CarrierStatement:
    statement = records.locked(CarrierStatement, statement_id)
    if statement.accepted_at is not None:
        raise refuse("statement_id", "This statement is accepted already.")
    if statement.state != "compared":
        raise refuse("statement_id", "This statement is not compared yet.")
    return statement


def _wallet_locked(statement_id: int) -> Wallet:
    """The wallet of a statement's carrier, locked."""
    wallet = wallet_of(records.find(CarrierStatement, statement_id).carrier)
    lock_wallet(wallet)
    return wallet


def _figures_of_now(statement: CarrierStatement, wallet: Wallet, *, fee: bool) -> dict[str, Any]:
    """What a statement is accepted by. Raises Invalid when the comparison is out of date, or calls would count twice.

    Only lines tell which calls are billed; a statement without calls takes all of its days, so it must be alone there.
    """
    figures = dict(statement.figures)
    if fee:
        if figures["basis"] != "invoice":
            raise refuse("fee", "This statement has files: only one without any can be a fee.")
        return {**figures, "basis": "fee", "billed_micros": 0}
    for other in overlapping(statement):
        is_fee = other.accepted_at is not None and other.figures.get("basis") == "fee"
        of_calls = other.files.filter(kind="calls").exists()
        if not is_fee and not (of_calls and figures["basis"] == "calls"):
            raise refuse(
                "statement_id",
                f"Statement {other.number} is of some of these days too, and not both have files of calls: add them, "
                "change the days, or accept the one that bills no calls as a fee first.",
            )
    if figures["basis"] == "calls":
        if corrected_since(statement, wallet):
            raise refuse("statement_id", "Calls of it were corrected since it was compared: compare again.")
        return figures
    try:
        with gathered(statement, format_of(statement.carrier)):
            ours = due(statement.currency)
    except Unreadable as problem:
        raise refuse("statement_id", str(problem)) from None
    return {
        **figures, "our_calls": ours.calls, "our_duration_s": ours.duration_ms // 1000, "our_micros": ours.micros,
        "billed_micros": ours.micros,
    }  # fmt: skip


def _wait(statement: CarrierStatement) -> CarrierStatement:
    figures = {name: value for name, value in statement.figures.items() if name != "tries"}
    return records.change(statement, {"state": "waiting", "problem": "", "figures": figures})


def _dated(values: dict[str, Any]) -> dict[str, Any]:
    """The values, if the days are some. Raises Invalid."""
    if values["until_on"] <= values["from_on"]:
        raise refuse("until_on", "This is the first day after: give a later one.")
    if (values["until_on"] - values["from_on"]).days > MOST_DAYS:
        raise refuse("until_on", f"A statement is of at most {MOST_DAYS} days.")
    return values


def _warn_of_overlap(statement: CarrierStatement) -> None:
    for other in overlapping(statement)[:3]:
        warn(
            f"Statement {other.number} is of some of these days too: calls that the files of both bill are found as "
            "billed twice. One without a file of calls cannot be accepted beside it, but as a fee."
        )


def _content(content: object) -> bytes:
    try:
        data = base64.b64decode(content if isinstance(content, str) and content.isascii() else "!", validate=True)
    except ValueError:
        raise refuse("content", "Give the file as base64.") from None
    if not data or len(data) > MOST_BYTES:
        raise refuse("content", f"Give a file of at most {MOST_BYTES // 2**20} MB that is not empty.")
    return data


def _headers(
    data: bytes, kind: str, columns: Mapping[str, int], header_line: int | None
) -> tuple[tuple[str, ...], int]:
    """The titles of a file and their line. Raises Invalid for columns that it does not have."""
    try:
        found = head_of(data, kind, header_line=header_line)
    except CellInvalid as problem:
        raise refuse("content", str(problem)) from None
    known = {field.name for field in FIELDS[kind]}
    for name, column in columns.items():
        if name not in known or column not in range(len(found.headers)):
            raise refuse("columns", f"{name} is no field of a carrier's file, or the file has no such column.")
    problems = lacking(columns, FIELDS[kind])
    if problems:
        raise Invalid({"columns": problems})
    return found.headers, found.header_line
