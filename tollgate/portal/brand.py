"""The brand of a portal domain as files of their own: its colors, its stylesheet, its logo. No page carries a style.

Addresses carry the domain's version, so that browsers keep them until the brand changes. To let a brand color something
else, add it to `core.colors.THEME` and its custom property here.
"""

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

from tollgate.core.colors import DARK, channels, made_readable, text_on
from tollgate.portal.access import domain
from tollgate.store.models import PortalDomain

KEPT = "public, max-age=86400"
STYLE = "text/css; charset=utf-8"


@require_safe
def brand(request: HttpRequest, version: int) -> HttpResponse:
    """The colors of the domain asked for, as a stylesheet."""
    found = domain(request)
    if found is None or not is_colored(found):
        raise Http404
    return HttpResponse(colors_of(found), content_type=STYLE, headers={"Cache-Control": KEPT})


@require_safe
def sheet(request: HttpRequest, version: int) -> HttpResponse:
    """The stylesheet that the operator wrote for the domain asked for."""
    found = domain(request)
    if found is None or not found.custom_css:
        raise Http404
    headers = {"Cache-Control": KEPT, "X-Content-Type-Options": "nosniff"}
    return HttpResponse(found.custom_css, content_type=STYLE, headers=headers)


def is_colored(found: PortalDomain) -> bool:
    """Whether the domain colors anything."""
    own = (found.color, found.color_dark, found.sidebar_color, found.background, found.background_dark)
    return any(own)


def colors_of(found: PortalDomain) -> str:
    """The colors of both themes. Of a color without one for the dark theme, that is made which is readable there."""
    dark = found.color_dark or (made_readable(found.color, on=DARK) if found.color else "")
    sidebar = {"--house-sidebar": found.sidebar_color}
    light_theme = {**_accent(found.color), "--tblr-body-bg": found.background, **sidebar}
    dark_theme = {**_accent(dark), "--tblr-body-bg": found.background_dark, **sidebar}
    return _rule(":root", light_theme) + _rule("[data-bs-theme=dark]", dark_theme)


def _accent(color: str) -> dict[str, str]:
    """Buttons, marks and links, with the text that is readable on them."""
    if not color:
        return {}
    parts = ", ".join(map(str, channels(color)))
    return {
        "--tblr-primary": color,
        "--tblr-primary-rgb": parts,
        "--tblr-primary-fg": text_on(color),
        "--tblr-link-color": color,
        "--tblr-link-color-rgb": parts,
    }


def _rule(selector: str, properties: dict[str, str]) -> str:
    set_ = "; ".join(f"{name}: {value}" for name, value in properties.items() if value)
    return f"{selector} {{ {set_}; }}\n" if set_ else ""


@require_safe
def logo(request: HttpRequest, version: int) -> HttpResponse:
    """The logo of the domain asked for."""
    found = domain(request)
    if found is None or not found.logo:
        raise Http404
    headers = {"Cache-Control": KEPT, "X-Content-Type-Options": "nosniff"}
    return HttpResponse(bytes(found.logo), content_type=found.logo_type, headers=headers)


urlpatterns = [
    path("brand/<int:version>.css", brand, name="brand"),
    path("sheet/<int:version>.css", sheet, name="sheet"),
    path("logo/<int:version>", logo, name="logo"),
]
