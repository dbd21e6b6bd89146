"""Uploads: records brought in a file, each made by the same act as by its form, as rows of a task.

Reading a file (`read_file`) is no act; it gives a table, to be shown and mapped. To let files bring another noun, add
it to `core.upload_fields` and its act to `ACTS`; what names another record is looked up in `LOOKUPS`.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import openpyxl
from django.db.models import Q, QuerySet
from openpyxl.utils.exceptions import InvalidFileException

from tollgate import environment
from tollgate.actions import departments, tasks
from tollgate.actions.acts import ACTS as ALL_ACTS
from tollgate.actions.acts import Invalid, act, current, refuse
from tollgate.actions.cards import seen_by
from tollgate.actions.customer_checks import LISTS, REFERENCES, offered
from tollgate.actions.tasks import MOST_ROWS, NewRow, begin
from tollgate.core import bank_statements
from tollgate.core.upload_fields import NOUNS, Noun
from tollgate.core.uploads import (
    HEADER_WITHIN_ROWS,
    CellInvalid,
    Line,
    Number,
    Table,
    lacking,
    parts,
    read_row,
    repeated,
    rows_of_text,
    table,
    unquoted,
)
from tollgate.store.models import (
    Card,
    Carrier,
    Customer,
    InvoiceTemplate,
    Localization,
    PortalDomain,
    Tag,
    Task,
    TaskRow,
    Tax,
    User,
)
from tollgate.store.secrets import seal, unseal

COLUMNS_MOST: Final = 200

WORKBOOK_MOST: Final = 64 * 2**20
UNPACKED_MOST: Final = 500 * 2**20
APART_MOST: Final = 32 * 2**20
"""Of each part that is read whole, as its shared texts are; sheets are read row by row."""
RATIO_MOST: Final = 100
"""How often a workbook may be as large unpacked; what people write is below 30."""
RATIO_FROM: Final = 8 * 2**20
WAITING: Final = timedelta(days=1)
"""How long a file waits for the next step of its page."""
ACTS: Final[Mapping[str, str]] = {
    "customer": "create_customer",
    "contact": "create_contact",
    "ip_endpoint": "create_ip_endpoint",
    "sip_user": "create_sip_user",
    "verified_cli": "add_verified_cli",
    "cli_rule": "create_cli_rule",
    "alias": "create_alias",
    "did": "create_did",
    "payment": "import_payment",
    "bank_credit": "import_bank_credit",
}
NUMBERED: Final = re.compile(r"(.+) #(\d{1,18})")
Found = QuerySet[Any]
Lookup = Callable[[int, str], Found]


def read_file(content: bytes, noun: str, *, header_line: int | None = None) -> Table:
    """An uploaded file as a table: CSV in any usual form, the first sheet of XLSX, or a bank statement in XML. Raises
    CellInvalid."""
    rows: Iterable[tuple[int, Sequence[str]]]
    if content[:4] == b"PK\x03\x04":
        rows = enumerate(sheet_rows(content), start=1)
    elif noun == "bank_credit" and bank_statements.is_statement(content):
        rows = bank_statements.read(content)
    else:
        rows = rows_of_text(_text(content))
    return table(rows, NOUNS[noun].fields, header_line=header_line)


@act
def start_upload(
    *,
    account_id: int,
    noun: str,
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    mapping: Mapping[str, int],
    lines: Sequence[int] = (),
    dry: bool = False,
) -> Task:
    """Begins a task that makes a record of every row. A bad row fails alone; a `dry` run takes all of them back.

    `mapping` says by field which column it is, from 0; `lines` are the lines of the rows, otherwise they are counted.
    """
    found = _noun(noun)
    if len(rows) > MOST_ROWS or len(headers) > COLUMNS_MOST:
        raise refuse("rows", f"Give at most {MOST_ROWS:,} rows of {COLUMNS_MOST} columns.")
    known = {field.name for field in found.fields}
    for name, column in mapping.items():
        if name not in known or column not in range(len(headers)):
            raise refuse("mapping", f"{name} is no field of a {found.one}, or the file has no such column.")
    problems = lacking(mapping, found.fields)
    if problems:
        raise Invalid({"mapping": problems})
    numbers = list(lines) if len(lines) == len(rows) else list(range(1, len(rows) + 1))
    given = [Line(number, tuple(map(str, row))) for number, row in zip(numbers, rows, strict=True)]
    what = "Dry run: upload" if dry else "Upload"
    return begin(
        kind="upload",
        noun=noun,
        act_name=ACTS[noun],
        title=f"{what} of {len(given):,} {found.many}",
        rows=_new_rows(given, mapping, found),
        account_id=account_id,
        headers=list(headers),
        mapping=dict(mapping),
        dry=dry,
    )


@act
def repeat_upload(*, task_id: int) -> Task:
    """After a dry run: begins the upload of the rows that were good."""
    before = Task.objects.filter(pk=task_id, kind="upload", dry=True).first()
    if before is None or not tasks.may_manage(before, current.get()):
        raise refuse("task_id", "This is no dry run of an upload.")
    if before.state in tasks.OPEN:
        raise refuse("task_id", "The dry run is not over yet.")
    if before.followers.exists():
        raise refuse("task_id", "Its rows are uploaded already.")
    good = before.rows.filter(state="done").order_by("number").iterator(tasks.AT_A_TIME)
    title = f"Upload of {before.done_count:,} {NOUNS[before.noun].many}"
    return begin(
        kind="upload",
        noun=before.noun,
        act_name=before.act,
        title=title,
        rows=(NewRow(row.number, title=row.title, cells=row.cells) for row in good),
        account_id=before.account_id,
        headers=before.headers,
        mapping=before.mapping,
        source=before,
    )


def _new_rows(lines: Sequence[Line], mapping: Mapping[str, int], noun: Noun) -> Iterator[NewRow]:
    """The rows with what can be told without the database. Secret cells are sealed, those of no field are not kept."""
    twice = repeated(lines, mapping, noun.fields)
    known = set(mapping.values())
    secret = {mapping[field.name] for field in noun.fields if field.secret and field.name in mapping}
    for line in lines:
        _, errors = read_row(line.cells, mapping, noun.fields)
        cells = [
            {"sealed": seal(cell)} if index in secret and cell else cell.replace("\0", "") if index in known else ""
            for index, cell in enumerate(line.cells)
        ]
        yield NewRow(line.number, cells=cells, errors=[*errors, *twice.get(line.number, ())])


def _arguments(task: Task, row: TaskRow) -> dict[str, Any]:
    """The arguments of the act: the cells read, and the records that they name found."""
    cells = [unseal(cell["sealed"]) if isinstance(cell, dict) else str(cell) for cell in row.cells or ()]
    values, errors = read_row(cells, task.mapping, NOUNS[task.noun].fields)
    if errors:
        raise _invalid(errors)
    if task.noun in ("cli_rule", "alias", "did", "bank_credit"):
        values["account_id"] = task.account_id
    if task.noun == "customer":
        values["account_id"] = task.account_id
        actor = current.get()
        if actor.reseller_id is not None:
            values.setdefault("parent_id", actor.reseller_id)
    for name in LISTED & values.keys():
        if texts := values.pop(name):
            values[name] = _listed(name, task.account_id, texts)
    for name in LOOKUPS.keys() & values.keys() - LISTED:
        if isinstance(values[name], str):
            values[name] = one_named(name, task.account_id, values[name])
    if "kind" in values:
        values["kind"] = departments.named("kind", task.account_id, values["kind"])
    if told := values.get("notification_departments"):
        own = [departments.named("notification_departments", task.account_id, text) for text in told]
        values["notification_departments"] = own
    if "reseller_cards" in values:
        values["reseller_cards"] = dict(_card_of(task.account_id, text) for text in values["reseller_cards"])
    return values


def _card_of(account_id: int, text: str) -> tuple[str, int]:
    """The id of a reseller, and of the card by which it pays: `Baltic = Numbers`, or `Baltic = "Numbers; EU = UK"`."""
    try:
        reseller, card = map(unquoted, parts(text, "=", 1))
    except ValueError:
        raise refuse("reseller_cards", f"{text!r}: write each as the reseller, =, and its card.") from None
    found = one_named("customer_id", account_id, reseller), one_named("card_id", account_id, card)
    return str(found[0]), found[1]


def _cards(kind: str, direction: str) -> Lookup:
    """Cards of a direction by their names, with the number where others have the same: `Numbers #12`."""

    def found(account_id: int, text: str) -> Found:
        named = Q(name__iexact=text)
        if numbered := NUMBERED.fullmatch(text):
            named |= Q(name__iexact=numbered[1], pk=int(numbered[2]))
        return Card.objects.filter(named, seen_by(current.get()), account_id=account_id, kind=kind, direction=direction)

    return found


def _carriers(account_id: int, text: str) -> Found:
    """By name; they are the operator's."""
    found = Carrier.objects.filter(account_id=account_id, name__iexact=text)
    return found if current.get().reach is None else found.none()


