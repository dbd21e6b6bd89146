"""The page that charges what is due of packages by hand, or only tells it, and that of a run for everybody.

What charges is actions/package_runs.py; a run for everybody is a job (tasks.py), which its page follows.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from django import forms
from django.db.models import F, Func, IntegerField, QuerySet, Sum
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.package_runs import KIND, run_packages, start_package_run
from tollgate.actions.task_words import error_words
from tollgate.core.money import format_micros
from tollgate.panel.access import may, own_account, own_customers, reading, rights, writing
from tollgate.panel.cells import clock
from tollgate.panel.company import CustomerField, name_one_of
from tollgate.panel.fields import DayField
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import posted, saved
from tollgate.panel.tasks import progress
from tollgate.panel.tried import whole
from tollgate.store.models import Task, TaskRow
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.words import as_is, figure

MOST_SHOWN: Final = 1_000
"""Lines of a run on its page; what was charged stands on each customer's page."""
FAILED_SHOWN: Final = 100
DUE_WORDS = {"setup": "Setup", "package": "Package", "minimum_spend": "Up to the minimum spend"}


class RunForm(HouseForm):
    """For whom, and by which day."""

    customer_id = CustomerField(required=False, help_text="Its name or account number; empty = every customer")
    on = DayField(label="Day", help_text="What has fallen due by it")
    simulate = forms.BooleanField(required=False, initial=True, help_text="Only tells what would be charged")


@writing("run_packages", shown_to_all=False)
def run(request: HttpRequest) -> HttpResponseBase:
    """Charges what is due of one customer, or tells what would be charged on a day; of everybody by a job."""
    today = datetime.now(UTC).date()
    known = own_customers(request).filter(deleted_at=None)
    form = RunForm(posted(request), initial={"on": today, "customer_id": whole(request, "customer")})
    name_one_of(form, known)
    if not may(request, "start_package_run"):
        form.fields["customer_id"].required, form.fields["customer_id"].help_text = True, "Its name or account number"
    rows: list[dict[str, Any]] | None = None
    names: dict[int, str] = {}
    if form.is_valid():
        wanted = dict(form.cleaned_data)
        customer_id = wanted.pop("customer_id")
        if customer_id is None:
            task = saved(request, form, start_package_run, account_id=own_account(request).pk, **wanted)
            if task is not None:
                return redirect("panel:package_run_job", task.pk)
        else:
            rows = saved(request, form, run_packages, customer_id=customer_id, **wanted)
            names = dict(known.filter(pk=customer_id).values_list("pk", "name"))
    return render_form(
        request,
        form,
        template="panel/package_run.html",
        title="Run packages",
        breadcrumbs=_way(),
        back_url=reverse("panel:packages"),
        save_title="Run",
        rows=None if rows is None else [_shown(row, names) for row in rows[:MOST_SHOWN]],
        left_out_count=max(len(rows or ()) - MOST_SHOWN, 0),
        simulated=form.is_bound and form.cleaned_data.get("simulate"),
    )


@reading
def run_job(request: HttpRequest, task_id: int) -> HttpResponseBase:
    """A run for everybody: how far it is, what it charged and whom it could not."""
    found = _found(request, task_id)
    page = {"title": as_is(found.title), "breadcrumbs": _way(), "watches": rights(request).reads("tasks")}
    return render(request, "panel/package_run_job.html", {**page, **_followed(request, found)})


@reading
def run_now(request: HttpRequest, task_id: int) -> HttpResponseBase:
    """The same alone, as it is asked for again while it runs."""
    return render(request, "panel/package_run_now.html", _followed(request, _found(request, task_id)))


def _followed(request: HttpRequest, task: Task) -> dict[str, Any]:
    done = task.rows.filter(outcome__isnull=False)
    failed = task.rows.filter(state="failed").order_by("number")
    length = Func(F("outcome"), function="jsonb_array_length", output_field=IntegerField())
    count = done.aggregate(count=Sum(length))["count"] or 0
    rows = list(islice(_lines(done), MOST_SHOWN))
    return {
        **progress(request, task),
        "now_url": reverse("panel:package_run_now", args=[task.pk]),
        "rows": rows,
        "left_out_count": count - len(rows),
        "simulated": task.arguments["simulate"],
        "refused": [(row.title, error_words(row.errors)) for row in failed[:FAILED_SHOWN]],
    }


def _lines(done: QuerySet[TaskRow]) -> Iterable[dict[str, Any]]:
    told = done.order_by("number").exclude(outcome=[]).values_list("title", "outcome")
    for name, outcome in told.iterator():
        for row in outcome or ():
            yield _shown(row, {row["customer_id"]: name})


def _shown(row: Mapping[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    """One line of a run for people."""
    return {**row, "customer": names.get(row["customer_id"], ""), "what": DUE_WORDS[row["kind"]],
            "minutes": clock(row["minutes_s"]) if row["minutes_s"] else "",
            "used": None if row["used_micros"] is None else figure(format_micros(row["used_micros"], 2))}  # fmt: skip


def _found(request: HttpRequest, task_id: int) -> Task:
    return get_object_or_404(Task, pk=task_id, kind=KIND, account=own_account(request))


def _way() -> list[Any]:
    return crumbs(("Money", ""), ("Packages", reverse("panel:packages")))


urlpatterns = [
    path("packages/run/", run, name="package_run"),
    path("packages/runs/<int:task_id>/", run_job, name="package_run_job"),
    path("packages/runs/<int:task_id>/now/", run_now, name="package_run_now"),
]
