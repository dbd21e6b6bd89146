"""Alerts: what is watched of customers and carriers, who is told, and what every alert has done."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.alert_watch import test_alert
from tollgate.actions.alerts import (
    LEVELS,
    PENALTIES_S,
    REPEATS_MIN,
    SAMPLES_MIN,
    TEMPLATES,
    create_alert,
    delete_alert,
    rule_of,
    update_alert,
)
from tollgate.core.alerts import ALWAYS, AREAS, COMPARED, condition, shown
from tollgate.core.templates_stock import STOCK
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.cells import enabled_column, excerpt, fixed, link
from tollgate.panel.company import CustomerField, name_one_of
from tollgate.panel.deleted_records import removed
from tollgate.panel.fields import LinesField, choices, pick, words
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.panel.suggestions import suggested
from tollgate.panel.tried import whole
from tollgate.store.models import Alert, AlertEvent, AlertState, Carrier, Customer, Tag
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import SEARCHABLE, MoneyField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

TONES = {"fired": "red", "repeated": "yellow", "cleared": "green", "tested": "blue"}
FIELDS = (
    "title", "enabled", "customer_id", "carrier_id", "tag_id", "area", "operator", "threshold_micros", "reset_micros",
    "sample_min", "penalty_s", "repeat_min", "repeat_hour", "level", "template", "recipients",
)  # fmt: skip


COMPANY = Coalesce("customer__name", "carrier__name")
"""Whose figures are watched: a customer's or a carrier's."""


FIRED = AlertState.objects.filter(alert=OuterRef("pk"), fired_at__isnull=False)
"""That an alert has fired and has not cleared since."""


def _owner(row: Any) -> str:
    return str(row.customer or row.carrier or f"Tag {row.tag}")


def _company_page(row: Any) -> str | None:
    """The page of whom it watches."""
    if row.customer_id is not None:
        return reverse("panel:customer", args=[row.customer_id])
    return None if row.carrier_id is None else reverse("panel:carrier", args=[row.carrier_id])


def _currency(row: Any) -> str:
    owner = row.customer or row.carrier
    return str(owner.currency) if owner else ""


def _value(row: Any) -> str:
    return "" if row.value_micros is None else shown(row.alert.area, row.value_micros, _currency(row))


LIST = Grid(
    name="alerts",
    columns=(
        Column("title", "Alert", sort="title", link=link("panel:alert", lambda row: row.pk)),
        Column("owner", "Company", value=_owner, link=_company_page),
        Column("area", "Area", value=lambda row: AREAS[row.area].title, sort="area", says=True),
        Column("condition", "Fires", value=lambda row: condition(row.area, rule_of(row), _currency(row)), says=True),
        Column("penalty", "Penalty", value=lambda row: PENALTIES_S[row.penalty_s], says=True),
        Column("repeat", "Repeats", value=lambda row: REPEATS_MIN[row.repeat_min], says=True),
        Column("recipients", "Tells", value=lambda row: ", ".join(row.recipients)),
        Column(
            "fired",
            "Now",
            value=lambda row: "Fired" if row.has_fired else "Armed",
            kind=Kind.BADGE,
            tone={"fired": "red", "armed": "green"},
        ),
        enabled_column(),
    ),
    filters=(
        Filter("area", "Area", "area", choices=tuple((key, area.title) for key, area in AREAS.items())),
        Filter("company", "Company", "company__icontains", suggest=suggested("customer")),
    ),
    sort="title",
    ticks=True,
    empty_text="No alerts yet. An alert watches a balance, the quality or the traffic of a customer or a carrier.",
    empty_url="/alerts/new/",
    empty_action="Add an alert",
)
HISTORY = Grid(
    name="alert_events",
    columns=(
        Column("at", "At (UTC)", kind=Kind.INSTANT, sort="id"),
        Column("alert", "Alert", value="alert.title", link=link("panel:alert", lambda row: row.alert_id)),
        Column("owner", "Company", value=lambda row: str(row.customer or row.carrier or ""), link=_company_page),
        Column("kind", "What", value=lambda row: words(row.kind), kind=Kind.BADGE, tone=TONES),
        Column("value", "Figure", value=_value, says=True),
        Column("words", "Note"),
    ),
    filters=(
        Filter("kind", "What", "kind", choices=tuple((kind, words(kind)) for kind in TONES)),
        Filter("alert", "Alert", "alert__title__icontains", suggest=suggested("alert")),
        Filter("company", "Company", "company__icontains", suggest=suggested("customer")),
    ),
    sort="-id",
    empty_text="No alert has fired in the last year.",
)


OF_TAG = replace(
    LIST,
    name="tag_alerts",
    columns=fixed(column for column in LIST.columns if column.name not in ("owner", "fired")),
    filters=(),
    ticks=False,
    compact=True,
    empty_text="No alerts of this tag.",
)
OF_CUSTOMER = replace(
    LIST,
    name="customer_alerts",
    columns=tuple(replace(column, title="Of") if column.name == "owner" else column for column in LIST.columns),
    filters=LIST.filters[:1],
    ticks=False,
    empty_text="No alerts watch this customer. One tells when its balance, quality or traffic is not as it should be.",
    empty_url="",
    empty_action="",
)
EVENTS_OF_CUSTOMER = replace(
    HISTORY,
    name="customer_alert_events",
    columns=fixed(column for column in HISTORY.columns if column.name != "owner"),
    filters=(),
    compact=True,
    page_size=15,
    empty_text="None has fired in the last year.",
)
OF_ALERT = replace(
    HISTORY,
    name="alert_events_of",
    columns=fixed(column for column in HISTORY.columns if column.name != "alert"),
    filters=(),
    compact=True,
)


class AlertForm(HouseForm):
    """Whose figure is watched, when it fires, what happens then."""

    widths = {"recipients": 8, "enabled": 4, "title": 8}
    title = forms.CharField(max_length=100)
    enabled = forms.BooleanField(required=False, initial=True, label="Enabled")
    customer_id = CustomerField(
        required=False, help_text="Its name or account number. One of customer, carrier and tag"
    )
    carrier_id = pick("Carrier", [], required=False)
    tag_id = pick("Tag", [], required=False, help_text="Each customer with it; its contacts are told too")
    area = forms.ChoiceField(choices=[(key, area.title) for key, area in AREAS.items()])
    operator = forms.ChoiceField(choices=[(sign, sign) for sign in COMPARED] + [(ALWAYS, "Always")])
    threshold_micros = MoneyField(
        label="Threshold", initial=0, help_text="Money, percent (ASR), seconds (ACD, PDD), calls (the others)"
    )
    reset_micros = MoneyField(
        label="Reset threshold", required=False, help_text="Armed again only past it; empty = past the threshold"
    )
    sample_min = forms.TypedChoiceField(
        label="Sample period", coerce=int, initial=5, choices=[(minutes, f"{minutes} min") for minutes in SAMPLES_MIN],
        help_text="Of ASR, ACD, PDD, CPS and failovers",
    )  # fmt: skip
    penalty_s = forms.TypedChoiceField(
        label="Penalty", coerce=int, initial=0, choices=list(PENALTIES_S.items()),
        help_text="The customer is blocked so long; a status set by hand stays",
    )  # fmt: skip
    repeat_min = forms.TypedChoiceField(
        label="Repeat", coerce=int, initial=0, choices=list(REPEATS_MIN.items()), help_text="While it holds"
    )
    repeat_hour = forms.TypedChoiceField(
        label="Repeat at", coerce=int, initial=8, choices=[(hour, f"{hour:02}:00") for hour in range(24)],
        help_text="Daily and weekly, by the clock of the account",
    )  # fmt: skip
    level = forms.ChoiceField(choices=choices(*LEVELS), initial="warning", help_text="The first word of the subject")
    template = forms.ChoiceField(choices=[(key, STOCK[key].title) for key in TEMPLATES])
    recipients = LinesField(required=False, label="Tells", help_text="Emails and mobile numbers, one to a line")

    def __init__(self, *arguments: Any, request: HttpRequest, **options: Any) -> None:
        super().__init__(*arguments, **options)
        account = own_account(request)
        watched = Q(deleted_at=None) | Q(pk=self.initial.get("customer_id"))
        name_one_of(self, Customer.objects.filter(watched, account=account))
        found: dict[str, QuerySet[Any]] = {
            "carrier_id": Carrier.objects.filter(account=account).order_by("name"),
            "tag_id": Tag.objects.filter(account=account).order_by("name"),
        }
        for name, rows in found.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [("", "None"), *((row.pk, str(row)) for row in rows)]
            field.widget.attrs.update(SEARCHABLE)


class ChangedAlertForm(AlertForm):
    """The same with the version that was opened."""

    versioned = True


@reading
def alerts(request: HttpRequest) -> HttpResponseBase:
    """Every alert and whether it has fired."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Traffic", ""))
    return respond(request, grid, source, template="panel/alerts.html", title="Alerts", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    found = _alerts(request).annotate(has_fired=Exists(FIRED))
    return LIST, QuerysetSource(queryset=found, search=("title__icontains", "customer__name__icontains"))


def of_customer(request: HttpRequest, customer: Customer) -> QuerysetSource:
    """What watches one customer: its own and those of its tags, and whether they have fired for it."""
    watching = Q(customer=customer) | Q(tag__in=customer.tags.values("pk"))
    found = _alerts(request).filter(watching).annotate(has_fired=Exists(FIRED.filter(customer=customer)))
    return QuerysetSource(queryset=found, search=("title__icontains",))


def events_of(request: HttpRequest, customer: Customer) -> QuerysetSource:
    """What alerts have done about one customer."""
    return QuerysetSource(queryset=_history(request).filter(customer=customer))


@writing("create_alert", shown_to_all=False)
def new_alert(request: HttpRequest) -> HttpResponseBase:
    """A new alert."""
    start = {"customer_id": whole(request, "customer") or None, "carrier_id": whole(request, "carrier") or None}
    form = AlertForm(posted(request), request=request, initial=start)
    if form.is_valid():
        done = saved(request, form, create_alert, account_id=own_account(request).pk, **changes(form))
        if done is not None:
            page = reverse("panel:alert", args=[done.pk])
            return after_save(request, f"{done.title} is created.", form_url=request.path, done_url=page)
    return render_form(
        request, form, title="New alert", breadcrumbs=_way(), back_url=reverse("panel:alerts"), save_title="Create"
    )


@writing("update_alert")
def edit_alert(request: HttpRequest, alert_id: int) -> HttpResponseBase:
    """One alert: its settings and what it has done."""
    found = _alert(request, alert_id)
    form = ChangedAlertForm(posted(request), request=request, initial=initial(found, FIELDS))
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_alert, alert_id=found.pk, version=version, **changes(form))
        if done is not None:
            page = reverse("panel:alerts")
            return after_save(request, f"{done.title} is saved.", form_url=request.path, done_url=page)
    source = QuerysetSource(queryset=_history(request).filter(alert=found))
    return render_form(
        request,
        form,
        template="panel/alert.html",
        title=as_is(found.title),
        breadcrumbs=_way(),
        back_url=reverse("panel:alerts"),
        can_stay=True,
        read_only=not may(request, "update_alert"),
        alert=found,
        history=excerpt(OF_ALERT, source),
    )


