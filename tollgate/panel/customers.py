"""Customers: the list, their form, and the buttons of one. The pages of one customer are in customer_pages.py."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django_countries import countries

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
from tollgate.core.money import format_micros
from tollgate.panel.access import current_user, may, own_account, own_customers, reading, writing
from tollgate.panel.cells import STATUS_TONES, limit, link
from tollgate.panel.customer_forms import STATUS_WORDS, CustomerForm, NewCustomerForm, form_for, resellers
from tollgate.panel.fields import InstantField
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import Account, Customer, CustomerNote, PortalDomain, Tag, User
from tollgate.store.queries.customers import in_service, in_state, today_of, with_figures, with_wallet
from tollgate.store.queries.finding import customers_with
from tollgate.ui.columns import Column, Kind
from tollgate.ui.conditions import Of
from tollgate.ui.fields import CurrencyField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import Query, QuerysetSource
from tollgate.ui.words import as_is, worded

STATES = (
    *((name, STATUS_WORDS[name]) for name in ("active", "inactive", "penalty", "pending")),
    ("dialing", "Dialing (derived)"),
    ("unready", "Pending (derived)"),
)
CHUNK = 500
NOTES_SHOWN = 10
OF_WALLETS = frozenset({"balance_micros", "live_channels"})
"""What is sorted by, and stands in the wallets."""


def _limit_words(customer: Any) -> str:
    """The debit limit beside a balance."""
    amount = f"{format_micros(abs(customer.debit_limit_micros), 2)} {customer.currency}"
    if customer.debit_limit_micros == 0:
        return "Debit limit: 0"
    return f"Credit line: {amount}" if customer.debit_limit_micros > 0 else f"Reserve: {amount}"


def _lacks(customer: Any) -> str | None:
    """What keeps the customer from calling."""
    needs = (("no endpoint", customer.has_endpoint), ("no route", customer.has_route))
    return ", ".join(words for words, there in needs if not there) or None


LIST = Grid(
    name="customers",
    columns=(
        Column("name", "Customer", sort="name", link=link("panel:customer", lambda row: row.pk)),
        Column("lacks", "Warnings", value=_lacks, kind=Kind.BADGE, tone=lambda _: "yellow", minor=True),
        Column("number", "Number", sort="number", minor=True),
        Column(
            "balance",
            "Balance",
            value="balance_micros",
            kind=Kind.MONEY,
            currency="currency",
            sort="balance_micros",
            hint=_limit_words,
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
        Column("live", "Live channels", value="live_channels", kind=Kind.COUNT, sort="live_channels", minor=True),
        Column(
            "allowed", "Allowed channels", value=lambda row: limit(row.channels), sort="channels", minor=True, says=True
        ),
        Column(
            "status",
            "Status",
            value=lambda row: STATUS_WORDS[row.status],
            kind=Kind.BADGE,
            tone=lambda row: STATUS_TONES[row.status],
            sort="status",
        ),
        Column("reseller", "Reseller", value="parent.name", link=link("panel:customer", lambda row: row.parent_id)),
        Column("last_call_at", "Last call (UTC)", kind=Kind.INSTANT),
        Column("asr", "ASR today", value="today.traffic.asr_percent", kind=Kind.NUMBER, unit="%"),
        Column("acd", "ACD today", value="today.traffic.acd_s", kind=Kind.NUMBER, unit="s"),
        Column("pdd", "PDD today", value="today.pdd_s", kind=Kind.NUMBER, unit="s"),
        Column("cps", "CPS today", value="today.cps", kind=Kind.NUMBER),
        Column("company", "Company", sort="company", hidden=True),
        Column("country", "Country", sort="country", hidden=True),
        Column("manager", "Account manager", value="account_manager.name", hidden=True),
        Column("tags", "Tags", value=lambda row: ", ".join(sorted(tag.name for tag in row.tags.all())), hidden=True),
        Column("reference", "Reference", sort="reference", hidden=True),
        Column("accounting_id", "Accounting id", sort="accounting_id", hidden=True),
        Column("status_until", "Status until (UTC)", kind=Kind.INSTANT, sort="status_until", hidden=True),
        Column("expires_at", "Expires (UTC)", kind=Kind.INSTANT, sort="expires_at", hidden=True),
    ),
    filters=(
        Filter("status", "Status", "state", choices=STATES),
        Filter("shown", "Shown", "shown", choices=(("in_service", "In service"), ("deleted", "Deleted"))),
        Filter("country", "Country", "country", choices=tuple((code, as_is(name)) for code, name in countries)),
    ),
    sort="name",
    ticks=True,
    empty_text="No customers yet. A customer buys calls: add one, then give it an endpoint and a route.",
    empty_url="/customers/new/",
    empty_action="Add a customer",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(QuerysetSource):
    """Customers with today's traffic, which is read once for each page. The search also looks at contacts.

    `queryset` has the customers alone: who stands on a page is found without figures, and only those get them.
    """

    figures: QuerySet[Any]
    account: Account
    at: datetime

    def rows(self, query: Query, limit: int) -> Sequence[Any]:
        """One page."""
        narrow = replace(self, queryset=self._asked(query).only("id"))  # what is sorted is small
        ids = [customer.pk for customer in QuerysetSource.rows(narrow, query, limit)]
        found = self.figures.in_bulk(ids)
        return self._with_today([found[pk] for pk in ids if pk in found])

    def ordered(self, query: Query) -> QuerySet[Any]:
        """All of them, for files."""
        return QuerysetSource.ordered(replace(self, queryset=self.figures), query)

    def stream(self, query: Query) -> Iterator[Any]:
        """All rows."""
        found = QuerysetSource.stream(self, query)
        while chunk := list(islice(found, CHUNK)):
            yield from self._with_today(chunk)

    def count(self, query: Query, most: int) -> int:
        """Without figures, unless one of them is asked for."""
        return QuerysetSource.count(replace(self, queryset=self._asked(query)), query, most)

    def tally(
        self, query: Query, path: str, values: Sequence[Any], sums: Mapping[str, tuple[str, str]]
    ) -> Sequence[Mapping[str, Any]]:
        """With the wallets, whose balances are added up."""
        wallets = replace(self, queryset=with_wallet(self.queryset, "customer"))
        return QuerysetSource.tally(wallets, query, path, values, sums)

    def kind_of(self, path: str) -> Of | None:
        """What stands in the wallets is compared too."""
        return QuerysetSource.kind_of(replace(self, queryset=self.figures), path)

    def _asked(self, query: Query) -> QuerySet[Any]:
        """The customers, with their wallets where those are compared or sorted by."""
        paths = {path.partition("__")[0] for path in query.filters} | {query.sort}
        return with_wallet(self.queryset, "customer") if paths & OF_WALLETS else self.queryset

    def chosen(self, query: Query) -> QuerySet[Any]:
        """Those that the search and the filters leave; a state may be one that is no status."""
        filters = dict(query.filters)
        state = filters.pop("state", None)
        found = QuerysetSource.chosen(self, replace(query, filters=filters))
        return in_state(found, str(state)) if state else found

    def _with_today(self, customers: Sequence[Any]) -> Sequence[Any]:
        today = today_of(self.account, [customer.pk for customer in customers], self.at)
        for customer in customers:
            customer.today = today[customer.pk]
        return customers


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


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user, for the state of its address."""
    account, at = own_account(request), datetime.now(UTC)
    deleted = parameters.get("f.shown") == "deleted"
    shown = in_service(own_customers(request), deleted=deleted)
    grid = replace(LIST, filters=(*LIST.filters, *(found for found in _own_filters(request) if found.choices)))
    figures = with_figures(own_customers(request), at, deleted=deleted)
    return grid, Listed(queryset=shown, figures=figures, search=cache(customers_with), account=account, at=at)


