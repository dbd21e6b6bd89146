"""The pages of one customer: money, contacts, endpoints, routes, CDRs and history, each with an address of its own."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse

from tollgate.actions.wallets import adjust, top_up
from tollgate.panel import audit, calls, contacts, endpoints, entries, routes
from tollgate.panel.access import own_account, reading, writing
from tollgate.panel.cells import excerpt
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, posted, saved
from tollgate.store.models import Account, Audit, Contact, Customer, Endpoint, IngressRoute
from tollgate.store.queries import calls as call_queries
from tollgate.store.queries.customers import entries as entries_of
from tollgate.store.queries.customers import spent_today_micros, wallet_of
from tollgate.ui.fields import MoneyField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import respond
from tollgate.ui.sources import QuerysetSource

TABS = (
    ("main", "Main", "panel:customer"),
    ("contacts", "Contacts", "panel:customer_contacts"),
    ("auth", "Auth", "panel:customer_auth"),
    ("routing", "Routing", "panel:customer_routing"),
    ("cdrs", "CDRs", "panel:customer_cdrs"),
    ("audit", "Audit", "panel:customer_audit"),
)
OF_DELETED = ("main", "cdrs", "audit")
"""What there is to see of a deleted customer."""


class TopUpForm(HouseForm):
    """Money received from the customer. The key makes a second press of the button harmless."""

    widths = {"amount_micros": 6, "note": 6}
    amount_micros = MoneyField(label="Amount", least=1)
    note = forms.CharField(max_length=1000, required=False, help_text="Such as the bank's reference")
    key = forms.CharField(max_length=100, widget=forms.HiddenInput)

    def __init__(self, *arguments: Any, currency: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.set_unit("amount_micros", currency)
        self.fields["key"].initial = lambda: uuid4().hex


class AdjustmentForm(TopUpForm):
    """A correction in either direction, with its reason."""

    amount_micros = MoneyField(label="Amount", help_text="Above zero gives to the customer, below zero takes")
    note = forms.CharField(max_length=1000, label="Reason")


@reading
def main(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Money now, live calls, the latest entries."""
    customer = _customer(request, customer_id, deleted=True)
    wallet = wallet_of(customer)
    latest = QuerysetSource(queryset=entries_of(customer.account).filter(wallet=wallet))
    live = QuerysetSource(queryset=call_queries.live_calls(customer.account).filter(customer=customer))
    return _page(
        request,
        customer,
        "main",
        wallet=wallet,
        spent_micros=spent_today_micros(wallet, datetime.now(UTC).date()),
        has_endpoint=Endpoint.objects.filter(customer=customer, enabled=True).exists(),
        has_route=IngressRoute.objects.filter(customer=customer, enabled=True).exists(),
        top_up_form=TopUpForm(currency=customer.currency),
        entries=excerpt(entries.OF_WALLET, latest),
        live=excerpt(calls.LIVE_OF_CUSTOMER, live),
    )


