"""Reconciliation with carriers: their statements, what each comparison found, and how they write files.

The statement's page leads to its files (`reconciliation_files`), lines (`carrier_lines`) and disputes
(`carrier_disputes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.carrier_disputes import DISPUTABLE
from tollgate.actions.carrier_statements import (
    FORMAT_CHECKS,
    accept_carrier_statement,
    booked_micros,
    compare_statement,
    create_carrier_statement,
    delete_carrier_statement,
    describe_carrier_files,
    take_back_carrier_acceptance,
    update_carrier_statement,
)
from tollgate.core.carrier_files import EXAMPLES
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.cells import excerpt, link
from tollgate.panel.fields import DayField, pick, words
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.panel.suggestions import suggested
from tollgate.store.models import Carrier, CarrierFormat, CarrierLine, CarrierPayment, CarrierStatement
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import CurrencyField, DurationField, MoneyField, ZoneField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, worded

CLASS_WORDS: Final = {
    "equal": "Equal",
    "duration": "Duration differs",
    "rate": "Price differs",
    "currency": "Other currency",
    "theirs": "Only theirs",
    "ours": "Only ours",
    "doubled": "Billed twice",
    "total": "Totals",
}
CLASS_TONES: Final = {"Equal": "green", "Only ours": "blue", "Totals": "gray"}
STATE_TONES: Final = {"waiting": "blue", "compared": "yellow", "failed": "red", "accepted": "green"}
STATES: Final = ("waiting", "compared", "failed")
HOUR_MS: Final = 3_600_000
EDITED: Final = ("number", "zone", "total_micros", "calls_count", "duration_s", "note")


def class_tone(row: Any) -> str:
    """The tone of a line's badge: what the carrier bills otherwise stands out."""
    return CLASS_TONES.get(CLASS_WORDS[row.kind], "yellow")


def state_of(statement: CarrierStatement) -> str:
    """Where a statement stands."""
    return "Accepted" if statement.accepted_at is not None else words(statement.state)


def difference_micros(statement: CarrierStatement) -> int | None:
    """What the carrier bills beyond our record of the same calls; None before the comparison."""
    billed = statement.figures.get("billed_micros")
    return None if billed is None else statement.total_micros - int(billed)


LIST: Final = Grid(
    name="carrier_statements",
    columns=(
        Column("number", "Statement", sort="number", link=link("panel:carrier_statement", lambda row: row.pk)),
        Column("carrier", "Carrier", value="carrier.name", sort="carrier__name"),
        Column("from_on", "From", sort="from_on"),
        Column("last_on", "Until", value=lambda row: row.until_on - timedelta(days=1)),
        Column("state", "State", value=state_of, kind=Kind.BADGE, tone=STATE_TONES),
        Column("total", "Billed", value="total_micros", kind=Kind.MONEY, currency="currency", sort="total_micros"),
        Column(
            "ours", "Our record", value=lambda row: row.figures.get("billed_micros"), kind=Kind.MONEY,
            currency="currency", minor=True,
        ),
        Column("difference", "Difference", value=difference_micros, kind=Kind.MONEY, currency="currency"),
        Column("paid", "Paid", value="paid_micros", kind=Kind.MONEY, currency="currency"),
        Column("disputes", "Disputes", value="disputes_count", kind=Kind.COUNT, minor=True),
        Column("compared_at", "Compared (UTC)", kind=Kind.INSTANT, minor=True),
    ),
    filters=(
        Filter("carrier_name", "Carrier", "carrier__name__icontains", suggest=suggested("carrier")),
        Filter("state", "State", "state", choices=tuple((one, words(one)) for one in STATES)),
    ),
    sort="-from_on",
    ticks=True,
    empty_text="No statements yet. Add what a carrier bills you, with its file of calls: both sides are compared.",
    empty_url="/reconciliation/new/",
    empty_action="Add a statement",
)  # fmt: skip


