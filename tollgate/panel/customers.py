"""Customers: the list, and the form for one. The pages of one customer are in customer_pages.py."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.html import format_html

from tollgate.actions.customers import create_customer, delete_customer, restore_customer, update_customer
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.cells import limit, link, status_column
from tollgate.panel.fields import ChannelsField, CpsField, InstantField, choices, pick
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import Account, Customer
from tollgate.store.queries.customers import with_figures
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import CurrencyField, DurationField, MoneyField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.hours import HoursField
from tollgate.ui.sources import QuerysetSource

STATUSES = ("active", "inactive", "penalty", "pending")


def _lacks(customer: Any) -> str | None:
    """What keeps the customer from calling."""
    needs = (("no endpoint", customer.has_endpoint), ("no route", customer.has_route))
    return ", ".join(words for words, there in needs if not there) or None


LIST = Grid(
    name="customers",
    columns=(
        Column("name", "Customer", sort="name", link=link("panel:customer", lambda row: row.pk)),
        Column("lacks", "Warnings", value=_lacks, kind=Kind.BADGE, tone=lambda _: "yellow"),
        Column("number", "Number", sort="number"),
        Column(
            "balance", "Balance", value="balance_micros", kind=Kind.MONEY, currency="currency", sort="balance_micros"
        ),
        Column(
            "credit",
            "Debit limit",
            value="debit_limit_micros",
            kind=Kind.MONEY,
            currency="currency",
            sort="debit_limit_micros",
            hidden=True,
        ),
        Column("live", "Live channels", value="live_channels", kind=Kind.COUNT, sort="live_channels"),
        Column("allowed", "Allowed channels", value=lambda row: limit(row.channels), sort="channels"),
        status_column(),
        Column("reseller", "Reseller", value="parent.name", link=link("panel:customer", lambda row: row.parent_id)),
        Column("last_call_at", "Last call (UTC)", kind=Kind.INSTANT),
    ),
    filters=(
        Filter("status", "Status", "status", choices=tuple(choices(*STATUSES))),
        Filter("shown", "Shown", "shown", choices=(("in_service", "In service"), ("deleted", "Deleted"))),
    ),
    sort="name",
    empty_text="No customers yet. A customer buys calls: add one, then give it an endpoint and a route.",
    empty_url="/customers/new/",
    empty_action="Add a customer",
)


class CustomerForm(HouseForm):
    """Every field of a customer that calls obey, and its names."""

    tabs = [
        ("Basic", ["name", "company", "reference", "status", "parent_id", "is_reseller"]),
        (
            "Limits",
            [
                "channels",
                "cps_milli",
                "max_duration_s",
                "debit_limit_micros",
                "daily_spend_limit_micros",
                "expires_at",
                "valid_days",
                "recording",
            ],
        ),
        ("Verification", ["email_verification", "mobile_verification"]),
        ("Day/Time", ["hours"]),
    ]
    widths = {"hours": 12, "is_reseller": 12, "recording": 12}
    versioned = True

    name = forms.CharField(max_length=200)
    company = forms.CharField(max_length=200, required=False)
    reference = forms.CharField(max_length=200, required=False, help_text="Your own name for it in other systems")
    status = forms.ChoiceField(choices=choices(*STATUSES), help_text="Only an active customer may call")  # type: ignore[assignment]  # Django takes fields out of the class
    parent_id = pick("Reseller", [], required=False, help_text="Who sells to this customer, if not you")
    is_reseller = forms.BooleanField(required=False, label="May own customers (reseller)")
    channels = ChannelsField()
    cps_milli = CpsField(label="New calls per second", help_text="0 = no limit")
    max_duration_s = DurationField(label="Longest call", least=1, initial=3600)
    debit_limit_micros = MoneyField(
        label="Debit limit",
        initial=0,
        help_text="Above zero: a credit line, how far below zero the balance may go. "
        "Below zero: a reserve that calls never touch.",
    )
    daily_spend_limit_micros = MoneyField(
        label="Daily spend limit", least=0, required=False, help_text="Per UTC day; empty = no limit"
    )
    expires_at = InstantField(label="Expires at (UTC)", required=False, help_text="New calls are refused from then on")
    valid_days = forms.IntegerField(
        label="Valid days", min_value=1, max_value=36_500, required=False, help_text="Counted from the first call"
    )
    recording = forms.BooleanField(required=False, label="Calls may be recorded")
    email_verification = forms.BooleanField(required=False, label="Calls only after a contact's email is verified")
    mobile_verification = forms.BooleanField(required=False, label="Calls only after a contact's mobile is verified")
    hours = HoursField(required=False, label="When calls are allowed")

    def __init__(self, *arguments: Any, account: Account, currency: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        resellers = Customer.objects.filter(account=account, is_reseller=True, deleted_at=None).order_by("name")
        field = self.fields["parent_id"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [("", "None: sold by you"), *((row.pk, row.name) for row in resellers)]
        self.fields["hours"].widget.attrs["data-default-zone"] = account.zone
        for name in ("debit_limit_micros", "daily_spend_limit_micros"):
            self.set_unit(name, currency)


class NewCustomerForm(CustomerForm):
    """The same with the currency, which is chosen once."""

    tabs = [("Basic", [*CustomerForm.tabs[0][1], "currency"]), *CustomerForm.tabs[1:]]
    versioned = False
    currency = CurrencyField(help_text="Cannot be changed later")


@reading
def customers(request: HttpRequest) -> HttpResponseBase:
    """The list: customers in service, or the deleted ones when their filter is chosen."""
    deleted = request.GET.get("f.shown") == "deleted"
    source = QuerysetSource(
        queryset=with_figures(own_account(request), datetime.now(UTC), deleted=deleted),
        search=("name__icontains", "number__startswith", "company__icontains", "reference__icontains"),
    )
    return respond(
        request,
        LIST,
        source,
        template="panel/customers.html",
        title="Customers",
        breadcrumbs=crumbs(("Selling", "")),
    )


@writing("create_customer", shown_to_all=False)
def new_customer(request: HttpRequest) -> HttpResponseBase:
    """A new customer; then its page, where money, endpoints and routes are given."""
    account = own_account(request)
    start = {"currency": account.currency, "status": "active"}
    form = NewCustomerForm(posted(request), initial=start, account=account, currency="")
    if form.is_valid():
        done = saved(request, form, create_customer, account_id=account.pk, **changes(form))
        if done is not None:
            place = reverse("panel:customer", args=[done.pk])
            return after_save(request, f"{done.name} is created.", form_url=place, done_url=place)
    return render_form(
        request,
        form,
        title="New customer",
        breadcrumbs=crumbs(("Selling", ""), ("Customers", reverse("panel:customers"))),
        back_url=reverse("panel:customers"),
        save_title="Create",
    )


@writing("update_customer")
def edit_customer(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """The settings of one customer."""
    account = own_account(request)
    customer = get_object_or_404(Customer, pk=customer_id, account=account, deleted_at=None)
    names = [name for _, fields in CustomerForm.tabs for name in fields]
    form = CustomerForm(posted(request), initial=initial(customer, names), account=account, currency=customer.currency)
    here, page = request.path, reverse("panel:customer", args=[customer.pk])
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_customer, customer_id=customer.pk, version=version, **changes(form))
        if done is not None:
            return after_save(request, f"{customer.name} is saved.", form_url=here, done_url=page)
    return render_form(
        request,
        form,
        title=f"{customer.name}: settings",
        breadcrumbs=crumbs(("Selling", ""), ("Customers", reverse("panel:customers")), (customer.name, page)),
        back_url=page,
        can_stay=True,
        read_only=not may(request, "update_customer"),
    )


@writing("delete_customer", shown_to_all=False)
def remove_customer(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Deletes one customer softly: it keeps its number, its money and its calls, and may be restored."""
    customer = get_object_or_404(Customer, pk=customer_id, account=own_account(request))
    if request.POST.get("confirmation") != customer.name:
        messages.error(request, format_html("Type {} to delete this customer.", customer.name))
    elif press(request, delete_customer, f"{customer.name} is deleted.", customer_id=customer.pk):
        return redirect("panel:customers")
    return redirect("panel:customer", customer.pk)


@writing("restore_customer", shown_to_all=False)
def bring_back_customer(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Puts one deleted customer back into service."""
    customer = get_object_or_404(Customer, pk=customer_id, account=own_account(request))
    if request.method == "POST":
        press(request, restore_customer, f"{customer.name} is restored.", customer_id=customer.pk)
    return redirect("panel:customer", customer.pk)


urlpatterns = [
    path("customers/", customers, name="customers"),
    path("customers/new/", new_customer, name="customer_new"),
    path("customers/<int:customer_id>/edit/", edit_customer, name="customer_edit"),
    path("customers/<int:customer_id>/delete/", remove_customer, name="customer_delete"),
    path("customers/<int:customer_id>/restore/", bring_back_customer, name="customer_restore"),
]
