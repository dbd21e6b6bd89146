"""From a valid form through an act to a saved record, or back to the form with words at the right fields.

    done = saved(request, form, update_customer, customer_id=customer.pk, **changes(form, customer))
    if done is not None:
        return after_save(request, form_url=..., list_url=..., words=f"{name} is saved.")
    return render_form(request, form, ...)

`press` is for a button without a form of its own: it runs the act and says what happened as a flash message.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect

from tollgate.actions.acts import Invalid, NotFound, NotPermitted, OutOfDate, acting
from tollgate.panel.access import actor
from tollgate.ui.forms import Difference, HouseForm

Result = TypeVar("Result")


def saved(request: HttpRequest, form: HouseForm, act: Callable[..., Result], **arguments: Any) -> Result | None:
    """What the act returned; None when it refused, and the form then shows why."""
    try:
        with acting(actor(request, str(form.cleaned_data.get("reason", "")))) as done:
            result = act(**arguments)
    except Invalid as invalid:
        for name, words in invalid.errors.items():
            for word in words:
                form.add_error(name if name in form.fields else None, _sentence(form, name, word))
    except OutOfDate as stale:
        _show_conflict(form, stale.current)
    except NotPermitted as forbidden:
        raise PermissionDenied(str(forbidden)) from forbidden
    except NotFound as missing:
        raise Http404(str(missing)) from missing
    else:
        for sentence in done.warnings:
            messages.warning(request, sentence)
        return result
    return None


def posted(request: HttpRequest) -> QueryDict | None:
    """What was sent, for a form; None for a page that is only looked at."""
    return request.POST if request.method == "POST" else None


def press(request: HttpRequest, act: Callable[..., object], words: str, **arguments: Any) -> bool:
    """Runs an act that a plain button asks for; says `words`, or why not. Returns whether it was done."""
    try:
        with acting(actor(request, request.POST.get("reason", ""))):
            act(**arguments)
    except Invalid as invalid:
        for word in (word for words_of_field in invalid.errors.values() for word in words_of_field):
            messages.error(request, word)
        return False
    except NotPermitted as forbidden:
        raise PermissionDenied(str(forbidden)) from forbidden
    except NotFound as missing:
        raise Http404(str(missing)) from missing
    messages.success(request, words)
    return True


def after_save(request: HttpRequest, words: str, *, form_url: str, done_url: str) -> HttpResponseRedirect:
    """Says what was saved and goes on: back to the form after "Save and stay", otherwise to the record or list."""
    messages.success(request, words)
    return redirect(form_url if request.POST.get("save") == "stay" else done_url)


def changes(form: HouseForm, *, leave_out: Iterable[str] = ()) -> dict[str, Any]:
    """What the form says about its record, ready for an act: every field but those an act takes by itself."""
    skipped = {"version", "reason", *leave_out}
    return {name: value for name, value in form.cleaned_data.items() if name not in skipped}


def initial(record: object, names: Iterable[str]) -> dict[str, Any]:
    """The record's values for a form of those fields, the version with them."""
    values = {name: getattr(record, name) for name in names}
    return {**values, "version": getattr(record, "version", None)}


def _sentence(form: HouseForm, name: str, word: str) -> str:
    """An error of a field that the form does not have says which it is."""
    return word if name in form.fields or not name else f"{name}: {word}"


def _show_conflict(form: HouseForm, current: Mapping[str, Any]) -> None:
    different = [
        Difference(str(field.label), _shown(form, name, current[name]), _shown(form, name, form.cleaned_data.get(name)))
        for name, field in ((bound.name, bound) for bound in form.visible_fields())
        if name in current and current[name] != form.cleaned_data.get(name)
    ]
    unseen = Difference("Other fields", "changed", "as they are now")
    form.show_conflict(int(current["version"]), different or [unseen])


def _shown(form: HouseForm, name: str, value: Any) -> str:
    if value is None or value == "":
        return "(empty)"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return str(form.fields[name].prepare_value(value))