def _own_filters(request: HttpRequest) -> Iterator[Filter]:
    """Filters whose choices are records."""
    me = current_user(request).pk
    tags = Tag.objects.filter(account=own_account(request)).order_by("name")
    yield Filter("tag", "Tag", "tags", choices=tuple((str(tag.pk), as_is(tag.name)) for tag in tags))
    owners, _ = resellers(request)
    yield Filter("reseller", "Reseller", "parent_id", choices=tuple((str(row.pk), as_is(row.name)) for row in owners))
    managers = User.objects.filter(is_active=True).order_by("name")
    words = (
        (
            str(row.pk),
            worded("{name} (you)", name=row.name or row.email) if row.pk == me else as_is(row.name or row.email),
        )
        for row in managers
    )
    yield Filter("manager", "Account manager", "account_manager_id", choices=tuple(words))


@writing("create_customer", shown_to_all=False)
def new_customer(request: HttpRequest) -> HttpResponseBase:
    """A new customer; then its page, where money, endpoints and routes are given."""
    account = own_account(request)
    start = {"currency": account.currency, "status": "active", **_start_of_domain(request)}
    form = NewCustomerForm(posted(request), initial=start, request=request, currency="")
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
    found = PortalDomain.objects.filter(account=own_account(request), pk=int(named)) if named.isdecimal() else None
    domain = found.select_related("template_customer").first() if found is not None else None
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
    form.show_notes(CustomerNote.objects.filter(customer=customer).order_by("-id")[:NOTES_SHOWN])
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