def _customers(account_id: int, text: str) -> Found:
    """By name or number, those that the actor may see."""
    found = Customer.objects.filter(Q(name__iexact=text) | Q(number=text), account_id=account_id, deleted_at=None)
    actor = current.get()
    return found if actor.reach is None else found.filter(Q(pk__in=actor.reach) | Q(pk=actor.reseller_id))


LOOKUPS: Final[Mapping[str, tuple[Lookup, str]]] = {
    "customer_id": (_customers, "There is no customer of this name or number."),
    "parent_id": (_customers, "There is no reseller of this name or number."),
    "card_id": (_cards("customer", "origination"), "There is no customer card of origination of this name."),
    "carrier_card_id": (_cards("carrier", "origination"), "There is no carrier card of origination of this name."),
    "non_cli_card_id": (_cards("customer", "termination"), "There is no customer card of termination of this name."),
    "carrier_id": (_carriers, "There is no carrier of this name."),
    "account_manager_id": (
        lambda _, text: User.objects.filter(Q(email__iexact=text) | Q(name__iexact=text), is_active=True),
        "There is no active user of this email or name.",
    ),
    "domain_id": (
        lambda account_id, text: PortalDomain.objects.filter(account_id=account_id, host__iexact=text),
        "There is no such portal domain.",
    ),
    "localization_id": (
        lambda account_id, text: Localization.objects.filter(account_id=account_id, name__iexact=text),
        "There is no localization of this name.",
    ),
    "tag_ids": (
        lambda account_id, text: Tag.objects.filter(account_id=account_id, name__iexact=text),
        "There is no tag of this name.",
    ),
    "tax_ids": (
        lambda account_id, text: Tax.objects.filter(account_id=account_id, name__iexact=text),
        "There is no tax of this name.",
    ),
    "invoice_template_id": (
        lambda account_id, text: InvoiceTemplate.objects.filter(account_id=account_id, name__iexact=text),
        "There is no invoice template of this name.",
    ),
}
LISTED: Final = frozenset({"tag_ids", "tax_ids"})
"""Those of which a cell names any number."""
NONE: Final = "none"


