"""The first page: money and channels now, what is left to do, how to reach the operator and where to send calls."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse

from tollgate.actions.portal_access import Visit
from tollgate.portal.access import visiting
from tollgate.portal.frame import SECTION_PAGES
from tollgate.store.models import Wallet
from tollgate.store.queries.customers import spent_today_micros, wallet_of
from tollgate.ui.words import as_is


@dataclass(frozen=True, slots=True)
class Figures:
    """What the customer has and uses now; amounts in its currency."""

    wallet: Wallet
    spent_micros: int


@dataclass(frozen=True, slots=True)
class ToDo:
    """One thing that is left to do, and where."""

    words: str
    url: str


@visiting()
def home(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """To the first section that is open."""
    first = next((SECTION_PAGES[name][1] for name in SECTION_PAGES if name in visit.sections), "portal:security")
    return redirect(first)


@visiting("dashboard")
def dashboard(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """The dashboard; its figures ask for themselves again."""
    account, domain = visit.account, visit.domain
    context = {
        "title": as_is(visit.customer.company or visit.customer.name),
        "figures": _figures(visit),
        "to_do": _to_do(visit),
        "welcome": (domain.welcome_text if domain else "") or account.portal_text,
        "support_url": (domain.support_url if domain else "") or account.support_url,
        "support_phone": (domain.support_phone if domain else "") or account.support_phone,
        "support_email": (domain.support_email if domain else "") or account.support_email,
    }
    return render(request, "portal/dashboard.html", context)


@visiting("dashboard")
def now(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """The figures alone."""
    return render(request, "portal/figures.html", {"figures": _figures(visit)})


def _figures(visit: Visit) -> Figures:
    wallet = wallet_of(visit.customer)
    return Figures(wallet, spent_today_micros(wallet, datetime.now(UTC).date()))


def _to_do(visit: Visit) -> list[ToDo]:
    contact, details = visit.contact, reverse("portal:details")
    found = []
    if "details" in visit.sections:
        if contact.email_verified_at is None:
            found.append(ToDo("Verify your email address", details))
        if visit.customer.mobile_verification and contact.mobile_verified_at is None:
            found.append(ToDo("Verify your mobile number: calls wait for it", details))
    if not contact.totp_secret:
        found.append(ToDo("Protect your login with an authenticator app", reverse("portal:security")))
    return found


urlpatterns = [
    path("", home, name="home"),
    path("dashboard/", dashboard, name="dashboard"),
    path("dashboard/now/", now, name="dashboard_now"),
]
