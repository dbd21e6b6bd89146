"""The button of a large file of calls: it begins the job that writes it. Its file is fetched from the job's page."""

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_POST

from tollgate.actions.call_files import start_call_file
from tollgate.panel.access import own_account, writing
from tollgate.panel.saving import press
from tollgate.store.models import Task

ASKED = ("columns", "from_at", "until_at", "where", "customer_id", "oldest_first")


@require_POST
@writing("start_call_file", shown_to_all=False)
def begin(request: HttpRequest) -> HttpResponseBase:
    """Begins the file that the page before has offered; the act checks all that it asks for."""
    try:
        wanted = json.loads(request.POST.get("wanted", ""))
        arguments = {name: wanted[name] for name in ASKED if name in wanted}
    except (ValueError, TypeError):
        arguments = {}
    if not arguments.get("columns"):
        messages.error(request, "Ask for the file on the list of CDRs.")
        return redirect("panel:cdrs")
    made: list[Task] = []

    def start(**given: Any) -> None:
        made.append(start_call_file(**given))

    if not press(request, start, "", account_id=own_account(request).pk, **arguments):
        return redirect("panel:cdrs")
    return redirect("panel:task", made[0].pk)


urlpatterns = [path("cdrs/file/", begin, name="call_file")]
