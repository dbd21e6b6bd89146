"""What a page says that needs calls of the lake which cannot be read: which days, and what helps.

Lists of calls and breakouts say it in their own place; this is for every other page.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tollgate.portal.frame import BEGINNING
from tollgate.store.lake_damage import DayUnreadable

log: Final = logging.getLogger(__name__)


class UnreadableDays:
    """Answers with 503 where a view could not read the calls of some days; a customer is told the days alone, in the
    portal's own look."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Nothing while all is well."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, problem: Exception) -> HttpResponse | None:
        """The page, and a line in the log; None for every other exception."""
        if not isinstance(problem, DayUnreadable):
            return None
        log.error("%s: %s", request.path, problem)
        if request.path.startswith(BEGINNING):
            told = {"title": "Calls that cannot be read", "words": problem.told}
            return render(request, "portal/refused.html", told, status=503)
        return render(request, "503.html", {"words": str(problem)}, status=503)
