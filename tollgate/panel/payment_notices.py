"""Where gateways tell us of payments: one address each, outside every login, guessed by nobody.

What comes is stored before it is believed (actions.payment_events); the answer is 2xx only once it is stored.
"""

from datetime import UTC, datetime
from typing import Final

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from tollgate.actions.payment_events import receive
from tollgate.store.models import PaymentGateway
from tollgate.ui.requests import client_ip

MOST_BYTES: Final = 262_144


@csrf_exempt
@require_POST
def payment_notice(request: HttpRequest, token: str) -> HttpResponse:
    """Takes one notice; 400 for one that is proved to be none of theirs, 413 for one too long."""
    gateway = get_object_or_404(PaymentGateway, token=token)
    try:
        body = request.body
    except RequestDataTooBig:
        body = b" " * (MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        return _said("too long", 413)
    at = datetime.now(UTC)
    event = receive(gateway, body=body, headers=request.headers, ip=client_ip(request) or None, at=at)
    return _said("refused", 400) if event.state == "refused" else _said("stored", 200)


def _said(word: str, status: int) -> HttpResponse:
    return HttpResponse(f"{word}\n", status=status, content_type="text/plain")
