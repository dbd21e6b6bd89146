"""Circuit tests: a real call through a carrier, a gateway or the usual way, and what comes back of it while it goes on.

The pages of carriers, gateways and routes link to the form with what is to be tested in the address.
"""

from typing import Any, Final

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse

from tollgate.actions.circuit_tests import LONGEST_S, OPEN, start_circuit_test
from tollgate.panel.access import may, own_account, reading, rights, writing
from tollgate.panel.cells import link
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, posted, saved
from tollgate.store.models import CDR, Account, Call, CircuitTest, Gateway, RouteOption
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import SEARCHABLE
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

USUAL: Final = "As the routes of the circuit test user decide"
STATES: Final = {
    "queued": ("Waits for a worker", "gray"),
    "calling": ("Calling", "blue"),
    "ringing": ("Ringing", "blue"),
    "talking": ("Answered", "green"),
    "done": ("Answered", "green"),
    "unanswered": ("Not answered", "yellow"),
    "failed": ("Failed", "red"),
}
"""What is shown of a test, by `_state`: its words and their tone."""


def _state(test: CircuitTest) -> str:
    """Where a test stands, as people say it."""
    answered = test.sip is not None and 200 <= test.sip < 300
    if test.state == "calling" and test.pdd_ms is not None:
        return "talking" if answered else "ringing"
    return "unanswered" if test.state == "done" and not answered else test.state


LIST: Final = Grid(
    name="circuit_tests",
    columns=(
        Column(
            "created_at",
            "Asked (UTC)",
            kind=Kind.INSTANT,
            sort="created_at",
            link=link("panel:circuit_test", lambda row: row.pk),
        ),
        Column("number", "Number", sort="number"),
        Column("way", "Through", value=lambda row: row.way or "The usual way"),
        Column(
            "state",
            "State",
            value=lambda row: STATES[_state(row)][0],
            kind=Kind.BADGE,
            tone={words.lower(): tone for words, tone in STATES.values()},
        ),
        Column("sip", "SIP"),
        Column("pdd", "PDD", value="pdd_ms", kind=Kind.DURATION, unit="ms"),
        Column("ring", "Rang", value="ring_ms", kind=Kind.DURATION, unit="ms"),
        Column("codec", "Codec", minor=True),
        Column("asked_by", "By", sort="asked_by", minor=True),
    ),
    sort="-created_at",
    empty_text="No circuit tests yet. A test calls a number through a gateway and shows what comes back.",
)


