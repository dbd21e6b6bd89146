"""Who may open a session in the panel, and when it ends by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

ACTIVE_AT: Final = "active_at_s"
POLL_HEADER: Final = "X-Tollgate-Poll"
WRITE_EVERY_S: Final = 60


class StaffOnly(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Users of the panel are made by other users, never by themselves."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Always closed."""
        return False


class IdleLogout:
    """Logs a user out after `TOLLGATE_IDLE_LOGOUT_MINUTES` without a request of their own.

    Pages that refresh themselves send the header `X-Tollgate-Poll`; such requests prove nothing
    about the person and do not keep the session alive.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Ends the session or notes the activity, then goes on."""
        if request.user.is_authenticated:
            self.note(request, now_s=int(datetime.now(UTC).timestamp()))
        return self.get_response(request)

    def note(self, request: HttpRequest, *, now_s: int) -> None:
        """Compares the last activity with now; writes it at most once a minute."""
        seen_s = int(request.session.get(ACTIVE_AT, now_s))
        if now_s - seen_s >= settings.IDLE_LOGOUT_MINUTES * 60:
            logout(request)
        elif POLL_HEADER not in request.headers and (
            ACTIVE_AT not in request.session or now_s - seen_s >= WRITE_EVERY_S
        ):
            request.session[ACTIVE_AT] = now_s
