"""Rate cards: what we sell by and buy by. Prices come in by card_import.py and card_markup.py, a revision at a time.

To a reseller's users the cards that their reseller is given stand where the operator has its carriers' cards: prices to
look at, without carriers, drafts and notes. Their customer cards are those of the reseller, and what else its customers
pay by.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.card_losses import marks_of
from tollgate.actions.cards import create_card, delete_card, update_card
from tollgate.core.digits import NumberInvalid, normalize
from tollgate.core.money import Method, format_micros
from tollgate.core.rates import Increments
from tollgate.panel.access import (
    current_user,
    is_own_card,
    may,
    own_account,
    own_cards,
    own_customers,
    reading,
    writing,
)
from tollgate.panel.cells import excerpt, fixed, link
from tollgate.panel.company import ResellerField, name_one_of
from tollgate.panel.fields import InstantField, pick, words
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.panel.tariffs import tariff_words
from tollgate.store.models import Account, Card, Carrier, Customer, IngressRoute, Rate, Revision
from tollgate.store.queries.cards import Priced, is_unused, price, price_of, revision_at, with_revisions
from tollgate.store.queries.explain import price_lines
from tollgate.store.queries.resale import Paid, buying_routes, given_to, paid_for
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import CurrencyField, DurationField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, FilterKind, Grid, respond
from tollgate.ui.layout import Crumb
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, figure, worded

OF_REVISION = "f.revision"
"""Which revision's rates the list of a card shows; none: those in force."""
METHOD_WORDS = [(method.value, words(method.value)) for method in Method]
INCREMENT_WORDS = {
    Increments.initial_then_increment.value: "Initial, then increments after it",
    Increments.whole_to_increment.value: "Whole duration to the increment",
}
DIRECTION_WORDS = {"termination": "Termination", "origination": "Origination"}
DIRECTION_HELP = "Termination prices calls that customers make, origination those that come in to DIDs"
COLUMNS = (
    Column("name", "Card", sort="name", link=link("panel:card", lambda row: row.pk)),
    Column(
        "carrier",
        "Carrier",
        value="carrier.name",
        sort="carrier__name",
        link=link("panel:carrier", lambda row: row.carrier_id),
    ),
    Column("reseller", "Reseller", value="reseller.name", sort="reseller__name"),
    Column("direction", "Direction", value=lambda row: DIRECTION_WORDS[row.direction], sort="direction", says=True),
    Column("currency", "Currency", sort="currency"),
    Column("active", "Active revision", value="active_number", kind=Kind.NUMBER, sort="active_number"),
    Column("rates", "Rates", value="active_rates", kind=Kind.COUNT, sort="active_rates"),
    Column("next_at", "Next revision (UTC)", kind=Kind.INSTANT, sort="next_at"),
)


def _list(name: str, *, without: tuple[str, ...], empty_text: str) -> Grid:
    """A list of cards without the columns that say nothing there."""
    columns = tuple(column for column in COLUMNS if column.name not in without)
    address = f"/cards/new-{name.split('_', maxsplit=1)[0]}/"
    return Grid(
        name=name,
        columns=columns,
        filters=(Filter("direction", "Direction", "direction", choices=tuple(DIRECTION_WORDS.items())),),
        sort="name",
        ticks=True,
        empty_text=empty_text,
        empty_url=address,
        empty_action="Add a card",
    )


