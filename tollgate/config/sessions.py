"""Who may open a session in the panel, from where, and when it ends by itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, Final

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from tollgate.actions import portal_delays
from tollgate.actions.acts import Actor, acting
from tollgate.actions.audit import note_event
from tollgate.actions.portal_access import end_looks
from tollgate.actions.user_factors import forget_factors, has_factor, rules_of
from tollgate.actions.user_passwords import tell_factor
from tollgate.gateways.sign_in import SignInFailed, description
from tollgate.store.models import SignInProvider, User
from tollgate.ui.requests import client_ip
from tollgate.ui.words import told_html

ACTIVE_AT: Final = "active_at_s"
IDLE_MIN: Final = "idle_min"
POLL_HEADER: Final = "X-Tollgate-Poll"
WRITE_EVERY_S: Final = 60
PROVIDER: Final = "sign_in_provider"
"""By which provider the session was opened; absent after a password or a passkey."""
ALWAYS_OPEN: Final = (
    "/static/",
    "/account/logout/",
    "/account/reauthenticate/",
    "/account/2fa/reauthenticate/",
    "/account/2fa/webauthn/reauthenticate/",
)
"""What opens even to those who are led somewhere first."""
CODE_AGAIN: Final = "mfa_reauthenticate"
PANEL: Final = -1
"""Stands for the panel where portal logins have the id of their domain."""
FACTOR_DUE: Final = "factor_due_s"
"""Since when this session opens nothing but the way to a second factor; absent where all is well."""
SECOND_FACTORS: Final = {
    "totp_activated": ("AUTHENTICATOR_ADDED", "an authenticator app was set up"),
    "totp_deactivated": ("AUTHENTICATOR_REMOVED", "the authenticator app was taken away"),
    "webauthn_added": ("PASSKEY_ADDED", "a passkey was added"),
    "webauthn_removed": ("PASSKEY_REMOVED", "a passkey was taken away"),
}
"""What allauth would mail of a second factor: the audit log's word for it, and ours in the mail."""


