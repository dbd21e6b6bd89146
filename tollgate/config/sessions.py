"""Who may open a session in the panel, from where, and when it ends by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, Final

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth import logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from tollgate.actions import portal_delays
from tollgate.actions.acts import Actor
from tollgate.actions.audit import note_event
from tollgate.actions.portal_access import end_looks
from tollgate.store.models import Account, User
from tollgate.ui.requests import client_ip

ACTIVE_AT: Final = "active_at_s"
IDLE_MIN: Final = "idle_min"
POLL_HEADER: Final = "X-Tollgate-Poll"
WRITE_EVERY_S: Final = 60
PANEL: Final = -1
"""Stands for the panel where portal logins have the id of their domain."""
SECOND_FACTORS: Final = {
    "totp_activated": "AUTHENTICATOR_ADDED",
    "totp_deactivated": "AUTHENTICATOR_REMOVED",
    "webauthn_added": "PASSKEY_ADDED",
    "webauthn_removed": "PASSKEY_REMOVED",
    "recovery_codes_generated": "RECOVERY_CODES_MADE",
}
"""What allauth would mail of a second factor, and the audit log's word for it."""


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
        note_login("LOGIN", user.email, client_ip(request), user)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Where the request comes from, so that limits count people and not the proxy before the panel."""
        return client_ip(request)

    def send_notification_mail(self, template_prefix: str, user: User, *_: object, **__: object) -> None:
        """Told instead of a mail: a second factor came, went or has other recovery codes, in the audit log."""
        verb = SECOND_FACTORS.get(template_prefix.rpartition("/")[2])
        if verb:
            note_login(verb, user.email, client_ip(self.request), user)

    def logout(self, request: HttpRequest) -> None:
        """Ends the session, and the user's looks into the portal."""
        user = request.user
        super().logout(request)
        if isinstance(user, User):
            end_looks(user.pk)
            note_login("LOGOUT", user.email, client_ip(request), user)


def may_come_from(user: User, ip: str) -> bool:
    """Whether the user's list of addresses, if there is one, holds this one."""
    return not user.allowed_networks or any(ip_address(ip) in network for network in user.allowed_networks)


class IdleLogout:
    """Logs a user out after some minutes without a request of their own, and at once from an address not allowed.

    The minutes are those of the account's options, at most `TOLLGATE_IDLE_LOGOUT_MINUTES`. Pages that refresh
    themselves send the header `X-Tollgate-Poll`; such requests prove nothing about the person and do not keep the
    session alive. Whoever must change the password is led there first.
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
        if isinstance(request.user, User) and request.user.password_must_change:
            own = (reverse("panel:own_password"), reverse("account_logout"))
            if request.path not in own and not request.path.startswith("/static/"):
                return redirect(own[0])
        return self.get_response(request)

    def note(self, request: HttpRequest, user: User, *, now_s: int) -> None:
        """Compares the last activity with now; writes it at most once a minute."""
        seen_s = int(request.session.get(ACTIVE_AT, now_s))
        idle_min = int(request.session.get(IDLE_MIN, settings.IDLE_LOGOUT_MINUTES))
        if now_s - seen_s >= idle_min * 60:
            self.end(request, user, why="idle")
        elif POLL_HEADER not in request.headers and (
            ACTIVE_AT not in request.session or now_s - seen_s >= WRITE_EVERY_S
        ):
            request.session[ACTIVE_AT] = now_s
            request.session[IDLE_MIN] = _idle_min()

    def end(self, request: HttpRequest, user: User, *, why: str) -> None:
        """Ends the session, and the user's looks into the portal as a logout by hand does."""
        note_login("LOGOUT", user.email, client_ip(request), user, why=why)
        end_looks(user.pk)
        logout(request)


def _idle_min() -> int:
    wanted = Account.objects.order_by("pk").values_list("idle_logout_min", flat=True).first()
    return min(wanted or settings.IDLE_LOGOUT_MINUTES, settings.IDLE_LOGOUT_MINUTES)


def note_login(verb: str, email: str, ip: str, user: User | None, **told: str) -> None:
    """Writes what happened to a login into the audit log."""
    note_event(
        actor=Actor(email, frozenset(), kind="user", id=user.pk if user else None, ip=ip),
        verb=verb,
        table_name="app_user",
        row_id=user.pk if user else 0,
        told=told,
    )
