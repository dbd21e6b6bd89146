"""The documentation within the panel: its pages and pictures. What they are made of is in help_texts.py."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import path, reverse

from tollgate.panel.frame import crumbs
from tollgate.panel.help_texts import START, pictures, read_page
from tollgate.ui.words import as_is


@login_required
def help_page(request: HttpRequest, page: str = START) -> HttpResponseBase:
    """One page of the documentation; everybody who may log in may read it."""
    found = read_page(page)
    if found is None:
        raise Http404(f"There is no help page {page}.")
    way = () if page == START else (("Help", reverse("panel:help")),)
    context = {"title": as_is(found.title), "body": found.body, "breadcrumbs": crumbs(*way)}
    return render(request, "panel/help.html", context)


@login_required
def help_picture(request: HttpRequest, name: str) -> HttpResponseBase:
    """One picture of the documentation."""
    found = pictures().get(name)
    if found is None:
        raise Http404(f"There is no picture {name}.")
    return HttpResponse(found.read_bytes(), content_type="image/png")


urlpatterns = [
    path("help/", help_page, name="help"),
    path("help/pictures/<str:name>", help_picture, name="help_picture"),
    path("help/<path:page>/", help_page, name="help_page"),
]
