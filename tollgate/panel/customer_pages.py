"""The pages of one customer: overview, endpoints, routing, money, CDRs and history, each with an address of its own.

To add a tab: its line in `TABS`, a view that calls `_page` with its name, and the template `customer_<name>.html`.
Those about its traffic are in customer_traffic.py.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Sum
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django_countries import countries

from tollgate.actions.customer_notes import add_customer_note, delete_customer_note
from tollgate.actions.holds import held_for_fraud
from tollgate.actions.portal_domains import shown_sections
from tollgate.actions.wallets import adjust, top_up
from tollgate.core.areas import AREAS
from tollgate.core.lake import Condition, Group
from tollgate.panel import (
    alerts,
    aliases,
    audit,
    calls,
    cli_rules,
    clis,
    conferences,
    contacts,
    customer_packages,
    dids,
    endpoints,
    entries,
    invoices,
    mandates,
    number_blocks,
    payment_rows,
    pins,
    routes,
    summaries,
    vat_checks,
)
from tollgate.panel.access import own_customers, reach, reading, rights, writing
from tollgate.panel.call_search import CallSource
from tollgate.panel.cells import excerpt
from tollgate.panel.customer_forms import SECTION_WORDS, STATUS_WORDS
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, posted, press, saved
from tollgate.store.models import (
    AutoTopUp,
    Customer,
    CustomerNote,
    Endpoint,
    IngressRoute,
    Payment,
)
from tollgate.store.queries import calls as call_queries
from tollgate.store.queries.customers import entries as entries_of
from tollgate.store.queries.customers import spent_today_micros, today_of, wallet_of, with_end
from tollgate.store.queries.invoice_lists import invoices_of
from tollgate.store.queries.obeyed import obeyed_of
from tollgate.store.queries.packages import recording_package
from tollgate.ui.fields import MoneyField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import part, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, worded

TABS = (
    ("main", "Main", "panel:customer", "customers"),
    ("auth", "Auth", "panel:customer_auth", "endpoints"),
    ("aliases", "Aliases", "panel:customer_aliases", "aliases"),
    ("routing", "Routing", "panel:customer_routing", "routes"),
    ("dids", "DID", "panel:customer_dids", "dids"),
    ("payments", "Payments", "panel:customer_payments", "money"),
    ("invoices", "Invoices", "panel:customer_invoices", "invoices"),
    ("packages", "Packages", "panel:customer_packages", "packages"),
    ("stats", "Stats", "panel:customer_stats", "summaries"),
    ("route_stats", "Route stats", "panel:customer_route_stats", "summaries"),
    ("latest", "Latest calls", "panel:customer_latest", "calls"),
    ("dialogs", "Dialogs", "panel:customer_dialogs", "calls"),
    ("cdrs", "CDRs", "panel:customer_cdrs", "calls"),
    ("alerts", "Alerts", "panel:customer_alerts", "alerts"),
    ("audit", "Audit", "panel:customer_audit", "audit"),
)
"""Name, words, address, and the area one must be let into."""
OF_DELETED = ("main", "auth", "payments", "packages", "invoices", "stats", "route_stats", "latest", "cdrs", "audit")
"""What there is to see of a deleted customer; what others may want again is removed on its page Auth."""
NOTES_SHOWN = 50


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
def main(request: HttpRequest, customer_id: int, span: str = "hour") -> HttpResponseBase:
    """Its people, its traffic of today and summary, live calls, notes and facts."""
    customer = customer_of(request, customer_id, deleted=True)
    at = datetime.now(UTC)
    people = part(request, *contacts.at_customer(request, customer)) if rights(request).reads("contacts") else None
    if isinstance(people, HttpResponseBase):
        return people
    live = QuerysetSource(queryset=call_queries.live_calls(customer.account).filter(customer=customer))
    show, hide = customer.portal_show, customer.portal_hide
    sections = shown_sections(customer.domain, show=show, hide=hide)
    more = {
        "today": today_of(customer.account, [customer.pk], at)[customer.pk],
        "contacts": people,
        "blocks": number_blocks.of_customer(customer),
        "blocks_configured": number_blocks.configured(request),
        "live": excerpt(calls.as_allowed(request, calls.LIVE_OF_CUSTOMER), live),
        "notes": CustomerNote.objects.filter(customer=customer).order_by("-id")[:NOTES_SHOWN],
        "sections": ", ".join(SECTION_WORDS[name] for name in sections),
        "tags": customer.tags.order_by("name"),
        "address": _address(customer),
        "obeyed": obeyed_of("customer", customer.pk, at),
    }
    if not rights(request).reads("summaries"):
        return _page(request, customer, "main", **more)
    grid, source, told = summaries.context_of(request, customer, span)
    context = {**context_of(request, customer, "main"), **told, **more}
    return respond(request, grid, source, template="panel/customer_main.html", **context)


@reading
def auth(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Where the customer calls from; of a deleted one what may be removed, so that others can have it."""
    customer = customer_of(request, customer_id, area="endpoints", deleted=True)
    rooms = part(request, *conferences.at_customer(request, customer))
    if isinstance(rooms, HttpResponseBase):
        return rooms
    more = {"rooms": rooms, "may_add_room": conferences.may_add(request), **pins.of_customer(request, customer)}
    context = context_of(request, customer, "auth")
    grid, source = endpoints.at_customer(request, customer)
    return respond(request, grid, source, template="panel/customer_auth.html", **context, **more)


