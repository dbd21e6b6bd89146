"""Files of a carrier's statement: a file, what its columns mean, its first rows; later what could not be read."""

from __future__ import annotations

import base64
import csv
import io
from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.http import urlencode

from tollgate.actions.carrier_file_rows import (
    MOST_BYTES,
    chosen,
    content_of,
    head_of,
    settings_of,
    writing_of,
)
from tollgate.actions.carrier_statements import add_statement_file, remove_statement_file
from tollgate.actions.task_words import harmless
from tollgate.core.carrier_files import FIELDS, Reader
from tollgate.core.field_words import field_words
from tollgate.core.uploads import CellInvalid, Table, cell, guess, lacking
from tollgate.panel.access import own_account, reading, writing
from tollgate.panel.frame import crumbs
from tollgate.panel.kept_files import keep, kept
from tollgate.panel.reconciliations import found_statement, page_of, way
from tollgate.panel.saving import after_save, posted, press, saved
from tollgate.store.models import CarrierFile, CarrierFormat, CarrierStatement
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.words import as_is, worded

SHOWN_ROWS: Final = 8
SHOWN_ERRORS: Final = 20
KIND_CHOICES: Final = [("calls", "Calls, one to a row"), ("totals", "Totals by destination or day")]


class FileForm(HouseForm):
    """A file of a carrier."""

    widths = {"file": 6, "kind": 3, "header_line": 3}
    file = forms.FileField(help_text="CSV (comma, semicolon or tab) or XLSX; its columns may be in any order")
    kind = forms.ChoiceField(label="What it holds", choices=KIND_CHOICES)
    header_line = forms.IntegerField(
        min_value=1, max_value=10_000, required=False, label="Titles are in line", help_text="Empty = found by itself"
    )

    def clean_file(self) -> UploadedFile[bytes]:
        """Not larger than a statement's file may be."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if file.size is None or file.size > MOST_BYTES:
            raise forms.ValidationError(f"The file is larger than {MOST_BYTES // 2**20} MB.")
        return file


class MeaningForm(HouseForm):
    """What was seen travels along, so that what was looked at is what is added."""

    def __init__(self, *arguments: Any, state: dict[str, Any], **options: Any) -> None:
        super().__init__(*arguments, **options)
        for name, value in state.items():
            self.fields[name] = forms.CharField(required=False, widget=forms.HiddenInput, initial=value)


@writing("add_statement_file", shown_to_all=False)
def new_file(request: HttpRequest, statement_id: int) -> HttpResponseBase:
    """Step one: the file."""
    found = found_statement(request, statement_id)
    form = FileForm(posted(request), request.FILES or None)
    if form.is_valid():
        file, kind = form.cleaned_data["file"], form.cleaned_data["kind"]
        try:
            read = head_of(file.read(), kind, header_line=form.cleaned_data["header_line"])
        except CellInvalid as problem:
            form.add_error("file", str(problem))
        else:
            file.seek(0)
            state = {"kind": kind, "name": file.name[:200], "line": read.header_line}
            return redirect(f"{reverse('panel:carrier_file_check', args=[found.pk, keep(file)])}?{urlencode(state)}")
    return render_form(
        request, form, title=worded("Add a file to {number}", number=found.number),
        breadcrumbs=_way(found), back_url=page_of(found),
        save_title="Read the file",
    )  # fmt: skip


@writing("add_statement_file", shown_to_all=False)
def check_file(request: HttpRequest, statement_id: int, token: str) -> HttpResponseBase:
    """Step two: what the columns mean, and the first rows as they are read."""
    found, file = found_statement(request, statement_id), kept(token)
    sent = request.POST if request.method == "POST" else request.GET
    kind, line = sent.get("kind", "calls"), sent.get("line", "")
    content = file.read_bytes()
    try:
        if kind not in FIELDS:
            raise CellInvalid("This is no kind of file.")
        read = head_of(content, kind, header_line=int(line) if line.isdecimal() and len(line) < 9 else None)
    except CellInvalid as problem:
        raise Http404(str(problem)) from None
    how = CarrierFormat.objects.filter(carrier=found.carrier).first() or CarrierFormat(carrier=found.carrier)
    columns = _columns(sent, read, kind, how)
    state = {"kind": kind, "name": sent.get("name", "")[:200], "line": read.header_line}
    form = MeaningForm(
        posted(request), state={**state, **{f"column-{one.name}": columns.get(one.name, "") for one in FIELDS[kind]}}
    )
    if form.is_valid():
        done = saved(
            request, form, add_statement_file, statement_id=found.pk, name=state["name"] or "file", kind=kind,
            content=base64.b64encode(content).decode(), columns=columns, header_line=read.header_line,
        )  # fmt: skip
        if done is not None:
            file.unlink(missing_ok=True)
            words = f"{done.name} is added; it is being compared: look again in a moment."
            return after_save(request, words, form_url=request.path, done_url=page_of(found))
    problems = lacking(columns, FIELDS[kind])
    return render_form(
        request, form, template="panel/carrier_file_check.html",
        title=worded("Add a file to {number}", number=found.number),
        breadcrumbs=_way(found), back_url=reverse("panel:carrier_file_new", args=[found.pk]),
        save_title="Add and compare", read_only=bool(problems) or not read.lines, problems=problems, state=state,
        carrier=found.carrier, **_preview(read, columns, kind, found, how),
    )  # fmt: skip


def _preview(
    read: Table, columns: dict[str, int], kind: str, found: CarrierStatement, how: CarrierFormat
) -> dict[str, Any]:
    """The meaning of columns, the first rows, and what is wrong with them."""
    titles = [(index, header or f"Column {index + 1}") for index, header in enumerate(read.headers)]
    shown = [field for field in FIELDS[kind] if field.name in columns]
    names = [field.name for field in shown]
    reader = Reader(columns, writing_of(settings_of(how, columns, read.header_line), found))
    errors = []
    for line in read.lines:
        got = reader.call(line.cells) if kind == "calls" else reader.total(line.cells)
        if isinstance(got, list):
            errors += [(line.number, field_words(name), sentence) for name, sentence in got]
    return {
        "meanings": [
            (field, [(index, header, columns.get(field.name) == index) for index, header in titles])
            for field in FIELDS[kind]
        ],
        "header_line": read.header_line,
        "unused": [header for index, header in titles if index not in columns.values()],
        "titles": [field.title for field in shown],
        "rows": [(one.number, [cell(one.cells, columns, name) for name in names]) for one in read.lines[:SHOWN_ROWS]],
        "looked_at": len(read.lines),
        "errors": errors[:SHOWN_ERRORS],
        "more_errors": max(0, len(errors) - SHOWN_ERRORS),
    }  # fmt: skip


def _columns(sent: Any, read: Table, kind: str, how: CarrierFormat) -> dict[str, int]:
    """The columns that the user chose; where nothing is chosen yet, those of the carrier's last file."""
    names = [field.name for field in FIELDS[kind]]
    if not any(f"column-{name}" in sent for name in names):
        return chosen(read.headers, how, kind, guess(read.headers, FIELDS[kind]))
    given = {name: sent.get(f"column-{name}", "") for name in names}
    most = len(read.headers)
    return {name: int(text) for name, text in given.items() if text.isdecimal() and len(text) < 5 and int(text) < most}


