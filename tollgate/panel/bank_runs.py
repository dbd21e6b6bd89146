"""Files for the bank: the list, and one with its lines and what became of them.

What goes into a file is chosen in debits.py and payouts.py.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import path, reverse

from tollgate.actions.acts import Invalid, acting
from tollgate.actions.bank_confirmations import confirm_bank_run, confirmation_of
from tollgate.actions.bank_files import KIND, run_of
from tollgate.actions.bank_runs import cancel_bank_run, export_bank_run, return_bank_line, send_bank_run
from tollgate.actions.task_words import error_words
from tollgate.actions.tasks import OPEN, work
from tollgate.core import sepa
from tollgate.panel.access import actor, own_account, reading, rights, writing
from tollgate.panel.cells import link
from tollgate.panel.fields import DayField, choices, words
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, posted, press, reason, saved
from tollgate.panel.suggestions import suggested
from tollgate.panel.tasks import progress
from tollgate.store.models import BankLine, BankRun, Task
from tollgate.store.queries.bank_runs import with_waiting
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, worded

RUN_TONES = {"made": "yellow", "sent": "green", "canceled": "gray"}
LINE_TONES = {"waiting": "yellow", "settled": "green", "returned": "red", "rejected": "red", "canceled": "gray"}
KINDS = {"debit": "Direct debits", "transfer": "Transfers"}
AT_ONCE: Final = timedelta(seconds=2)
AT_ONCE_MOST: Final = 50
"""A file of so many lines is made, or confirmed, while somebody waits."""


def _reason(row: Any) -> str:
    """Why a line came back, in words."""
    known = f"{row.return_code} {sepa.reason_words(row.return_code)}" if row.return_code else ""
    return known or (sepa.reason_words("") if row.returned_on else "")


def _menu(row: Any) -> list[tuple[str, str]]:
    """What may be said of a line that the bank has."""
    if row.run_id is None or row.state not in ("waiting", "settled"):
        return []
    return [("It came back", reverse("panel:bank_line_return", args=[row.pk]))]


LIST = Grid(
    name="bank_runs",
    columns=(
        Column("message_id", "File", sort="message_id", link=link("panel:bank_run", lambda row: row.pk)),
        Column("kind", "Kind", value=lambda row: KINDS[row.kind], sort="kind", says=True, minor=True),
        Column("state", "State", value=lambda row: words(row.state), kind=Kind.BADGE, tone=RUN_TONES, sort="state"),
        Column("execute_on", "On", sort="execute_on"),
        Column("lines_count", "Lines", kind=Kind.COUNT, sort="lines_count", minor=True),
        Column("waiting_count", "Not confirmed", kind=Kind.COUNT, sort="waiting_count"),
        Column("total", "Total", value="total_micros", kind=Kind.MONEY, currency=lambda _: "EUR"),
        Column("created_by", "Made by", minor=True),
        Column("created_at", "Made (UTC)", kind=Kind.INSTANT, sort="created_at", minor=True),
        Column("sent_at", "Sent (UTC)", kind=Kind.INSTANT, sort="sent_at", minor=True),
    ),
    filters=(
        Filter("kind", "Kind", "kind", choices=tuple(KINDS.items())),
        Filter("state", "State", "state", choices=tuple(choices("made", "sent", "canceled"))),
        Filter("confirmed", "Confirmed", "unconfirmed", choices=(("False", "Whole"), ("True", "Not whole"))),
    ),
    sort="-created_at",
    empty_text="No files yet. Collect open invoices, or pay out to customers.",
)
LINE_COLUMNS = (
    Column("end_to_end_id", "End-to-end id", sort="end_to_end_id"),
    Column(
        "customer",
        "Company",
        value="customer.name",
        sort="customer__name",
        link=link("panel:customer_payments", lambda row: row.customer_id),
    ),
    Column("amount", "Amount", value="amount_micros", kind=Kind.MONEY, currency="currency"),
    Column("state", "State", value=lambda row: words(row.state), kind=Kind.BADGE, tone=LINE_TONES, sort="state"),
    Column("payment", "Payment", value="payment_id", link=link("panel:payment", lambda row: row.payment_id)),
    Column("iban_shown", "Account", hidden=True),
    Column("holder", "Holder", hidden=True),
    Column("sequence", "Sequence", hidden=True),
    Column("told_on", "Confirmed", hidden=True),
    Column("returned_on", "Came back"),
    Column("reason", "Why", value=_reason, says=True, wraps=True),
    Column("menu", "Action", value=_menu, kind=Kind.MENU),
)
OF_RUN = Grid(
    name="bank_lines",
    columns=LINE_COLUMNS,
    filters=(
        Filter("customer", "Company", "customer__name__icontains", suggest=suggested("customer")),
        Filter("state", "State", "state", choices=tuple(choices(*LINE_TONES))),
    ),
    sort="end_to_end_id",
)


class ReturnForm(HouseForm):
    """That the money of a line came back."""

    reason_code = forms.ChoiceField(required=False, label="Why")
    returned_on = DayField(required=False, label="On", help_text="As the bank has booked it; empty = today")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        named = [(code, f"{code}: {told}") for code, told in sepa.REASONS.items()]
        self.fields["reason_code"].choices = [("", "Not known"), *named]  # type: ignore[attr-defined]  # a choice


CONFIRMING: Final = "panel/bank_run_confirming.html"


@reading
def bank_runs(request: HttpRequest) -> HttpResponseBase:
    """Every file."""
    found = with_waiting(BankRun.objects.filter(account=own_account(request)))
    source = QuerysetSource(queryset=found, search=("message_id__icontains",))
    way = crumbs(("Money", ""))
    return respond(request, LIST, source, template="panel/bank_runs.html", title="Bank files", breadcrumbs=way)


@reading
def bank_run(request: HttpRequest, bank_run_id: int) -> HttpResponseBase:
    """One file with its lines."""
    found = _run(request, bank_run_id)
    lines = BankLine.objects.filter(run=found).select_related("customer")
    waiting = lines.filter(state="waiting").aggregate(count=Count("pk"), micros=Sum("amount_micros"))
    job = confirmation_of(found)
    confirming = job is not None and job.state in OPEN
    told = confirming or waiting["count"]
    return respond(
        request,
        OF_RUN,
        QuerysetSource(queryset=lines, search=("end_to_end_id__icontains", "customer__name__icontains")),
        template="panel/bank_run.html",
        title=as_is(found.message_id),
        breadcrumbs=way(),
        run=found,
        kind=KINDS[found.kind],
        tone=RUN_TONES[found.state],
        waiting=waiting["count"],
        waiting_micros=waiting["micros"] or 0,
        confirming=confirming,
        job=render_to_string(CONFIRMING, _confirming(request, found, job), request) if job and told else "",
        overdue=found.execute_on < datetime.now(UTC).date(),
        untouched=not lines.exclude(state="waiting").exists(),
    )


@writing("export_bank_run", shown_to_all=False)
def download(request: HttpRequest, bank_run_id: int) -> HttpResponseBase:
    """The file, as it was made."""
    found = _run(request, bank_run_id)
    if request.method != "POST":
        return redirect("panel:bank_run", found.pk)
    try:
        with acting(actor(request, reason(request))):
            content = export_bank_run(bank_run_id=found.pk)
    except Invalid as invalid:
        messages.error(request, " ".join(word for words in invalid.errors.values() for word in words))
        return redirect("panel:bank_run", found.pk)
    answer = HttpResponse(content.encode(), content_type="application/xml")
    answer["Content-Disposition"] = f'attachment; filename="{found.message_id}.xml"'
    answer["Cache-Control"] = "no-store"
    return answer


@writing("send_bank_run", shown_to_all=False)
def send(request: HttpRequest, bank_run_id: int) -> HttpResponseBase:
    """Says that the bank has the file."""
    found = _run(request, bank_run_id)
    if request.method == "POST":
        press(request, send_bank_run, "The bank has the file.", bank_run_id=found.pk)
    return redirect("panel:bank_run", found.pk)


@writing("cancel_bank_run", shown_to_all=False)
def cancel(request: HttpRequest, bank_run_id: int) -> HttpResponseBase:
    """Takes a file back that the bank does not have."""
    found = _run(request, bank_run_id)
    sure = request.POST.get("confirmation") == found.message_id
    if request.method == "POST":
        told = f"File {found.message_id} is canceled."
        press(request, cancel_bank_run, told, bank_run_id=found.pk, never_sent=sure)
    return redirect("panel:bank_run", found.pk)


@writing("confirm_bank_run", shown_to_all=False)
def confirm(request: HttpRequest, bank_run_id: int) -> HttpResponseBase:
    """Says that all that waits of a file has moved."""
    found = _run(request, bank_run_id)
    if request.method == "POST" and request.POST.get("confirmation") == found.message_id:
        done = press(request, confirm_bank_run, "", bank_run_id=found.pk)
        job = confirmation_of(found)
        if done and job is not None and job.total_count <= AT_ONCE_MOST:
            work(_now, _now() + AT_ONCE, task_id=job.pk)
        if done and not found.lines.filter(state="waiting").exists():
            messages.success(request, "What waited has moved.")
    return redirect("panel:bank_run", found.pk)


@reading
def confirm_now(request: HttpRequest, bank_run_id: int) -> HttpResponseBase:
    """How far the job is that confirms a file, as it is asked for again; the whole page anew when it is over."""
    found = _run(request, bank_run_id)
    job = confirmation_of(found)
    if job is None or job.state not in OPEN:
        answer = HttpResponse()
        answer["HX-Refresh"] = "true"
        return answer
    return render(request, CONFIRMING, _confirming(request, found, job))


@writing("return_bank_line", shown_to_all=False)
def return_line(request: HttpRequest, bank_line_id: int) -> HttpResponseBase:
    """Says that the money of a line came back."""
    line = get_object_or_404(BankLine, pk=bank_line_id, account=own_account(request), run__isnull=False)
    page = reverse("panel:bank_run", args=[line.run_id])
    form = ReturnForm(posted(request))
    if form.is_valid():
        done = saved(request, form, return_bank_line, bank_line_id=line.pk, **form.cleaned_data)
        if done is not None:
            return after_save(request, f"{line.end_to_end_id} came back.", form_url=page, done_url=page)
    title = worded("{id} came back", id=line.end_to_end_id)
    lead = "The payment is undone, what it had settled is open again, and the customer is told."
    if line.state == "waiting":
        lead = "Its money has not moved and does not move any more."
    more: dict[str, Any] = {"save_title": "It came back", "lead": lead}
    return render_form(request, form, title=title, breadcrumbs=way((str(line.run), page)), back_url=page, **more)


@reading
def job(request: HttpRequest, task_id: int) -> HttpResponseBase:
    """A file that is being made: how far it is, and the file when it is there."""
    found = _job(request, task_id)
    page = {"title": as_is(found.title), "breadcrumbs": way(), "watches": rights(request).reads("tasks")}
    return render(request, "panel/bank_run_job.html", {**page, **_followed(request, found)})


@reading
def job_now(request: HttpRequest, task_id: int) -> HttpResponseBase:
    """The same alone, as it is asked for again while it is made."""
    return render(request, "panel/bank_run_job_now.html", _followed(request, _job(request, task_id)))


def begun(request: HttpRequest, task: Task) -> HttpResponseRedirect:
    """Makes a small file at once and shows it; the page of its job tells of a larger one."""
    if len(task.arguments["ids"]) <= AT_ONCE_MOST:
        work(_now, _now() + AT_ONCE, task_id=task.pk)
    run = run_of(task)
    if run is None:
        return redirect("panel:bank_run_job", task.pk)
    messages.success(request, f"File {run.message_id} is made.")
    return redirect("panel:bank_run", run.pk)


def numbers(text: str) -> list[int]:
    """The ids of what was ticked."""
    return [int(part) for part in text.split(",") if part.isascii() and part.isdecimal() and len(part) < 19]


def way(*more: tuple[str, str]) -> list[Any]:
    """The way to a page about files."""
    return crumbs(("Money", ""), ("Bank files", reverse("panel:bank_runs")), *((as_is(name), to) for name, to in more))


def _run(request: HttpRequest, bank_run_id: int) -> BankRun:
    return get_object_or_404(BankRun, pk=bank_run_id, account=own_account(request))


def _job(request: HttpRequest, task_id: int) -> Task:
    return get_object_or_404(Task, pk=task_id, kind=KIND, account=own_account(request))


def _followed(request: HttpRequest, task: Task) -> dict[str, Any]:
    failed = task.rows.filter(state="failed")
    return {
        **progress(request, task),
        "now_url": reverse("panel:bank_run_job_now", args=[task.pk]),
        "run": run_of(task),
        "refused": [error_words(row.errors) for row in failed],
    }


def _confirming(request: HttpRequest, run: BankRun, job: Task) -> dict[str, Any]:
    """The job that confirms a file, as its page shows it; each reason why lines were refused once."""
    failed = job.rows.filter(state="failed").order_by("number")
    return {
        **progress(request, job),
        "now_url": reverse("panel:bank_run_confirm_now", args=[run.pk]),
        "refused": list(dict.fromkeys(error_words(row.errors) for row in failed)),
    }


def _now() -> datetime:
    return datetime.now(UTC)


urlpatterns = [
    path("bank-files/", bank_runs, name="bank_runs"),
    path("bank-files/jobs/<int:task_id>/", job, name="bank_run_job"),
    path("bank-files/jobs/<int:task_id>/now/", job_now, name="bank_run_job_now"),
    path("bank-files/<int:bank_run_id>/", bank_run, name="bank_run"),
    path("bank-files/<int:bank_run_id>/file/", download, name="bank_run_file"),
    path("bank-files/<int:bank_run_id>/sent/", send, name="bank_run_send"),
    path("bank-files/<int:bank_run_id>/cancel/", cancel, name="bank_run_cancel"),
    path("bank-files/<int:bank_run_id>/confirm/", confirm, name="bank_run_confirm"),
    path("bank-files/<int:bank_run_id>/confirm/now/", confirm_now, name="bank_run_confirm_now"),
    path("bank-files/lines/<int:bank_line_id>/returned/", return_line, name="bank_line_return"),
]
