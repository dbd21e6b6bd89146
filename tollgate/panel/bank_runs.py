"""Files for the bank: the list, one with its lines and what became of them, and the choice of invoices to collect.

Which invoices may be collected on a day, and why others may not, `actions.debits.offers` says; transfers are
chosen in payouts.py.
"""

from datetime import UTC, date, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.acts import Invalid, acting
from tollgate.actions.bank_runs import (
    cancel_bank_run,
    confirm_bank_run,
    export_bank_run,
    return_bank_line,
    send_bank_run,
)
from tollgate.actions.debits import Offer, make_debit_run, offers
from tollgate.core import sepa
from tollgate.core.money import format_micros
from tollgate.panel.access import actor, own_account, reading, writing
from tollgate.panel.cells import link
from tollgate.panel.fields import DayField, choices, words
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, posted, press, reason, saved
from tollgate.panel.suggestions import suggested
from tollgate.store.models import BankLine, BankRun
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import ListSource, QuerysetSource
from tollgate.ui.words import as_is, worded

RUN_TONES = {"made": "yellow", "sent": "green", "canceled": "gray"}
LINE_TONES = {"waiting": "yellow", "settled": "green", "returned": "red", "rejected": "red", "canceled": "gray"}
KINDS = {"debit": "Direct debits", "transfer": "Transfers"}


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
        Column("kind", "Kind", value=lambda row: KINDS[row.kind], sort="kind", says=True),
        Column("state", "State", value=lambda row: words(row.state), kind=Kind.BADGE, tone=RUN_TONES, sort="state"),
        Column("execute_on", "On", sort="execute_on"),
        Column("lines_count", "Lines", kind=Kind.COUNT, sort="lines_count"),
        Column("total", "Total", value="total_micros", kind=Kind.MONEY, currency=lambda _: "EUR"),
        Column("created_by", "Made by", minor=True),
        Column("created_at", "Made (UTC)", kind=Kind.INSTANT, sort="created_at", minor=True),
        Column("sent_at", "Sent (UTC)", kind=Kind.INSTANT, sort="sent_at", minor=True),
    ),
    filters=(
        Filter("kind", "Kind", "kind", choices=tuple(KINDS.items())),
        Filter("state", "State", "state", choices=tuple(choices("made", "sent", "canceled"))),
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
    Column("iban_shown", "Account"),
    Column("holder", "Holder", hidden=True),
    Column("sequence", "Sequence", hidden=True),
    Column("told_on", "Credited", minor=True),
    Column("returned_on", "Came back"),
    Column("reason", "Why", value=_reason, says=True),
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
OFFERS = Grid(
    name="debits",
    columns=(
        Column("invoice", "Invoice", value="invoice.number", link=link("panel:invoice", lambda row: row.invoice.pk)),
        Column(
            "customer",
            "Company",
            value="invoice.customer.name",
            link=link("panel:customer_payments", lambda row: row.invoice.customer_id),
        ),
        Column("amount", "Open", value="amount_micros", kind=Kind.MONEY, currency="invoice.currency"),
        Column("due_on", "Due", value="invoice.due_on"),
        Column("announced_on", "Announced for", minor=True),
        Column("mandate", "Mandate", value="mandate.reference", minor=True),
        Column("sequence", "Sequence", value=lambda row: str(row.sequence)),
        Column("why_not", "Why not", says=True),
    ),
    sort="invoice__pk",
    page_size=500,
    searchable=False,
    ticks=True,
    tickable=lambda row: not row.why_not,
    empty_text="Nothing to collect: no open invoice in euro is of a customer with an active mandate.",
)


class DebitForm(HouseForm):
    """The day on which the bank is asked to collect, with what was ticked."""

    execute_on = DayField(label="Collected on", help_text="A day on which banks settle in euro")
    ids = forms.CharField(widget=forms.HiddenInput)


class DayForm(HouseForm):
    """Of which day offers are shown."""

    on = DayField(label="Collected on")


class ReturnForm(HouseForm):
    """That the money of a line came back."""

    reason_code = forms.ChoiceField(required=False, label="Why")
    returned_on = DayField(required=False, label="On", help_text="As the bank has booked it; empty = today")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        named = [(code, f"{code}: {told}") for code, told in sepa.REASONS.items()]
        self.fields["reason_code"].choices = [("", "Not known"), *named]  # type: ignore[attr-defined]  # a choice


@reading
def bank_runs(request: HttpRequest) -> HttpResponseBase:
    """Every file."""
    source = QuerysetSource(
        queryset=BankRun.objects.filter(account=own_account(request)), search=("message_id__icontains",)
    )
    way = crumbs(("Money", ""))
    return respond(request, LIST, source, template="panel/bank_runs.html", title="Bank files", breadcrumbs=way)


@reading
def bank_run(request: HttpRequest, bank_run_id: int) -> HttpResponseBase:
    """One file with its lines."""
    found = _run(request, bank_run_id)
    lines = BankLine.objects.filter(run=found).select_related("customer")
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
        waiting=lines.filter(state="waiting").exists(),
        untouched=not lines.exclude(state="waiting").exists(),
    )


