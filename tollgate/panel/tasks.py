"""Jobs: what people have begun and goes on without them. The list, one job with its rows, and its buttons.

A page begins a job by an act that returns a Task, and then calls `begun`, which works it for a moment, so that a small
one is over when its page opens. What waits for a later time is *Delayed* here; no row says so (store/queries/tasks.py).
A noun whose rows should link to their records has its page in `PAGES`.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from tollgate.actions import bank_confirmations, bank_files, call_files, mailings, package_runs
from tollgate.actions.deliveries import MOST_TRIES
from tollgate.actions.recalculations import NOTES, RECALCULATE, TAKING_BACK
from tollgate.actions.task_words import error_lines, error_words, shown
from tollgate.actions.tasks import (
    ATTEMPTS_MOST,
    OPEN,
    cancel_task,
    may_manage,
    retry_task,
    undo_task,
    undoable,
    work,
)
from tollgate.actions.uploads import repeat_upload
from tollgate.panel.access import actor, current_user, own_account, reach, reading, rights, writing
from tollgate.panel.cells import link
from tollgate.panel.fields import words
from tollgate.panel.frame import crumbs
from tollgate.panel.logs import LogSource
from tollgate.panel.saving import press
from tollgate.store.models import Message, Task, TaskRow
from tollgate.store.queries.log_finding import LogSearch
from tollgate.store.queries.tasks import DELAYED, rows_with_standing, with_standing
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, told

AT_ONCE: Final = timedelta(seconds=2)
STATES: Final = ("waiting", DELAYED, "active", "completed", "failed", "canceled")
BEGUN: Final = {name: Q(**{f"{name}__isnull": False}) for name in ("started_at", "ended_at")}
ROW_STATES: Final = ("waiting", DELAYED, "sending", "done", "failed")
TONES: Final = {
    "waiting": "yellow",
    DELAYED: "gray",
    "active": "blue",
    "completed": "green",
    "failed": "red",
    "canceled": "gray",
}
KINDS: Final = (
    *("upload", "edit", "delete", "restore", "recalculate", "take_back", "call_file", "send"),
    "correction_notes",
    "package_run",
    "bank_run",
    "bank_confirmation",
)
PAGES: Final = {
    "customer": "panel:customer",
    "contact": "panel:contact",
    "endpoint": "panel:endpoint",
    "ip_endpoint": "panel:endpoint",
    "sip_user": "panel:endpoint",
    "verified_cli": "panel:cli",
    "cli_rule": "panel:cli_rule",
    "alias": "panel:alias",
    "cli": "panel:cli",
    "ingress_route": "panel:route",
    "did": "panel:did",
    "conference_room": "panel:conference_room",
    "carrier": "panel:carrier",
    "gateway": "panel:gateway",
    "alert": "panel:alert",
    "tag": "panel:tag",
    "tax": "panel:tax",
    "department": "panel:department",
    "localization": "panel:localization",
    "domain": "panel:portal_domain",
    "webhook": "panel:webhook",
    "edge": "panel:edge",
    "user": "panel:user",
    "group": "panel:group",
    "package": "panel:package",
    "card": "panel:card",
    "access_number": "panel:access_number",
    "custom_page": "panel:custom_page",
    "report": "panel:report",
    "payment_gateway": "panel:payment_gateway",
    "dunning_step": "panel:dunning_step",
    "invoice_template": "panel:invoice_template",
    "sign_in_provider": "panel:sign_in_provider",
    "voucher_batch": "panel:voucher_batch",
    "mandate": "panel:mandate_edit",
    "invoice": "panel:invoice",
    "bank_run": "panel:bank_run",
}
AFTERWARDS: Final = frozenset({call_files.KIND, mailings.KIND, package_runs.KIND, NOTES, RECALCULATE, TAKING_BACK})
"""Kinds that no page waits for: one row may be an hour of many calls, or look for very many records, and mail waits for
its server anyway."""


def _waited_s(task: Task) -> int | None:
    """How long it waited before its first row, from when it was to begin."""
    if task.started_at is None:
        return None
    later = task.due_at if task.due_at is not None and task.due_at <= task.started_at else task.created_at
    return int((task.started_at - max(task.created_at, later)).total_seconds())


def _took_s(task: Task) -> int | None:
    """How long it has run."""
    if task.started_at is None:
        return None
    return int(((task.ended_at or datetime.now(UTC)) - task.started_at).total_seconds())


LIST = Grid(
    name="tasks",
    columns=(
        Column("id", "Id", kind=Kind.TEXT, sort="id", minor=True),
        Column("title", "Job", link=link("panel:task", lambda row: row.pk), wraps=True),
        Column("kind", "Type", value=lambda row: words(row.kind), sort="kind", hidden=True, says=True),
        Column("state", "State", value=lambda row: words(row.standing), kind=Kind.BADGE, tone=TONES, sort="standing"),
        Column("done", "Done", value="done_count", kind=Kind.COUNT),
        Column("failed", "Failed", value="failed_count", kind=Kind.COUNT),
        Column("total", "Of", value="total_count", kind=Kind.COUNT),
        Column("author", "Who", sort="author", hidden=True),
        Column("created_at", "Begun (UTC)", kind=Kind.INSTANT, sort="created_at", hidden=True),
        Column("next_at", "Goes on (UTC)", kind=Kind.INSTANT, hidden=True),
        Column("started_at", "Started (UTC)", kind=Kind.INSTANT, sort="started_at"),
        Column("ended_at", "Finished (UTC)", kind=Kind.INSTANT, sort="ended_at", minor=True),
        Column("waited", "Start latency", value=_waited_s, kind=Kind.DURATION, unit="s", minor=True),
        Column("took", "Run time", value=_took_s, kind=Kind.DURATION, unit="s", minor=True),
        Column("attempts", "Attempts", value="attempt_count", kind=Kind.COUNT, minor=True),
        Column("allowed", "Attempts allowed", value=lambda row: "No limit", hidden=True, says=True),
        Column("result", "Why it ended", minor=True, wraps=True),
        Column("reason", "Reason", hidden=True),
    ),
    filters=(
        Filter("state", "State", "standing", choices=tuple((state, words(state)) for state in STATES)),
        Filter("kind", "Type", "kind", choices=tuple((kind, words(kind)) for kind in KINDS)),
        Filter("author", "Who", "author__icontains"),
    ),
    sort="-id",
    empty_text="No jobs yet. Uploads, bulk edits, bulk deletions and mail to many are jobs: begin one in the list of "
    "customers.",
)


def _record(row: Any) -> str | None:
    if row.message_id is not None:
        return reverse("panel:message", args=[row.message_id])
    gone = row.task.kind == "delete" and row.task.noun != "customer"  # those are still to be seen
    there = row.record_id is not None and row.state == "done" and not row.task.dry and not gone
    return reverse(PAGES[row.task.noun], args=[row.record_id]) if there and row.task.noun in PAGES else None


def _name(row: TaskRow) -> str:
    if row.title or row.cells is None:
        return row.title or f"{row.task.noun} {row.record_id}"
    return ", ".join([text for cell in row.cells if (text := shown(cell))][:3])


def _tries(row: Any) -> str:
    """How often it was tried, and how often it may be before it has failed; of mail and SMS, by the server."""
    if row.message_id is not None:
        return f"{row.message_tries} of {MOST_TRIES}"
    return f"{min(row.attempt_count + (row.state != 'waiting'), ATTEMPTS_MOST)} of {ATTEMPTS_MOST}"


ROWS = Grid(
    name="task_rows",
    columns=(
        Column("number", "Line", kind=Kind.TEXT, sort="number"),
        Column("name", "Record", value=_name, link=_record),
        Column(
            "state",
            "State",
            value=lambda row: words(row.standing),
            kind=Kind.BADGE,
            tone={**TONES, "sending": "blue", "done": "green"},
            sort="standing",
        ),
        Column("tries", "Tries", value=_tries),
        Column("errors", "What is wrong", value=lambda row: error_words(row.errors), says=True, wraps=True),
    ),
    filters=(Filter("state", "State", "standing", choices=tuple((state, words(state)) for state in ROW_STATES)),),
    sort="number",
    searchable=False,
    empty_text="This job has no rows.",
)


def begun(request: HttpRequest, task: Task) -> HttpResponseRedirect:
    """Works a job that has just begun for a moment, as long as somebody likes to wait, and shows it."""
    if task.kind not in AFTERWARDS:
        work(_now, _now() + AT_ONCE, task_id=task.pk)
    del request
    return redirect("panel:task", task.pk)


@reading
def tasks(request: HttpRequest) -> HttpResponseBase:
    """Every job, those of colleagues too; a reseller's users see their own."""
    kinds = {kind: str(told(words(kind))) for kind in KINDS}
    search = LogSearch(table="task", keyed={"kind": kinds})
    jobs = with_standing(_visible(request), _now())
    source = LogSource(queryset=jobs, search=search, narrow=True, walked=BEGUN)
    return respond(request, LIST, source, title="Jobs", breadcrumbs=crumbs(("System", "")))


