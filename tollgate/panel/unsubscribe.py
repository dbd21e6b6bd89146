"""The page behind the link in a marketing mail or SMS: its reader says no (or yes again) without a login.

The signed token in the address is the right to do so, so a mail program may post to it by itself (RFC 8058).
"""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from tollgate.actions.acts import Actor, NotFound, acting
from tollgate.actions.mailings import choose_marketing, contact_of
from tollgate.panel.access import client_ip


@csrf_exempt
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Looking changes nothing, for mail programs follow links; pressing the button does."""
    try:
        contact = contact_of(token)
    except NotFound as problem:
        raise Http404(str(problem)) from None
    if request.method == "POST":
        may = frozenset({"choose_marketing"})
        who = Actor(
            contact.email, may, "by the link in a message", kind="contact", id=contact.pk, ip=client_ip(request)
        )
        with acting(who):
            contact = choose_marketing(contact_id=contact.pk, marketing=request.POST.get("marketing") == "yes")
    domain = contact.customer.domain
    brand = domain.brand if domain else contact.customer.account.name
    return render(request, "panel/unsubscribe.html", {"contact": contact, "brand": brand, "title": "Messages from us"})
