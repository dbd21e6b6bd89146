"""Collections: the choice of invoices for a day, and the file that asks the bank for them.

Which invoices may be collected on a day, and why others may not, `actions.debits.offers` says.
"""

from datetime import UTC, date, datetime
from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path, reverse

from tollgate.actions.bank_files import make_debit_run
from tollgate.actions.debits import Offer, offers
from tollgate.core import sepa
from tollgate.core.money import format_micros
from tollgate.panel.access import own_account, writing
from tollgate.panel.bank_runs import begun, numbers, way
from tollgate.panel.cells import link
from tollgate.panel.fields import DayField
from tollgate.panel.saving import posted, saved
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import ListSource
from tollgate.ui.words import worded

DAY = "f.on"
"""Where an address has the day: as a filter, so that whatever leads back to the list keeps it."""


class DayFilter(Filter):
    """The day for which invoices are offered, which the page asks for in a form of its own."""

    def read(self, text: str) -> date:
        """That day."""
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{self.title}: write a day, such as 2026-12-31.") from None


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
        Column("due_on", "Due", value="invoice.due_on", minor=True),
        Column("announced_on", "Announced for", minor=True),
        Column("mandate", "Mandate", value="mandate.reference", minor=True),
        Column("sequence", "Sequence", value=lambda row: str(row.sequence), minor=True),
        Column("why_not", "Why not", says=True, wraps=True),
    ),
    filters=(DayFilter("on", "Collected on", "on", hidden=True),),
    sort="invoice__pk",
    page_size=500,
    searchable=False,
    ticks=True,
    tickable=lambda row: not row.why_not,
    empty_text="Nothing to collect: no open invoice in euro is of a customer with an active mandate.",
)


class DebitForm(HouseForm):
    """What was ticked for which day."""

    execute_on = DayField(label="Collected on", help_text="As the list was made for: go back to choose another day")
    ids = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["execute_on"].widget.attrs["readonly"] = True


class DayForm(HouseForm):
    """Of which day offers are shown."""

    on = DayField(label="Collected on")

    def add_prefix(self, field_name: str) -> str:
        """The name of a filter."""
        return f"f.{field_name}"


@writing("make_debit_run", shown_to_all=False)
def debits(request: HttpRequest) -> HttpResponseBase:
    """What may be collected on a day."""
    account, today = own_account(request), datetime.now(UTC).date()
    on = _day(request.GET.get(DAY, "")) or sepa.soonest(today)
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
        settles_on=sepa.target_day(on),
        count=sum(1 for offer in found if not offer.why_not),
        ready=bool(account.sepa_creditor_id and account.sepa_iban and account.sepa_name),
    )


@writing("make_debit_run", shown_to_all=False)
def new_debit_run(request: HttpRequest) -> HttpResponseBase:
    """Begins the file of the invoices that were ticked."""
    account, today = own_account(request), datetime.now(UTC).date()
    on = _day(request.POST.get("execute_on") or request.GET.get("on", "")) or sepa.soonest(today)
    form = DebitForm(posted(request), initial={"execute_on": on, "ids": ",".join(request.GET.getlist("id"))})
    ids = numbers(request.POST.get("ids") or form.initial["ids"])
    if form.is_valid():
        day = form.cleaned_data["execute_on"]
        task = saved(request, form, make_debit_run, account_id=account.pk, execute_on=day, invoice_ids=ids)
        if task is not None:
            return begun(request, task)
    back = f"{reverse('panel:debits')}?{DAY}={on}"
    more: dict[str, Any] = {"back_url": back, "save_title": "Make the file"}
    more["lead"] = _lead(offers(account, on, today, ids=ids), on)
    return render_form(request, form, title="Collect", breadcrumbs=way(("Collect", back)), **more)


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


urlpatterns = [
    path("bank-files/collect/", debits, name="debits"),
    path("bank-files/collect/new/", new_debit_run, name="debit_run_new"),
]
