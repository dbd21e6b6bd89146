"""The audit log: who did what, from where, with the values before and after. A database trigger writes it.

Other pages show a part of it: `OF_CUSTOMER` all that belongs to a customer (`of_customer`), as the user may see it
(`as_seen`, `source_of`), and by address one record: `/audit/?table=customer&row=17`, `/audit/?customer=17`.
"""

from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.core.areas import SHARED_TABLES
from tollgate.core.field_words import field_words
from tollgate.panel import audit_words, staff
from tollgate.panel.access import current_user, own_account, own_customers, reach, reading
from tollgate.panel.audit_words import KINDS
from tollgate.panel.cells import link
from tollgate.panel.frame import crumbs
from tollgate.panel.logs import LogSource
from tollgate.store.models import Audit, Customer
from tollgate.store.queries.log_finding import LogSearch, audit_told, by_values
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Filter, FilterKind, Grid, respond
from tollgate.ui.words import as_is

UNLISTED = frozenset(
    {
        *("account_charge", "alert_event", "alert_state", "api_answer", "archived_call", "audit"),
        *("audit_seal", "call", "carrier_file_content", "carrier_line", "carrier_sum", "cdr", "charging_process"),
        *("checkout", "code", "contact_session", "entry", "invoice_line", "invoice_tax", "lake_file", "login_delay"),
        *("payment_event", "rate", "series_counter", "summary_progress", "task_row", "voucher_attempt", "wallet"),
        *("webhook_delivery", "webhook_event"),
    }
)
"""Tables whose rows are told elsewhere: what calls, money and machines write themselves."""
TABLES = sorted(
    {model._meta.db_table for model in apps.get_app_config("store").get_models(include_auto_created=True)} - UNLISTED,  # noqa: SLF001 - Django's public name
    key=audit_words.table_words,
)
EVENTS = (
    *("LOGIN", "LOGIN_FAILED", "LOGOUT", "IMPERSONATE", "AUTHENTICATOR_ADDED", "AUTHENTICATOR_REMOVED"),
    *("PASSKEY_ADDED", "PASSKEY_REMOVED", "FACTORS_RESET", "SEND", "START", "CANCEL", "RETRY", "ERASE"),
    *("CDRS_ERASED", "RECORDING_DELETED", "SESSIONS_ENDED", "DELAY_LIFTED"),
)
VERBS = (*audit_words.VERBS, *EVENTS)
LINKS = {"table": "f.what", "row": "f.record", "customer": "f.customer", "actor": "f.actor"}
"""Short names for addresses that other pages and people write."""


class CustomerFilter(Filter):
    """A customer by a part of its name, or by its id."""

    def read(self, text: str) -> Any:
        """Their ids."""
        named = Customer.objects.filter(name__icontains=text)
        return (named | Customer.objects.filter(pk=int(text)) if text.isdecimal() else named).values("pk")


def _record(row: Any) -> str | None:
    return audit_words.record_url(row.table_name, row.row_id) if row.verb != "DELETE" else None


COLUMNS = (
    Column("at", "At (UTC)", kind=Kind.INSTANT, sort="at", link=link("panel:audit_row", lambda row: row.pk)),
    Column("actor", "Who", value=lambda row: audit_words.actor_words(row.actor, row.actor_kind), sort="actor"),
    Column("ip", "From"),
    Column("act", "Act", value=lambda row: field_words(row.act) if row.act else "", sort="act", says=True),
    Column(
        "table_name", "What", value=lambda row: audit_words.table_words(row.table_name), sort="table_name", says=True
    ),
    Column("row_id", "Record", link=_record),
    Column("verb", "Was", value=lambda row: audit_words.verb_words(row.verb), kind=Kind.BADGE, sort="verb"),
    Column("changed", "Before → after", value=lambda row: audit_words.sentence(row.before, row.after)),
    Column("reason", "Reason"),
)
FILTERS = (
    Filter("from", "From (UTC)", "at__gte", kind=FilterKind.INSTANT),
    Filter("until", "Until (UTC)", "at__lt", kind=FilterKind.INSTANT),
    Filter("actor", "Who", "actor__icontains"),
    Filter("kind", "Kind", "actor_kind", choices=tuple(KINDS.items())),
    Filter("ip", "From address", "ip__startswith"),
    Filter("act", "Act", "act__icontains"),
    Filter("what", "What", "table_name", choices=tuple((name, audit_words.table_words(name)) for name in TABLES)),
    Filter("record", "Record id", "row_id", kind=FilterKind.WHOLE),
    Filter("verb", "Was", "verb", choices=tuple((verb, audit_words.verb_words(verb)) for verb in VERBS)),
)
LIST = Grid(
    name="audit",
    columns=COLUMNS,
    filters=(*FILTERS, CustomerFilter("customer", "Customer", "customer_id__in")),
    sort="-id",
    empty_text="Nothing has been changed yet.",
)
OF_CUSTOMER = Grid(
    name="audit",
    columns=COLUMNS,
    filters=FILTERS,
    sort="-id",
    empty_text="Nothing has been changed yet.",
)
WRITTEN = {name: Q(**{f"{name}__isnull": False}) for name in ("actor", "act")}
"""What may be empty and is sorted by."""


