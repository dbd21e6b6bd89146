"""Legal holds: of which customers nothing may be deleted, why, since when, and until when it was so."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import path, reverse

from tollgate.actions.retention import place_legal_hold, release_legal_hold
from tollgate.panel.access import may, own_account, own_customers, reading, writing
from tollgate.panel.cells import link
from tollgate.panel.company import CustomerField, name_one_of
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, posted, saved
from tollgate.store.models import Customer, LegalHold
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import worded


def _menu(row: Any) -> list[tuple[str, str]]:
    """What may be done with a hold; each page asks for its own permission."""
    release = [("Release", reverse("panel:legal_hold_release", args=[row.pk]))] if row.released_at is None else []
    return [*release, ("Open the customer", reverse("panel:customer", args=[row.customer_id]))]


TONES: Final = {"holds": "red", "released": "gray"}
LIST: Final = Grid(
    name="legal_holds",
    columns=(
        Column(
            "customer", "Customer", value="customer.name", sort="customer__name",
            link=link("panel:customer", lambda row: row.customer_id),
        ),
        Column(
            "state", "State", value=lambda row: "Holds" if row.released_at is None else "Released", kind=Kind.BADGE,
            tone=TONES,
        ),
        Column("reason", "Reason"),
        Column("placed_at", "Since (UTC)", kind=Kind.INSTANT, sort="placed_at"),
        Column("placed_by", "Placed by"),
        Column("released_at", "Released (UTC)", kind=Kind.INSTANT, sort="released_at"),
        Column("released_by", "Released by"),
        Column("menu", "Action", value=_menu, kind=Kind.MENU),
    ),
    filters=(Filter("released", "Released", "released_at__isnull", choices=(("True", "No"), ("False", "Yes"))),),
    sort="-placed_at",
    empty_text="No legal holds. Under one, nothing of a customer is deleted, whatever the days of retention say.",
    empty_url="/legal-holds/new/",
    empty_action="Place a legal hold",
)  # fmt: skip


class HoldForm(HouseForm):
    """Of whom, and why."""

    widths = {"customer_id": 6, "reason": 12}
    customer_id = CustomerField()
    reason = forms.CharField(max_length=500, help_text="Such as the number of the case; it stands in the audit log")

    def __init__(self, *arguments: Any, customers: QuerySet[Customer], **options: Any) -> None:
        super().__init__(*arguments, **options)
        name_one_of(self, customers)  # even one that is deleted


class ReleaseForm(HouseForm):
    """Why it ends."""

    widths = {"reason": 12}
    reason = forms.CharField(max_length=500, help_text="What its days of retention say is deleted again")


@reading
def legal_holds(request: HttpRequest) -> HttpResponseBase:
    """Every hold, with those that were released."""
    found = LegalHold.objects.filter(customer__account=own_account(request)).select_related("customer")
    source = QuerysetSource(queryset=found, search=("customer__name__icontains", "reason__icontains"))
    return respond(
        request,
        LIST,
        source,
        template="panel/legal_holds.html",
        title="Legal holds",
        breadcrumbs=crumbs(("System", "")),
        may_place=may(request, "place_legal_hold"),
    )


@writing("place_legal_hold", shown_to_all=False)
def place(request: HttpRequest) -> HttpResponseBase:
    """Holds a customer."""
    start = {"customer_id": request.GET.get("customer", "")}
    form = HoldForm(posted(request), initial=start, customers=own_customers(request))
    page = reverse("panel:legal_holds")
    if form.is_valid():
        done = saved(request, form, place_legal_hold, **form.cleaned_data)
        if done is not None:
            return after_save(request, f"{done.customer} is held.", form_url=request.path, done_url=page)
    return render_form(
        request, form, title="Place a legal hold", breadcrumbs=_way(), back_url=page, save_title="Place the hold"
    )


@writing("release_legal_hold", shown_to_all=False)
def release(request: HttpRequest, legal_hold_id: int) -> HttpResponseBase:
    """Ends a hold, with the reason."""
    found = LegalHold.objects.filter(Q(customer__in=own_customers(request)), released_at=None)
    hold = get_object_or_404(found.select_related("customer"), pk=legal_hold_id)
    form = ReleaseForm(posted(request))
    page = reverse("panel:legal_holds")
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        if saved(request, form, release_legal_hold, customer_id=hold.customer_id, reason=reason) is not None:
            return after_save(request, f"{hold.customer} is held no more.", form_url=page, done_url=page)
    title = worded("Release the hold on {customer}", customer=hold.customer)
    return render_form(request, form, title=title, breadcrumbs=_way(), back_url=page, save_title="Release")


def _way() -> list[Any]:
    return crumbs(("System", ""), ("Legal holds", reverse("panel:legal_holds")))


urlpatterns = [
    path("legal-holds/", legal_holds, name="legal_holds"),
    path("legal-holds/new/", place, name="legal_hold_new"),
    path("legal-holds/<int:legal_hold_id>/release/", release, name="legal_hold_release"),
]