@writing("top_up", shown_to_all=False)
def new_top_up(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Books money received."""
    return _posting(request, customer_id, TopUpForm, "Top up", lambda c: (top_up, {"customer_id": c.pk}))


@writing("adjust", shown_to_all=False)
def new_adjustment(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Corrects the balance with a reason."""
    return _posting(request, customer_id, AdjustmentForm, "Adjust", lambda c: (adjust, {"wallet_id": wallet_of(c).pk}))


@reading
def contact_list(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """The people at the customer."""
    customer = _customer(request, customer_id)
    source = QuerysetSource(queryset=Contact.objects.filter(customer=customer))
    return _page(request, customer, "contacts", grid=contacts.LIST.page(request.GET.dict(), source))


@reading
def auth(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Where the customer calls from."""
    customer = _customer(request, customer_id)
    source = QuerysetSource(queryset=Endpoint.objects.filter(customer=customer))
    return _page(request, customer, "auth", grid=endpoints.OF_CUSTOMER.page(request.GET.dict(), source))


@reading
def routing(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """What the customer may call, and at which card."""
    customer = _customer(request, customer_id)
    source = QuerysetSource(queryset=routes.listed(IngressRoute.objects.filter(customer=customer)))
    return _page(request, customer, "routing", grid=routes.OF_CUSTOMER.page(request.GET.dict(), source))


@reading
def cdrs(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """The customer's calls that have ended."""
    customer = _customer(request, customer_id, deleted=True)
    source = QuerysetSource(queryset=call_queries.cdrs(customer.account).filter(customer=customer))
    return _list_page(request, customer, "cdrs", calls.CDRS_OF_CUSTOMER, source)


@reading
def history(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Who changed this customer's own fields, and how."""
    customer = _customer(request, customer_id, deleted=True)
    source = QuerysetSource(queryset=Audit.objects.filter(table_name="customer", row_id=customer.pk))
    return _list_page(request, customer, "audit", audit.OF_RECORD, source)


def _customer(request: HttpRequest, customer_id: int, *, deleted: bool = False) -> Customer:
    """The customer of the address; a deleted one only where there is something to see of it."""
    account: Account = own_account(request)
    found = Customer.objects.select_related("account", "parent")
    if not deleted:
        found = found.filter(deleted_at=None)
    return get_object_or_404(found, pk=customer_id, account=account)


def _context(customer: Customer, tab: str) -> dict[str, Any]:
    title = {name: title for name, title, _ in TABS}[tab]
    tabs = [found for found in TABS if customer.deleted_at is None or found[0] in OF_DELETED]
    return {
        "title": customer.name,
        "tab_title": title,
        "customer": customer,
        "tab": tab,
        "tabs": [(name, words, reverse(address, args=[customer.pk])) for name, words, address in tabs],
        "breadcrumbs": crumbs(("Selling", ""), ("Customers", reverse("panel:customers"))),
    }


def _page(request: HttpRequest, customer: Customer, tab: str, **more: object) -> HttpResponseBase:
    return render(request, f"panel/customer_{tab}.html", {**_context(customer, tab), **more})


def _list_page(request: HttpRequest, customer: Customer, tab: str, grid: Any, source: Any) -> HttpResponseBase:
    return respond(request, grid, source, template="panel/customer_list.html", **_context(customer, tab))


def _posting(
    request: HttpRequest,
    customer_id: int,
    form_class: type[TopUpForm],
    words: str,
    act_of: Callable[[Customer], tuple[Callable[..., Any], dict[str, int]]],
) -> HttpResponseBase:
    """A form that books money: its page, or the customer's page once it is booked."""
    customer = _customer(request, customer_id)
    page = reverse("panel:customer", args=[customer.pk])
    form = form_class(posted(request), currency=customer.currency)
    if form.is_valid():
        act, whom = act_of(customer)
        if saved(request, form, act, **whom, **form.cleaned_data) is not None:
            return after_save(request, "The entry is booked.", form_url=page, done_url=page)
    way = crumbs(("Customers", reverse("panel:customers")), (customer.name, page))
    title = f"{words}: {customer.name}"
    return render_form(request, form, title=title, breadcrumbs=way, back_url=page, save_title=words)


urlpatterns = [
    path("customers/<int:customer_id>/", main, name="customer"),
    path("customers/<int:customer_id>/contacts/", contact_list, name="customer_contacts"),
    path("customers/<int:customer_id>/auth/", auth, name="customer_auth"),
    path("customers/<int:customer_id>/routing/", routing, name="customer_routing"),
    path("customers/<int:customer_id>/cdrs/", cdrs, name="customer_cdrs"),
    path("customers/<int:customer_id>/audit/", history, name="customer_audit"),
    path("customers/<int:customer_id>/top-up/", new_top_up, name="customer_top_up"),
    path("customers/<int:customer_id>/adjust/", new_adjustment, name="customer_adjust"),
]
