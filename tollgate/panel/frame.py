"""What surrounds every page of the panel. To add a list to the navigation, add its line to `NAVIGATION`."""

from collections.abc import Iterable, Iterator
from functools import cache, partial
from typing import Final

from django.http import HttpRequest
from django.urls import resolve, reverse
from django.utils.functional import SimpleLazyObject

from tollgate.core.areas import area_of_page
from tollgate.panel.access import NO_RIGHTS, Rights
from tollgate.panel.help_texts import page_for
from tollgate.panel.save_modes import saving
from tollgate.store.models import User
from tollgate.ui.layout import Crumb, Frame, Group, Item, active_items

NAVIGATION: Final = (
    ("", (("Dashboard", "panel:dashboard", "home"),)),
    (
        "Selling",
        (
            ("Customers", "panel:customers", "users"),
            ("Contacts", "panel:contacts", "address-book"),
            ("Endpoints", "panel:endpoints", "phone"),
            ("Number blocks", "panel:number_blocks", "list-details"),
            ("Access numbers", "panel:access_numbers", "key"),
            ("Conference rooms", "panel:conference_rooms", "users"),
            ("DIDs", "panel:dids", "phone-call"),
            ("Ingress routes", "panel:routes", "route"),
            ("Customer cards", "panel:customer_cards", "credit-card"),
            ("Verified CLIs", "panel:clis", "check"),
            ("CLI rules", "panel:cli_rules", "adjustments"),
            ("Tags", "panel:tags", "list"),
            ("Departments", "panel:departments", "address-book"),
            ("Localizations", "panel:localizations", "adjustments"),
            ("Portal domains", "panel:portal_domains", "world"),
        ),
    ),
    (
        "Buying",
        (
            ("Carriers", "panel:carriers", "building"),
            ("Gateways", "panel:gateways", "server"),
            ("Carrier cards", "panel:carrier_cards", "credit-card"),
            ("Circuit tests", "panel:circuit_tests", "phone-call"),
            ("Reconciliation", "panel:carrier_statements", "list-details"),
            ("Disputes", "panel:carrier_disputes", "alert-triangle"),
            ("Payments to carriers", "panel:carrier_payments", "wallet"),
        ),
    ),
    (
        "Traffic",
        (
            ("Live calls", "panel:live_calls", "phone-call"),
            ("CDRs", "panel:cdrs", "list-details"),
            ("Breakout", "panel:breakout", "chart-line"),
            ("Reports", "panel:reports", "mail"),
            ("Alerts", "panel:alerts", "alert-triangle"),
            ("Aliases", "panel:aliases", "adjustments"),
            ("Recalculations", "panel:recalculations", "refresh"),
        ),
    ),
    (
        "Money",
        (
            ("Invoices", "panel:invoices", "file-invoice"),
            ("Payments", "panel:payments", "wallet"),
            ("Entries", "panel:entries", "receipt"),
            ("Statements", "panel:statements", "list"),
            ("Aged debt", "panel:aged_debt", "calendar"),
            ("Profit", "panel:profit", "chart-line"),
            ("Accounting", "panel:accounting", "books"),
            ("Bank files", "panel:bank_runs", "download"),
            ("Vouchers", "panel:vouchers", "key"),
            ("Payment gateways", "panel:payment_gateways", "credit-card"),
            ("Payment log", "panel:payment_log", "history"),
            ("Packages", "panel:packages", "books"),
            ("Dunning", "panel:dunning", "clock"),
            ("Taxes", "panel:taxes", "coin"),
            ("Exchange rates", "panel:exchange_rates", "refresh"),
            ("Numbering", "panel:invoice_series", "list-details"),
            ("Invoice templates", "panel:invoice_templates", "pencil"),
        ),
    ),
    (
        "System",
        (
            ("Account", "panel:account", "settings"),
            ("Options", "panel:options", "adjustments"),
            ("Texts", "panel:texts", "pencil"),
            ("Custom pages", "panel:custom_pages", "file-invoice"),
            ("Mail and SMS", "panel:mail_settings", "settings"),
            ("Templates", "panel:templates", "pencil"),
            ("Messages", "panel:messages", "mail"),
            ("Webhooks", "panel:webhooks", "network"),
            ("Users", "panel:users", "user"),
            ("Groups", "panel:groups", "lock"),
            ("Logins by provider", "panel:sign_in_providers", "key"),
            ("Edges", "panel:edges", "network"),
            ("STIR/SHAKEN", "panel:stir_certificates", "key"),
            ("Audit log", "panel:audit", "history"),
            ("Legal holds", "panel:legal_holds", "lock"),
            ("Delay log", "panel:delays", "clock"),
            ("Jobs", "panel:tasks", "activity"),
            ("Deleted records", "panel:deleted_records", "trash"),
        ),
    ),
)


def frame(request: HttpRequest) -> dict[str, object]:
    """Context processor: the frame of `ui/base.html` for whoever is logged in."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return {}
    may = getattr(request, "rights", NO_RIGHTS)
    return {
        **Frame(
            navigation=active_items(_groups(may), request.path),
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
        "may": may,
        "saving": SimpleLazyObject(partial(saving, request)),
    }


def crumbs(*steps: tuple[str, str]) -> list[Crumb]:
    """The way to a page: (title, address or nothing) from the group down to its parent."""
    return [Crumb(title, url) for title, url in steps]


def _help_url(request: HttpRequest) -> str:
    """The help page of whatever is shown; empty where the documentation is not installed."""
    match = request.resolver_match
    page = page_for(match.func.__module__ if match else "")
    return reverse("panel:help_page", args=[page]) if page else ""


def first_page(may: Rights) -> str:
    """Where somebody with these rights begins; nothing when no page of the navigation opens for them."""
    return next((item.url for group in _groups(may) for item in group.items), "")


def _groups(may: Rights) -> tuple[Group, ...]:
    """The navigation without what may not be read."""
    groups = (
        Group(title, tuple(Item(name, url, icon) for name, url, icon, area in items if may.reads(area)))
        for title, items in _links()
    )
    return tuple(group for group in groups if group.items)


@cache
def _links() -> tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...]:
    """The navigation with addresses and areas, worked out once."""
    return tuple(
        (
            title,
            tuple((name, url, icon, area_of_page(resolve(url).func.__module__)) for name, url, icon in _found(items)),
        )
        for title, items in NAVIGATION
    )


def _found(items: Iterable[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    return ((name, reverse(address), icon) for name, address, icon in items)
