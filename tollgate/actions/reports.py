"""Acts on saved reports: a breakout under a name, mailed every day, week or month to whoever it is for.

The file is made when the mail is sent (`file_of`), from the summaries of the period that was over when it was due. What
tells of carriers is for who may read `call_details`: asked when a report is saved, and of its author when it is mailed.
"""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, Final, TypedDict, Unpack

from django.db import transaction
from xlsxwriter import Workbook

from tollgate.actions import checks, records
from tollgate.actions.acts import Actor, Invalid, act, current, refuse
from tollgate.actions.authors import author_now
from tollgate.actions.customer_checks import list_of
from tollgate.actions.deleted_records import deleted, remove
from tollgate.actions.messages import queue
from tollgate.core.areas import may_read
from tollgate.core.breakout import (
    DIMENSIONS,
    FILTERS,
    FREQUENCIES,
    LISTED,
    MAILED_MOST,
    MEASURES,
    PERIODS,
    Cut,
    Question,
    bought,
    heading,
    next_mailing,
    period,
    told,
    unfit,
)
from tollgate.store.lake_damage import DayUnreadable
from tollgate.store.models import Account, SavedReport
from tollgate.store.queries.breakout import NOTHING, OnlyInLake, breakout
from tollgate.store.queries.call_search import TooLong

FORMATS: Final = ("csv", "xlsx")
RECIPIENTS_MOST: Final = 20
NAMES_LENGTH_MOST: Final = 2_000
MISSED_MOST: Final = timedelta(days=31)
"""What was missed longer ago is not mailed any more."""
TYPES: Final = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r")
BOUGHT: Final = "call_details"
"""The area of who may read what carriers cost."""
NOT_YOURS: Final = "This tells of carriers: it needs the area call_details. Choose columns without it."
log = logging.getLogger(__name__)


class ReportFields(TypedDict, total=False):
    """What may be set on a report. `filters` are texts by the names of `core.breakout.FILTERS`."""

    measures: Sequence[str]
    filters: Mapping[str, str]
    period: str
    frequency: str
    recipients: Sequence[str]
    file_format: str


class ReportChanges(ReportFields, total=False):
    """What may be changed on a report."""

    name: str
    dimensions: Sequence[str]


def _filters(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping) or not set(value) <= set(FILTERS):
        raise checks.Unfit(f"Give texts by these names: {', '.join(FILTERS)}.")
    return {
        str(name): text
        for name, given in value.items()
        if (text := str(checks.text(NAMES_LENGTH_MOST if name in LISTED else 100)(given)))
    }


CHECKS: Final[Mapping[str, checks.Check]] = {
    "name": checks.text(100, required=True),
    "dimensions": list_of(checks.one_of(tuple(DIMENSIONS)), len(DIMENSIONS)),
    "measures": list_of(checks.one_of(tuple(MEASURES)), len(MEASURES)),
    "filters": _filters,
    "period": checks.one_of(tuple(PERIODS)),
    "frequency": checks.one_of(tuple(FREQUENCIES)),
    "recipients": list_of(checks.email, RECIPIENTS_MOST),
    "file_format": checks.one_of(FORMATS),
}


@act
def create_report(
    *, account_id: int, name: str, dimensions: Sequence[str], **fields: Unpack[ReportFields]
) -> SavedReport:
    """Keeps a breakout under a name; with a frequency it is mailed from the next morning of that kind on."""
    given: dict[str, Any] = {**fields, "name": name, "dimensions": dimensions}
    values = checks.cleaned(CHECKS, given)
    author = {"created_by": current.get().name, **_author()}
    report = SavedReport(account=records.find(Account, account_id), **author, **values)
    _check_reads(report)
    return records.create(SavedReport, {**values, "account_id": report.account_id, **author, **_due(report)})


@act
def update_report(*, report_id: int, version: int | None = None, **changes: Unpack[ReportChanges]) -> SavedReport:
    """Changes a report. From then on it tells what whoever changed it may read."""
    values = checks.cleaned(CHECKS, changes)
    report = records.locked(SavedReport, report_id, version)
    _check_reads(report)
    for name, value in values.items():
        setattr(report, name, value)
    _check_reads(report)
    return records.change(report, {**values, **_author(), **_due(report)})


@act
def delete_report(*, report_id: int, version: int | None = None) -> None:
    """Removes a report. What was mailed stays mailed. For a week `restore_report` undoes it."""
    report = records.locked(SavedReport, report_id, version)
    remove(report, account_id=report.account_id)


@act
def restore_report(*, report_id: int) -> SavedReport:
    """Brings a deleted report back as it was: it is mailed again in the name of whoever saved it, from the next morning
    of its kind on."""
    was = deleted(SavedReport, report_id, "report_id")
    return was.restore(next_at=next_mailing(was.record.frequency, records.now()))


@act
def mail_report(*, report_id: int) -> None:
    """Mails a report now, of its period as it stands."""
    report = records.locked(SavedReport, report_id)
    if not report.recipients:
        raise refuse("recipients", "This report has no recipients: say first who gets it.")
    author = _author_now(report)
    if isinstance(author, str):
        raise refuse("report_id", f"{author} Save the report in your own name first.")
    _mail(report, records.now())


