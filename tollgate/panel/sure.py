"""The page before a weighty act: what it would do, in words and amounts, and the button that does it.

    return sure(request, asked, rehearse=lambda: issuing(invoice_id=7), tell=facts_of)

What it would do is found by doing it and taking it back (actions/rehearsals.py); an act that would be refused says why
and leads back. To ask before another act, give it a rehearsal and the function that tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from tollgate.actions.acts import Invalid, NotPermitted, acting
from tollgate.core.money import format_micros
from tollgate.panel.access import actor
from tollgate.ui.layout import Crumb
from tollgate.ui.words import figure

Seen = TypeVar("Seen")
Facts = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The words around the question."""

    title: str
    button: str
    back_url: str
    version: int
    """The record's, as it is shown: what has changed since then is not done, but shown anew."""
    breadcrumbs: Sequence[Crumb]
    warning: str = ""


def sure(
    request: HttpRequest, asked: Asked, *, rehearse: Callable[[], Seen], tell: Callable[[Seen], Facts]
) -> HttpResponseBase:
    """Shows what would happen; back to where it was asked, with the reason, when it cannot."""
    try:
        with acting(actor(request, "to look at it beforehand")) as done:
            seen = rehearse()
    except Invalid as invalid:
        for word in (word for words in invalid.errors.values() for word in words):
            messages.error(request, word)
        return redirect(asked.back_url)
    except NotPermitted as forbidden:
        raise PermissionDenied(str(forbidden)) from forbidden
    context = {
        "title": asked.title,
        "breadcrumbs": asked.breadcrumbs,
        "asked": asked,
        "facts": tell(seen),
        "warnings": done.warnings,
    }
    return render(request, "panel/sure.html", context)


def shown_version(request: HttpRequest) -> int:
    """The version of the record as the page showed it; 0, which none has, when it was not shown at all."""
    text = request.POST.get("version", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def amount(micros: int, currency: str) -> str:
    """An amount in words."""
    return figure(f"{format_micros(micros, 2)} {currency}")


def moves(before_micros: int, after_micros: int, currency: str) -> str:
    """What becomes of a balance."""
    return f"{amount(before_micros, currency)} becomes {amount(after_micros, currency)}"
