"""The page that charges what is due of packages by hand, or only tells it. What charges is actions/package_runs.py."""

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django import forms
from django.db import DatabaseError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path, reverse

from tollgate.actions.acts import Invalid, NotFound, acting
from tollgate.actions.package_runs import customers_due, run_packages
from tollgate.core.money import format_micros
from tollgate.panel.access import actor, own_customers, writing
from tollgate.panel.cells import clock
from tollgate.panel.company import CustomerField, name_one_of
from tollgate.panel.fields import DayField
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import posted, reason
from tollgate.panel.tried import whole
from tollgate.store.models import Customer
from tollgate.store.queries.finding import among
from tollgate.ui.forms import HouseForm, render_form

MOST_SHOWN: Final = 1_000
"""Lines of a run on its page; what was charged stands on each customer's page."""
DUE_WORDS = {"setup": "Setup", "package": "Package", "minimum_spend": "Up to the minimum spend"}
log = logging.getLogger(__name__)


class RunForm(HouseForm):
    """For whom, and by which day."""

    customer_id = CustomerField(required=False, help_text="Its name or account number; empty = every customer")
    on = DayField(label="Day", help_text="What has fallen due by it")
    simulate = forms.BooleanField(required=False, initial=True, help_text="Only tells what would be charged")


@writing("run_packages", shown_to_all=False)
def run(request: HttpRequest) -> HttpResponseBase:
    """Charges what is due, or tells what would be charged on a day."""
    today = datetime.now(UTC).date()
    known = own_customers(request).filter(deleted_at=None)
    form = RunForm(posted(request), initial={"on": today, "customer_id": whole(request, "customer")})
    name_one_of(form, known)
    names: dict[int, str] = {}
    rows: list[dict[str, Any]] | None = None
    if form.is_valid():
        whose = [form.cleaned_data["customer_id"]]
        if whose == [None] and not form.cleaned_data["simulate"]:
            names = _names(known, customers_due())
            whose = list(names)
        rows = _run(request, form, whose, names)
        names |= _names(known, {row["customer_id"] for row in (rows or ())[:MOST_SHOWN]})
    page = reverse("panel:packages")
    return render_form(
        request,
        form,
        template="panel/package_run.html",
        title="Run packages",
        breadcrumbs=crumbs(("Money", ""), ("Packages", page)),
        back_url=page,
        save_title="Run",
        rows=None if rows is None else [_shown(row, names) for row in rows[:MOST_SHOWN]],
        left_out_count=max(len(rows or ()) - MOST_SHOWN, 0),
        simulated=form.is_bound and form.cleaned_data.get("simulate"),
    )


def _names(known: QuerySet[Customer], ids: Collection[int]) -> dict[int, str]:
    """What those of the customers are called that are known, in the order of their names."""
    return dict(known.filter(among("pk", ids)).order_by("name").values_list("pk", "name"))


def _run(
    request: HttpRequest, form: RunForm, whose: Sequence[int | None], names: Mapping[int, str]
) -> list[dict[str, Any]] | None:
    """What the run gives, customer by customer; the form tells whom nothing was charged. None if that is everybody."""
    rows: list[dict[str, Any]] = []
    refused = 0
    for customer_id in whose:
        try:
            with acting(actor(request, reason(request))):
                rows += run_packages(**{**form.cleaned_data, "customer_id": customer_id})
        except Invalid as problem:
            refused += 1
            for name, sentence in ((name, words) for name, found in problem.errors.items() for words in found):
                if len(whose) > 1 and customer_id is not None:
                    form.add_error(None, f"{names[customer_id]}: {sentence}")
                else:
                    form.add_error(name if name in form.fields else None, sentence)
        except (NotFound, DatabaseError) as problem:  # whatever befalls one, the others are charged
            refused += 1
            log.warning("packages of customer %s are not charged: %s", customer_id, problem)
            form.add_error(None, f"{names.get(customer_id or 0, 'This')} could not be charged: run it again.")
    return rows if len(whose) > refused or not whose else None


def _shown(row: dict[str, Any], names: dict[int, str]) -> dict[str, Any]:
    """One line of a run for people."""
    return {**row, "customer": names.get(row["customer_id"], ""), "what": DUE_WORDS[row["kind"]],
            "minutes": clock(row["minutes_s"]) if row["minutes_s"] else "",
            "used": None if row["used_micros"] is None else format_micros(row["used_micros"], 2)}  # fmt: skip


urlpatterns = [path("packages/run/", run, name="package_run")]