@act
def mail_due_reports() -> int:
    """Mails every report that is due, each of the oldest period that nobody has been told of; returns how many.

    After an outage the periods that were missed follow one by one, those of the last month.
    """
    at = records.now()
    count = 0
    due = SavedReport.objects.select_for_update(skip_locked=True).filter(next_at__lte=at).order_by("pk")
    for report in list(due):
        assert report.next_at is not None
        next_at = next_mailing(report.frequency, max(report.next_at, at - MISSED_MOST))
        author = _author_now(report)
        if isinstance(author, str):
            log.warning("report %s is not mailed: %s", report.pk, author)
        if isinstance(author, str) or report.next_at < at - MISSED_MOST:
            records.change(report, {"next_at": next_at})
            continue
        _mail(report, report.next_at)
        records.change(report, {"next_at": next_at, "mailed_at": at})
        count += 1
    return count


def question_of(report: SavedReport, at: datetime) -> Question:
    """What a report asks at a moment."""
    from_at, until_at = period(report.period, at)
    return Question(
        dimensions=tuple(report.dimensions), from_at=from_at, until_at=until_at, filters=dict(report.filters)
    )


def file_of(report: SavedReport, asked_at: datetime) -> tuple[str, str, bytes]:
    """The file of a report as it was asked for at a moment: its name, its type, its content.

    Columns that its author may not read any more are left out; grouped or filtered by carriers it tells nothing then.
    """
    question = question_of(report, asked_at)
    hidden = {} if _reads(_author_now(report)) else _bought(report)
    measures = [name for name in report.measures or MEASURES if name not in hidden.get("measures", ())]
    lines = [[heading(name) for name in [*report.dimensions, "currency", *measures]]]
    answer = NOTHING
    if hidden.keys() - {"measures"}:
        lines.append(["Whoever saved this report may no longer read what tells of carriers."])
    else:
        try:
            with transaction.atomic():  # what is given up must not take the whole act with it
                answer = breakout(report.account, question, asked_at, cut=Cut(MAILED_MOST))
        except (OnlyInLake, TooLong, DayUnreadable) as problem:
            lines.append([str(problem)])
    for group in [*answer.groups, *answer.others]:
        keys = [told(name, group.words[name]) for name in report.dimensions] if group.words else _others(report)
        lines.append(
            [*map(_harmless, keys), group.currency, *(told(name, getattr(group.totals, name)) for name in measures)]
        )
    content = _csv(lines) if report.file_format == "csv" else _xlsx(lines, len(report.dimensions) + 1)
    name = f"{report.name} {question.from_at:%Y-%m-%d}.{report.file_format}".replace("/", "-")
    return name, TYPES[report.file_format], content


def _others(report: SavedReport) -> list[str]:
    """What stands in place of the keys of the groups that are not told."""
    return ["All others", *[""] * (len(report.dimensions) - 1)]


def tells_bought(report: SavedReport) -> bool:
    """Whether anything in a report tells of carriers."""
    return bool(_bought(report))


def _bought(report: SavedReport) -> dict[str, list[str]]:
    return bought(report.dimensions, report.measures, report.filters)


def _reads(actor: Actor | str) -> bool:
    """Whether somebody may read what carriers cost; a job may."""
    if isinstance(actor, str):
        return False
    return actor.kind == "job" or may_read(BOUGHT, actor.areas, reseller=actor.reach is not None)


def _check_reads(report: SavedReport) -> None:
    """Refuses a report that tells of carriers to who may not read that."""
    found = _bought(report)
    if found and not _reads(current.get()):
        raise Invalid({name: [NOT_YOURS] for name in found})


def _author() -> dict[str, int | None]:
    """In whose name a report is mailed that is saved now."""
    actor = current.get()
    return {"author_id": actor.id if actor.kind == "user" else None}


def _author_now(report: SavedReport) -> Actor | str:
    """Whoever saved a report last, with the rights of this moment; a sentence when there are none left."""
    if report.author_id is None:
        return Actor(report.created_by, frozenset())
    return author_now(report.author_id, "Whoever saved this report last", reason=f"report {report.pk}")


def _due(report: SavedReport) -> dict[str, datetime | None]:
    """When it is mailed next. Raises Invalid for one that could not be answered or has nobody to go to."""
    at = records.now()
    if not report.dimensions:
        raise refuse("dimensions", "Choose what the calls are grouped by.")
    if report.frequency != "never" and not report.recipients:
        raise refuse("recipients", "Say who gets the report.")
    problem = unfit(question_of(report, at))
    if problem:
        raise refuse("period", problem)
    return {"next_at": next_mailing(report.frequency, at)}


def _mail(report: SavedReport, asked_at: datetime) -> None:
    question = question_of(report, asked_at)
    values = {
        "report": report.name,
        "from": f"{question.from_at:%Y-%m-%d %H:%M} UTC",
        "until": f"{question.until_at:%Y-%m-%d %H:%M} UTC",
    }
    for recipient in report.recipients:
        message = queue(account_id=report.account_id, template="report", values=values, recipient=recipient)
        assert message is not None
        message.attachments = [{"report_id": report.pk, "asked_at": asked_at.isoformat()}]
        message.save(update_fields=["attachments"])


def _harmless(text: str) -> str:
    """A spreadsheet runs a text that begins like a formula."""
    return f"'{text}" if text.startswith(DANGEROUS) else text


def _csv(lines: Sequence[Sequence[str]]) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows(lines)
    return file.getvalue().encode()


def _xlsx(lines: Sequence[Sequence[str]], words_count: int) -> bytes:
    """The first columns are texts, the others exact numbers where there is one."""
    file = io.BytesIO()
    with Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Report")
        for row, line in zip(count(), lines, strict=False):
            for column, text in enumerate(line):
                if row and column >= words_count and text:
                    sheet.write_number(row, column, Decimal(text))  # Decimal, so that no float rounds it
                else:
                    sheet.write_string(row, column, text)
    return file.getvalue()