@reading
def audit(request: HttpRequest) -> HttpResponseBase:
    """Every change and event."""
    wanted = {LINKS[name]: value for name, value in request.GET.items() if name in LINKS}
    if wanted:
        rest = {name: value for name, value in request.GET.items() if name not in LINKS}
        return redirect(f"{request.path}?{urlencode({**rest, **wanted})}")
    source = source_of(request, visible(request))
    return respond(request, as_seen(request, LIST), source, title="Audit log", breadcrumbs=crumbs(("System", "")))


@reading
def audit_row(request: HttpRequest, audit_id: int) -> HttpResponseBase:
    """One row, value by value."""
    row = get_object_or_404(visible(request), pk=audit_id)
    what = audit_words.table_words(row.table_name)
    before, after = staff.told_values(request, row.before), staff.told_values(request, row.after)
    return render(
        request,
        "panel/audit_row.html",
        {
            "title": as_is(f"{what} {row.row_id} {audit_words.verb_words(row.verb)}"),
            "breadcrumbs": crumbs(("System", ""), ("Audit log", reverse("panel:audit"))),
            "row": row,
            "who": _who(request, row),
            "ip": row.ip if _is_told(request, row) else "",
            "kind": KINDS.get(row.actor_kind or "", ""),
            "act": field_words(row.act) if row.act else "",
            "record_url": _record(row),
            "history_url": f"{reverse('panel:audit')}?{urlencode({'table': row.table_name, 'row': row.row_id})}",
            "made": row.before is None,
            "lines": audit_words.lines(before, after, table=row.table_name),
        },
    )


def as_seen(request: HttpRequest, grid: Grid) -> Grid:
    """A list of this file as this user may see it: to a reseller's user the operator's staff is "Operator"."""

    def changed(row: Audit) -> str:
        before, after = (staff.told_values(request, values) for values in (row.before, row.after))
        return audit_words.sentence(before, after)

    def ip(row: Audit) -> str:
        return row.ip if row.ip and _is_told(request, row) else ""

    return staff.as_seen(request, grid, actor=lambda row: _who(request, row), ip=ip, changed=changed)


def _is_told(request: HttpRequest, row: Audit) -> bool:
    """Whether this user may know who it was."""
    known = staff.colleagues(request)
    return known is None or row.actor_kind != "user" or row.actor_id in known


def _who(request: HttpRequest, row: Audit) -> str:
    return audit_words.actor_words(row.actor, row.actor_kind) if _is_told(request, row) else staff.operator()


def visible(request: HttpRequest) -> QuerySet[Audit]:
    """What this user may see: everything of the account, or what the reseller's users may know of its customers."""
    own_account(request)  # nothing without one
    if current_user(request).reseller_id is None:
        return Audit.objects.all()
    own = own_customers(request).values("pk")
    return Audit.objects.filter(customer_id__in=own, table_name__in=SHARED_TABLES)


def of_customer(request: HttpRequest, customer: Customer) -> QuerySet[Audit]:
    """All that was done to a customer and to what belongs to it, as far as this user may see it."""
    return visible(request).filter(Q(customer_id=customer.pk) | Q(table_name="customer", row_id=customer.pk))


def source_of(request: HttpRequest, rows: QuerySet[Audit], *, of_one: bool = False) -> LogSource:
    """Rows of the log, searched by what this user may know of them; by whose they are too, unless all are `of_one`."""
    known = staff.colleagues(request)
    told = None if known is None else audit_told(known)
    search = LogSearch(table="audit", owned=not of_one, told=told, reach=reach(request))
    meant = {**by_values("audit", "actor"), **by_values("audit", "act")}
    return LogSource(queryset=rows, search=search, meanings=meant, narrow=True, walked=WRITTEN)


urlpatterns = [
    path("audit/", audit, name="audit"),
    path("audit/<int:audit_id>/", audit_row, name="audit_row"),
]