class CircuitTestForm(HouseForm):
    """Whom to call, and through what."""

    widths = {"number": 4, "talk_s": 4, "cli": 4, "way": 12}
    units = {"talk_s": "s"}
    number = forms.CharField(max_length=21, help_text="As the customer of the SIP user dials it")
    way = forms.ChoiceField(
        label="Through", required=False, widget=forms.Select(attrs=SEARCHABLE), help_text="Nothing else is tried"
    )
    talk_s = forms.IntegerField(
        label="Hang up after", min_value=1, max_value=LONGEST_S, initial=10, help_text="From the answer on"
    )
    cli = forms.CharField(
        label="Number shown", max_length=21, required=False, help_text="Empty = the name of the SIP user"
    )

    def __init__(self, *arguments: Any, gateways: QuerySet[Gateway], **options: Any) -> None:
        super().__init__(*arguments, **options)
        choices, carrier_id = [("", USUAL)], None
        for gateway in gateways.select_related("carrier").order_by("carrier__name", "carrier_id", "name"):
            if gateway.carrier_id != carrier_id:
                carrier_id = gateway.carrier_id
                choices.append((f"carrier-{carrier_id}", f"{gateway.carrier}: any gateway"))
            choices.append((f"gateway-{gateway.pk}", f"{gateway.carrier}: {gateway}"))
        field = self.fields["way"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
        self.ways = {name for name, _ in choices}

    def wanted(self) -> dict[str, Any]:
        """The act's arguments."""
        given = self.cleaned_data
        kind, _, row_id = given["way"].partition("-")
        way = {f"{kind}_id": int(row_id)} if row_id else {}
        return {"number": given["number"], "talk_s": given["talk_s"], "cli": given["cli"], **way}


@reading
def circuit_tests(request: HttpRequest) -> HttpResponseBase:
    """Every test, the newest first."""
    source = QuerysetSource(
        queryset=CircuitTest.objects.filter(account=own_account(request)),
        search=("number__icontains", "way__icontains", "asked_by__icontains"),
    )
    return respond(
        request,
        LIST,
        source,
        template="panel/circuit_tests.html",
        title="Circuit tests",
        breadcrumbs=crumbs(("Buying", "")),
    )


@writing("start_circuit_test", shown_to_all=False)
def new_circuit_test(request: HttpRequest) -> HttpResponseBase:
    """Whom to call, and through what: `carrier`, `gateway` or `route` of the address says where one comes from."""
    account = own_account(request)
    begun = _begun(request)
    form = CircuitTestForm(posted(request), initial={"way": begun}, gateways=_gateways(request, account))
    if form.is_valid():
        done = saved(request, form, start_circuit_test, account_id=account.pk, **form.wanted())
        if done is not None:
            page = reverse("panel:circuit_test", args=[done.pk])
            return after_save(request, "The test has begun.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        template="panel/circuit_test_new.html",
        title="Test a circuit",
        breadcrumbs=_steps(),
        back_url=reverse("panel:circuit_tests"),
        save_title="Call",
        user=account.circuit_user,
        gone=begun not in form.ways,
        may_choose=may(request, "update_options"),
    )


@reading
def circuit_test(request: HttpRequest, circuit_test_id: int) -> HttpResponseBase:
    """One test; its changing part comes again every second until it is over."""
    test = _found(request, circuit_test_id)
    chosen = f"?gateway={test.gateway_ids[0]}" if len(test.gateway_ids) == 1 else ""
    context = {"title": as_is(test.number), "breadcrumbs": _steps(), "again": chosen, **_shown(request, test)}
    return render(request, "panel/circuit_test.html", context)


@reading
def circuit_test_now(request: HttpRequest, circuit_test_id: int) -> HttpResponseBase:
    """What came back so far."""
    return render(request, "panel/circuit_test_now.html", _shown(request, _found(request, circuit_test_id)))


def _shown(request: HttpRequest, test: CircuitTest) -> dict[str, Any]:
    state = _state(test)
    words, tone = STATES[state]
    return {
        "test": test,
        "state": words,
        "tone": tone,
        "open": test.state in OPEN,
        "call": _call_id(test) if test.call_id and rights(request).reads("call_details") else None,
    }


def _call_id(test: CircuitTest) -> int | None:
    """The call of a test, live or over, by which its page is found."""
    of_test = {"account_id": test.account_id, "edge_call_id": test.call_id}
    live = Call.objects.filter(**of_test).values_list("pk", flat=True).first()
    if live is not None:
        return live
    since = test.called_at or test.created_at
    over = CDR.objects.filter(**of_test, started_at__gte=since.replace(microsecond=0)).values_list("pk", flat=True)
    return over.order_by("-started_at").first()


def _found(request: HttpRequest, circuit_test_id: int) -> CircuitTest:
    found = CircuitTest.objects.select_related("endpoint__customer")
    return get_object_or_404(found, pk=circuit_test_id, account=own_account(request))


def _gateways(request: HttpRequest, account: Account) -> QuerySet[Gateway]:
    """What may be tested: of the page that one comes from, or all."""
    found = Gateway.objects.filter(carrier__account=account, carrier__status="active", enabled=True)
    route = request.GET.get("route", "")
    if route.isdecimal() and len(route) < 19:
        cards = RouteOption.objects.filter(ingress_route_id=int(route)).values("card__carrier_id")
        found = found.filter(carrier_id__in=cards)
    return found


def _begun(request: HttpRequest) -> str:
    """The choice that the form begins with."""
    for kind in ("gateway", "carrier"):
        row_id = request.GET.get(kind, "")
        if row_id.isdecimal():
            return f"{kind}-{row_id}"
    return ""


def _steps() -> list[Any]:
    return crumbs(("Buying", ""), ("Circuit tests", reverse("panel:circuit_tests")))


urlpatterns = [
    path("circuits/", circuit_tests, name="circuit_tests"),
    path("circuits/new/", new_circuit_test, name="circuit_test_new"),
    path("circuits/<int:circuit_test_id>/", circuit_test, name="circuit_test"),
    path("circuits/<int:circuit_test_id>/now/", circuit_test_now, name="circuit_test_now"),
]