class StatementForm(HouseForm):
    """What a carrier bills for some days."""

    widths = {"number": 4, "zone": 4, "note": 12}
    field_order = ("carrier_id", "number", "from_on", "last_on", "zone", "total_micros", "currency", "calls_count",
                   "duration_s", "note")  # fmt: skip
    number = forms.CharField(label="Number of its invoice", max_length=60)
    from_on = DayField(label="First day")
    last_on = DayField(label="Last day")
    zone = ZoneField(label="Time zone of its days")
    total_micros = MoneyField(label="Total before tax")
    calls_count = forms.IntegerField(label="Calls", min_value=0, required=False, help_text="As its invoice says")
    duration_s = DurationField(label="Duration", required=False, help_text="As its invoice says")
    note = forms.CharField(max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def values(self) -> dict[str, Any]:
        """The act's arguments."""
        given = changes(self, leave_out=("last_on",))
        return {**given, "until_on": self.cleaned_data["last_on"] + timedelta(days=1)}


class ChangedStatementForm(StatementForm):
    """The same of one that is there."""

    versioned = True


class NewStatementForm(StatementForm):
    """The same with the carrier, chosen once."""

    carrier_id = pick("Carrier", [])
    currency = CurrencyField()

    def __init__(self, *arguments: Any, account_id: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        field = self.fields["carrier_id"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            ("", ""),
            *Carrier.objects.filter(account_id=account_id).order_by("name").values_list("pk", "name"),
        ]


class FormatForm(HouseForm):
    """How a carrier writes, and what is no difference."""

    versioned = True
    tabs = [
        ("Files", ["time_format", "zone", "time_of", "duration_unit", "duration_of", "decimal_comma", "strip", "add"]),
        ("Tolerances", ["time_tolerance_s", "duration_tolerance_s", "cost_tolerance_micros"]),
    ]
    time_format = forms.ChoiceField(label="Moments are written as", choices=list(EXAMPLES.items()))
    zone = ZoneField(label="Time zone of its clock", required=False, help_text="Empty: that of the statement's days")
    time_of = forms.ChoiceField(
        label="Its moment is that of",
        choices=[("answered", "the answer"), ("started", "the INVITE"), ("ended", "the end")],
    )
    duration_unit = forms.ChoiceField(
        label="Durations are in",
        choices=[(name, name) for name in ("seconds", "minutes", "milliseconds")],
        help_text="1:02:03 is read whatever the unit",
    )
    duration_of = forms.ChoiceField(
        label="Its duration is", choices=[("talked", "what was talked"), ("billed", "what is billed, rounded up")]
    )
    decimal_comma = forms.BooleanField(label="Decimals follow a comma", required=False)
    strip = forms.CharField(
        label="Prefixes before numbers", required=False, max_length=200, help_text="Taken off, such as 00|1234#"
    )
    add = forms.CharField(label="Put before numbers", required=False, max_length=20, help_text="Such as 370")
    time_tolerance_s = DurationField(
        label="Start", help_text="A call without an id of ours is paired within this, on our clock"
    )
    duration_tolerance_s = DurationField(label="Duration")
    cost_tolerance_micros = MoneyField(label="Cost", least=0)


@reading
def statements(request: HttpRequest) -> HttpResponseBase:
    """Every statement."""
    grid, source = listed(request, request.GET.dict())
    return respond(
        request, grid, source, template="panel/carrier_statements.html", title="Reconciliation",
        breadcrumbs=crumbs(("Buying", "")),
    )  # fmt: skip


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    found = CarrierStatement.objects.filter(account=own_account(request)).select_related("carrier")
    return LIST, QuerysetSource(queryset=_counted(found), search=("number__icontains", "carrier__name__icontains"))


@reading
def statement(request: HttpRequest, statement_id: int) -> HttpResponseBase:
    """One statement: what it says, its files, what the comparison found, its disputes."""
    found = found_statement(request, statement_id)
    figures = found.figures
    context = {
        "title": as_is(str(found)), "breadcrumbs": way(found.carrier), "statement": found, "state": state_of(found),
        "tone": STATE_TONES[state_of(found).lower()], "figures": figures, "difference": difference_micros(found),
        "last_on": found.until_on - timedelta(days=1), "clock": _clock_words(found),
        "files": found.files.order_by("pk"), "classes": _classes(found), "booked": booked_micros(found),
        **_beside(found), **_paid(found),
        "disputes": found.disputes.order_by("pk"), "lines_url": reverse("panel:carrier_lines", args=[found.pk]),
        "sums_url": reverse("panel:carrier_sums", args=[found.pk]),
        "changeable": found.accepted_at is None and not found.disputes.exists(),
    }  # fmt: skip
    return render(request, "panel/carrier_statement.html", context)


@writing("create_carrier_statement", shown_to_all=False)
def new_statement(request: HttpRequest) -> HttpResponseBase:
    """A new statement; then its page, where files are added."""
    account = own_account(request)
    carrier = Carrier.objects.filter(account=account, pk=_asked(request)).first()
    given = {"zone": account.zone, "currency": account.currency}
    if carrier is not None:
        given = {"zone": account.zone, "currency": carrier.currency, "carrier_id": str(carrier.pk)}
    form = NewStatementForm(posted(request), initial=given, account_id=account.pk)
    if form.is_valid():
        done = saved(request, form, create_carrier_statement, **form.values())
        if done is not None:
            return after_save(request, f"{done} is kept.", form_url=request.path, done_url=page_of(done))
    return render_form(
        request, form, title="New statement", breadcrumbs=way(), back_url=reverse("panel:carrier_statements"),
        save_title="Create",
    )  # fmt: skip


@writing("update_carrier_statement")
def edit_statement(request: HttpRequest, statement_id: int) -> HttpResponseBase:
    """What a statement says."""
    found = found_statement(request, statement_id)
    begun = initial(found, EDITED) | {"from_on": found.from_on, "last_on": found.until_on - timedelta(days=1)}
    form = ChangedStatementForm(posted(request), initial=begun)
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_carrier_statement, statement_id=found.pk, version=version, **form.values())
        if done is not None:
            return after_save(request, f"{done} is saved.", form_url=request.path, done_url=page_of(done))
    return render_form(
        request, form, template="panel/carrier_statement_edit.html", title=worded("{found}: settings", found=found),
        breadcrumbs=[*way(found.carrier), *crumbs((as_is(str(found)), page_of(found)))], back_url=page_of(found),
        read_only=not may(request, "update_carrier_statement"), statement=found,
    )  # fmt: skip


@writing("delete_carrier_statement", shown_to_all=False)
def remove_statement(request: HttpRequest, statement_id: int) -> HttpResponseBase:
    """Deletes a statement."""
    found = found_statement(request, statement_id)
    if request.POST.get("confirmation") != found.number:
        messages.error(request, f"Type {found.number} to delete this statement.")
    elif press(request, delete_carrier_statement, f"{found} is deleted.", statement_id=found.pk):
        return redirect("panel:carrier_statements")
    return redirect(page_of(found))


@writing("compare_statement", shown_to_all=False)
def compare(request: HttpRequest, statement_id: int) -> HttpResponseBase:
    """Compares a statement again."""
    found = found_statement(request, statement_id)
    if request.method == "POST":
        press(request, compare_statement, "It is being compared: look again in a moment.", statement_id=found.pk)
    return redirect(page_of(found))


@writing("accept_carrier_statement", shown_to_all=False)
def accept(request: HttpRequest, statement_id: int) -> HttpResponseBase:
    """Accepts what the carrier bills."""
    found = found_statement(request, statement_id)
    if request.POST.get("confirmation") != found.number:
        messages.error(request, f"Type {found.number} to accept this statement.")
    else:
        fee = request.GET.get("fee") == "1"
        press(request, accept_carrier_statement, f"{found} is accepted.", statement_id=found.pk, fee=fee)
    return redirect(page_of(found))


@writing("take_back_carrier_acceptance", shown_to_all=False)
def take_back(request: HttpRequest, statement_id: int) -> HttpResponseBase:
    """Takes the acceptance of a statement back."""
    found = found_statement(request, statement_id)
    if request.method == "POST":
        reason = request.POST.get("text", "")
        press(request, take_back_carrier_acceptance, "It is open again.", statement_id=found.pk, reason=reason)
    return redirect(page_of(found))


@writing("describe_carrier_files")
def edit_format(request: HttpRequest, carrier_id: int) -> HttpResponseBase:
    """How a carrier writes its files, and the tolerances."""
    carrier = get_object_or_404(Carrier, pk=carrier_id, account=own_account(request))
    found = CarrierFormat.objects.filter(carrier=carrier).first() or CarrierFormat(carrier=carrier)
    begun = initial(found, FORMAT_CHECKS)
    form = FormatForm(posted(request), initial=begun)
    form.set_unit("cost_tolerance_micros", carrier.currency)
    back = reverse("panel:carrier", args=[carrier.pk])
    if form.is_valid():
        version = form.cleaned_data["version"] if found.pk else None
        done = saved(request, form, describe_carrier_files, carrier_id=carrier.pk, version=version, **changes(form))
        if done is not None:
            return after_save(request, f"{done} are described.", form_url=request.path, done_url=back)
    return render_form(
        request, form, title=worded("{name}: files and tolerances", name=carrier.name),
        breadcrumbs=crumbs(("Buying", ""), ("Carriers", reverse("panel:carriers")), (as_is(carrier.name), back)),
        back_url=back, read_only=not may(request, "describe_carrier_files"),
    )  # fmt: skip


def found_statement(request: HttpRequest, statement_id: int) -> CarrierStatement:
    """A statement of the account, with its carrier."""
    found = CarrierStatement.objects.select_related("carrier")
    return get_object_or_404(found, pk=statement_id, account=own_account(request))


def page_of(found: CarrierStatement) -> str:
    """Its address."""
    return reverse("panel:carrier_statement", args=[found.pk])


def way(carrier: Carrier | None = None) -> list[Any]:
    """From Buying to the statements, of one carrier."""
    steps = [("Buying", ""), ("Reconciliation", reverse("panel:carrier_statements"))]
    if carrier is not None:
        steps.append((as_is(carrier.name), f"{steps[-1][1]}?{urlencode({'f.carrier_name': carrier.name})}"))
    return crumbs(*steps)


def of_carrier(carrier: Carrier) -> Any:
    """The last statements of a carrier, for its page."""
    found = CarrierStatement.objects.filter(carrier=carrier).select_related("carrier")
    return excerpt(_OF_CARRIER, QuerysetSource(queryset=_counted(found)))


def _counted(found: QuerySet[CarrierStatement]) -> QuerySet[CarrierStatement]:
    """Statements with how many disputes they have, and what was paid for each."""
    paid = CarrierPayment.objects.filter(statement=OuterRef("pk")).order_by().values("statement")
    micros = Subquery(paid.annotate(micros=Sum("amount_micros")).values("micros"))
    return found.annotate(disputes_count=Count("disputes"), paid_micros=micros)


_OF_CARRIER: Final = Grid(
    name="carrier_statements_of",
    columns=tuple(column for column in LIST.columns if column.name != "carrier"),
    sort="-from_on",
    page_size=5,
    compact=True,
    searchable=False,
    empty_text="No statements yet.",
)


def _beside(found: CarrierStatement) -> dict[str, Any]:
    """How much more or less the invoice says than its files add up to."""
    if "their_micros" not in found.figures:
        return {}
    micros = found.total_micros - found.figures["their_micros"]
    return {"beside": abs(micros), "beside_more": micros > 0} if micros else {}


def _paid(found: CarrierStatement) -> dict[str, Any]:
    """The payments for a statement, what they come to, and what is left to pay of what was accepted."""
    payments = list(found.payments.select_related("reversed_by").order_by("pk"))
    micros = sum(payment.amount_micros for payment in payments)
    left = None if found.accepted_micros is None else found.accepted_micros - micros
    return {"payments": payments, "paid_micros": micros, "left_micros": left}


def _clock_words(found: CarrierStatement) -> str:
    """How far the carrier's clock is from ours, and what that may mean."""
    figures = found.figures
    if "offset_ms" not in figures:
        return ""
    certain, agreeing = figures["certain_count"], figures["agreeing_count"]
    if agreeing * 2 <= certain or not certain:
        return f"unknown: only {agreeing} of {certain} certain calls agree, so it is taken as ours"
    offset_ms = figures["offset_ms"]
    side = "ahead of ours" if offset_ms >= 0 else "behind ours"
    told = f"{abs(offset_ms) // 1000} s {side}, by {agreeing} of {certain} certain calls"
    hours = (abs(offset_ms) + HOUR_MS // 2) // HOUR_MS
    near = hours and abs(abs(offset_ms) - hours * HOUR_MS) < 300_000
    return f"{told}; about {hours} h: is its time zone right?" if near else told


def _classes(found: CarrierStatement) -> list[dict[str, Any]]:
    """What the lines come to by what they are, and in which currency."""
    names = ("their_calls", "our_calls", "their_micros", "our_micros", "difference_micros")
    rows = found.sums.filter(run=found.run).values("kind", "currency").annotate(**{f"{n}_sum": Sum(n) for n in names})
    order = list(CLASS_WORDS)
    lines = CarrierLine.objects.filter(statement=found, run=found.run, dispute=None).exclude(difference_micros=0)
    free = {kind for kind in DISPUTABLE if lines.filter(kind=kind).exists()}
    told = [
        {
            **row,
            "disputable": row["kind"] in free,
            "words": CLASS_WORDS[row["kind"]],
            "tone": CLASS_TONES.get(CLASS_WORDS[row["kind"]], "yellow"),
        }
        for row in rows
    ]
    return sorted(told, key=lambda row: (order.index(row["kind"]), row["currency"]))


def _asked(request: HttpRequest) -> int:
    text = request.GET.get("carrier", "")
    return int(text) if text.isdecimal() and len(text) < 19 else 0


urlpatterns = [
    path("reconciliation/", statements, name="carrier_statements"),
    path("reconciliation/new/", new_statement, name="carrier_statement_new"),
    path("reconciliation/<int:statement_id>/", statement, name="carrier_statement"),
    path("reconciliation/<int:statement_id>/edit/", edit_statement, name="carrier_statement_edit"),
    path("reconciliation/<int:statement_id>/compare/", compare, name="carrier_statement_compare"),
    path("reconciliation/<int:statement_id>/accept/", accept, name="carrier_statement_accept"),
    path("reconciliation/<int:statement_id>/take-back/", take_back, name="carrier_statement_take_back"),
    path("reconciliation/<int:statement_id>/delete/", remove_statement, name="carrier_statement_delete"),
    path("carriers/<int:carrier_id>/files/", edit_format, name="carrier_format"),
]