@reading
def customer_aliases(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Numbers that stand for others, its own and those of all customers."""
    customer = customer_of(request, customer_id, area="aliases")
    more: dict[str, Any] = {}
    if reach(request) is None:
        more["shared"] = excerpt(aliases.OF_ALL, aliases.of_all(customer))
    context = context_of(request, customer, "aliases")
    own = aliases.of_customer(customer)
    return respond(request, aliases.OF_CUSTOMER, own, template="panel/customer_aliases.html", **context, **more)


@reading
def routing(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """What the customer may call, at which card, and the callers' numbers it may show."""
    customer = customer_of(request, customer_id, area="routes")
    known = part(request, *clis.at_customer(request, customer)) if rights(request).reads("clis") else None
    if isinstance(known, HttpResponseBase):
        return known
    of_tags = IngressRoute.objects.filter(tag__customers=customer, card__currency=customer.currency)
    grid, source = routes.at_customer(request, customer)
    return respond(
        request,
        grid,
        source,
        template="panel/customer_routing.html",
        **context_of(request, customer, "routing"),
        of_tags=excerpt(routes.as_allowed(request, routes.OF_TAGS), QuerysetSource(queryset=routes.listed(of_tags))),
        clis=known,
        rules=excerpt(cli_rules.OF_CUSTOMER, QuerysetSource(queryset=cli_rules.of_customer(request, customer))),
    )


@reading
def customer_dids(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """The numbers of the public network by which the customer is called."""
    customer = customer_of(request, customer_id, area="dids")
    grid, source = dids.of_customer(request, customer)
    context = {**context_of(request, customer, "dids"), "may_add_did": dids.may_add(request)}
    return respond(request, grid, source, template="panel/customer_dids.html", **context)


@reading
def payments(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """The wallet and every entry in it."""
    customer = customer_of(request, customer_id, area="money", deleted=True)
    wallet = wallet_of(customer)
    source = QuerysetSource(queryset=entries_of(customer.account).filter(wallet=wallet))
    leaving = Payment.objects.filter(customer=customer, leaving_micros__gt=0).aggregate(micros=Sum("leaving_micros"))
    return _page(
        request,
        customer,
        "payments",
        leaving_micros=leaving["micros"],
        spent_micros=spent_today_micros(wallet, datetime.now(UTC).date()),
        top_up_form=TopUpForm(currency=customer.currency),
        payments=payment_rows.of_customer(request, customer) if rights(request).reads("payments") else None,
        auto_top_up=AutoTopUp.objects.filter(customer=customer).select_related("gateway").first(),
        mandates=mandates.of_customer(customer) if rights(request).reads("bank_files") else None,
        entries=calls.as_allowed(request, entries.OF_WALLET).page(request.GET.dict(), source),
    )


@reading
def customer_invoices(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Its invoices, receipts and notes."""
    customer = customer_of(request, customer_id, area="invoices", deleted=True)
    source = QuerysetSource(queryset=invoices_of(customer, invoices.today()), search=invoices.SEARCH)
    context = {**context_of(request, customer, "invoices"), "vat": vat_checks.of_customer(request, customer)}
    return respond(request, invoices.OF_CUSTOMER, source, template="panel/customer_invoices.html", **context)


@reading
def packages(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """What the customer holds beside calls, and what is left of its free minutes."""
    customer = customer_of(request, customer_id, area="packages", deleted=True)
    return _page(request, customer, "packages", **customer_packages.of_customer(customer))


@reading
def cdrs(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """The customer's calls that have ended."""
    customer = customer_of(request, customer_id, area="calls", deleted=True)
    own = Group((Condition("customer_id", "eq", customer.pk),))
    source = CallSource(customer.account, reach(request), datetime.now(UTC), own)
    context = context_of(request, customer, "cdrs")
    return calls.respond_with_calls(
        request, calls.CDRS_OF_CUSTOMER, source, template="panel/customer_cdrs.html", **context
    )


@reading
def customer_alerts(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """What is watched of the customer."""
    customer = customer_of(request, customer_id, area="alerts")
    context = context_of(request, customer, "alerts")
    context["events"] = excerpt(alerts.EVENTS_OF_CUSTOMER, alerts.events_of(request, customer))
    source = alerts.of_customer(request, customer)
    return respond(request, alerts.OF_CUSTOMER, source, template="panel/customer_alerts.html", **context)


@reading
def history(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Who changed this customer and what belongs to it, and how."""
    customer = customer_of(request, customer_id, area="audit", deleted=True)
    source = audit.source_of(request, audit.of_customer(request, customer), of_one=True)
    return _list_page(request, customer, "audit", audit.as_seen(request, audit.OF_CUSTOMER), source)


@writing("top_up", shown_to_all=False)
def new_top_up(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Books money received."""
    return _posting(request, customer_id, TopUpForm, "Top up", lambda c: (top_up, {"customer_id": c.pk}))


@writing("adjust", shown_to_all=False)
def new_adjustment(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Corrects the balance with a reason."""
    return _posting(request, customer_id, AdjustmentForm, "Adjust", lambda c: (adjust, {"wallet_id": wallet_of(c).pk}))


@writing("add_customer_note", shown_to_all=False)
def add_note(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Writes a note about the customer."""
    customer = customer_of(request, customer_id)
    if request.method == "POST":
        text = request.POST.get("text", "")
        press(request, add_customer_note, "The note is kept.", customer_id=customer.pk, text=text)
    return redirect("panel:customer", customer.pk)


@writing("delete_customer_note", shown_to_all=False)
def delete_note(request: HttpRequest, customer_id: int, note_id: int) -> HttpResponseBase:
    """Takes a note back."""
    customer = customer_of(request, customer_id)
    note = get_object_or_404(CustomerNote, pk=note_id, customer=customer)
    if request.method == "POST":
        press(request, delete_customer_note, "The note is deleted.", note_id=note.pk)
    return redirect("panel:customer", customer.pk)


def customer_of(request: HttpRequest, customer_id: int, *, area: str = "customers", deleted: bool = False) -> Any:
    """The customer of the address; a deleted one only where there is something to see of it.

    Raises PermissionDenied where the user may not read the area of the page.
    """
    if not rights(request).reads(area):
        raise PermissionDenied(f"None of your groups may read {AREAS[area].title}.")
    related = ("account", "parent", "account_manager", "domain", "localization", "recording_space")
    found = with_end(own_customers(request)).annotate(recording_package=recording_package()).select_related(*related)
    if not deleted:
        found = found.filter(deleted_at=None)
    return get_object_or_404(found, pk=customer_id)


def _address(customer: Customer) -> list[str]:
    """Its lines, as they are written on an envelope."""
    place = f"{customer.postcode} {customer.city}".strip()
    parts = (customer.address_line1, customer.address_line2, place, customer.state, countries.name(customer.country))
    return [part for part in parts if part]


def context_of(request: HttpRequest, customer: Customer, tab: str) -> dict[str, Any]:
    """What every page of a customer shows above its tab."""
    title = {name: title for name, title, _, _ in TABS}[tab]
    may_read = rights(request).reads
    open_to_all = [found for found in TABS if customer.deleted_at is None or found[0] in OF_DELETED]
    tabs = [found[:3] for found in open_to_all if may_read(found[3])]
    return {
        "title": as_is(customer.name),
        "tab_title": title,
        "customer": customer,
        "status_words": STATUS_WORDS[customer.status],
        "for_fraud": customer.status == "penalty" and held_for_fraud(customer, datetime.now(UTC)),
        "wallet": wallet_of(customer),
        "has_endpoint": Endpoint.objects.filter(customer=customer, enabled=True, sends_calls=True).exists(),
        "has_route": IngressRoute.objects.filter(routes.reaching(customer), enabled=True).exists(),
        "reserve_micros": -customer.debit_limit_micros,
        "reads": {
            area: may_read(area)
            for area in ("contacts", "number_blocks", "calls", "clis", "audit", "summaries", "books", "packages")
        },
        "breakout_url": breakout_of(customer),
        "tab": tab,
        "tabs": [(name, words, reverse(address, args=[customer.pk])) for name, words, address in tabs],
        "breadcrumbs": crumbs(("Selling", ""), ("Customers", reverse("panel:customers"))),
    }


def breakout_of(customer: Customer) -> str:
    """The breakout of its calls alone: in quotes stands a whole name."""
    whole = '"' + customer.name.replace('"', '""') + '"'
    return f"{reverse('panel:breakout')}?{urlencode({'f.customer': whole})}"


def _page(request: HttpRequest, customer: Customer, tab: str, **more: object) -> HttpResponseBase:
    return render(request, f"panel/customer_{tab}.html", {**context_of(request, customer, tab), **more})


def _list_page(request: HttpRequest, customer: Customer, tab: str, grid: Any, source: Any) -> HttpResponseBase:
    return respond(request, grid, source, template="panel/customer_list.html", **context_of(request, customer, tab))


def _posting(
    request: HttpRequest,
    customer_id: int,
    form_class: type[TopUpForm],
    words: str,
    act_of: Callable[[Customer], tuple[Callable[..., Any], dict[str, int]]],
) -> HttpResponseBase:
    """A form that books money: its page, or the customer's payments once it is booked."""
    customer = customer_of(request, customer_id)
    page = reverse("panel:customer_payments", args=[customer.pk])
    form = form_class(posted(request), currency=customer.currency)
    if form.is_valid():
        act, whom = act_of(customer)
        if saved(request, form, act, **whom, **form.cleaned_data) is not None:
            return after_save(request, "The entry is booked.", form_url=page, done_url=page)
    way = crumbs(("Selling", ""), ("Customers", reverse("panel:customers")), (as_is(customer.name), page))
    title = worded("{words}: {name}", words=worded(words), name=customer.name)
    return render_form(request, form, title=title, breadcrumbs=way, back_url=page, save_title=words)


urlpatterns = [
    path("customers/<int:customer_id>/", main, name="customer"),
    path("customers/<int:customer_id>/contacts/", main, name="customer_contacts"),
    path("customers/<int:customer_id>/summary/<str:span>/", main, name="customer_summary"),
    path("customers/<int:customer_id>/auth/", auth, name="customer_auth"),
    path("customers/<int:customer_id>/aliases/", customer_aliases, name="customer_aliases"),
    path("customers/<int:customer_id>/routing/", routing, name="customer_routing"),
    path("customers/<int:customer_id>/dids/", customer_dids, name="customer_dids"),
    path("customers/<int:customer_id>/payments/", payments, name="customer_payments"),
    path("customers/<int:customer_id>/invoices/", customer_invoices, name="customer_invoices"),
    path("customers/<int:customer_id>/packages/", packages, name="customer_packages"),
    path("customers/<int:customer_id>/cdrs/", cdrs, name="customer_cdrs"),
    path("customers/<int:customer_id>/alerts/", customer_alerts, name="customer_alerts"),
    path("customers/<int:customer_id>/audit/", history, name="customer_audit"),
    path("customers/<int:customer_id>/top-up/", new_top_up, name="customer_top_up"),
    path("customers/<int:customer_id>/adjust/", new_adjustment, name="customer_adjust"),
    path("customers/<int:customer_id>/notes/new/", add_note, name="customer_note_new"),
    path("customers/<int:customer_id>/notes/<int:note_id>/delete/", delete_note, name="customer_note_delete"),
]
