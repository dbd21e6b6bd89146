"""The logins of contacts: a new password, a look into the portal as they see it, sessions, what holds a login up."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from tollgate.actions import portal_delays
from tollgate.actions.contact_tokens import revoke_contact_token, tokens_of
from tollgate.actions.contacts import forget_contact_links
from tollgate.actions.portal_access import end_contact_sessions, impersonate_contact, lift_contact_delay
from tollgate.actions.portal_factors import remove_second_factor
from tollgate.actions.portal_passwords import send_password_link, set_contact_password
from tollgate.panel.access import own_customers, reading, writing
from tollgate.panel.contacts import contact_of, way_to
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, posted, press, saved
from tollgate.store.models import Audit, Contact, ContactSession
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.words import as_is, worded

SHOWN_COUNT = 50
FAILURES_COUNT = 20


class PasswordForm(HouseForm):
    """A link by mail, or a password by hand."""

    widths = {"how": 12, "password": 6, "must_change": 12}
    how = forms.ChoiceField(
        label="How",
        choices=(("link", "Send a link to set a password (works once, for 24 hours)"), ("manual", "Set it by hand")),
        initial="link",
        help_text="Either way the old password, its sessions and its API tokens end now",
        widget=forms.RadioSelect,
    )
    password = forms.CharField(
        max_length=128,
        required=False,
        strip=False,
        label="New password",
        help_text="At least 10 characters. The contact is told (not the password)",
        widget=forms.TextInput(attrs={"autocomplete": "off", "data-generate": ""}),
    )
    must_change = forms.BooleanField(required=False, initial=True, label="Has to be changed at the next login")

    def clean(self) -> dict[str, Any]:
        """A password where it is set by hand."""
        given = super().clean() or {}
        if given.get("how") == "manual" and not given.get("password"):
            self.add_error("password", "Type or generate one.")
        return given


class PortalForm(HouseForm):
    """How to look in."""

    widths = {"read_only": 12}
    read_only = forms.BooleanField(
        required=False,
        initial=True,
        label="Read only",
        help_text="Without it, what you do is logged as yours in their name",
    )


@writing("set_contact_password", shown_to_all=False)
def password(request: HttpRequest, contact_id: int) -> HttpResponseBase:
    """A new password, without ever mailing one."""
    contact = contact_of(request, contact_id)
    form = PasswordForm(posted(request))
    if form.is_valid():
        given = form.cleaned_data
        if given["how"] == "link":
            done = saved(request, form, send_password_link, contact_id=contact.pk)
            words = "A link is on its way. The old password and what it has opened have ended."
        else:
            chosen = {"password": given["password"], "must_change": given["must_change"]}
            done = saved(request, form, set_contact_password, contact_id=contact.pk, **chosen)
            words = "The password is set. Sessions opened with the old one have ended."
        if done is not None:
            page = reverse("panel:contact", args=[contact.pk])
            return after_save(request, words, form_url=request.path, done_url=page)
    return _form(request, contact, form, f"Password of {contact}", "Go on")


@writing("impersonate_contact", shown_to_all=False)
def portal(request: HttpRequest, contact_id: int) -> HttpResponseBase:
    """Opens the portal as the contact sees it, in this browser."""
    contact = contact_of(request, contact_id)
    form = PortalForm(posted(request))
    if form.is_valid():
        read_only = form.cleaned_data["read_only"]
        address = saved(request, form, impersonate_contact, contact_id=contact.pk, read_only=read_only)
        if address is not None:
            return redirect(_here(request, contact, address))
    return _form(request, contact, form, f"Look into the portal as {contact}", "Open the portal")


@writing("impersonate_contact", shown_to_all=False)
def customer_portal(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """From the customer's page: as whom to look in."""
    customer = get_object_or_404(own_customers(request), pk=customer_id, deleted_at=None)
    people = list(customer.contacts.order_by("last_name", "pk")[:SHOWN_COUNT])
    if len(people) == 1:
        return redirect("panel:contact_portal", people[0].pk)
    title = worded("Portal of {name}", name=customer.name)
    context = {"title": title, "breadcrumbs": way_to(customer), "people": people}
    return render(request, "panel/customer_portal.html", {**context, "customer": customer})