@reading
def task(request: HttpRequest, task_id: int) -> HttpResponseBase:
    """One job: how far it is and what became of its rows."""
    found = _found(request, task_id)
    own = Message.objects.filter(task_row=OuterRef("pk"))
    message = {"message_id": Subquery(own.values("pk")), "message_tries": Subquery(own.values("tries_count"))}
    rows = rows_with_standing(found.rows.select_related("task"), _now())
    source = QuerysetSource(queryset=rows.annotate(**message))
    way = crumbs(("System", ""), ("Jobs", reverse("panel:tasks")))
    title, shown = as_is(found.title), progress(request, found)
    return respond(request, ROWS, source, template="panel/task.html", title=title, breadcrumbs=way, **shown)


@reading
def now(request: HttpRequest, task_id: int) -> HttpResponseBase:
    """How far it is, alone."""
    return render(request, "panel/task_now.html", progress(request, _found(request, task_id)))


@reading
def errors(request: HttpRequest, task_id: int) -> HttpResponseBase:
    """The rows that failed and why, as a file to be mended and sent again."""
    found = _found(request, task_id)
    answer = StreamingHttpResponse(error_lines(found), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="job-{found.pk}-errors.csv"'
    return answer


@reading
def file(request: HttpRequest, task_id: int) -> HttpResponseBase:
    """The file of calls that it has made, for who may read all of them at this moment."""
    found = _found(request, task_id)
    parts = call_files.parts(found)
    if not parts or not call_files.may_fetch(found, actor(request)):
        raise Http404("There is no such file, or not any more.")
    answer = StreamingHttpResponse(call_files.blocks(parts), content_type="application/gzip")
    answer["Content-Disposition"] = f'attachment; filename="cdrs-{found.pk}.csv.gz"'
    answer["Content-Length"] = str(sum(part.stat().st_size for part in parts))
    return answer


@require_POST
@writing("cancel_task", shown_to_all=False)
def cancel(request: HttpRequest, task_id: int) -> HttpResponseBase:
    """Stops it after the row that is being done."""
    press(request, cancel_task, "The job is canceled. What is done stays done.", task_id=_found(request, task_id).pk)
    return redirect("panel:task", task_id)


@require_POST
@writing("retry_task", shown_to_all=False)
def retry(request: HttpRequest, task_id: int) -> HttpResponseBase:
    """Does again what failed."""
    found = _found(request, task_id)
    press(request, retry_task, "", task_id=found.pk)
    return begun(request, found)


@require_POST
@writing("undo_task", shown_to_all=False)
def undo(request: HttpRequest, task_id: int) -> HttpResponseBase:
    """Restores what it has deleted, by a job of its own."""
    found = _found(request, task_id)
    if press(request, undo_task, "", task_id=found.pk):
        return begun(request, found.followers.latest("pk"))
    return redirect("panel:task", found.pk)


@require_POST
@writing("repeat_upload", shown_to_all=False)
def repeat(request: HttpRequest, task_id: int) -> HttpResponseBase:
    """After a dry run: uploads the rows that were good."""
    found = _found(request, task_id)
    if press(request, repeat_upload, "", task_id=found.pk):
        return begun(request, found.followers.latest("pk"))
    return redirect("panel:task", found.pk)


def progress(request: HttpRequest, found: Task) -> dict[str, Any]:
    """What `panel/task_now.html` shows of a job, on the job's page and on those of what it is about."""
    at, open_still = _now(), found.state in OPEN
    standing, next_at = found.state, None
    if open_still:
        standing, next_at = with_standing(Task.objects.filter(pk=found.pk), at).values_list("standing", "next_at")[0]
    left = found.total_count - found.done_count
    own_file = found.kind == call_files.KIND and call_files.may_fetch(found, actor(request))
    parts = call_files.parts(found) if own_file else []
    return {
        "file_bytes": sum(part.stat().st_size for part in parts),
        "file_until": found.ended_at + call_files.KEPT if parts and found.ended_at else None,
        "file_gone": own_file and found.state == "completed" and not found.failed_count and not parts,
        "task": found,
        "state": words(standing),
        "tone": TONES[standing],
        "next_at": next_at if standing == DELAYED else None,
        "open": open_still,
        "reached": found.done_count + found.failed_count,
        "sending_count": found.rows.filter(state="sending").count() if found.kind == mailings.KIND else 0,
        "took_s": _took_s(found),
        "manages": may_manage(found, actor(request)),
        "about": _about(request, found),
        "can_retry": not open_still and left > 0 and not (found.dry and found.followers.exists()),
        "can_undo": undoable(found, at),
        "can_repeat": found.dry and not open_still and found.done_count > 0 and not found.followers.exists(),
    }


def _about(request: HttpRequest, found: Task) -> tuple[str, str] | None:
    """What a job belongs to, with its page, for who may read that and is not `there` now."""
    number, address = found.arguments.get("recalculation_id"), ""
    if number is not None and rights(request).reads("recalculations"):
        title, address = f"Recalculation {number}", reverse("panel:recalculation", args=[number])
    elif found.kind == package_runs.KIND and rights(request).reads("packages"):
        title, address = "What it charges", reverse("panel:package_run_job", args=[found.pk])
    elif found.kind == bank_files.KIND and rights(request).reads("bank_files"):
        title, address = "File for the bank", reverse("panel:bank_run_job", args=[found.pk])
    elif found.kind == bank_confirmations.KIND and rights(request).reads("bank_files"):
        title, address = "File for the bank", reverse("panel:bank_run", args=[found.arguments["bank_run_id"]])
    there = "there" in request.GET or request.path.startswith(address)
    return (title, address) if address and not there else None


def _visible(request: HttpRequest) -> QuerySet[Task]:
    found = Task.objects.filter(account=own_account(request))
    return found if reach(request) is None else found.filter(author_id=current_user(request).pk)


def _found(request: HttpRequest, task_id: int) -> Task:
    found = _visible(request).filter(pk=task_id).first()
    if found is None:
        raise Http404("There is no such job.")
    return found


def _now() -> datetime:
    return datetime.now(UTC)


urlpatterns = [
    path("tasks/", tasks, name="tasks"),
    path("tasks/<int:task_id>/", task, name="task"),
    path("tasks/<int:task_id>/now/", now, name="task_now"),
    path("tasks/<int:task_id>/errors/", errors, name="task_errors"),
    path("tasks/<int:task_id>/file/", file, name="task_file"),
    path("tasks/<int:task_id>/cancel/", cancel, name="task_cancel"),
    path("tasks/<int:task_id>/retry/", retry, name="task_retry"),
    path("tasks/<int:task_id>/undo/", undo, name="task_undo"),
    path("tasks/<int:task_id>/repeat/", repeat, name="task_repeat"),
]
