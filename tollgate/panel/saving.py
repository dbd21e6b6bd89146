"""From a valid form through an act to a saved record, or back to the form with words at the right fields.

    done = saved(request, form, update_customer, customer_id=customer.pk, version=version, **changes(form))
    if done is not None:
        return after_save(request, f"{done.name} is saved.", form_url=request.path, done_url=...)
    return render_form(request, form, ...)

That is all a page does: Save and stay, Delay and save, the list of what is put off and the reason that an account may
ask for come by themselves to every page under `@writing` with an act that makes or changes a record. A delayed save is
tried and taken back, so `saved` then returns what the act would have saved, and `after_save` says when it will be.

`press` is for a button without a form of its own: it runs the act and says what happened as a flash message.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from django.contrib import messages
from django.forms import TypedMultipleChoiceField
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse

from tollgate.actions.acts import Actor, Invalid, OutOfDate, acting
from tollgate.actions.delays import Altered, delay_save, rights_over
from tollgate.panel.access import actor, current_user
from tollgate.panel.delay_edits import altered, edited
from tollgate.panel.delay_times import TimeUnfit, due_at, shown_at
from tollgate.panel.save_modes import CHANGES
from tollgate.store.models import DelayedSave
from tollgate.ui.forms import Difference, HouseForm
from tollgate.ui.saving import posted, refusals_as_pages, say
from tollgate.ui.words import told, told_html

__all__ = ["after_save", "changes", "initial", "posted", "press", "reason", "saved", "saved_by"]
Result = TypeVar("Result")


def saved(request: HttpRequest, form: HouseForm, act: Callable[..., Result], **arguments: Any) -> Result | None:
    """What the act returned; None when it refused, and the form then shows why."""
    return saved_by(actor(request, reason(request, form)), request, form, act, **arguments)


def saved_by(
    who: Actor, request: HttpRequest, form: HouseForm, act: Callable[..., Result], **arguments: Any
) -> Result | None:
    """The same for somebody else than the user with the rights of their groups."""
    waiting = edited(request)
    try:
        with refusals_as_pages(), acting(_over(who, waiting)) as done:
            if waiting is not None:
                result = _altered(request, form, act, arguments, waiting)
            elif request.POST.get("save") == "delay" and request.user.is_authenticated:
                result = _delayed(request, form, act, arguments)
            else:
                result = act(**arguments)
    except Invalid as invalid:
        for name, words in invalid.errors.items():
            for word in words:
                _add_error(form, name, word)
    except Altered as stale:
        request.delay_altered = True  # type: ignore[attr-defined]  # delay_edits shows the newer version then
        now = stale.current["title"]
        form.add_error(
            None, f"Somebody else has changed what is put off in the meantime: {now}. Save again to replace it."
        )
    except OutOfDate as stale:
        _show_conflict(form, stale.current)
    else:
        for sentence in done.warnings:
            messages.warning(request, sentence)
        return result
    return None


def reason(request: HttpRequest, form: HouseForm | None = None) -> str:
    """Why the user saves: a field of the form, or what the page asked for beside it."""
    own = form.cleaned_data.get("reason") if form is not None else None
    return str(own or request.POST.get("reason", "")).replace("\0", "").strip()[:500]


def press(
    request: HttpRequest, act: Callable[..., object], words: str, *, who: Actor | None = None, **arguments: Any
) -> bool:
    """Runs an act that a plain button asks for; says `words`, or why not. Returns whether it was done."""
    assert edited(request) is None, "the form of a delayed save has no other buttons"
    try:
        with refusals_as_pages(), acting(who or actor(request, reason(request))):
            act(**arguments)
    except Invalid as invalid:
        say(request, invalid)
        return False
    except OutOfDate as stale:
        messages.error(request, f"{stale} Look at it again.")
        return False
    if words:
        messages.success(request, words)
    return True


def after_save(
    request: HttpRequest, words: str, *, form_url: str, done_url: str, later_url: str = ""
) -> HttpResponseRedirect:
    """Says what was saved and goes on: back to the form after "Save and stay", otherwise to the record or list. What is
    put off leaves the form open, or goes on to `later_url`."""
    later = getattr(request, "saved_later", None)
    if later is not None:
        messages.success(request, later)
        waiting = edited(request)
        return redirect(later_url or request.path if waiting is None else reverse("panel:delay", args=[waiting.pk]))
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


def _delayed(request: HttpRequest, form: HouseForm, act: Callable[..., Result], arguments: Mapping[str, Any]) -> Result:
    """Puts the act off until the moment that was chosen, with those fields only that the user has changed."""
    user = current_user(request)
    try:
        due = due_at(request.POST, zone=user.zone, at=datetime.now(UTC))
    except TimeUnfit as problem:
        raise Invalid({"": [f"Save later: {problem}"]}) from None
    delayed = delay_save(act=act.__name__, arguments=_touched(form, act, arguments), due_at=due)
    request.saved_later = told_html(  # type: ignore[attr-defined]  # after_save says it
        "Put off until {moment}: {title}. It waits in the <a>delay log</a>.",
        address=reverse("panel:delays"),
        moment=shown_at(due, user.zone),
        title=delayed.title,
    )
    return cast("Result", delayed.rehearsed)


def _over(who: Actor, waiting: DelayedSave | None) -> Actor:
    """Whoever changes a delayed save may change their own."""
    return who if waiting is None else replace(who, may=rights_over(who, waiting))


def _altered(
    request: HttpRequest,
    form: HouseForm,
    act: Callable[..., Result],
    arguments: Mapping[str, Any],
    waiting: DelayedSave,
) -> Result:
    """Changes what is put off; the record stays as it is until then."""
    touched = _touched(form, act, arguments)
    done = altered(request, waiting, act.__name__, arguments, touched)
    request.saved_later = told_html(  # type: ignore[attr-defined]  # after_save says it
        "What is put off until {moment} is changed: {title}. It waits in the <a>delay log</a>.",
        address=reverse("panel:delays"),
        moment=shown_at(done.due_at, current_user(request).zone),
        title=done.title,
    )
    return cast("Result", done.rehearsed)


def _touched(form: HouseForm, act: Callable[..., object], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Of an act that changes a record: the arguments that the user has changed, and those that it cannot do without."""
    needed = {name for name, one in inspect.signature(act).parameters.items() if one.default is one.empty}
    left = set(form.fields) - set(form.changed_data) - {"version"} - needed
    if not act.__name__.startswith(CHANGES):
        left = set()
    return {name: value for name, value in arguments.items() if name not in left}


