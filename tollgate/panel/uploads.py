"""Uploads of records: a file, what its columns mean, a look at the first rows, and a job that makes them.

Every noun of `core.upload_fields` may be uploaded; to offer one in a list, link to `panel:upload` with its name.
"""

from typing import Any, Final

from django import forms
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.http import urlencode

from tollgate.actions.uploads import ACTS, read_file, start_upload
from tollgate.core.field_words import field_words
from tollgate.core.upload_fields import NOUNS, Noun
from tollgate.core.uploads import CellInvalid, Table, cell, guess, lacking, read_row, repeated
from tollgate.panel.access import may, own_account, writing
from tollgate.panel.frame import crumbs
from tollgate.panel.kept_files import keep, kept, sized
from tollgate.panel.saving import posted, saved
from tollgate.panel.tasks import begun
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.words import worded

SHOWN_ROWS: Final = 8
SHOWN_ERRORS: Final = 50
LISTS: Final = {
    "customer": "panel:customers",
    "contact": "panel:contacts",
    "ip_endpoint": "panel:endpoints",
    "sip_user": "panel:endpoints",
    "verified_cli": "panel:clis",
    "cli_rule": "panel:cli_rules",
    "alias": "panel:aliases",
    "did": "panel:dids",
    "payment": "panel:payments",
    "bank_credit": "panel:payments",
}
"""Where each noun is listed."""
GROUPS: Final = {"alias": "Traffic", "payment": "Money", "bank_credit": "Money"}
"""Under which part of the navigation; Selling where none is named."""

FILES: Final = {"bank_credit": "The statement as your bank sends it (camt.053 or camt.054, XML), or its CSV or XLSX"}
"""What files of a noun are, where it is more than tables."""


class UploadForm(HouseForm):
    """A file with records."""

    widths = {"file": 8, "header_line": 4}
    file = forms.FileField(help_text="CSV (comma, semicolon or tab) or XLSX; its columns may be in any order")
    header_line = forms.IntegerField(
        min_value=1, max_value=10_000, required=False, label="Titles are in line", help_text="Empty = found by itself"
    )

    def clean_file(self) -> "UploadedFile[bytes]":
        """Not larger than we read."""
        return sized(self.cleaned_data["file"])


