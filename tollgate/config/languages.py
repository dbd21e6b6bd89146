"""Which language a request is answered in: its person's own, else the account's, else as the browser asks. Numbers are
written as in that language, in the portal as in the customer's country.

Nothing is asked of the database for it that the page does not ask anyway: users bring the account's language along, the
portal's visit holds its account; only the entrance pages, where nobody is known yet, ask once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import activate, deactivate

from tollgate.core.languages import asked_for, first_known, known
from tollgate.portal.access import visitor
from tollgate.portal.frame import BEGINNING
from tollgate.store.models import User
from tollgate.store.queries.texts import CHANGES, LANGUAGE_OF_ACCOUNT, language_and_changes, own_texts, with_texts
from tollgate.ui.words import language as spoken_language
from tollgate.ui.words import spoken

OF_DJANGO: Final = {"pt": "pt-pt"}
"""What allauth calls a language, where it is not our code."""


@contextmanager
def _django_speaks_english() -> Iterator[None]:
    """After the block again: a process answers one request after another."""
    try:
        yield
    finally:
        deactivate()


class Staff(AuthenticationBackend):  # type: ignore[misc]  # allauth ships no types
    """Finds the user of a session together with what decides the language.

    Only sessions that began before there were languages name the backend behind this one: nobody logs in by it.
    """

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """The user; the backend behind is not asked, which would only try the same password again."""
        found = super().authenticate(request, **credentials)
        if found is None:
            raise PermissionDenied
        return found

    def get_user(self, user_id: Any) -> User | None:
        """The user, if still active."""
        assert get_user_model() is User
        user = with_texts(User.objects.filter(pk=user_id)).first()
        return user if user is not None and user.is_active else None


class Languages:
    """Answers every request in its language, and says so to caches."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The language is found out when the first word is said; an answer without words needs none."""
        said = spoken(partial(_language_of, request), own_texts, country=partial(_country_of, request))
        with said as now, _django_speaks_english():
            answer = self.get_response(request)
            if now.is_known and answer.get("Content-Type", "").startswith("text/html"):
                patch_vary_headers(answer, ("accept-language", "cookie"))
                answer.setdefault("Content-Language", now.language)
            return answer

    def process_view(self, request: HttpRequest, view: Callable[..., HttpResponse], *_: object) -> None:
        """allauth's own pages bring translations of their own, which Django finds. There are no amounts in them, so it
        does no harm that Django then writes numbers as the language does."""
        if view.__module__.startswith("allauth."):
            code = spoken_language()
            activate(OF_DJANGO.get(code, code))


def _language_of(request: HttpRequest) -> tuple[str, int]:
    """The language, and how often the account's own texts have changed."""
    own, of_account, changes_count = _chosen(request)
    return first_known([own, of_account, *asked_for(request.headers.get("Accept-Language", ""))]), changes_count


def _country_of(request: HttpRequest) -> str:
    """The country of the customer whose portal this is; the operator's users are of none."""
    visit = visitor(request) if request.path.startswith(BEGINNING) else None
    return "" if visit is None else visit.customer.country


def _chosen(request: HttpRequest) -> tuple[str, str, int]:
    """What the person has chosen, what the account has chosen, how often its texts have changed."""
    if request.path.startswith(BEGINNING):
        visit = visitor(request)
        if visit is not None:
            own = known(visit.contact.language) or known(visit.customer.language)
            return own, visit.account.language, visit.text_changes_count
    else:
        user = request.user
        if isinstance(user, User):
            if not hasattr(user, CHANGES):  # just logged in: not found by a session yet
                user = with_texts(User.objects.filter(pk=user.pk)).get()
            return user.language, str(getattr(user, LANGUAGE_OF_ACCOUNT)), int(getattr(user, CHANGES))
    language, changes_count = language_and_changes()
    return "", language, changes_count
