"""What a form sends that changes a delayed save, and what its page tells of that. The page itself is `delay_forms.py`.

A form of a record is such a form when `edited(request)` gives a delayed save. Nothing is saved then but that one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse

from tollgate.actions.acts import Invalid
from tollgate.actions.delay_values import SECRET_ARGUMENTS, read
from tollgate.actions.delays import drift, update_delayed_save
from tollgate.panel import audit_words
from tollgate.panel.access import current_user
from tollgate.panel.delay_times import shown_at
from tollgate.panel.staff import name_for
from tollgate.store.models import DelayedSave
from tollgate.ui.forms import Editing

OVER: Final = "over_present"
"""The tick by which who was shown what others have changed meanwhile writes over that too."""
ANOTHER: Final = "Another form than this one saves that: take it back, and put off what you mean."
CHANGED_AGAIN: Final = "What is there now has changed once more: look at it, and tick again."


def edited(request: HttpRequest) -> DelayedSave | None:
    """The delayed save that the form of this request changes."""
    found = getattr(request, "edited_delay", None)
    return found if isinstance(found, DelayedSave) else None


def altered(
    request: HttpRequest, saved: DelayedSave, act: str, arguments: Mapping[str, Any], touched: Mapping[str, Any]
) -> DelayedSave:
    """Keeps what was typed: of the form's `arguments` those `touched`; the others of the form leave the change."""
    if act != saved.act:
        raise Invalid({"": [ANOTHER]})
    seen = request.POST.get(OVER, "")
    if seen and seen != _digest(drift(saved)):
        raise Invalid({"": [CHANGED_AGAIN]})
    version = request.POST.get("delay_version", "")
    left = saved.arguments.keys() & arguments.keys() - touched.keys() - SECRET_ARGUMENTS - {"version"}
    changed = update_delayed_save(
        delayed_save_id=saved.pk,
        arguments=_typed(request, touched),
        without=sorted(left),
        over_present=bool(seen),
        version=int(version) if version.isascii() and version.isdecimal() and len(version) < 10 else 0,
    )
    return changed


def editing(request: HttpRequest, saved: DelayedSave) -> Editing:
    """What the form's page says of the delayed save that it changes; as it was first asked, before a trial."""
    known = getattr(request, "delay_told", None)
    if isinstance(known, Editing):
        return known
    saved.refresh_from_db()
    user, others = current_user(request), drift(saved)
    page = reverse("panel:delay", args=[saved.pk])
    refused = bool(getattr(request, "delay_altered", False))
    return Editing(
        version=str(saved.version) if refused else request.POST.get("delay_version", str(saved.version)),
        due=shown_at(saved.due_at, user.zone),
        author="" if saved.author_id == user.pk else name_for(request)(saved.author),
        lines=tuple(
            line.words(new=not saved.row_id, most=audit_words.SHORT)
            for line in audit_words.lines(saved.before, saved.after, table=saved.table_name)
        ),
        drift=tuple(others),
        seen=_digest(others),
        back_url=page,
    )


def with_secrets(request: HttpRequest, saved: DelayedSave) -> None:
    """Gives the form of who put it off the secrets that wait, where nothing was typed in their place. Raises
    CannotUnseal.

    `render_form` takes them out again: they are sent to nobody.
    """
    data, kept = request.POST.copy(), set[str]()
    waiting = {name: value for name, value in read(saved.arguments).items() if name in SECRET_ARGUMENTS}
    for name, value in waiting.items():
        fields = {f"secret.{key}": one for key, one in value.items()} if isinstance(value, dict) else {name: value}
        for field, text in fields.items():
            if text and not data.get(field):
                data[field] = text
                kept.add(field)
    request.POST = data  # type: ignore[assignment]  # a QueryDict that may be written, for the form alone
    request.kept_secrets = frozenset(kept)  # type: ignore[attr-defined]  # ui.forms asks for it


def _typed(request: HttpRequest, touched: Mapping[str, Any]) -> dict[str, Any]:
    """What was touched without the secrets that only wait: nobody has typed those anew."""
    kept: frozenset[str] = getattr(request, "kept_secrets", frozenset())
    found = {name: value for name, value in touched.items() if name not in kept}
    if isinstance(found.get("secrets"), dict):
        found["secrets"] = {name: one for name, one in found["secrets"].items() if f"secret.{name}" not in kept}
    return found


def _digest(sentences: list[str]) -> str:
    return hashlib.sha256("\n".join(sentences).encode()).hexdigest()[:16]
