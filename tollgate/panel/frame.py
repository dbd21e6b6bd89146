"""What surrounds every page of the panel. To add a list to the navigation, add its line to `NAVIGATION`."""

from typing import Final

from django.http import HttpRequest
from django.urls import reverse

from tollgate.panel.access import Rights
from tollgate.panel.help_texts import page_for
from tollgate.store.models import User
from tollgate.ui.layout import Crumb, Frame, Group, Item, active_items

NAVIGATION: Final = (
    ("", (("Dashboard", "panel:dashboard", "home"),)),
    (
        "Selling",
        (
            ("Customers", "panel:customers", "users"),
            ("Endpoints", "panel:endpoints", "phone"),
            ("Ingress routes", "panel:routes", "route"),
            ("Customer cards", "panel:customer_cards", "credit-card"),
        ),
    ),
    (
        "Buying",
        (
            ("Carriers", "panel:carriers", "building"),
            ("Gateways", "panel:gateways", "server"),
            ("Carrier cards", "panel:carrier_cards", "credit-card"),
        ),
    ),
    ("Traffic", (("Live calls", "panel:live_calls", "phone-call"), ("CDRs", "panel:cdrs", "list-details"))),
    ("Money", (("Entries", "panel:entries", "receipt"),)),
    (
        "System",
        (
            ("Account", "panel:account", "settings"),
            ("Users", "panel:users", "user"),
            ("Groups", "panel:groups", "lock"),
            ("Edges", "panel:edges", "network"),
            ("Audit log", "panel:audit", "history"),
        ),
    ),
)


def frame(request: HttpRequest) -> dict[str, object]:
    """Context processor: the frame of `ui/base.html` for whoever is logged in."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return {}
    return {
        **Frame(
            navigation=active_items(_groups(), request.path),
            user_name=user.name or user.email,
            user_email=user.email,
            account_url=reverse("panel:me"),
            logout_url=reverse("account_logout"),
            home_url=reverse("panel:dashboard"),
            search_url=reverse("panel:search"),
            search_hint="Customer, number, Call-ID, endpoint",
            theme=user.theme,
            theme_url=reverse("panel:theme"),
        ).context(),
        "help_url": _help_url(request),
        "may": getattr(request, "rights", Rights(frozenset())),
    }


def crumbs(*steps: tuple[str, str]) -> list[Crumb]:
    """The way to a page: (title, address or nothing) from the group down to its parent."""
    return [Crumb(title, url) for title, url in steps]


def _help_url(request: HttpRequest) -> str:
    """The help page of whatever is shown; empty where the documentation is not installed."""
    match = request.resolver_match
    page = page_for(match.func.__module__ if match else "")
    return reverse("panel:help_page", args=[page]) if page else ""


def _groups() -> tuple[Group, ...]:
    return tuple(
        Group(title, tuple(Item(name, reverse(address), icon) for name, address, icon in items))
        for title, items in NAVIGATION
    )