class StartForm(HouseForm):
    """How to begin; what the columns mean travels along, so that what was looked at is what is uploaded."""

    dry = forms.BooleanField(
        required=False,
        initial=True,
        label="Dry run: try every row and take it back, then ask",
        help_text="Without it good rows are kept at once; bad ones are listed, with a file of them",
    )

    def __init__(self, *arguments: Any, noun: Noun, mapping: dict[str, int], line: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["dry"].widget.attrs["data-width"] = "12"
        hidden = {f"column-{field.name}": mapping.get(field.name, "") for field in noun.fields}
        for name, value in {**hidden, "line": line}.items():
            self.fields[name] = forms.CharField(required=False, widget=forms.HiddenInput, initial=value)


@writing("start_upload", shown_to_all=False)
def upload(request: HttpRequest, noun: str) -> HttpResponseBase:
    """Step one: the file."""
    found = _noun(request, noun)
    form = UploadForm(posted(request), request.FILES or None)
    if noun in FILES:
        form.fields["file"].help_text = FILES[noun]
    if form.is_valid():
        content = form.cleaned_data["file"].read()
        try:
            read = read_file(content, noun, header_line=form.cleaned_data["header_line"])
        except CellInvalid as problem:
            form.add_error("file", str(problem))
        else:
            form.cleaned_data["file"].seek(0)
            token = keep(form.cleaned_data["file"])
            return redirect(f"{reverse('panel:upload_check', args=[noun, token])}?{_state(read)}")
    return render_form(
        request,
        form,
        template="panel/upload.html",
        title=worded("Upload {many}", many=worded(found.many)),
        breadcrumbs=_way(noun),
        back_url=reverse(LISTS[noun]),
        save_title="Read the file",
        fields=found.fields,
    )


@writing("start_upload", shown_to_all=False)
def check(request: HttpRequest, noun: str, token: str) -> HttpResponseBase:
    """Step two: what the columns mean, the first rows, what can be told to be wrong; then the job."""
    found, file = _noun(request, noun), kept(token)
    sent = request.POST if request.method == "POST" else request.GET
    line = sent.get("line", "")
    try:
        read = read_file(file.read_bytes(), noun, header_line=int(line) if line.isdecimal() and len(line) < 9 else None)
    except CellInvalid as problem:
        raise Http404(str(problem)) from None
    mapping = _mapping(sent, read, found)
    problems = lacking(mapping, found.fields)
    form = StartForm(posted(request), noun=found, mapping=mapping, line=read.header_line)
    if form.is_valid():
        task = saved(
            request,
            form,
            start_upload,
            account_id=own_account(request).pk,
            noun=noun,
            headers=list(read.headers),
            rows=[line.cells for line in read.lines],
            lines=[line.number for line in read.lines],
            mapping=mapping,
            dry=form.cleaned_data["dry"],
        )
        if task is not None:
            file.unlink(missing_ok=True)
            return begun(request, task)
    return render_form(
        request,
        form,
        template="panel/upload_check.html",
        title=worded("Upload {many}", many=worded(found.many)),
        breadcrumbs=_way(noun),
        back_url=reverse("panel:upload", args=[noun]),
        save_title="Begin",
        read_only=bool(problems) or not read.lines,
        problems=problems,
        header_line=read.header_line,
        **_preview(read, mapping, found),
    )


def _preview(read: Table, mapping: dict[str, int], noun: Noun) -> dict[str, Any]:
    """What the page shows of the file: the meaning of columns, the first rows, every error that needs no database."""
    columns = [(index, header or f"Column {index + 1}") for index, header in enumerate(read.headers)]
    shown = [field for field in noun.fields if field.name in mapping]
    twice = repeated(read.lines, mapping, noun.fields)
    errors = [
        (line.number, field_words(name), sentence)
        for line in read.lines
        for name, sentence in [*read_row(line.cells, mapping, noun.fields)[1], *twice.get(line.number, ())]
    ]
    return {
        "count": len(read.lines),
        "meanings": [
            (field, [(index, header, mapping.get(field.name) == index) for index, header in columns])
            for field in sorted(noun.fields, key=lambda field: field.name not in mapping and not field.required)
        ],
        "unused": [header for index, header in columns if index not in mapping.values()],
        "titles": [field.title for field in shown],
        "rows": [
            (line.number, [_shown(field.secret, cell(line.cells, mapping, field.name)) for field in shown])
            for line in read.lines[:SHOWN_ROWS]
        ],
        "more_rows": max(0, len(read.lines) - SHOWN_ROWS),
        "errors": errors[:SHOWN_ERRORS],
        "error_count": len(errors),
        "more_errors": max(0, len(errors) - SHOWN_ERRORS),
    }


def _shown(secret: bool, text: str) -> str:
    return "••••••" if secret and text else text


def _state(read: Table) -> str:
    return urlencode({"line": read.header_line})


def _mapping(sent: Any, read: Table, noun: Noun) -> dict[str, int]:
    """The columns that the user chose; what the headers say where nothing is chosen yet."""
    names = [field.name for field in noun.fields]
    if not any(f"column-{name}" in sent for name in names):
        return guess(read.headers, noun.fields)
    given = {name: sent.get(f"column-{name}", "") for name in names}
    most = len(read.headers)
    return {name: int(text) for name, text in given.items() if text.isdecimal() and len(text) < 5 and int(text) < most}


def _noun(request: HttpRequest, noun: str) -> Noun:
    if noun not in NOUNS:
        raise Http404("These cannot be uploaded.")
    if not may(request, ACTS[noun]):
        raise PermissionDenied(f"This needs the permission “{ACTS[noun]}”.")
    return NOUNS[noun]


def _way(noun: str) -> list[Any]:
    words = NOUNS[noun].many
    return crumbs((GROUPS.get(noun, "Selling"), ""), (worded(f"{words[:1].upper()}{words[1:]}"), reverse(LISTS[noun])))


urlpatterns = [
    path("uploads/<slug:noun>/", upload, name="upload"),
    path("uploads/<slug:noun>/<slug:token>/", check, name="upload_check"),
]
