"""Customers: the page of their list (customer_lists.py), their form, and the buttons of one.

The pages of one customer are in customer_pages.py.
"""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.customer_status import (
    approve_customer,
    end_fraud_hold,
    extend_customer,
    hold_for_fraud,
    reject_customer,
    set_customer_status,
)
from tollgate.actions.customer_successor import create_successor_customer
from tollgate.actions.customers import create_customer, delete_customer, restore_customer, update_customer
from tollgate.actions.domain_defaults import taken
from tollgate.actions.taxes import default_tax_ids
from tollgate.panel.access import current_user, may, own_account, own_customers, reading, writing
from tollgate.panel.customer_forms import (
    STATUS_WORDS,
    CustomerForm,
    NewCustomerForm,
    form_for,
    known_of,
)
from tollgate.panel.customer_lists import listed
from tollgate.panel.fields import InstantField
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import Customer, CustomerNote
from tollgate.ui.fields import CurrencyField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import respond
from tollgate.ui.phones import at_home
from tollgate.ui.words import as_is, worded

NOTES_SHOWN = 10


class StatusForm(HouseForm):
    """What a customer may do at all, and why."""

    widths = {"status": 4, "until": 4, "reason": 12}
    versioned = True
    status = forms.ChoiceField(choices=list(STATUS_WORDS.items()))  # type: ignore[assignment]  # as in CustomerForm
    until = InstantField(label="Until (UTC)", required=False, help_text="Inactive and penalty end by themselves then")
    reason = forms.CharField(max_length=500, required=False, help_text="Shown on its page and kept in the audit log")


class ExtensionForm(HouseForm):
    """How long a customer may call."""

    versioned = True
    until = InstantField(label="May call until (UTC)")


class FraudForm(HouseForm):
    """Why a customer is held for fraud, and until when."""

    widths = {"reason": 12, "until": 4, "end_calls": 8}
    reason = forms.CharField(max_length=450, help_text="What looks like fraud; the customer is not told")
    until = InstantField(label="Until (UTC)", required=False, help_text="Empty = until somebody ends it")
    end_calls = forms.BooleanField(required=False, label="End its live calls now")


class SuccessorForm(HouseForm):
    """The customer that takes the place of one in another currency."""

    name = forms.CharField(max_length=200)
    currency = CurrencyField(help_text="Cannot be changed later")


@reading
def customers(request: HttpRequest) -> HttpResponseBase:
    """The list: customers in service, or the deleted ones when their filter is chosen."""
    grid, source = listed(request, request.GET.dict())
    return respond(
        request,
        grid,
        source,
        template="panel/customers.html",
        title="Customers",
        breadcrumbs=crumbs(("Selling", "")),
        mine=current_user(request).pk,
    )


@writing("create_customer", shown_to_all=False)
def new_customer(request: HttpRequest) -> HttpResponseBase:
    """A new customer; then its page, where money, endpoints and routes are given."""
    account = own_account(request)
    sold_by = current_user(request).reseller_id
    begun = {"currency": account.currency, "status": "active", "tax_ids": default_tax_ids(account.pk)}
    start = {**begun, "parent_id": sold_by, **_start_of_domain(request)}
    form = NewCustomerForm(posted(request), initial=start, request=request, currency="")
    at_home(form, str(start.get("country") or account.country))
    if form.is_valid():
        given = form.given()
        done = saved(request, form, create_customer, account_id=account.pk, **given)
        if done is not None:
            place = reverse("panel:customer", args=[done.pk])
            return after_save(request, f"{done.name} is created.", form_url=request.path, done_url=place)
    return render_form(
        request,
        form,
        template="panel/form.html",
        title="New customer",
        breadcrumbs=_way(),
        back_url=reverse("panel:customers"),
        save_title="Create",
        can_stay=True,
    )