def _listed(field: str, account_id: int, texts: Sequence[str]) -> list[int]:
    """The ids of the records that a cell names; of taxes, which are there by default, `none` says that there are
    none, where no tax is called so."""
    if field == "tax_ids" and [text.lower() for text in texts] == [NONE]:
        find, _ = LOOKUPS[field]
        if not find(account_id, NONE).exists():
            return []
    return [one_named(field, account_id, text) for text in texts]


def one_named(field: str, account_id: int, text: str) -> int:
    """The id of the record that a cell names. Raises Invalid for none, and for several."""
    find, sentence = LOOKUPS[field]
    found = find(account_id, text)
    if field in REFERENCES or field in LISTS:
        found = found.filter(pk__in=offered(field, account_id, current.get()).values("pk"))
    ids = list(found.values_list("pk", flat=True)[:2])
    if len(ids) != 1:
        raise refuse(field, f"{text!r}: {sentence if not ids else 'This means several: give what only one has.'}")
    return int(ids[0])


def _invalid(errors: Iterable[tuple[str, str]]) -> Invalid:
    found: dict[str, list[str]] = {}
    for name, sentence in errors:
        found.setdefault(name, []).append(sentence)
    return Invalid(found)


def _noun(noun: str) -> Noun:
    if noun not in NOUNS:
        raise refuse("noun", f"Choose one of {', '.join(NOUNS)}.")
    assert ACTS[noun] in ALL_ACTS, f"the act of {noun} is not loaded"
    return NOUNS[noun]


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")  # what spreadsheets of old write


