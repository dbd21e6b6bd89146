"""What surrounds every page of the portal: the brand of the domain, the sections open to the contact, a user's banner.

To add a section, add its line to `SECTION_PAGES`; its name is one of `actions.portal_domains.SECTIONS`.
"""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from tollgate.actions.portal_access import Visit
from tollgate.core.portal import Level
from tollgate.portal.access import domain, host_of, visitor
from tollgate.portal.brand import is_colored
from tollgate.store.models import PortalDomain
from tollgate.store.queries.portal import brand_of, domain_of
from tollgate.ui.layout import Frame, Group, Item, active_items

SECTION_PAGES: Final = {
    "dashboard": ("Dashboard", "portal:dashboard", "home"),
    "calls": ("Calls", "portal:calls", "list-details"),
    "invoices": ("Invoices", "portal:invoices", "file-invoice"),
    "payments": ("Payments", "portal:payments", "wallet"),
    "packages": ("Packages", "portal:packages", "books"),
    "contacts": ("Contacts", "portal:contacts", "address-book"),
    "endpoints": ("Endpoints", "portal:endpoints", "network"),
    "dids": ("Numbers", "portal:dids", "phone"),
    "clis": ("Caller numbers", "portal:clis", "phone-call"),
    "details": ("Your details", "portal:details", "user"),
}
BEGINNING: Final = "/portal/"
PLAIN: Final = "plain"
LEGAL: Final = {"terms_url": "Terms", "privacy_url": "Privacy", "imprint_url": "Imprint"}
NOTICES: Final = {
    Level.ONBOARDING: "Your account waits for approval. Please check your details and verify how you can be reached.",
    Level.BILLING: "Your service is switched off: no calls are carried.",
    Level.FULL: "",
    Level.NONE: "",
}


def frame(request: HttpRequest) -> dict[str, object]:
    """Context processor: the frame of `ui/base.html` for pages of the portal; nothing for those of others."""
    if not request.path.startswith(BEGINNING):
        return {}
    found, shown_at = visitor(request), domain(request)
    logo_url = reverse("portal:logo", args=[shown_at.version]) if shown_at and shown_at.logo_type else ""
    brand: dict[str, object] = {
        "brand": found.account.name if found and not shown_at else brand_of(shown_at),
        **_look(request, shown_at),
        "logo_url": logo_url,
        "help_url": "",
        "search_url": "",
        "saving": None,
    }
    if found is None:
        return {**brand, "theme": "auto", "theme_url": "", "visit": None}
    more = {"visit": found, "notice": _notice(found), "read_only": found.session.read_only}
    return {**_around(request, found).context(), **brand, **more}


def _look(request: HttpRequest, shown_at: PortalDomain | None) -> dict[str, object]:
    """The domain's stylesheets and the foot of its pages. `?plain` leaves out the sheet that the operator wrote: a
    broken one locks nobody out."""
    if shown_at is None:
        return {"brand_css": "", "sheet_css": "", "foot": None}
    plain = PLAIN in request.GET
    links = [(words, getattr(shown_at, name)) for name, words in LEGAL.items() if getattr(shown_at, name)]
    by_mail = f"mailto:{shown_at.support_email}" if shown_at.support_email else ""
    support = shown_at.support_url or by_mail
    if support:
        links.append(("Support", support))
    if shown_at.custom_css and not plain:
        links.append(("Plain look", f"?{PLAIN}"))
    return {
        "brand_css": reverse("portal:brand", args=[shown_at.version]) if is_colored(shown_at) else "",
        "sheet_css": reverse("portal:sheet", args=[shown_at.version]) if shown_at.custom_css and not plain else "",
        "foot": {"text": shown_at.footer_text, "links": links} if links or shown_at.footer_text else None,
    }


class FrontDoor:
    """Leads whoever opens the bare address of a portal domain into the portal, not into the panel's login."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Only the bare address is looked at, and only for those who are not logged in to the panel."""
        if request.path == "/" and not request.user.is_authenticated and domain_of(host_of(request)):
            return redirect("portal:home")
        return self.get_response(request)


def _around(request: HttpRequest, found: Visit) -> Frame:
    pages = [SECTION_PAGES[name] for name in SECTION_PAGES if name in found.sections]
    items = [*pages, ("Security", "portal:security", "shield")]
    group = Group("", tuple(Item(title, reverse(address), icon) for title, address, icon in items))
    return Frame(
        navigation=active_items((group,), request.path),
        user_name=str(found.contact),
        user_email=found.contact.email,
        account_url=reverse("portal:security"),
        logout_url=reverse("portal:logout"),
        home_url=reverse("portal:home"),
        theme=found.contact.theme,
        theme_url="" if found.by_user else reverse("portal:theme"),
    )


def _notice(found: Visit) -> str:
    if found.customer.status == "penalty" and found.level is Level.BILLING:
        return "Your service is suspended for now: no calls are carried."
    return NOTICES[found.level]
