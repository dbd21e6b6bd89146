"""Verified CLIs: the callers' numbers that customers may show, and the codes by which contacts verify their own."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.cli_proofs import decide_cli_proof
from tollgate.actions.clis import add_verified_cli, remove_verified_cli
from tollgate.panel.access import by_customer, own_customers, reach, reading, served_rows, writing
from tollgate.panel.cells import link
from tollgate.panel.company import CustomerField, name_one_of
from tollgate.panel.deleted_records import removed
from tollgate.panel.fields import choices
from tollgate.panel.frame import crumbs
from tollgate.panel.of_customer import narrowed
from tollgate.panel.saving import after_save, changes, posted, press, saved
from tollgate.panel.staff import as_seen, name_for
from tollgate.panel.suggestions import suggested
from tollgate.store.models import CliProof, Customer, VerifiedCli
from tollgate.store.queries.clis import with_lapse
from tollgate.store.queries.finding import by_company
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

METHODS = {"operator": "By an operator", "call_back": "By a call back", "sms": "By an SMS"}
COLUMNS = (
    Column("number", "CLI", sort="number", link=link("panel:cli", lambda row: row.pk)),
    Column(
        "customer",
        "Company",
        value="customer.name",
        sort="customer__name",
        link=link("panel:customer_routing", lambda row: row.customer_id),
    ),
    Column("attestation", "Attestation", kind=Kind.BADGE, tone={"a": "green", "b": "blue"}, sort="attestation"),
    Column("method", "Verified", value=lambda row: METHODS[row.method], sort="method", says=True),
    Column("verified_by", "By", sort="verified_by"),
    Column("verified_at", "At (UTC)", kind=Kind.INSTANT, sort="verified_at"),
    Column("lapses_at", "Until (UTC)", kind=Kind.INSTANT, sort="lapses_at"),
)
LIST = Grid(
    name="clis",
    columns=COLUMNS,
    filters=(
        Filter("attestation", "Attestation", "attestation", choices=tuple(choices("A", "B", "C"))),
        Filter("customer", "Company", "customer__name__icontains", suggest=suggested("customer")),
    ),
    sort="customer__name",
    ticks=True,
    empty_text="No verified CLIs yet. A customer with approved CLIs only may show those listed here.",
    empty_url="/clis/new/",
    empty_action="Add a CLI",
)
STATES = {
    "queued": ("About to be called", "blue"),
    "calling": ("Called now", "blue"),
    "told": ("Waits for the code", "blue"),
    "failed": ("Not verified", "gray"),
    "waiting": ("Waits for you", "yellow"),
    "verified": ("Verified", "green"),
    "rejected": ("Rejected", "red"),
}
PROOFS = Grid(
    name="cli_proofs",
    columns=(
        Column("created_at", "Asked for at (UTC)", kind=Kind.INSTANT, sort="id"),
        Column("number", "Number", sort="number", link=link("panel:cli_proof", lambda row: row.pk)),
        Column("customer", "Company", value="customer.name", sort="customer__name"),
        Column("contact", "Contact", value=lambda row: row.contact.email if row.contact else ""),
        Column("way", "By", value=lambda row: "Call" if row.way == "call" else "SMS", sort="way", says=True),
        Column(
            "state",
            "State",
            value=lambda row: STATES[row.state][0],
            kind=Kind.BADGE,
            tone=lambda row: STATES[row.state][1],
            sort="state",
        ),
        Column("words", "What happened"),
        Column("tries", "Wrong codes", value="tries_count", kind=Kind.COUNT, hidden=True),
    ),
    filters=(
        Filter("state", "State", "state", choices=tuple((key, words) for key, (words, _) in STATES.items())),
        Filter("customer", "Company", "customer__name__icontains", suggest=suggested("customer")),
    ),
    sort="-id",
    empty_text="No codes yet. Contacts of customers with approved CLIs only verify numbers in their portal.",
)


class CliForm(HouseForm):
    """A number and its attestation."""

    number = forms.CharField(max_length=30, label="CLI", help_text="International, such as +37061234567")
    attestation = forms.ChoiceField(
        choices=choices("A", "B", "C", blank="The customer's default"), required=False, label="STIR/SHAKEN attestation"
    )


class GlobalCliForm(CliForm):
    """The same with the customer, typed: there may be too many to list."""

    field_order = ("customer_id", "number", "attestation")
    customer_id = CustomerField()

    def __init__(self, *arguments: Any, request: HttpRequest, **options: Any) -> None:
        super().__init__(*arguments, **options)
        name_one_of(self, own_customers(request).filter(deleted_at=None))


@reading
def clis(request: HttpRequest) -> HttpResponseBase:
    """Every verified CLI."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Selling", ""))
    return respond(request, grid, source, template="panel/clis.html", title="Verified CLIs", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    name = name_for(request)
    found = served_rows(request, VerifiedCli.objects.select_related("customer"), deleted=True)
    search = ("number__startswith", "customer__name__icontains")
    source = QuerysetSource(
        queryset=with_lapse(found), search=search, meanings=by_company(), narrow=True, walked=by_customer(request)
    )
    return as_seen(request, LIST, verified_by=lambda row: name(row.verified_by)), source


def at_customer(request: HttpRequest, customer: Customer) -> tuple[Grid, QuerysetSource]:
    """Those of one customer, for its page."""
    empty = "No verified CLIs yet."
    return narrowed(listed(request, {}), customer, prefix="clis.", sort="number", page_size=25, empty_text=empty)


@reading
def cli(request: HttpRequest, cli_id: int) -> HttpResponseBase:
    """One verified CLI."""
    found = _cli(request, cli_id)
    page = reverse("panel:customer_routing", args=[found.customer_id])
    way = crumbs(("Selling", ""), ("Customers", reverse("panel:customers")), (as_is(found.customer.name), page))
    context = {"title": as_is(found.number), "breadcrumbs": way, "cli": found, "method": METHODS[found.method]}
    return render(request, "panel/cli.html", context)


@writing("add_verified_cli", shown_to_all=False)
def new_cli(request: HttpRequest) -> HttpResponseBase:
    """A new CLI of any customer."""
    form = GlobalCliForm(posted(request), request=request)
    return _new(request, form, reverse("panel:clis"), crumbs(("Selling", ""), ("Verified CLIs", reverse("panel:clis"))))


@writing("add_verified_cli", shown_to_all=False)
def new_cli_of(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """A new CLI of one customer."""
    customer = get_object_or_404(own_customers(request), pk=customer_id, deleted_at=None)
    page = reverse("panel:customer_routing", args=[customer.pk])
    way = crumbs(("Selling", ""), ("Customers", reverse("panel:customers")), (as_is(customer.name), page))
    return _new(request, CliForm(posted(request)), page, way, customer)


@writing("remove_verified_cli", shown_to_all=False)
def remove_cli(request: HttpRequest, cli_id: int) -> HttpResponseBase:
    """Takes a CLI from its customer."""
    found = _cli(request, cli_id)
    if request.POST.get("confirmation") != found.number:
        messages.error(request, f"Type {found.number} to remove this CLI.")
    elif press(request, remove_verified_cli, removed(request, found.number), cli_id=found.pk):
        return redirect("panel:customer_routing", found.customer_id)
    return redirect("panel:cli", found.pk)


@reading
def proofs(request: HttpRequest) -> HttpResponseBase:
    """Every code that contacts have had called or sent."""
    search = ("number__startswith", "customer__name__icontains")
    source = QuerysetSource(queryset=_proofs(request), search=search, meanings=by_company())
    way = crumbs(("Selling", ""), ("Verified CLIs", reverse("panel:clis")))
    return respond(request, PROOFS, source, template="panel/grid.html", title="Codes of contacts", breadcrumbs=way)


@writing("decide_cli_proof")
def proof(request: HttpRequest, cli_proof_id: int) -> HttpResponseBase:
    """One proof; one that waits is approved or rejected here."""
    found = get_object_or_404(_proofs(request), pk=cli_proof_id)
    if request.method == "POST":
        approved = "approve" in request.POST
        words = f"{found.number} may be shown." if approved else f"{found.number} is rejected."
        press(request, decide_cli_proof, words, cli_proof_id=found.pk, approved=approved)
        return redirect("panel:cli_proof", found.pk)
    codes = ("Codes of contacts", reverse("panel:cli_proofs"))
    way = crumbs(("Selling", ""), ("Verified CLIs", reverse("panel:clis")), codes)
    words, tone = STATES[found.state]
    context = {"title": as_is(found.number), "breadcrumbs": way, "proof": found, "state_words": words, "tone": tone}
    return render(request, "panel/cli_proof.html", context)


def _proofs(request: HttpRequest) -> QuerySet[CliProof]:
    found = CliProof.objects.filter(customer__in=own_customers(request)).defer("code_hash", "code_sealed")
    return found.select_related("customer", "contact")


def _new(
    request: HttpRequest, form: CliForm, page: str, way: list[Any], customer: Customer | None = None
) -> HttpResponseBase:
    if reach(request) is not None:
        del form.fields["attestation"]  # what is signed is the operator's to say
    if form.is_valid():
        whom = {"customer_id": customer.pk} if customer else {}
        done = saved(request, form, add_verified_cli, **whom, **changes(form))
        if done is not None:
            return after_save(request, f"{done.number} is added.", form_url=request.path, done_url=page)
    return render_form(
        request, form, title="New verified CLI", breadcrumbs=way, back_url=page, save_title="Add", can_stay=True
    )


def _cli(request: HttpRequest, cli_id: int) -> VerifiedCli:
    return get_object_or_404(
        VerifiedCli.objects.select_related("customer"), pk=cli_id, customer__in=own_customers(request)
    )


urlpatterns = [
    path("clis/", clis, name="clis"),
    path("clis/new/", new_cli, name="cli_new"),
    path("clis/codes/", proofs, name="cli_proofs"),
    path("clis/codes/<int:cli_proof_id>/", proof, name="cli_proof"),
    path("clis/<int:cli_id>/", cli, name="cli"),
    path("customers/<int:customer_id>/clis/new/", new_cli_of, name="cli_new_of"),
    path("clis/<int:cli_id>/delete/", remove_cli, name="cli_delete"),
]
