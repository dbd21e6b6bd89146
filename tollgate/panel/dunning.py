"""Dunning: the account's steps around the day on which an invoice is due, and every step that was taken."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.dunning import ACTIONS, MOST_DAYS, create_dunning_step, delete_dunning_step, update_dunning_step
from tollgate.core.dunning import OWN
from tollgate.core.money import format_micros
from tollgate.core.taxes import CHARGED_WITHOUT, LATE_FEE_CATEGORY, LATE_FEE_WORDS
from tollgate.panel.access import may, own_account, own_rows, reading, writing
from tollgate.panel.cells import enabled_column, link
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.panel.suggestions import suggested
from tollgate.panel.taxes import CATEGORY_WORDS
from tollgate.store.models import DunningEvent, DunningStep
from tollgate.store.queries.finding import by_company
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import CurrencyField, ExactField, MoneyField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, figure

ACTION_WORDS = {
    "remind": "Send a reminder",
    "late_fee": "Charge a late fee",
    "restrict": "Restrict: no calls",
    "penalty": "Penalty: everything blocked",
    "event": "Tell webhooks",
}
TONES = {"remind": "blue", "late_fee": "yellow", "restrict": "red", "penalty": "red", "event": "gray"}
FIELDS = (
    "title", "days", "action", "fee_ppm", "fee_micros", "currency", "tax_category", "exemption_reason", "enabled",
)  # fmt: skip
TAX_CHOICES = (
    ("", "Those of the invoice it is on"),
    *((category, words) for category, words in CATEGORY_WORDS if category in CHARGED_WITHOUT),
)
PPM_OF_PERCENT = 10_000


def when(days: int) -> str:
    """The day of a step as people say it."""
    if days == 0:
        return "On the due day"
    if abs(days) == 1:
        return "1 day before the due day" if days < 0 else "1 day after the due day"
    return f"{-days} days before the due day" if days < 0 else f"{days} days after the due day"


def fee(row: Any) -> str:
    """What a late fee is made of."""
    return " + ".join(_parts_of_fee(row))


def _shown_fee(row: Any) -> str:
    """The same as the reader writes it."""
    return " + ".join(map(figure, _parts_of_fee(row)))


def _parts_of_fee(row: Any) -> list[str]:
    parts = [f"{format_micros(row.fee_ppm * 100)} %"] if row.fee_ppm else []
    if row.fee_micros:
        parts.append(f"{format_micros(row.fee_micros, 2)} {row.currency}")
    return parts


def _step_words(row: Any) -> str:
    """The step that was taken; the customer's own setting has none, events neither."""
    if row.step is not None:
        return str(row.step.title)
    return "The customer's own" if row.key.startswith(OWN) else ""


LIST = Grid(
    name="dunning_steps",
    columns=(
        Column("title", "Step", sort="title", link=link("panel:dunning_step", lambda row: row.pk)),
        Column("days", "When", value=lambda row: when(row.days), sort="days", says=True),
        Column("action", "What", value=lambda row: ACTION_WORDS[row.action], says=True),
        Column("fee", "Fee", value=_shown_fee, export=fee),
        Column("currency", "Only invoices in"),
        enabled_column(),
    ),
    sort="days",
    ticks=True,
    empty_text="No steps yet: after its grace each customer gets what its settings say. "
    "Steps add reminders, late fees and restrictions for everybody.",
    empty_url="/dunning/new/",
    empty_action="Add a step",
)
HISTORY = Grid(
    name="dunning_events",
    columns=(
        Column("at", "At (UTC)", kind=Kind.INSTANT, sort="id"),
        Column("customer", "Customer", value="customer.name", link=link("panel:customer", lambda row: row.customer_id)),
        Column("invoice", "Invoice", value=lambda row: row.invoice.number),
        Column("due_on", "Due", value=lambda row: row.invoice.due_on),
        Column("open", "Open now", value="invoice.open_micros", kind=Kind.MONEY, currency="invoice.currency"),
        Column("step", "Step", value=_step_words),
        Column(
            "action",
            "What",
            value=lambda row: ACTION_WORDS[row.action],
            kind=Kind.BADGE,
            tone=lambda row: TONES[row.action],
        ),
        Column("words", "Done"),
    ),
    filters=(
        Filter("action", "What", "action", choices=tuple(ACTION_WORDS.items())),
        Filter("customer", "Company", "customer__name__icontains", suggest=suggested("customer")),
        Filter("invoice", "Invoice", "invoice__number__icontains", suggest=suggested("invoice")),
    ),
    sort="-id",
    empty_text="No step was taken yet. Steps are taken every hour, in the day of each invoice's time zone.",
)


class PercentField(ExactField):
    """Percent: decimal text, integer millionths of the whole."""

    def __init__(self, **options: Any) -> None:
        super().__init__(unit="%", least=0, most=10**6, **options)

    def read(self, text: str) -> int:
        """Millionths of the text."""
        micros = MoneyField().read(text)
        if micros % 100:
            raise ValueError("At most four decimals.")
        return micros // 100

    def write(self, value: int) -> str:
        """The shortest exact decimal."""
        return format_micros(value * 100)