@writing("make_debit_run", shown_to_all=False)
def debits(request: HttpRequest) -> HttpResponseBase:
    """What may be collected on a day."""
    account, today = own_account(request), datetime.now(UTC).date()
    on = _day(request.GET.get("on", "")) or sepa.soonest(today)
    found = offers(account, on, today)
    return respond(
        request,
        OFFERS,
        ListSource(items=found, id_path="invoice.pk"),
        template="panel/debits.html",
        title="Collect",
        breadcrumbs=way(),
        on=on,
        day_form=DayForm(initial={"on": on}),
        count=sum(1 for offer in found if not offer.why_not),
        ready=bool(account.sepa_creditor_id and account.sepa_iban and account.sepa_name),
    )


@writing("make_debit_run", shown_to_all=False)
def new_debit_run(request: HttpRequest) -> HttpResponseBase:
    """Makes the file of the invoices that were ticked."""
    account, back = own_account(request), reverse("panel:debits")
    on = _day(request.GET.get("on", "")) or sepa.soonest(datetime.now(UTC).date())
    form = DebitForm(posted(request), initial={"execute_on": on, "ids": ",".join(request.GET.getlist("id"))})
    ids = numbers(request.POST.get("ids") or form.initial["ids"])
    if form.is_valid():
        day = form.cleaned_data["execute_on"]
        done = saved(request, form, make_debit_run, account_id=account.pk, execute_on=day, invoice_ids=ids)
        if done is not None:
            page = reverse("panel:bank_run", args=[done.pk])
            return after_save(request, f"File {done.message_id} is made.", form_url=page, done_url=page)
    found = offers(account, on, datetime.now(UTC).date(), ids=ids)
    return render_form(
        request,
        form,
        title="Collect",
        breadcrumbs=way(("Collect", back)),
        back_url=back,
        save_title="Make the file",
        lead=_lead(found, on),
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
    if request.method == "POST":
        press(request, cancel_bank_run, f"File {found.message_id} is canceled.", bank_run_id=found.pk)
    return redirect("panel:bank_run", found.pk)


@writing("confirm_bank_run", shown_to_all=False)
def confirm(request: HttpRequest, bank_run_id: int) -> HttpResponseBase:
    """Says that all that waits of a file has moved."""
    found = _run(request, bank_run_id)
    if request.method == "POST" and request.POST.get("confirmation") == found.message_id:
        press(request, confirm_bank_run, "What waited has moved.", bank_run_id=found.pk)
    return redirect("panel:bank_run", found.pk)


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


def way(*more: tuple[str, str]) -> list[Any]:
    """The way to a page about files."""
    return crumbs(("Money", ""), ("Bank files", reverse("panel:bank_runs")), *((as_is(name), to) for name, to in more))


def numbers(text: str) -> list[int]:
    """The ids of what was ticked."""
    return [int(part) for part in text.split(",") if part.isascii() and part.isdecimal() and len(part) < 19]


def _lead(found: list[Offer], on: date) -> str:
    """What the file would ask for."""
    able = [offer for offer in found if not offer.why_not]
    told = sum(1 for offer in able if offer.announced_on != on or offer.amount_micros != offer.invoice.total_micros)
    total = format_micros(sum(offer.amount_micros for offer in able), 2)
    words_of_it = worded("{count} invoices, {total} EUR.", count=len(able), total=total)
    mails = worded("{count} of them are announced by mail now; the others announce it themselves.", count=told)
    return worded("{first} {second}", first=words_of_it, second=mails)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _run(request: HttpRequest, bank_run_id: int) -> BankRun:
    return get_object_or_404(BankRun, pk=bank_run_id, account=own_account(request))


urlpatterns = [
    path("bank-files/", bank_runs, name="bank_runs"),
    path("bank-files/collect/", debits, name="debits"),
    path("bank-files/collect/new/", new_debit_run, name="debit_run_new"),
    path("bank-files/<int:bank_run_id>/", bank_run, name="bank_run"),
    path("bank-files/<int:bank_run_id>/file/", download, name="bank_run_file"),
    path("bank-files/<int:bank_run_id>/sent/", send, name="bank_run_send"),
    path("bank-files/<int:bank_run_id>/cancel/", cancel, name="bank_run_cancel"),
    path("bank-files/<int:bank_run_id>/confirm/", confirm, name="bank_run_confirm"),
    path("bank-files/lines/<int:bank_line_id>/returned/", return_line, name="bank_line_return"),
]