@reading
def file_content(request: HttpRequest, file_id: int) -> HttpResponseBase:
    """The file as the carrier sent it."""
    found = _file(request, file_id)
    return FileResponse(
        content_of(found), as_attachment=True, filename=found.name, content_type="application/octet-stream"
    )


@reading
def file_errors(request: HttpRequest, file_id: int) -> HttpResponseBase:
    """What could not be read, as CSV."""
    found = _file(request, file_id)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["Line", "Field", "What is wrong"])
    for line, name, sentence in found.errors:
        writer.writerow([line, field_words(name), harmless(sentence)])
    answer = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="errors-{found.pk}.csv"'
    return answer


@writing("remove_statement_file", shown_to_all=False)
def remove_file(request: HttpRequest, file_id: int) -> HttpResponseBase:
    """Takes a file off its statement."""
    found = _file(request, file_id)
    if request.method == "POST":
        press(request, remove_statement_file, f"{found.name} is removed.", file_id=found.pk)
    return redirect(page_of(found.statement))


def _file(request: HttpRequest, file_id: int) -> CarrierFile:
    found = CarrierFile.objects.select_related("statement__carrier")
    return get_object_or_404(found, pk=file_id, statement__account=own_account(request))


def _way(found: CarrierStatement) -> list[Any]:
    return [*way(found.carrier), *crumbs((as_is(str(found)), page_of(found)))]


urlpatterns = [
    path("reconciliation/<int:statement_id>/file/", new_file, name="carrier_file_new"),
    path("reconciliation/<int:statement_id>/file/<slug:token>/", check_file, name="carrier_file_check"),
    path("reconciliation/files/<int:file_id>/", file_content, name="carrier_file"),
    path("reconciliation/files/<int:file_id>/errors/", file_errors, name="carrier_file_errors"),
    path("reconciliation/files/<int:file_id>/remove/", remove_file, name="carrier_file_remove"),
]
