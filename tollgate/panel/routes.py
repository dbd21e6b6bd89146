"""Ingress routes: which numbers a customer, or each with a tag, may call, at which card, over which carrier cards.

The carrier cards of a route are a table in its form, one row per card of the account: used or not, its place in the
manual order, its weight, or left out for now, which keeps the rest for later.

A reseller's users see and make the routes of customers below it, by cards of the reseller, and nothing of carriers:
those are chosen where the reseller buys.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.routes import (
    OPERATED,
    STRATEGIES,
    create_ingress_route,
    create_tag_route,
    delete_ingress_route,
    update_ingress_route,
)
from tollgate.panel.access import (
    by_customer,
    may,
    may_test,
    own_account,
    own_customers,
    own_rows,
    reach,
    reading,
    served_rows,
    writing,
)
from tollgate.panel.cells import channels_column, cps_column, enabled_column, link, page_of
from tollgate.panel.choosable import route_cards
from tollgate.panel.company import CardField, name_one_of
from tollgate.panel.deleted_records import removed
from tollgate.panel.fields import ChannelsField, CpsField
from tollgate.panel.frame import crumbs
from tollgate.panel.of_customer import narrowed
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import Account, Card, Customer, IngressRoute, RouteOption, Tag
from tollgate.store.queries.customers import naming_customers
from tollgate.store.queries.finding import all_routes_with, by_columns, by_company, by_tag, routes_with, with_text
from tollgate.ui.columns import Column
from tollgate.ui.fields import DurationField, PriceField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

STRATEGY_WORDS = {
    "lcr": "Cheapest first",
    "reverse_lcr": "Dearest first",
    "manual": "Listed order",
    "weighted": "By weight",
    "random": "Random",
}


def _option_words(option: RouteOption) -> str:
    """A carrier card as lists name it."""
    return f"{option.card.name} (left out)" if option.excluded else option.card.name


COLUMNS = (
    Column("name", "Route", sort="name", link=link("panel:route", lambda row: row.pk)),
    Column(
        "customer",
        "Customer",
        value=lambda row: row.customer.name if row.customer else "",
        sort="customer__name",
        link=lambda row: _list(row.customer) if row.customer else None,
    ),
    Column(
        "tag",
        "Tag",
        value=lambda row: row.tag.name if row.tag else "",
        sort="tag__name",
        link=lambda row: _list(row.tag) if row.tag else None,
    ),
    Column("tech_prefix", "Tech prefix", sort="tech_prefix"),
    Column("dial_patterns", "Numbers", value=lambda row: ", ".join(row.dial_patterns.split()) or "all"),
    Column("card", "Card", value="card.name", link=link("panel:card", lambda row: row.card_id)),
    Column("strategy", "Strategy", value=lambda row: STRATEGY_WORDS[row.strategy], sort="strategy", says=True),
    Column(
        "options",
        "Carrier cards",
        value=lambda row: ", ".join(_option_words(option) for option in row.options.all()),
    ),
    channels_column(),
    cps_column(),
    enabled_column(),
)
LIST = Grid(
    name="routes",
    columns=COLUMNS,
    filters=(Filter("strategy", "Strategy", "strategy", choices=tuple(STRATEGY_WORDS.items())),),
    sort="customer__name",
    ticks=True,
    empty_text="No ingress routes yet. A route says what a customer may call and at which card: open a customer first.",
    empty_url="/customers/",
    empty_action="Choose a customer",
)
OF_TAG = Grid(
    name="tag_routes",
    columns=tuple(column for column in COLUMNS if column.name not in ("customer", "tag")),
    sort="name",
    compact=True,
    empty_text="No routes yet: this tag only labels customers.",
)
OF_TAGS = replace(
    OF_TAG, name="routes_of_tags", columns=tuple(column for column in COLUMNS if column.name != "customer")
)
OF_OPERATOR = frozenset({"tag", "strategy", "options"})
"""Columns and filters that tell how the operator sells and buys."""
FIELDS = (
    "name",
    "card_id",
    "tech_prefix",
    "dial_patterns",
    "enabled",
    "strategy",
    "profit_assurance",
    "channels",
    "cps_milli",
    "max_duration_s",
    "capped_price_nanos",
    "block_connect_fee",
    "media",
    "recording",
)


class RouteForm(HouseForm):
    """Everything a route decides. An account as the owner stands for any: which card fits whom the act says."""

    tabs = [
        ("Basic", ["name", "card_id", "enabled", "tech_prefix", "dial_patterns"]),
        ("Carriers", ["strategy", "profit_assurance", "options"]),
        (
            "Limits",
            ["channels", "cps_milli", "max_duration_s", "capped_price_nanos", "block_connect_fee"],
        ),
        ("Media", ["media", "recording"]),
    ]
    widths = {"options": 12, "dial_patterns": 8}

    name = forms.CharField(max_length=200)
    card_id = CardField("route_card", label="Customer card", help_text="What the customer pays")
    enabled = forms.BooleanField(required=False, initial=True)
    tech_prefix = forms.CharField(
        max_length=20, required=False, help_text="Dialed in front of the number and taken off before routing"
    )
    dial_patterns = forms.CharField(
        required=False,
        label="Numbers",
        help_text="One prefix, or regular expression starting with ^, per line. Empty = all",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    strategy = forms.ChoiceField(choices=[(name, STRATEGY_WORDS[name]) for name in STRATEGIES])
    profit_assurance = forms.BooleanField(
        required=False, initial=True, label="Never over a carrier that costs more than the customer pays"
    )
    channels = ChannelsField()
    cps_milli = CpsField(label="New calls per second", help_text="0 = no limit")
    max_duration_s = DurationField(
        label="Longest call", required=False, least=1, most=86_400, help_text="Empty = as the customer's"
    )
    capped_price_nanos = PriceField(
        label="Highest price", required=False, least=0, help_text="Dearer destinations are refused. Empty = no cap"
    )
    block_connect_fee = forms.BooleanField(required=False, label="Refuse destinations with a connect fee")
    media = forms.ChoiceField(choices=(("proxy", "Through the media proxy"), ("direct", "Direct")))  # type: ignore[assignment]  # Django takes fields out of the class
    recording = forms.ChoiceField(choices=(("inherit", "As the customer's"), ("off", "Never"), ("on", "Always")))

    def __init__(self, *arguments: Any, owner: Customer | Tag | Account, may_record: bool, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if not may_record:
            wish = self.fields["recording"]
            wish.disabled, wish.initial = True, "inherit"
            wish.help_text = "Nothing is recorded: call recording is not enabled in System > Account"
        account_id = owner.pk if isinstance(owner, Account) else owner.account_id
        self._name_cards(owner, route_cards(owner, resold=False))
        bought = Card.objects.filter(account_id=account_id, kind="carrier", direction="termination")
        self.fields["options"] = OptionsField(list(bought.select_related("carrier").order_by("name")))
        self.fields["options"].widget.attrs["data-width"] = "12"
        self.set_unit("capped_price_nanos", f"{owner.currency}/min" if isinstance(owner, Customer) else "/min")

    def _name_cards(self, owner: Customer | Tag | Account, known: QuerySet[Card]) -> None:
        about = {} if isinstance(owner, Account) else {type(owner).__name__.lower(): owner.pk}
        name_one_of(self, known, field="card_id", **about)


class ChangedRouteForm(RouteForm):
    """With the version that was opened."""

    versioned = True


class ResoldRouteForm(RouteForm):
    """What a reseller's users decide of a route: all but how its calls reach carriers."""

    tabs = [
        ("Basic", ["name", "card_id", "enabled", "tech_prefix", "dial_patterns"]),
        ("Limits", ["channels", "cps_milli", "max_duration_s", "capped_price_nanos", "block_connect_fee"]),
    ]

    def __init__(
        self, *arguments: Any, owner: Customer | Tag | Account, card_id: int | None = None, **options: Any
    ) -> None:
        super().__init__(*arguments, owner=owner, **options)
        assert isinstance(owner, Customer)
        for name in OPERATED:
            del self.fields[name]
        now = Card.objects.filter(pk=card_id or 0, kind="customer").select_related("reseller")
        self._name_cards(owner, route_cards(owner, resold=True) | now)