def _add_error(form: HouseForm, name: str, word: str) -> None:
    """An error of the act at its field; one of a field that the form does not have says which it is."""
    if name in form.fields:
        form.add_error(name, word)
    elif name == "reason":
        form.reason_error = word
    else:
        form.add_error(None, f"{name}: {told(word)}" if name else word)


def _show_conflict(form: HouseForm, current: Mapping[str, Any]) -> None:
    different = [
        Difference(str(field.label), _shown(form, name, current[name]), _shown(form, name, form.cleaned_data.get(name)))
        for name, field in ((bound.name, bound) for bound in form.visible_fields())
        if name in current and _differs(current[name], form.cleaned_data.get(name))
    ]
    unseen = Difference("Other fields", "changed", "as they are now")
    form.show_conflict(int(current["version"]), different or [unseen])


def _differs(theirs: Any, ours: Any) -> bool:
    """A field that is left empty is nothing to a record and no text to a form; ids are told in any order."""
    if isinstance(theirs, list) and isinstance(ours, list) and all(isinstance(one, int) for one in (*theirs, *ours)):
        return set(theirs) != set(ours)
    return bool(theirs != ours) and not (theirs in (None, "") and ours in (None, ""))


def _shown(form: HouseForm, name: str, value: Any) -> str:
    if value is None or value == "" or value == []:
        return "(empty)"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    field = form.fields[name]
    if isinstance(field, TypedMultipleChoiceField):
        choices: Iterable[Any] = field.choices  # type: ignore[assignment]  # Django's own union, one of callables too
        titles = {str(key): str(title) for key, title in choices}
        return ", ".join(titles.get(str(one), str(one)) for one in value)
    return str(field.prepare_value(value))
