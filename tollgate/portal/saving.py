"""From a valid form of the portal through an act to a saved record, or back to the form with words at its fields.

The same as the panel's `saving`, with the visitor as the actor; nothing is delayed here.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest

from tollgate.actions.acts import Invalid, OutOfDate, acting
from tollgate.actions.portal_access import Visit, password_fits
from tollgate.actions.portal_factors import code_fits
from tollgate.ui.forms import Difference, HouseForm
from tollgate.ui.saving import posted, refusals_as_pages, say

__all__ = ["knows_password", "posted", "press", "saved", "with_code"]
Result = TypeVar("Result")


def saved(
    request: HttpRequest, form: HouseForm, visit: Visit, act: Callable[..., Result], **arguments: Any
) -> Result | None:
    """What the act returned; None when it refused, and the form then shows why."""
    try:
        with refusals_as_pages(), acting(visit.actor()) as done:
            result = act(**arguments)
    except Invalid as invalid:
        for name, words in invalid.errors.items():
            for word in words:
                form.add_error(name if name in form.fields else None, word)
    except OutOfDate as stale:
        form.show_conflict(int(str(stale.current["version"])), _differences(form, stale.current))
    else:
        for sentence in done.warnings:
            messages.warning(request, sentence)
        return result
    return None


def press(request: HttpRequest, visit: Visit, act: Callable[..., object], words: str, **arguments: Any) -> bool:
    """Runs an act that a plain button asks for; says `words`, or why not. Returns whether it was done."""
    try:
        with refusals_as_pages(), acting(visit.actor()):
            act(**arguments)
    except Invalid as invalid:
        say(request, invalid)
        return False
    messages.success(request, words)
    return True


Form = TypeVar("Form", bound=HouseForm)


def with_code(form: Form, visit: Visit) -> Form:
    """The form that asks for the password; of a contact with a second factor it asks for a code as well."""
    if visit.contact.totp_secret:
        form.fields["code"] = forms.CharField(
            max_length=20,
            label="Code that your app shows",
            help_text="Or one of your recovery codes",
            widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}),
        )
    return form


def knows_password(form: HouseForm, visit: Visit, field: str = "password") -> bool:
    """Whether the visitor's own password was typed, and a code that fits where the form asks for one (`with_code`).

    If not, the form says so. Guessing waits like at the login.
    """
    try:
        knows = password_fits(visit, form.cleaned_data[field], datetime.now(UTC))
    except Invalid as invalid:
        for word in (word for words in invalid.errors.values() for word in words):
            form.add_error(field, word)
        return False
    if not knows:
        form.add_error(field, "This is not your password.")
    elif "code" in form.fields and not code_fits(visit.contact, form.cleaned_data["code"], visit.ip, datetime.now(UTC)):
        form.add_error("code", "This code does not fit.")
        knows = False
    return knows


def _differences(form: HouseForm, current: Mapping[str, object]) -> list[Difference]:
    different = [
        Difference(str(bound.label), str(current[bound.name] or "(empty)"), str(form.cleaned_data.get(bound.name, "")))
        for bound in form.visible_fields()
        if bound.name in current and current[bound.name] != form.cleaned_data.get(bound.name)
    ]
    return different or [Difference("Other fields", "changed", "as they are now")]