class ChangedResoldRouteForm(ResoldRouteForm):
    """With the version that was opened."""

    versioned = True


def _place(row: dict[str, Any]) -> tuple[bool, int]:
    """Where a row of the table stands; what was typed may be no number."""
    typed = str(row.get("position") or 0)
    return "card_id" not in row, int(typed) if typed.isdecimal() and len(typed) < 10 else 0


class OptionsWidget(forms.Widget):
    """A table of carrier cards: used, position, weight, left out for now."""

    template_name = "panel/route_options.html"
    use_fieldset = True

    def __init__(self, cards: list[Card]) -> None:
        super().__init__()
        self.cards = cards

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """One row per card with what is chosen for it; the chosen ones first."""
        chosen = {int(row["card_id"]): row for row in value or ()}
        rows = [{"card": card, **chosen.get(card.pk, {})} for card in self.cards]
        rows.sort(key=_place)
        return {**super().get_context(name, value, attrs), "rows": rows}

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[dict[str, Any]]:
        """The ticked rows, as typed."""
        return [
            {
                "card_id": card.pk,
                "position": data.get(f"{name}-{card.pk}-position", ""),
                "weight": data.get(f"{name}-{card.pk}-weight", ""),
                "excluded": bool(data.get(f"{name}-{card.pk}-excluded")),
            }
            for card in self.cards
            if data.get(f"{name}-{card.pk}-used")
        ]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """No tick at all is an answer."""
        return False

    def id_for_label(self, id_: str) -> str:
        """A fieldset's legend points at no single control."""
        return ""


