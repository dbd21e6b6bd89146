"""The caller's numbers that the customer may show, and how its contacts verify one: a code is called or sent there."""

from dataclasses import replace
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from tollgate.actions.acts import acting
from tollgate.actions.cli_proofs import MOST_TRIES, OPEN, start_cli_proof, type_cli_code
from tollgate.actions.portal_access import Visit
from tollgate.core.cli_pools import asks_for_proof, prices, replaces, takes_clis
from tollgate.portal.access import visiting
from tollgate.portal.details import TypedCodeForm
from tollgate.portal.saving import posted, press, saved
from tollgate.store.models import CliProof
from tollgate.store.queries.portal import clis_of, forced_of, proofs_of, sms_works
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.layout import Crumb
from tollgate.ui.phones import PhoneField, at_home
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import worded

METHODS = {"operator": "By your provider", "call_back": "By a call", "sms": "By an SMS"}
WAYS = {"call": "Call me and say a code", "sms": "Send a code by SMS"}
LIST = Grid(
    name="clis",
    columns=(
        Column("number", "Number", sort="number"),
        Column("kind", "Kind", value=lambda row: "Whitelist", kind=Kind.BADGE, tone={"whitelist": "green"}),
        Column("method", "Verified", value=lambda row: METHODS[row.method], sort="method", says=True),
        Column("attestation", "STIR/SHAKEN level", kind=Kind.BADGE, tone={"a": "green", "b": "blue"}),
        Column("verified_at", "Since (UTC)", kind=Kind.INSTANT, sort="verified_at"),
        Column("lapses_at", "Until (UTC)", kind=Kind.INSTANT, sort="lapses_at"),
    ),
    sort="number",
    empty_text="No numbers yet. Verify those that your calls show, or ask your provider to.",
)
AGAIN = Column(
    "again",
    "To do",
    value=lambda row: "Verify again" if row.reminded_at else "",
    link=lambda row: f"{reverse('portal:cli_new')}?{urlencode({'number': f'+{row.number}'})}",
    says=True,
)
LIST_WITH_AGAIN = replace(LIST, columns=(*LIST.columns, AGAIN))
"""For who may verify: with a way to prove again what lapses soon."""


class NumberForm(HouseForm):
    """A number, and how its code comes."""

    widths = {"number": 6, "way": 6}
    number = PhoneField(label="Number", help_text="With the country, such as +37061234567")
    way = forms.ChoiceField(label="How the code comes", choices=())

    def __init__(self, *arguments: object, visit: Visit, **options: object) -> None:
        super().__init__(*arguments, **options)
        field = self.fields["way"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(way, WAYS[way]) for way in ways(visit)]
        at_home(self, visit.customer.country)


def ways(visit: Visit) -> list[str]:
    """How a code can come here."""
    calls = visit.customer.account.verification_user_id is not None
    return [*(["call"] if calls else []), *(["sms"] if sms_works(visit.customer) else [])]