CUSTOMER_CARDS = _list(
    "customer_cards",
    without=("carrier",),
    empty_text="No customer cards yet. A customer card says what customers pay for a call.",
)
CARRIER_CARDS = _list(
    "carrier_cards",
    without=("reseller",),
    empty_text="No carrier cards yet. A carrier card says what you pay a carrier: add the carrier first.",
)
GIVEN = replace(
    _list("carrier_cards", without=("carrier", "reseller"), empty_text="No cards are given to you to buy by yet."),
    name="given_cards",
    ticks=False,
    empty_url="",
    empty_action="",
)
OF_CARRIER = Grid(
    name="cards",
    columns=fixed(column for column in COLUMNS if column.name not in ("carrier", "reseller")),
    sort="name",
    compact=True,
    empty_text="No cards yet: calls cannot go over this carrier. Add the card it sells to you by.",
)
REVISIONS = Grid(
    name="revisions",
    columns=(
        Column(
            "number",
            "Revision",
            value=lambda row: f"Revision {row.number}",
            link=lambda row: f"?{OF_REVISION}={row.number}",
            says=True,
        ),
        Column(
            "state",
            "State",
            value="state",
            kind=Kind.BADGE,
            tone={"active": "green", "coming": "blue", "draft": "yellow"},
        ),
        Column("effective_at", "In force from (UTC)", kind=Kind.INSTANT),
        Column("rate_count", "Rates", kind=Kind.COUNT),
        Column("note", "Note"),
    ),
    sort="-number",
    page_size=12,
    compact=True,
    empty_text="No revisions yet: this card prices nothing. Import a file.",
)
REVISIONS_OF_OTHERS = replace(
    REVISIONS,
    columns=tuple(column for column in REVISIONS.columns if column.name != "note"),
    empty_text="No prices yet.",
)


class CardForm(HouseForm):
    """The name of a card and how it rounds."""

    versioned = True
    name = forms.CharField(max_length=200)
    direction = forms.TypedChoiceField(
        choices=tuple(DIRECTION_WORDS.items()), required=False, empty_value="termination", help_text=DIRECTION_HELP
    )
    precision = forms.IntegerField(
        min_value=0, max_value=6, initial=4, label="Decimals of a charge", help_text="Each call is rounded once"
    )
    method = forms.ChoiceField(choices=METHOD_WORDS, label="Rounding of the charge")
    duration_method = forms.ChoiceField(choices=METHOD_WORDS, label="Rounding of the duration", help_text="To seconds")
    increments = forms.ChoiceField(choices=list(INCREMENT_WORDS.items()), label="Increments")
    tech_prefix = forms.CharField(max_length=20, required=False, help_text="Of termination: put before the number sent")


