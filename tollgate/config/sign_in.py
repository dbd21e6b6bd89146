"""The ways of users into the panel by a provider of OpenID Connect, and out of it again.

Whatever holds for a login by password holds here: whom a user's list of addresses keeps out, the second factor, the
idle logout. Every login and failure is in the audit log.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tollgate.actions.acts import Actor, Invalid, acting
from tollgate.actions.sign_in import NotAdmitted, admit_user, client_of
from tollgate.config.sessions import PROVIDER, may_come_from, note_login
from tollgate.core.sign_in import ClaimsUnfit, Person
from tollgate.gateways.sign_in import SignInFailed, address_to_leave
from tollgate.store.models import SignInProvider, User
from tollgate.ui.requests import client_ip
from tollgate.ui.sign_in import COOKIE, NotBegun, begin, finish, name_of

FAILED: Final = "The login by {} did not work: {}"
NOT_HERE: Final = "You may not log in from here: ask an administrator."


@never_cache
@require_safe
def sign_in(request: HttpRequest, provider_id: int) -> HttpResponse:
    """To the provider."""
    provider = _provider(provider_id)
    try:
        return begin(request, provider, back=_back(provider), wanted=request.GET.get("next", ""), at=datetime.now(UTC))
    except SignInFailed as problem:
        return _told(request, provider, str(problem))


@never_cache
@require_safe
def signed_in(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Back from the provider."""
    provider = _provider(provider_id)
    try:
        person, wanted = finish(request, provider, back=_back(provider), at=datetime.now(UTC))
        user = _admitted(request, provider, person)
    except NotBegun as problem:
        return _told(request, provider, str(problem))
    except (SignInFailed, ClaimsUnfit, Invalid) as problem:
        return _failed(request, provider, str(problem), str(problem))
    except NotAdmitted as problem:
        return _failed(request, provider, str(problem), problem.why, name=name_of(provider, person))
    if not may_come_from(user, client_ip(request)):
        return _failed(request, provider, NOT_HERE, "address not allowed", name=user.email, user=user)
    record_authentication(request, user, method="provider", provider=provider.pk)
    login = Login(user=user, redirect_url=wanted or None, signal_kwargs={PROVIDER: provider.pk})
    answer: HttpResponse = perform_login(request, login)
    answer.delete_cookie(COOKIE, path=_back(provider), samesite="Lax")
    return answer


@never_cache
@require_safe
def signed_out(request: HttpRequest, provider_id: int) -> HttpResponse:
    """After a logout: the provider still knows the browser, and may be left as well."""
    provider = get_object_or_404(SignInProvider, pk=provider_id, serves="users")
    back = request.build_absolute_uri(reverse("account_login"))
    try:
        leave_url = address_to_leave(client_of(provider), back=back)
    except SignInFailed:
        leave_url = ""
    return render(
        request, "panel/signed_out.html", {"title": "Logged out", "provider": provider, "leave_url": leave_url}
    )


def _admitted(request: HttpRequest, provider: SignInProvider, person: Person) -> User:
    name, why = admit_user.__name__, f"login by {provider.title}"
    with acting(Actor(name_of(provider, person), frozenset({name}), why, "user", ip=client_ip(request))):
        return admit_user(
            provider_id=provider.pk,
            subject=person.subject,
            email=person.email,
            email_verified=person.email_verified,
            name=person.name,
            groups=sorted(person.groups),
        )


def _failed(
    request: HttpRequest, provider: SignInProvider, words: str, why: str, *, name: str = "", user: User | None = None
) -> HttpResponse:
    note_login("LOGIN_FAILED", name, client_ip(request), user, why=why, provider=provider.title)
    return _told(request, provider, words)


def _told(request: HttpRequest, provider: SignInProvider, words: str) -> HttpResponse:
    messages.error(request, FAILED.format(provider.title, words))
    return redirect("account_login")


def _provider(provider_id: int) -> SignInProvider:
    return get_object_or_404(SignInProvider, pk=provider_id, serves="users", enabled=True)


def _back(provider: SignInProvider) -> str:
    return reverse("signed_in", args=[provider.pk])


urlpatterns = [
    path("sign-in/<int:provider_id>/", sign_in, name="sign_in"),
    path("sign-in/<int:provider_id>/back/", signed_in, name="signed_in"),
    path("sign-in/<int:provider_id>/out/", signed_out, name="signed_out"),
]
