"""Who is at the portal, and which pages are open to them.

    @visiting("contacts")      a page of a section: 404 where the section is not shown to this customer
    @visiting()                a page that every contact has, such as their sessions
    @visiting(own=True)        a page that no user of ours sees for them, such as the own password

A view takes the visit after the request. Nobody is sent to the login page; a user of ours who only looks in is refused
every POST; a contact who has to change the password finds nothing else open.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import update_wrapper
from typing import Concatenate, Final, ParamSpec
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme

from tollgate.actions.portal_access import Place, Visit, visit
from tollgate.store.models import PortalDomain
from tollgate.store.queries.portal import domain_of
from tollgate.ui.requests import client_ip

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, Visit, P], HttpResponseBase]
Guarded = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
COOKIE: Final = "tollgate_portal"
COOKIE_PATH: Final = "/portal/"
POLL_HEADER: Final = "X-Tollgate-Poll"
ONLY_LOOKS: Final = "You look in without changing anything. Open the portal again without “read only” to act."


def visiting(
    section: str = "", *, own: bool = False, even_with_old_password: bool = False
) -> Callable[[View[P]], Guarded[P]]:
    """Lets contacts in whose customer is shown the section; what is their `own` no user does for them."""

    def decorate(view: View[P]) -> Guarded[P]:
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            found = visitor(request)
            if found is None:
                return redirect(f"{reverse('portal:login')}?{urlencode({'next': request.get_full_path()})}")
            if found.contact.password_must_change and not found.by_user and not even_with_old_password:
                return redirect("portal:password")
            try:
                _check(request, found, section, own=own)
                answer = view(request, found, *args, **kwargs)
                add_never_cache_headers(answer)  # nobody reads it by the Back button after the logout
                return answer
            except PermissionDenied as problem:
                return _refused(request, "Not allowed", str(problem), 403)
            except Http404:
                return _refused(request, "Not found", "There is nothing at this address, or no longer.", 404)

        return update_wrapper(guarded, view)

    return decorate


def visitor(request: HttpRequest) -> Visit | None:
    """Who is logged in here, looked up once per request."""
    if not hasattr(request, "visit"):
        key = request.COOKIES.get(COOKIE, "")
        request.visit = _visit(request, key) if key else None  # type: ignore[attr-defined]  # kept for the request
    known = request.visit  # type: ignore[attr-defined]
    assert known is None or isinstance(known, Visit)
    return known


def domain(request: HttpRequest) -> PortalDomain | None:
    """The portal domain that was asked, looked up once per request."""
    if not hasattr(request, "portal_domain"):
        found = visitor(request)
        request.portal_domain = found.domain if found else domain_of(host_of(request))  # type: ignore[attr-defined]
    known = request.portal_domain  # type: ignore[attr-defined]
    assert known is None or isinstance(known, PortalDomain)
    return known


def place(request: HttpRequest) -> Place:
    """Where the request knocks, and from where."""
    found = domain(request)
    return Place(found.pk if found else 0, client_ip(request), request.headers.get("User-Agent", ""))


def host_of(request: HttpRequest) -> str:
    """The host name asked for, without its port."""
    return split_domain_port(request.get_host())[0]


def let_in(request: HttpRequest, key: str, wanted: str = "") -> HttpResponse:
    """To the page that was wanted, with the cookie of the new session."""
    ours = wanted.startswith(COOKIE_PATH) and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    answer = redirect(wanted if ours else "portal:home")
    answer.set_cookie(
        COOKIE, key, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE, path=COOKIE_PATH
    )
    return answer


def _visit(request: HttpRequest, key: str) -> Visit | None:
    return visit(
        key=key,
        host=host_of(request),
        ip=client_ip(request),
        at=datetime.now(UTC),
        idle=timedelta(minutes=settings.IDLE_LOGOUT_MINUTES),
        waking=POLL_HEADER not in request.headers,
    )


def _check(request: HttpRequest, found: Visit, section: str, *, own: bool) -> None:
    if section and section not in found.sections:
        raise Http404
    if found.session.read_only and request.method not in ("GET", "HEAD"):
        raise PermissionDenied(ONLY_LOOKS)
    if own and found.by_user:
        raise PermissionDenied(f"Only {found.contact} can do this.")


def _refused(request: HttpRequest, title: str, words: str, status: int) -> HttpResponse:
    return render(request, "portal/refused.html", {"title": title, "words": words}, status=status)