class OptionsField(forms.Field):
    """The carrier cards that a route may use."""

    def __init__(self, cards: list[Card]) -> None:
        words = "Calls try them in the order of the strategy"
        super().__init__(required=False, label="Carrier cards", help_text=words, widget=OptionsWidget(cards))

    def clean(self, value: Any) -> list[dict[str, int | bool]]:
        """Whole numbers; an error names the card's place in the table."""
        found: list[dict[str, int | bool]] = []
        for number, row in enumerate(value or (), start=1):
            try:
                weight, position = int(row["weight"] or 100), int(row["position"] or number)
            except ValueError:
                raise forms.ValidationError(f"Row {number}: write whole numbers.") from None
            excluded = bool(row["excluded"])
            found.append({"card_id": row["card_id"], "position": position, "weight": weight, "excluded": excluded})
        return found


@reading
def routes(request: HttpRequest) -> HttpResponseBase:
    """Every customer's and every tag's routes; for a reseller's user those of its customers."""
    grid, source = sought(request, request.GET.dict())
    way = crumbs(("Selling", ""))
    return respond(request, grid, source, template="panel/routes.html", title="Ingress routes", breadcrumbs=way)


def sought(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    account = own_account(request)
    others = Tag.objects.filter(Q(account__lt=account.pk) | Q(account__gt=account.pk), pk=OuterRef("tag"))
    found = served_rows(request, IngressRoute.objects.filter(~Exists(others)))
    search = cache(all_routes_with if reach(request) is None else routes_with)
    of_tags = {"tag__name": Q(tag__account=account)}
    source = QuerysetSource(
        queryset=listed(found),
        search=search,
        meanings={**by_company(), **by_tag(), **by_columns("ingress_route", "tech_prefix", "strategy")},
        narrow=True,
        walked=by_customer(request) | of_tags,
    )
    return as_allowed(request, LIST), source


def at_customer(request: HttpRequest, customer: Customer) -> tuple[Grid, QuerysetSource]:
    """A customer's own, for its page."""
    return narrowed(
        sought(request, {}),
        customer,
        search=cache(partial(with_text, "ingress_route")),
        sort="name",
        empty_text="No routes of its own yet. Add a route with the card it pays by.",
    )


def listed(found: Any) -> Any:
    """The routes with the names their list shows."""
    return naming_customers(found).select_related("tag", "card").prefetch_related("options__card")


def as_allowed(request: HttpRequest, grid: Grid) -> Grid:
    """The list for this reader: a reseller's user is told nothing of carriers, and opens no route of a tag."""
    if reach(request) is None:
        return grid
    columns = tuple(column for column in grid.columns if column.name not in OF_OPERATOR)
    own = link("panel:route", lambda row: row.pk if row.customer_id is not None else None)
    return replace(
        grid,
        columns=tuple(replace(column, link=own) if column.name == "name" else column for column in columns),
        filters=tuple(found for found in grid.filters if found.name not in OF_OPERATOR),
    )


def reaching(customer: Customer) -> Q:
    """The routes by which a customer may call: its own and those of its tags."""
    return Q(customer=customer) | Q(tag__customers=customer)


@writing("create_ingress_route", shown_to_all=False)
def new_route(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """A new route of a customer."""
    customer = get_object_or_404(own_customers(request), pk=customer_id, deleted_at=None)
    made = RouteForm if reach(request) is None else ResoldRouteForm
    form = made(posted(request), initial=_usual(request), owner=customer, may_record=own_account(request).recording)
    if form.is_valid():
        done = saved(request, form, create_ingress_route, customer_id=customer.pk, **changes(form))
        if done is not None:
            return after_save(request, f"{done.name} is added.", form_url=request.path, done_url=_list(customer))
    words, page = "New ingress route", _list(customer)
    return render_form(
        request, form, template="panel/form.html", title=words, breadcrumbs=_way(customer), back_url=page
    )


@writing("create_tag_route", shown_to_all=False)
def new_tag_route(request: HttpRequest, tag_id: int) -> HttpResponseBase:
    """A new route of a tag, which is the operator's."""
    if reach(request) is not None:
        raise PermissionDenied("Routes of tags are the operator's.")
    tag = get_object_or_404(Tag, pk=tag_id, account=own_account(request))
    form = RouteForm(posted(request), initial=_usual(request), owner=tag, may_record=own_account(request).recording)
    if form.is_valid():
        done = saved(request, form, create_tag_route, tag_id=tag.pk, **changes(form))
        if done is not None:
            return after_save(request, f"{done.name} is added.", form_url=request.path, done_url=_list(tag))
    words, page = "New ingress route", _list(tag)
    return render_form(request, form, template="panel/form.html", title=words, breadcrumbs=_way(tag), back_url=page)


@writing("update_ingress_route")
def edit_route(request: HttpRequest, route_id: int) -> HttpResponseBase:
    """One route."""
    route = _route(request, route_id)
    options = [
        {name: getattr(option, name) for name in ("card_id", "position", "weight", "excluded")}
        for option in route.options.all()
    ]
    start = {**initial(route, FIELDS), "options": options}
    may_record = own_account(request).recording
    form: RouteForm
    if reach(request) is None:
        form = ChangedRouteForm(posted(request), initial=start, owner=route.owner, may_record=may_record)
    else:
        form = ChangedResoldRouteForm(
            posted(request), initial=start, owner=route.owner, may_record=may_record, card_id=route.card_id
        )
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_ingress_route, ingress_route_id=route.pk, version=version, **changes(form))
        if done is not None:
            back = _list(route.owner)
            return after_save(request, f"{done.name} is saved.", form_url=request.path, done_url=back)
    return render_form(
        request,
        form,
        template="panel/route.html",
        title=as_is(route.name),
        breadcrumbs=_way(route.owner),
        back_url=_list(route.owner),
        can_stay=True,
        route=route,
        can_test=may_test(request),
        read_only=not may(request, "update_ingress_route"),
    )


@writing("delete_ingress_route", shown_to_all=False)
def remove_route(request: HttpRequest, route_id: int) -> HttpResponseBase:
    """Removes one route; its CDRs stay."""
    route = _route(request, route_id)
    if request.POST.get("confirmation") != route.name:
        messages.error(request, f"Type {route.name} to remove this route.")
    elif press(request, delete_ingress_route, removed(request, route.name), ingress_route_id=route.pk):
        return redirect(_list(route.owner))
    return redirect("panel:route", route.pk)


def _usual(request: HttpRequest) -> dict[str, Any]:
    """What a new route begins with, by the options."""
    return {"profit_assurance": own_account(request).profit_assurance_default}


def _route(request: HttpRequest, route_id: int) -> IngressRoute:
    account = own_account(request)
    found = own_rows(request, IngressRoute.objects.select_related("customer", "tag"))
    return get_object_or_404(found, Q(customer__account=account) | Q(tag__account=account), pk=route_id)


def _list(owner: Customer | Tag) -> str:
    return page_of("panel:tag" if isinstance(owner, Tag) else "panel:customer_routing", owner.pk)


def _way(owner: Customer | Tag) -> list[Any]:
    above = ("Tags", "panel:tags") if isinstance(owner, Tag) else ("Customers", "panel:customers")
    return crumbs(("Selling", ""), (above[0], reverse(above[1])), (as_is(owner.name), _list(owner)))


urlpatterns = [
    path("routes/", routes, name="routes"),
    path("customers/<int:customer_id>/routes/new/", new_route, name="route_new"),
    path("tags/<int:tag_id>/routes/new/", new_tag_route, name="tag_route_new"),
    path("routes/<int:route_id>/", edit_route, name="route"),
    path("routes/<int:route_id>/delete/", remove_route, name="route_delete"),
]