class StaffOnly(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Users of the panel are made by other users, never by themselves; every login and failure is in the audit log."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Always closed."""
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """The user, or None. Each failure makes the next attempt of that email and address wait longer."""
        at, ip, email = datetime.now(UTC), client_ip(request), str(credentials.get("email", ""))
        with transaction.atomic():
            delays = portal_delays.locked(PANEL, email, ip, at)
            if delays.waiting_s(at):
                raise self.validation_error("too_many_login_attempts")
            user = super().authenticate(request, **credentials)
            why = "email or password" if user is None else "" if may_come_from(user, ip) else "address not allowed"
            if why:
                delays.failed(at)
                note_login("LOGIN_FAILED", email, ip, user or User.objects.filter(email__iexact=email).first(), why=why)
                return None
        assert isinstance(user, User)
        return user

    def login(self, request: HttpRequest, user: User) -> None:
        """Opens the session, after the second factor if there is one. Only now the user's failures are forgotten."""
        super().login(request, user)
        portal_delays.forget(PANEL, user.email)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Where the request comes from, so that limits count people and not the proxy before the panel."""
        return client_ip(request)

    def post_login(self, request: HttpRequest, user: User, **hooks: Any) -> HttpResponse:
        """Keeps by what the session was opened; tells who needs a second factor and has none how much time is left."""
        provider_id = (hooks["signal_kwargs"] or {}).get(PROVIDER)
        if provider_id is None:
            request.session.pop(PROVIDER, None)
        else:
            request.session[PROVIDER] = provider_id
        by = SignInProvider.objects.filter(pk=provider_id or 0).values_list("title", flat=True).first()
        note_login("LOGIN", user.email, client_ip(request), user, **({"provider": by} if by else {}))
        answer: HttpResponse = super().post_login(request, user, **hooks)
        due_at = rules_of(user, datetime.now(UTC)).due_at
        if due_at is not None and due_at > datetime.now(UTC):
            told = told_html(
                "<a>Set up a second factor</a> before {moment} UTC: from then on nothing else opens.",
                address=reverse("mfa_index"),
                moment=f"{due_at:%Y-%m-%d %H:%M}",
            )
            messages.warning(request, told)
        return answer

    def send_notification_mail(self, template_prefix: str, user: User, *_: object, **__: object) -> None:
        """A second factor came or went: noted in the audit log, and the user is told in the house's own mail."""
        verb, what = SECOND_FACTORS.get(template_prefix.rpartition("/")[2], ("", ""))
        if verb:
            note_login(verb, user.email, client_ip(self.request), user)
            with acting(Actor(user.email, frozenset(), "own settings", "user", user.pk, client_ip(self.request))):
                tell_factor(user, what)
        if verb.endswith("_REMOVED") and not has_factor(user):
            forget_factors(user)

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Whoever has a second factor shows it again, or a recovery code; the password alone does not do."""
        found: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        factors = [method for method in found if method["id"] != "reauthenticate"]
        if factors and user.recovery_hashes and not any(method["id"] == CODE_AGAIN for method in factors):
            words = "Use a recovery code"
            factors.append({"id": CODE_AGAIN, "description": words, "url": reverse(CODE_AGAIN)})
        return factors or found

    def logout(self, request: HttpRequest) -> None:
        """Ends the session, and the user's looks into the portal."""
        user = request.user
        super().logout(request)
        if isinstance(user, User):
            end_looks(user.pk)
            note_login("LOGOUT", user.email, client_ip(request), user)

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        """The login page; whoever came by a provider is asked whether to leave that too."""
        provider_id = request.session.get(PROVIDER)  # the session is still there
        provider = SignInProvider.objects.filter(pk=provider_id or 0).first()
        if provider is not None:
            with suppress(SignInFailed):  # asked now, by somebody known: the page that follows is open to everybody
                description(provider.issuer)
            return reverse("signed_out", args=[provider_id])
        return str(super().get_logout_redirect_url(request))


def may_come_from(user: User, ip: str) -> bool:
    """Whether the user's list of addresses, if there is one, holds this one."""
    return not user.allowed_networks or any(ip_address(ip) in network for network in user.allowed_networks)


class IdleLogout:
    """Logs a user out after some minutes without a request of their own, and at once from an address not allowed.

    The minutes are those of the account's options, at most `TOLLGATE_IDLE_LOGOUT_MINUTES`. Pages that refresh
    themselves send the header `X-Tollgate-Poll`; such requests prove nothing about the person and do not keep the
    session alive (a session's first one counts all the same: it begins the minutes). Whoever must change the password
    is led there first, and whoever needs a second factor and has let the days pass to its pages: nothing else opens.
    What is needed is looked at once a minute.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Ends the session or notes the activity, then goes on."""
        user = request.user
        if isinstance(user, User):
            if not may_come_from(user, client_ip(request)):
                self.end(request, user, why="address not allowed")
            else:
                self.note(request, user, now_s=int(datetime.now(UTC).timestamp()))
        led = _led_to(request)
        if led and request.path != led and not request.path.startswith(ALWAYS_OPEN):
            return redirect(led)
        return self.get_response(request)

    def note(self, request: HttpRequest, user: User, *, now_s: int) -> None:
        """Compares the last activity with now; writes it at most once a minute."""
        seen_s = int(request.session.get(ACTIVE_AT, now_s))
        idle_min = int(request.session.get(IDLE_MIN, settings.IDLE_LOGOUT_MINUTES))
        if now_s - seen_s >= idle_min * 60:
            self.end(request, user, why="idle")
        elif ACTIVE_AT not in request.session or (
            POLL_HEADER not in request.headers and now_s - seen_s >= WRITE_EVERY_S
        ):
            rules, most_min = rules_of(user, datetime.fromtimestamp(now_s, UTC)), settings.IDLE_LOGOUT_MINUTES
            request.session[ACTIVE_AT] = now_s
            request.session[IDLE_MIN] = min(rules.idle_min or most_min, most_min)
            if rules.due_at is None:
                request.session.pop(FACTOR_DUE, None)
            else:
                request.session[FACTOR_DUE] = int(rules.due_at.timestamp())

    def end(self, request: HttpRequest, user: User, *, why: str) -> None:
        """Ends the session, and the user's looks into the portal as a logout by hand does."""
        note_login("LOGOUT", user.email, client_ip(request), user, why=why)
        end_looks(user.pk)
        logout(request)


def _led_to(request: HttpRequest) -> str:
    """The one page that is open to this user before all others; empty for most."""
    user = request.user
    if not isinstance(user, User):
        return ""
    if user.password_must_change and PROVIDER not in request.session:  # who came by a provider knows none
        return reverse("panel:own_password")
    due_s = request.session.get(FACTOR_DUE)
    if due_s is None or int(due_s) > datetime.now(UTC).timestamp():
        return ""
    return request.path if request.path.startswith(reverse("mfa_index")) else reverse("mfa_index")


def note_login(verb: str, email: str, ip: str, user: User | None, **told: str) -> None:
    """Writes what happened to a login into the audit log."""
    note_event(
        actor=Actor(email, frozenset(), kind="user", id=user.pk if user else None, ip=ip),
        verb=verb,
        table_name="app_user",
        row_id=user.pk if user else 0,
        told=told,
    )
