"""Where the provider of SMS tells what became of one: an address outside every login, guessed by nobody."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from tollgate.actions.sms_receipts import receive, settings_of

MOST_BYTES: Final = 65_536


@csrf_exempt
@require_POST
def sms_receipt(request: HttpRequest, token: str) -> HttpResponse:
    """Takes one receipt, as JSON or as a form: 400 for what is neither, 404 for an SMS that is not known (yet)."""
    settings = settings_of(token)
    if settings is None:
        raise Http404
    told = _told(request)
    if told is None:
        return _said("not read", 400)
    return _said("kept", 200) if receive(settings, told, datetime.now(UTC)) else _said("not known", 404)


def _told(request: HttpRequest) -> Mapping[str, object] | None:
    if request.content_type != "application/json":
        return request.POST.dict()
    try:
        found = json.loads(request.body[:MOST_BYTES])
    except (ValueError, RecursionError, RequestDataTooBig):
        return None
    return found if isinstance(found, dict) else None


def _said(word: str, status: int) -> HttpResponse:
    return HttpResponse(f"{word}\n", status=status, content_type="text/plain")
