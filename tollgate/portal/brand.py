"""The brand of a portal domain as files of their own: its color and its logo. No page carries a style.

Addresses carry the domain's version, so that browsers keep them until the brand changes.
"""

import re

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

from tollgate.portal.access import domain

KEPT = "public, max-age=86400"


@require_safe
def brand(request: HttpRequest, version: int) -> HttpResponse:
    """The color of the domain asked for, as a stylesheet."""
    found = domain(request)
    if found is None or not re.fullmatch(r"#[0-9a-fA-F]{6}", found.color):
        raise Http404
    parts = ", ".join(str(int(found.color[place : place + 2], 16)) for place in (1, 3, 5))
    words = f":root, [data-bs-theme=dark] {{ --tblr-primary: {found.color}; --tblr-primary-rgb: {parts}; }}\n"
    return HttpResponse(words, content_type="text/css; charset=utf-8", headers={"Cache-Control": KEPT})


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
    path("logo/<int:version>", logo, name="logo"),
]