@visiting("clis")
def clis(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """The verified numbers."""
    source = QuerysetSource(queryset=clis_of(visit.customer), search=("number__contains",))
    words = _words(visit.customer.cli_pool, approved_only=visit.customer.approved_clis_only)
    waiting = proofs_of(visit.customer).filter(state="waiting").order_by("id")
    context = {"words": words, "can_verify": _can(visit), "waiting": waiting, "forced": forced_of(visit.customer)}
    grid = LIST_WITH_AGAIN if _can(visit) else LIST
    return respond(request, grid, source, template="portal/clis.html", title="Caller numbers", **context)


@visiting("clis")
def new_cli(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """A number to be verified."""
    if not _can(visit):
        raise Http404
    number = request.GET.get("number", "")[:20]
    form = NumberForm(posted(request), visit=visit, initial={"number": number})
    if form.is_valid():
        given = {"customer_id": visit.customer.pk, "contact_id": visit.contact.pk, **form.cleaned_data}
        done = saved(request, form, visit, start_cli_proof, **given)
        if done is not None:
            return redirect("portal:cli_proof", done.pk)
    return render_form(
        request, form, template="portal/form.html", title="Verify a number", breadcrumbs=_way(),
        back_url=reverse("portal:clis"), save_title="Next",
    )  # fmt: skip


@visiting("clis")
def proof(request: HttpRequest, visit: Visit, cli_proof_id: int) -> HttpResponseBase:
    """Where the code is typed."""
    found = _proof(visit, cli_proof_id)
    context = {
        "title": worded("Verify +{number}", number=found.number),
        "breadcrumbs": _way(),
        "proof": found,
        "open": found.state in OPEN,
        "tries_left": MOST_TRIES - found.tries_count,
        "other_ways": ways(visit) if found.state in (*OPEN, "failed") else [],
    }
    return render(request, "portal/cli_proof.html", context)


@visiting("clis")
def proof_now(request: HttpRequest, visit: Visit, cli_proof_id: int) -> HttpResponseBase:
    """What has happened so far, asked for again and again."""
    return render(request, "portal/cli_proof_now.html", {"proof": _proof(visit, cli_proof_id)})


@require_POST
@visiting("clis")
def type_code(request: HttpRequest, visit: Visit, cli_proof_id: int) -> HttpResponseBase:
    """Takes the code that was heard or read."""
    found = _proof(visit, cli_proof_id)
    form = TypedCodeForm(request.POST)
    fits = False
    if form.is_valid():
        with acting(visit.actor()):
            fits = type_cli_code(cli_proof_id=found.pk, code=form.cleaned_data["code"])
    if not fits:
        messages.error(request, "This code does not fit. After five tries, or ten minutes, ask for a new one.")
        return redirect("portal:cli_proof", found.pk)
    waits = visit.customer.account.verification_approval
    tail = "It may be shown once your provider approves it." if waits else "Your calls may show it now."
    messages.success(request, f"+{found.number} is yours. {tail}")
    return redirect("portal:clis")


@require_POST
@visiting("clis")
def again(request: HttpRequest, visit: Visit, cli_proof_id: int, way: str) -> HttpResponseBase:
    """Another code for the same number."""
    found = _proof(visit, cli_proof_id)
    if way not in ways(visit):
        raise Http404
    given = {"customer_id": visit.customer.pk, "contact_id": visit.contact.pk, "number": f"+{found.number}", "way": way}
    if press(request, visit, start_cli_proof, "A new code is on its way.", **given):
        found = proofs_of(visit.customer).filter(number=found.number).latest("id")
    return redirect("portal:cli_proof", found.pk)


def _can(visit: Visit) -> bool:
    customer = visit.customer
    asked = asks_for_proof(customer.cli_pool, approved_only=customer.approved_clis_only)
    return asked and not visit.session.read_only and bool(ways(visit))


def _words(mode: str, *, approved_only: bool) -> str:
    """What becomes of a call that shows another number, where that depends on the list."""
    if approved_only:
        return "Only these numbers may be shown by your calls."
    if not takes_clis(mode):
        return ""
    if replaces(mode):
        return "A call that shows another number shows one of these instead."
    if prices(mode):
        return "Calls that show a number which is not yours have other prices, or are refused."
    return "Calls that show a number which is not yours are refused."


def _proof(visit: Visit, cli_proof_id: int) -> CliProof:
    found = proofs_of(visit.customer).filter(pk=cli_proof_id).first()
    if found is None:
        raise Http404
    return found


def _way() -> list[Crumb]:
    return [Crumb("Caller numbers", reverse("portal:clis"))]


urlpatterns = [
    path("caller-numbers/", clis, name="clis"),
    path("caller-numbers/new/", new_cli, name="cli_new"),
    path("caller-numbers/codes/<int:cli_proof_id>/", proof, name="cli_proof"),
    path("caller-numbers/codes/<int:cli_proof_id>/now/", proof_now, name="cli_proof_now"),
    path("caller-numbers/codes/<int:cli_proof_id>/type/", type_code, name="cli_proof_type"),
    path("caller-numbers/codes/<int:cli_proof_id>/again/<slug:way>/", again, name="cli_proof_again"),
]
