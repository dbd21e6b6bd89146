"""`GET /api/v1/<noun>/<id>/<file>`: what belongs to a record as a file, the same bytes that the panel gives.

To serve another one: its `Kind` in `FILES`; its part of the OpenAPI document follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from tollgate.actions.call_files import blocks, may_fetch, parts
from tollgate.actions.carrier_file_rows import content_of
from tollgate.actions.invoice_documents import factur_x_of, pdf_of, ubl_of
from tollgate.actions.task_words import error_lines
from tollgate.api.access import Caller, door
from tollgate.api.answers import Answer, Refused, error, unfit
from tollgate.api.archive import archived_row
from tollgate.api.noun_rows import BOUGHT, own_rows
from tollgate.api.nouns import BY_NAME
from tollgate.core.invoice_document import file_name
from tollgate.gateways.e_invoices import EInvoiceRefused
from tollgate.store.models import CarrierFile, Invoice, Task
from tollgate.store.recording_files import recording_of

BLOCK_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class File:
    """What is sent: its name, its bytes, whole or block by block, and how many those are where that is known."""

    name: str
    content: bytes | Iterable[bytes | str]
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file. `made` gives None where the caller has none; `areas` are needed beside that of the noun;
    `conflict` says when there is none by rule."""

    media: str
    words: str
    made: Callable[[Caller, Any], File | None]
    areas: tuple[str, ...] = ()
    conflict: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAnswer(Answer):
    """What goes back is a file."""

    file: File
    media: str

    def response(self) -> HttpResponseBase:
        """The file for Django."""
        content = self.file.content
        kind = HttpResponse if isinstance(content, bytes) else StreamingHttpResponse
        sent = kind(content, status=self.status, content_type=self.media)
        sent["Cache-Control"] = "no-store"
        sent["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=self.file.name)
        if self.file.size is not None:
            sent["Content-Length"] = str(self.file.size)
        return sent


def _document(made: Callable[[Invoice], bytes], ending: str) -> Callable[[Caller, Invoice], File]:
    """A document of an invoice."""

    def found(caller: Caller, invoice: Invoice) -> File:
        del caller
        try:
            content = made(invoice)
        except EInvoiceRefused as refused:
            raise Refused(409, "This document has no e-invoice.", str(refused)) from None
        return File(f"{file_name(invoice.kind, invoice.number)}{ending}", content)

    return found


def _made_by_task(caller: Caller, task: Task) -> File | None:
    """The file of calls that a job has made, for who may read all of them at this moment."""
    made = parts(task)
    if not made or not may_fetch(task, caller.actor):
        return None
    return File(f"cdrs-{task.pk}.csv.gz", blocks(made), sum(part.stat().st_size for part in made))


def _errors_of_task(caller: Caller, task: Task) -> File:
    """The rows of a job that failed and why, to be mended and sent again."""
    del caller
    return File(f"job-{task.pk}-errors.csv", error_lines(task))


def _recording(caller: Caller, call_id: int) -> File | None:
    """The sound of a call."""
    del caller
    found = recording_of(call_id)
    return None if found is None else File(found.name, _read(found), found.stat().st_size)


def _read(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        yield from iter(partial(opened.read, BLOCK_BYTES), b"")


def _of_carrier(caller: Caller, file: CarrierFile) -> File:
    """A file as the carrier sent it."""
    del caller
    return File(file.name, iter(partial(content_of(file).read, BLOCK_BYTES), b""), file.bytes_count)


_NO_E_INVOICE: Final = "it has no e-invoice: the detail says why"
FILES: Final[Mapping[str, Mapping[str, Kind]]] = {
    "invoices": {
        "pdf": Kind("application/pdf", "The document", _document(pdf_of, ".pdf"), conflict=_NO_E_INVOICE),
        "factur-x": Kind(
            "application/pdf", "The document with its e-invoice inside", _document(factur_x_of, "-factur-x.pdf"),
            conflict=_NO_E_INVOICE,
        ),
        "ubl": Kind("application/xml", "The e-invoice", _document(ubl_of, ".xml"), conflict=_NO_E_INVOICE),
    },
    "tasks": {
        "file": Kind("application/gzip", "The file of calls that the job has made, for a week", _made_by_task),
        "errors": Kind("text/csv; charset=utf-8", "The rows that failed and why", _errors_of_task),
    },
    "cdrs": {"recording": Kind("audio/wav", "The sound of the call", _recording, areas=(BOUGHT,))},
    "carrier-files": {"file": Kind("application/octet-stream", "The file as the carrier sent it", _of_carrier)},
}  # fmt: skip
BESIDE: Final[Mapping[str, tuple[str, ...]]] = {"invoices": ("customer__account", "account", "corrects", "payment")}
"""What the rows of a noun are read with."""


@door("GET")
def read_file(request: HttpRequest, caller: Caller, noun: str, row_id: int, name: str) -> Answer:
    """One file; 404 where the record has none, or not any more."""
    if name not in FILES.get(noun, {}):
        there = f"There are {', '.join(FILES[noun])}." if noun in FILES else ""
        raise Refused(404, "There is no such file.", there)
    kind = FILES[noun][name]
    for area in (BY_NAME[noun].area, *kind.areas):
        caller.check_reads(area)
    if request.GET:
        raise unfit(*(error(asked, "This does not exist here.", code="unknown") for asked in request.GET))
    row = _row(caller, noun, row_id)
    if row is None:
        raise Refused(404, "There is no such record.")
    found = kind.made(caller, row)
    if found is None:
        raise Refused(404, "There is no such file, or not any more.")
    return FileAnswer(200, file=found, media=kind.media)


def _row(caller: Caller, noun: str, row_id: int) -> Any:
    """The record; of a call, which the lake may have, its id."""
    found = own_rows(BY_NAME[noun], caller).filter(pk=row_id)
    if BY_NAME[noun].archived:
        return row_id if found.exists() or archived_row(caller, row_id, ("id",)) else None
    return (found.select_related(*BESIDE[noun]) if noun in BESIDE else found).first()