class NewCardForm(CardForm):
    """The same with what never changes."""

    versioned = False
    field_order = ("name", "direction", "currency", "carrier_id", "reseller_id")
    currency = CurrencyField(help_text="Cannot be changed later")
    carrier_id = pick("Carrier", [])
    reseller_id = ResellerField(required=False, help_text="Whose customers pay by it. Empty = yours")

    def __init__(
        self, *arguments: Any, kind: str, account: Account, resellers: QuerySet[Customer], own_id: int | None,
        **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(*arguments, **options)
        del self.fields["reseller_id" if kind == "carrier" else "carrier_id"]
        if kind == "customer":
            del self.fields["tech_prefix"]
            name_one_of(self, resellers, field="reseller_id")
            if own_id is not None and not resellers.exists():
                del self.fields["reseller_id"]
            elif own_id is not None:
                self.fields["reseller_id"].help_text = "Whose customers pay by it, if not your own company's"
        else:
            field = self.fields["carrier_id"]
            assert isinstance(field, forms.TypedChoiceField)
            carriers = Carrier.objects.filter(account=account).order_by("name")
            field.choices = [("", ""), *((row.pk, f"{row.name} ({row.currency})") for row in carriers)]


class NumberForm(HouseForm):
    """A number to look up on a card."""

    widths = {"number": 5, "duration_s": 3, "at": 4}
    number = forms.CharField(max_length=40, help_text="International digits")
    duration_s = DurationField(label="Duration", initial=60, most=86_400)
    at = InstantField(label="At (UTC)", required=False, help_text="Empty = now")

    def clean_number(self) -> str:
        """The digits."""
        try:
            return normalize(self.cleaned_data["number"])
        except NumberInvalid as invalid:
            raise forms.ValidationError(str(invalid)) from None


def _rates(card: Card) -> Grid:
    """The rates of one revision of a card, with its currency in the titles."""
    unit = f"{card.currency}/min"
    return Grid(
        name="rates",
        columns=(
            Column("prefix", "Prefix", sort="prefix", export=lambda row: row.prefix or "*"),
            Column("destination", "Destination", sort="destination"),
            Column("price", "Price", value="price_nanos", kind=Kind.PRICE, unit=unit, sort="price_nanos"),
            Column("connect", "Connect fee", value="connect_fee_nanos", kind=Kind.PRICE, unit=card.currency),
            Column("increments", "Increments, s", value=lambda row: f"{row.initial_s}/{row.increment_s}"),
            Column("grace_s", "Grace", kind=Kind.NUMBER, unit="s"),
            Column("included_s", "Included", kind=Kind.NUMBER, unit="s", hidden=True),
            Column(
                "tariff",
                "Own tariff",
                value=lambda row: tariff_words(price_of(card, row)) if row.tariff else None,
                export=lambda row: json.dumps(row.tariff) if row.tariff else None,  # as the import reads it
            ),
            Column(
                "blocked",
                "State",
                value=lambda row: "Blocked" if row.blocked else "Open",
                kind=Kind.BADGE,
                tone={"blocked": "red", "open": "green"},
                sort="blocked",
            ),
        ),
        filters=(Filter("revision", "Revision", "revision", kind=FilterKind.WHOLE, hidden=True),),
        sort="prefix",
        empty_text="This revision has no rates.",
    )


@reading
def customer_cards(request: HttpRequest) -> HttpResponseBase:
    """What customers pay by; for a reseller's user what its reseller does not buy by itself."""
    return _cards(request, "customer", *listed_customer_cards(request, request.GET.dict()), may(request, "create_card"))


def listed_customer_cards(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The grid of the customer cards and what it may show this user."""
    del parameters
    reseller_id = current_user(request).reseller_id
    sold = Q(kind="customer") if reseller_id is None else ~given_to(reseller_id)
    return CUSTOMER_CARDS, _source(request, "reseller", sold)


@reading
def carrier_cards(request: HttpRequest) -> HttpResponseBase:
    """What we pay carriers by; for a reseller's user what its reseller is given to buy by."""
    grid, source = listed_carrier_cards(request, request.GET.dict())
    return _cards(request, "carrier", grid, source, may(request, "create_card") and grid is CARRIER_CARDS)


def listed_carrier_cards(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The grid of the carrier cards, or of those given to a reseller, and what it may show this user."""
    del parameters
    reseller_id = current_user(request).reseller_id
    if reseller_id is not None:
        return GIVEN, _source(request, "carrier", given_to(reseller_id))
    return CARRIER_CARDS, _source(request, "carrier", Q(kind="carrier"))


@reading
def card(request: HttpRequest, card_id: int) -> HttpResponseBase:
    """One card: its revisions, the rates of one of them, and the price of a number."""
    found = _card(request, card_id)
    own = is_own_card(request, found)
    at = datetime.now(UTC)
    active = revision_at(found, at)
    known = found.revisions.all() if own else found.revisions.exclude(published_at=None)
    if "revision" in request.GET:
        return redirect(f"{request.path}?{urlencode({OF_REVISION: request.GET['revision']})}")
    wanted = request.GET.get(OF_REVISION, "")
    chosen = known.filter(number=int(wanted)).first() if wanted.isdecimal() else active
    asked = NumberForm(request.GET if "number" in request.GET else None)
    moment = (asked.cleaned_data["at"] or at) if asked.is_valid() else at
    answered = _priced(found, asked, moment)
    page = excerpt(REVISIONS if own else REVISIONS_OF_OTHERS, QuerysetSource(queryset=known))
    for revision in page.rows:
        revision.state = _state(revision, active, at)
    context: dict[str, Any] = {
        "title": as_is(found.name),
        "breadcrumbs": _way(request, found),
        "card": found,
        "own": own,
        "reseller_url": _reseller_url(request, found),
        "bought_for": _bought_for(request, found),
        "active": active,
        "chosen": chosen,
        "revisions": page,
        "asked": asked,
        "answered": answered,
        "answer_lines": price_lines(answered.explained, found.currency) if answered else (),
        "answer_tariff": tariff_words(price_of(found, answered.rate)) if answered and answered.rate.tariff else "",
        "paid": _paid(found, answered, asked, moment) if answered and own else None,
        "price_at": moment,
        "unused": own and is_unused(found),
        "losses": marks_of(found, at) if own and found.reseller_id is not None else (),
    }
    source = QuerysetSource(
        queryset=Rate.objects.filter(revision=chosen) if chosen else Rate.objects.none(),
        search=("prefix__startswith", "destination__icontains"),
        meanings={"revision": lambda _: Q()},  # the queryset is of that revision already
    )
    return respond(request, _rates(found), source, template="panel/card.html", **context)


@writing("create_card", shown_to_all=False)
def new_card(request: HttpRequest, kind: str) -> HttpResponseBase:
    """A new card without prices."""
    account, own_id = own_account(request), current_user(request).reseller_id
    if kind == "carrier" and own_id is not None:
        raise PermissionDenied("Cards to buy by are given to a reseller.")
    start = {"currency": account.currency, "carrier_id": request.GET.get("carrier")}
    resellers = own_customers(request).filter(is_reseller=True, deleted_at=None)
    form = NewCardForm(posted(request), initial=start, kind=kind, account=account, resellers=resellers, own_id=own_id)
    if form.is_valid():
        done = saved(request, form, create_card, account_id=account.pk, kind=kind, **changes(form))
        if done is not None:
            page = reverse("panel:card", args=[done.pk])
            return after_save(
                request, f"{done.name} is created: import its prices.", form_url=request.path, done_url=page
            )
    back = reverse(f"panel:{kind}_cards")
    title = worded("New {kind} card", kind=worded(kind))
    way = way_to_cards(kind)
    return render_form(request, form, back_url=back, title=title, breadcrumbs=way, save_title="Create")


@writing("update_card")
def edit_card(request: HttpRequest, card_id: int) -> HttpResponseBase:
    """The name of a card and how it rounds."""
    found = own_card(request, card_id)
    page = reverse("panel:card", args=[found.pk])
    names = ("name", "direction", "precision", "method", "duration_method", "increments", "tech_prefix")
    form = CardForm(posted(request), initial=initial(found, names))
    if found.kind == "customer":
        del form.fields["tech_prefix"]
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_card, card_id=found.pk, version=version, **changes(form))
        if done is not None:
            return after_save(request, f"{done.name} is saved.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        title=worded("{name}: settings", name=found.name),
        breadcrumbs=[*_way(request, found), *crumbs((as_is(found.name), page))],
        back_url=page,
        can_stay=True,
        read_only=not may(request, "update_card"),
    )


@writing("delete_card", shown_to_all=False)
def remove_card(request: HttpRequest, card_id: int) -> HttpResponseBase:
    """Removes a card that never priced a call."""
    found = own_card(request, card_id)
    if request.POST.get("confirmation") != found.name:
        messages.error(request, f"Type {found.name} to delete this card.")
    elif press(request, delete_card, f"{found.name} is deleted.", card_id=found.pk):
        return redirect(f"panel:{found.kind}_cards")
    return redirect("panel:card", found.pk)


def own_card(request: HttpRequest, card_id: int) -> Card:
    """The card of an address, for those alone whose it is to change."""
    found = _card(request, card_id)
    if not is_own_card(request, found):
        raise Http404("The card belongs to somebody else.")
    return found


def _source(request: HttpRequest, other: str, which: Q) -> QuerysetSource:
    """Those of the cards that this user may see; they are searched by the name of the `other` as well."""
    found = with_revisions(own_account(request), datetime.now(UTC))
    found = found.filter(which, pk__in=own_cards(request).values("pk"))
    return QuerysetSource(queryset=found, search=("name__icontains", f"{other}__name__icontains"))


def _cards(request: HttpRequest, kind: str, grid: Grid, source: QuerysetSource, may_add: bool) -> HttpResponseBase:
    (group, _), (title, _) = _group_of(kind)
    context: dict[str, Any] = {
        "title": title,
        "breadcrumbs": crumbs((group, "")),
        "new_url": reverse(f"panel:card_new_{kind}") if may_add else "",
        "noun": f"{kind}_card",
    }
    return respond(request, grid, source, template="panel/cards.html", **context)


def _reseller_url(request: HttpRequest, found: Card) -> str:
    """The page of the reseller whose card it is, for those who may see that."""
    seen = found.reseller_id is not None and own_customers(request).filter(pk=found.reseller_id).exists()
    return reverse("panel:customer", args=[found.reseller_id]) if seen else ""


def _bought_for(request: HttpRequest, found: Card) -> QuerySet[IngressRoute] | None:
    """For a reseller's user: the routes by which the reseller buys by this card, of which the numbers are told."""
    reseller_id = current_user(request).reseller_id
    return None if reseller_id is None else buying_routes(reseller_id).filter(card=found).order_by("id")


def _paid(found: Card, answered: Priced, asked: NumberForm, at: datetime) -> list[dict[str, Any]] | None:
    """What the reseller itself pays for the same call, by each card it may buy it by; None for a card of nobody's."""
    if found.reseller is None:
        return None
    number, duration_ms = asked.cleaned_data["number"], asked.cleaned_data["duration_s"] * 1000
    rows = paid_for(found.reseller, number, at=at, duration_ms=duration_ms)
    return [_paid_row(found, answered, one) for one in rows]


def _paid_row(found: Card, answered: Priced, one: Paid) -> dict[str, Any]:
    if one.priced is None or one.priced.rate.blocked:
        return {"card": one.card, "priced": None}
    paid_micros = one.priced.explained.cost_micros
    left_micros = answered.explained.cost_micros - paid_micros if one.card.currency == found.currency else None
    return {
        "card": one.card,
        "priced": one.priced,
        "paid": figure(f"{format_micros(paid_micros)} {one.card.currency}"),
        "left": "" if left_micros is None else figure(f"{format_micros(left_micros)} {found.currency}"),
        "loses": left_micros is not None and left_micros < 0,
    }


def _priced(found: Card, asked: NumberForm, at: datetime) -> Priced | None:
    """The answer to the number form; says at its field why there is none."""
    if not asked.is_bound or not asked.is_valid():
        return None
    revision = revision_at(found, at)
    if revision is None:
        asked.add_error("at", "The card has no revision in force at that moment.")
        return None
    number, duration_s = asked.cleaned_data["number"], asked.cleaned_data["duration_s"]
    answered = price(found, revision, number, at=at, duration_ms=duration_s * 1000)
    if answered is None:
        asked.add_error("number", f"No rate of revision {revision.number} matches: such a call is refused.")
    return answered


def _state(revision: Revision, active: Revision | None, at: datetime) -> str:
    if revision.published_at is None:
        return "Draft"
    if active is not None and revision.pk == active.pk:
        return "Active"
    return "Coming" if revision.effective_at > at else "Past"


def _card(request: HttpRequest, card_id: int) -> Card:
    return get_object_or_404(own_cards(request).select_related("carrier", "reseller"), pk=card_id)


def _way(request: HttpRequest, found: Card) -> list[Any]:
    """The way to a card: what a reseller is given stands under its buying."""
    reseller_id = current_user(request).reseller_id
    given = reseller_id is not None and Card.objects.filter(given_to(reseller_id), pk=found.pk).exists()
    return way_to_cards("carrier" if given else found.kind)


def way_to_cards(kind: str) -> list[Crumb]:
    """The way to what is below the list of the cards of a kind."""
    return crumbs(*_group_of(kind))


def _group_of(kind: str) -> tuple[tuple[str, str], tuple[str, str]]:
    group, title = ("Selling", "Customer cards") if kind == "customer" else ("Buying", "Carrier cards")
    return (group, ""), (title, reverse(f"panel:{kind}_cards"))


urlpatterns = [
    path("cards/customer/", customer_cards, name="customer_cards"),
    path("cards/carrier/", carrier_cards, name="carrier_cards"),
    path("cards/new-customer/", new_card, {"kind": "customer"}, name="card_new_customer"),
    path("cards/new-carrier/", new_card, {"kind": "carrier"}, name="card_new_carrier"),
    path("cards/<int:card_id>/", card, name="card"),
    path("cards/<int:card_id>/edit/", edit_card, name="card_edit"),
    path("cards/<int:card_id>/delete/", remove_card, name="card_delete"),
]