@writing("test_alert", shown_to_all=False)
def send_test(request: HttpRequest, alert_id: int) -> HttpResponseBase:
    """Tells the recipients as if it had fired."""
    found = _alert(request, alert_id)
    if request.method == "POST":
        press(request, test_alert, "The recipients are told: this is a test.", alert_id=found.pk)
    return redirect("panel:alert", found.pk)


@writing("delete_alert", shown_to_all=False)
def remove_alert(request: HttpRequest, alert_id: int) -> HttpResponseBase:
    """Removes an alert with its history."""
    found = _alert(request, alert_id)
    if request.POST.get("confirmation") != found.title:
        messages.error(request, f"Type {found.title} to remove this alert.")
    elif press(request, delete_alert, removed(request, found.title), alert_id=found.pk):
        return redirect("panel:alerts")
    return redirect("panel:alert", found.pk)


@reading
def history(request: HttpRequest) -> HttpResponseBase:
    """What every alert has done in the last year."""
    source = QuerysetSource(queryset=_history(request), search=("alert__title__icontains", "words__icontains"))
    return respond(request, HISTORY, source, template="panel/grid.html", title="Alert history", breadcrumbs=_way())


def _alerts(request: HttpRequest) -> QuerySet[Alert]:
    found = Alert.objects.filter(account=own_account(request)).select_related("customer", "carrier", "tag")
    return found.annotate(company=COMPANY)


def _alert(request: HttpRequest, alert_id: int) -> Alert:
    return get_object_or_404(_alerts(request), pk=alert_id)


def _history(request: HttpRequest) -> QuerySet[AlertEvent]:
    found = AlertEvent.objects.filter(alert__account=own_account(request))
    return found.select_related("alert", "customer", "carrier").annotate(company=COMPANY)


def _way() -> list[Any]:
    return [*crumbs(("Traffic", ""), ("Alerts", reverse("panel:alerts")))]


urlpatterns = [
    path("alerts/", alerts, name="alerts"),
    path("alerts/new/", new_alert, name="alert_new"),
    path("alerts/history/", history, name="alert_history"),
    path("alerts/<int:alert_id>/", edit_alert, name="alert"),
    path("alerts/<int:alert_id>/test/", send_test, name="alert_test"),
    path("alerts/<int:alert_id>/delete/", remove_alert, name="alert_delete"),
]