def sheet_rows(content: bytes) -> Iterator[Sequence[str]]:
    """The rows of the first sheet of a workbook as text. Raises CellInvalid."""
    try:
        _refuse_large(content)
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what a file claims of its size is often wrong
        for number, row in enumerate(sheet.iter_rows(values_only=True)):
            if number > MOST_ROWS + HEADER_WITHIN_ROWS:
                raise CellInvalid(f"This workbook has more than {MOST_ROWS:,} rows: send it in parts.")
            yield [_cell(value) for value in row[:COLUMNS_MOST]]
    except CellInvalid:
        raise
    except NOT_READ as problem:
        raise CellInvalid(f"This is not a workbook that can be read: {problem}") from None


NOT_READ: Final = (
    InvalidFileException, zipfile.BadZipFile, zlib.error, EOFError, LookupError, ValueError, TypeError, AttributeError,
    SyntaxError, NotImplementedError, RuntimeError,
)  # fmt: skip
"""What a spoiled workbook raises: a parser's error on cut XML is a SyntaxError, a password a RuntimeError."""


def _refuse_large(content: bytes) -> None:
    """Raises CellInvalid for a workbook that would take all memory, by what its directory says of its parts."""
    if len(content) > WORKBOOK_MOST:
        raise CellInvalid(f"This workbook is larger than {WORKBOOK_MOST // 2**20} MB: send it as CSV.")
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        parts = [(part.filename, part.file_size) for part in packed.infolist()]
    unpacked = sum(size for _, size in parts)
    apart = max((size for name, size in parts if not name.startswith("xl/worksheets/")), default=0)
    if unpacked > UNPACKED_MOST:
        raise CellInvalid(f"Unpacked, this workbook is larger than {UNPACKED_MOST // 2**20} MB: send it as CSV.")
    if apart > APART_MOST or unpacked > max(RATIO_FROM, RATIO_MOST * len(content)):
        raise CellInvalid("Unpacked, this workbook is far larger than it looks: send it as CSV.")


def _cell(value: object) -> str:
    """A cell of a sheet as somebody would have typed it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime() | date():
            return value.isoformat()
        case float():
            return Number(
                format(Decimal(format(value, ".15g")), "f")
            )  # kept as a binary fraction: 15 digits are what it shows
    return str(value)


tasks.ARGUMENTS["upload"] = _arguments


def waiting_files() -> Path:
    """Where files wait between the steps of a page."""
    return environment.data_folder() / "uploads"


def forget_waiting_files(at: datetime) -> int:
    """Removes those that nobody came back for; gives how many."""
    folder = waiting_files()
    found = list(folder.iterdir()) if folder.is_dir() else []
    old = [file for file in found if datetime.fromtimestamp(file.stat().st_mtime, UTC) < at - WAITING]
    for file in old:
        file.unlink(missing_ok=True)
    return len(old)
