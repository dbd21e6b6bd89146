"""What the forms of both faces share on their way to an act: what was sent, and refusals as pages and sentences.

    with refusals_as_pages():
        act(...)        # NotPermitted becomes 403, NotFound 404

How an act is tried and where its errors are shown is each face's own: `panel.saving`, `portal.saving`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, QueryDict

from tollgate.actions.acts import Invalid, NotFound, NotPermitted


@contextmanager
def refusals_as_pages() -> Iterator[None]:
    """What may not be done, or is not there, is answered by Django's own pages for that."""
    try:
        yield
    except NotPermitted as forbidden:
        raise PermissionDenied(str(forbidden)) from forbidden
    except NotFound as missing:
        raise Http404(str(missing)) from missing


def say(request: HttpRequest, refused: Invalid) -> None:
    """Every sentence of a refusal as a message, where there is no form to show them in."""
    for words in refused.errors.values():
        for word in words:
            messages.error(request, word)


def posted(request: HttpRequest) -> QueryDict | None:
    """What was sent, for a form; None for a page that is only looked at."""
    return request.POST if request.method == "POST" else None