def _start_of_domain(request: HttpRequest) -> dict[str, Any]:
    """What the form begins with where the address names a portal domain: that which its new customers begin with."""
    named = request.GET.get("domain_id", "")
    known = known_of(request, "domain_id", {}).select_related("template_customer")
    domain = known.filter(pk=int(named)).first() if named.isdecimal() else None
    if domain is None:
        return {}
    template = own_customers(request).filter(template_of_domains=domain).first()
    currency = template.currency if template else own_account(request).currency
    if domain.currencies and currency not in domain.currencies:
        currency = domain.currencies[0]
    begun = taken(domain, currency, {}) if template else {}
    return {**begun, "currency": currency, "domain_id": domain.pk}


@writing("update_customer")
def edit_customer(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """The settings of one customer."""
    customer = _customer(request, customer_id)
    names = [name for _, fields in CustomerForm.tabs for name in fields if name != "note"]
    form_class = form_for(request, customer)
    start = initial(customer, names)
    form = form_class(posted(request), initial=start, request=request, currency=customer.currency)
    at_home(form, customer.country)
    form.show_notes(request, CustomerNote.objects.filter(customer=customer).order_by("-id")[:NOTES_SHOWN])
    here, page = request.path, reverse("panel:customer", args=[customer.pk])
    if form.is_valid():
        version, values = form.cleaned_data["version"], changes(form, leave_out=["parent_confirmed"])
        done = saved(request, form, update_customer, customer_id=customer.pk, version=version, **values)
        if done is not None:
            return after_save(request, f"{customer.name} is saved.", form_url=here, done_url=page)
    return render_form(
        request,
        form,
        template="panel/form.html",
        title=worded("{name}: settings", name=customer.name),
        breadcrumbs=_way(customer),
        back_url=page,
        can_stay=True,
        read_only=not may(request, "update_customer"),
    )


@writing("set_customer_status", shown_to_all=False)
def change_status(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """The status of one customer, with its reason and its end."""
    customer = _customer(request, customer_id)
    now = {"status": customer.status, "until": customer.status_until, "reason": customer.status_reason}
    form = StatusForm(posted(request), initial={**now, "version": customer.version})
    arguments = ("status", "until", "reason")
    return _small_form(request, customer, form, set_customer_status, button="Change the status", arguments=arguments)


@writing("hold_for_fraud", shown_to_all=False)
def fraud(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Blocks one customer because its traffic looks like fraud."""
    customer = _customer(request, customer_id)
    form = FraudForm(posted(request))
    page = reverse("panel:customer", args=[customer.pk])
    if (
        form.is_valid()
        and saved(request, form, hold_for_fraud, customer_id=customer.pk, **form.cleaned_data) is not None
    ):
        return after_save(request, f"{customer.name} is held for fraud.", form_url=request.path, done_url=page)
    title = worded("{name}: hold for fraud", name=customer.name)
    return render_form(request, form, title=title, breadcrumbs=_way(customer), back_url=page, save_title="Hold it")


@writing("end_fraud_hold", shown_to_all=False)
def end_fraud(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Gives one customer back what it may do."""
    customer = _customer(request, customer_id)
    if request.method == "POST":
        press(request, end_fraud_hold, f"{customer.name} is held for fraud no more.", customer_id=customer.pk)
    return redirect("panel:customer", customer.pk)


@writing("extend_customer", shown_to_all=False)
def extend(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """A later end of a customer's validity."""
    customer = _customer(request, customer_id)
    form = ExtensionForm(posted(request), initial={"until": customer.expires_at, "version": customer.version})
    return _small_form(request, customer, form, extend_customer, button="Extend its validity", arguments=("until",))


@writing("create_successor_customer", shown_to_all=False)
def new_successor(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """A customer like this one in another currency."""
    customer = _customer(request, customer_id)
    form = SuccessorForm(posted(request), initial={"name": f"{customer.name} 2"})
    if form.is_valid():
        done = saved(request, form, create_successor_customer, customer_id=customer.pk, **changes(form))
        if done is not None:
            page = reverse("panel:customer", args=[done.pk])
            return after_save(request, f"{done.name} is created.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        title=worded("{name}: move to another currency", name=customer.name),
        breadcrumbs=_way(customer),
        back_url=reverse("panel:customer", args=[customer.pk]),
        save_title="Create the successor",
    )


@writing("approve_customer", shown_to_all=False)
def approve(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Lets a waiting customer call."""
    customer = _customer(request, customer_id)
    if request.method == "POST":
        press(request, approve_customer, f"{customer.name} is approved.", customer_id=customer.pk)
    return redirect("panel:customer", customer.pk)


@writing("reject_customer", shown_to_all=False)
def reject(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Turns a waiting customer down."""
    customer = _customer(request, customer_id)
    if request.method == "POST":
        reason = request.POST.get("reason", "")
        press(request, reject_customer, f"{customer.name} is rejected.", customer_id=customer.pk, reason=reason)
    return redirect("panel:customer", customer.pk)


@writing("delete_customer", shown_to_all=False)
def remove_customer(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Deletes one customer softly: it keeps its number, its money and its calls, and may be restored."""
    customer = get_object_or_404(own_customers(request), pk=customer_id)
    if request.POST.get("confirmation") != customer.name:
        messages.error(request, f"Type {customer.name} to delete this customer.")
    elif press(request, delete_customer, f"{customer.name} is deleted.", customer_id=customer.pk):
        return redirect("panel:customers")
    return redirect("panel:customer", customer.pk)


@writing("restore_customer", shown_to_all=False)
def bring_back_customer(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Puts one deleted customer back into service."""
    customer = get_object_or_404(own_customers(request), pk=customer_id)
    if request.method == "POST":
        press(request, restore_customer, f"{customer.name} is restored.", customer_id=customer.pk)
    return redirect("panel:customer", customer.pk)


def _customer(request: HttpRequest, customer_id: int) -> Customer:
    return get_object_or_404(own_customers(request).prefetch_related("tags"), pk=customer_id, deleted_at=None)


def _small_form(
    request: HttpRequest, customer: Customer, form: HouseForm, act: Any, *, button: str, arguments: Sequence[str]
) -> HttpResponseBase:
    """A form about one customer with the act's arguments."""
    page = reverse("panel:customer", args=[customer.pk])
    if form.is_valid():
        given = {name: value for name, value in form.cleaned_data.items() if name in arguments}
        if (
            saved(request, form, act, customer_id=customer.pk, version=form.cleaned_data["version"], **given)
            is not None
        ):
            return after_save(request, f"{customer.name} is saved.", form_url=request.path, done_url=page)
    title = worded("{name}: {button}", name=customer.name, button=worded(button.lower()))
    return render_form(request, form, title=title, breadcrumbs=_way(customer), back_url=page, save_title=button)


def _way(customer: Customer | None = None) -> list[Any]:
    steps = [("Selling", ""), ("Customers", reverse("panel:customers"))]
    if customer is not None:
        steps.append((as_is(customer.name), reverse("panel:customer", args=[customer.pk])))
    return crumbs(*steps)


urlpatterns = [
    path("customers/", customers, name="customers"),
    path("customers/new/", new_customer, name="customer_new"),
    path("customers/<int:customer_id>/edit/", edit_customer, name="customer_edit"),
    path("customers/<int:customer_id>/status/", change_status, name="customer_status_edit"),
    path("customers/<int:customer_id>/fraud/", fraud, name="customer_fraud"),
    path("customers/<int:customer_id>/fraud/end/", end_fraud, name="customer_fraud_end"),
    path("customers/<int:customer_id>/extend/", extend, name="customer_extend"),
    path("customers/<int:customer_id>/successor/", new_successor, name="customer_successor_new"),
    path("customers/<int:customer_id>/approve/", approve, name="customer_approve"),
    path("customers/<int:customer_id>/reject/", reject, name="customer_reject"),
    path("customers/<int:customer_id>/delete/", remove_customer, name="customer_delete"),
    path("customers/<int:customer_id>/restore/", bring_back_customer, name="customer_restore"),
]