@reading
def sessions(request: HttpRequest, contact_id: int) -> HttpResponseBase:
    """Where the contact is logged in, was logged in, and failed to."""
    contact = contact_of(request, contact_id)
    delay = portal_delays.of_contact(contact.login_domain, contact.email)
    failures = Audit.objects.filter(table_name="contact", row_id=contact.pk, verb="LOGIN_FAILED")
    shown = list(ContactSession.objects.filter(contact=contact).order_by("-pk")[:SHOWN_COUNT])
    context = {
        "title": worded("Sessions of {contact}", contact=contact),
        "breadcrumbs": _way(contact),
        "contact": contact,
        "sessions": shown,
        "any_open": len(shown) == SHOWN_COUNT or not all(session.ended_at for session in shown),
        "tokens": tokens_of(contact).order_by("name", "pk"),
        "failures": failures.order_by("-id")[:FAILURES_COUNT],
        "delay": delay,
        "held_up": delay is not None and delay.until_at > datetime.now(UTC),
    }
    return render(request, "panel/contact_sessions.html", context)


@require_POST
@writing("end_contact_sessions", shown_to_all=False)
def end_sessions(request: HttpRequest, contact_id: int) -> HttpResponseBase:
    """Ends one session, or all of the contact."""
    contact = contact_of(request, contact_id)
    one = request.POST.get("session_id", "")
    words = "The session has ended." if one.isdecimal() else "Every session has ended."
    session_id = int(one) if one.isdecimal() and len(one) < 19 else None
    press(request, end_contact_sessions, words, contact_id=contact.pk, session_id=session_id)
    return redirect("panel:contact_sessions", contact.pk)


@require_POST
@writing("revoke_contact_token", shown_to_all=False)
def revoke_token(request: HttpRequest, contact_id: int, token_id: int) -> HttpResponseBase:
    """Ends one of the contact's API tokens at once."""
    contact = contact_of(request, contact_id)
    press(request, revoke_contact_token, "The token is revoked.", contact_id=contact.pk, token_id=token_id)
    return redirect("panel:contact_sessions", contact.pk)


@require_POST
@writing("lift_contact_delay", shown_to_all=False)
def lift_delay(request: HttpRequest, contact_id: int) -> HttpResponseBase:
    """Lets the contact try again at once."""
    contact = contact_of(request, contact_id)
    press(request, lift_contact_delay, f"{contact} may try again at once.", contact_id=contact.pk)
    return redirect("panel:contact_sessions", contact.pk)


@require_POST
@writing("remove_second_factor", shown_to_all=False)
def no_second_factor(request: HttpRequest, contact_id: int) -> HttpResponseBase:
    """For a contact who lost the phone and the recovery codes."""
    contact = contact_of(request, contact_id)
    press(request, remove_second_factor, f"{contact} logs in by the password alone.", contact_id=contact.pk)
    return redirect("panel:contact_sessions", contact.pk)


@require_POST
@writing("forget_contact_links", shown_to_all=False)
def forget_links(request: HttpRequest, contact_id: int) -> HttpResponseBase:
    """For a contact whose login at a provider has become another."""
    contact = contact_of(request, contact_id)
    press(request, forget_contact_links, "No provider knows this contact any more.", contact_id=contact.pk)
    return redirect("panel:contact", contact.pk)


def _here(request: HttpRequest, contact: Contact, address: str) -> str:
    """The portal without a domain is opened at the host that the user is at; that of a domain at its own."""
    if contact.customer.domain is not None:
        return address
    return request.build_absolute_uri(address[address.index("/portal/") :])


def _way(contact: Contact) -> list[Any]:
    return [*way_to(contact.customer), *crumbs((as_is(str(contact)), reverse("panel:contact", args=[contact.pk])))]


def _form(request: HttpRequest, contact: Contact, form: HouseForm, title: str, save_title: str) -> HttpResponseBase:
    return render_form(
        request,
        form,
        template="panel/form.html",
        title=title,
        breadcrumbs=_way(contact),
        back_url=reverse("panel:contact", args=[contact.pk]),
        save_title=save_title,
    )


urlpatterns = [
    path("contacts/<int:contact_id>/password/", password, name="contact_password"),
    path("contacts/<int:contact_id>/portal/", portal, name="contact_portal"),
    path("customers/<int:customer_id>/portal/", customer_portal, name="customer_portal"),
    path("contacts/<int:contact_id>/sessions/", sessions, name="contact_sessions"),
    path("contacts/<int:contact_id>/sessions/end/", end_sessions, name="contact_sessions_end"),
    path("contacts/<int:contact_id>/tokens/<int:token_id>/revoke/", revoke_token, name="contact_token_revoke"),
    path("contacts/<int:contact_id>/delay/lift/", lift_delay, name="contact_delay_lift"),
    path("contacts/<int:contact_id>/second-factor/off/", no_second_factor, name="contact_factor_off"),
    path("contacts/<int:contact_id>/links/forget/", forget_links, name="contact_links_forget"),
]