class StepForm(HouseForm):
    """When a step is taken and what it does."""

    widths = {"title": 8, "exemption_reason": 8}
    title = forms.CharField(max_length=100)
    enabled = forms.BooleanField(required=False, initial=True, label="Enabled")
    days = forms.IntegerField(
        min_value=-MOST_DAYS, max_value=MOST_DAYS, label="Days after the due day", help_text="Below zero: before it"
    )
    action = forms.ChoiceField(
        label="What",
        choices=[(name, ACTION_WORDS[name]) for name in ACTIONS],
        help_text="All but reminders wait for the customer's grace, and never go beyond its overdue action",
    )
    fee_ppm = PercentField(label="Fee, of what is open", initial=0, required=False)
    fee_micros = MoneyField(label="Fee, fixed", initial=0, least=0, required=False)
    currency = CurrencyField(required=False, label="Only invoices in", help_text="Needed for a fixed fee")
    tax_category = forms.ChoiceField(
        choices=TAX_CHOICES,
        required=False,
        initial=LATE_FEE_CATEGORY,
        label="Taxes of the fee",
        help_text="Compensation bears none in the EU. O may not stand beside taxed lines in an e-invoice",
    )
    exemption_reason = forms.CharField(
        max_length=300, required=False, initial=LATE_FEE_WORDS, label="Reason without tax", help_text="Printed"
    )

    def clean(self) -> dict[str, Any]:
        """An empty fee is none; taxes are said of fees alone, a reason with its category, as far as they are asked."""
        values: dict[str, Any] = super().clean() or {}
        if "action" in self.fields and values.get("action") != "late_fee":
            values["tax_category"] = ""
        if "tax_category" in self.fields and not values.get("tax_category"):
            values["exemption_reason"] = ""
        return {**values, "fee_ppm": values.get("fee_ppm") or 0, "fee_micros": values.get("fee_micros") or 0}


class ChangedStepForm(StepForm):
    """The same with the version that was opened."""

    versioned = True


@reading
def dunning(request: HttpRequest) -> HttpResponseBase:
    """Every step in the order of its day."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Money", ""))
    return respond(request, grid, source, template="panel/dunning.html", title="Dunning", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    found = DunningStep.objects.filter(account=own_account(request))
    return LIST, QuerysetSource(queryset=found, search=("title__icontains",))


@reading
def history(request: HttpRequest) -> HttpResponseBase:
    """Every step that was taken."""
    search = ("customer__name__icontains", "invoice__number__icontains")
    source = QuerysetSource(queryset=_events(request), search=search, meanings=by_company())
    return respond(request, HISTORY, source, template="panel/grid.html", title="Steps taken", breadcrumbs=_way())


@writing("create_dunning_step", shown_to_all=False)
def new_step(request: HttpRequest) -> HttpResponseBase:
    """A new step."""
    form = StepForm(posted(request))
    page = reverse("panel:dunning")
    if form.is_valid():
        done = saved(request, form, create_dunning_step, account_id=own_account(request).pk, **changes(form))
        if done is not None:
            return after_save(request, f"{done.title} is created.", form_url=request.path, done_url=page)
    return render_form(
        request, form, title="New step", breadcrumbs=_way(), back_url=page, save_title="Create", can_stay=True
    )


@writing("update_dunning_step")
def edit_step(request: HttpRequest, step_id: int) -> HttpResponseBase:
    """One step."""
    found = _step(request, step_id)
    form = ChangedStepForm(posted(request), initial=initial(found, FIELDS))
    page = reverse("panel:dunning")
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_dunning_step, step_id=found.pk, version=version, **changes(form))
        if done is not None:
            return after_save(request, f"{done.title} is saved.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        template="panel/dunning_step.html",
        title=as_is(found.title),
        breadcrumbs=_way(),
        back_url=page,
        can_stay=True,
        read_only=not may(request, "update_dunning_step"),
        step=found,
    )


@writing("delete_dunning_step", shown_to_all=False)
def remove_step(request: HttpRequest, step_id: int) -> HttpResponseBase:
    """Removes a step."""
    found = _step(request, step_id)
    if request.POST.get("confirmation") != found.title:
        messages.error(request, f"Type {found.title} to remove this step.")
    elif press(request, delete_dunning_step, f"{found.title} is removed.", step_id=found.pk):
        return redirect("panel:dunning")
    return redirect("panel:dunning_step", found.pk)


def _step(request: HttpRequest, step_id: int) -> DunningStep:
    return get_object_or_404(DunningStep, pk=step_id, account=own_account(request))


def _events(request: HttpRequest) -> QuerySet[DunningEvent]:
    found = DunningEvent.objects.filter(account=own_account(request))
    return own_rows(request, found).select_related("customer", "invoice", "step")


def _way() -> list[Any]:
    return [*crumbs(("Money", ""), ("Dunning", reverse("panel:dunning")))]


urlpatterns = [
    path("dunning/", dunning, name="dunning"),
    path("dunning/new/", new_step, name="dunning_step_new"),
    path("dunning/history/", history, name="dunning_history"),
    path("dunning/<int:step_id>/", edit_step, name="dunning_step"),
    path("dunning/<int:step_id>/delete/", remove_step, name="dunning_step_delete"),
]
