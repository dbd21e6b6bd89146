"""One call's page, live or ended: how it was decided, where it was offered, what it cost step by step."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse

from tollgate.actions.calls import end_call
from tollgate.core.refusals import Answer, Key, Refusal, answer
from tollgate.panel.access import current_user, own_account, reading, writing
from tollgate.panel.calls import live_state
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import press
from tollgate.store.models import CDR, Call
from tollgate.store.queries.archived import archived_cdr
from tollgate.store.queries.calls import live_calls
from tollgate.store.queries.explain import explain_call, explain_cdr
from tollgate.store.recording_files import recording_of
from tollgate.ui.words import as_is

ID_DIGITS = 19
# ITU-T Q.850, the causes that calls usually end with.
CAUSES = {
    1: "unallocated number",
    3: "no route to destination",
    16: "normal clearing",
    17: "user busy",
    18: "no user responding",
    19: "no answer",
    21: "call rejected",
    27: "destination out of order",
    28: "invalid number format",
    31: "normal, unspecified",
    34: "no circuit available",
    38: "network out of order",
    41: "temporary failure",
    42: "switching equipment congestion",
    65: "bearer capability not implemented",
    102: "recovery on timer expiry",
    111: "protocol error",
}


@reading
def call(request: HttpRequest, call_id: int) -> HttpResponseBase:
    """The call while it lives, and the same address after it has ended."""
    account = own_account(request)
    live = live_calls(account).select_related("customer", "endpoint", "ingress_route").filter(pk=call_id).first()
    if live is not None:
        return _live(request, live)
    related = ("customer", "carrier", "gateway", "ingress_route", "endpoint")
    cdr = CDR.objects.select_related(*related).filter(pk=call_id, account=account).first()
    archived = cdr is None
    cdr = cdr or archived_cdr(account.pk, call_id, datetime.now(UTC))
    if cdr is None:
        raise Http404("There is no such call.")
    zone = ZoneInfo(current_user(request).zone)
    context: dict[str, Any] = {
        "title": as_is(f"{cdr.cli or 'no CLI'} → {cdr.cld}"),
        "breadcrumbs": crumbs(("Traffic", ""), ("CDRs", reverse("panel:cdrs"))),
        "cdr": cdr,
        "archived": archived,
        "told": explain_cdr(cdr),
        "cause": CAUSES.get(cdr.q850 or 0, ""),
        "answer": _refused_with(cdr),
        "own_zone": zone.key,
        "own_time": cdr.started_at.astimezone(zone),
        "recorded": recording_of(cdr.pk) is not None,
    }
    return render(request, "panel/call.html", context)


def _refused_with(cdr: CDR) -> Answer | None:
    """The answer of a refusal, in the words of its case, or in the account's own at the time."""
    if not cdr.refusal or cdr.refusal not in Key.__members__:
        return None
    detail = cdr.detail or {}
    given = answer(Refusal(Key(cdr.refusal), variant=detail.get("variant", "")))
    if not detail.get("reason"):
        return given
    return replace(given, sip=cdr.sip_sent or given.sip, reason=detail["reason"])


@writing("end_call", shown_to_all=False)
def end(request: HttpRequest, call_id: int) -> HttpResponseBase:
    """Asks before it ends a live call; leads back to the list of all, or to the customer's (`?of=its id`)."""
    live = live_calls(own_account(request)).filter(pk=call_id).first()
    of = request.GET.get("of", "")
    known = of.isascii() and of.isdecimal() and len(of) < ID_DIGITS
    back = reverse("panel:customer_dialogs", args=[int(of)]) if known else reverse("panel:live_calls")
    if live is None:
        messages.info(request, "The call has ended already.")
        return redirect(back)
    if request.method == "POST":
        press(request, end_call, "The call is being ended.", call_id=live.pk)
        return redirect(back)
    context: dict[str, Any] = {
        "title": "End this call?",
        "breadcrumbs": _way(),
        "call": live,
        "state": live_state(live),
        "back_url": back,
    }
    return render(request, "panel/call_end.html", context)


@reading
def recording(request: HttpRequest, call_id: int) -> HttpResponseBase:
    """The sound of one call."""
    account = own_account(request)
    cdr = CDR.objects.filter(pk=call_id, account=account).first() or archived_cdr(
        account.pk, call_id, datetime.now(UTC)
    )
    file = None if cdr is None else recording_of(cdr.pk)
    if file is None:
        raise Http404("This call has no recording.")
    return FileResponse(file.open("rb"), filename=file.name)


def _live(request: HttpRequest, live: Call) -> HttpResponseBase:
    context: dict[str, Any] = {
        "title": as_is(f"{live.cli or 'no CLI'} → {live.cld}"),
        "breadcrumbs": _way(),
        "call": live,
        "state": live_state(live),
        "told": explain_call(live),
    }
    return render(request, "panel/call_live.html", context)


def _way() -> list[Any]:
    return crumbs(("Traffic", ""), ("Live calls", reverse("panel:live_calls")))


urlpatterns = [
    path("calls/<int:call_id>/", call, name="call"),
    path("calls/<int:call_id>/end/", end, name="call_end"),
    path("calls/<int:call_id>/recording/", recording, name="call_recording"),
]
