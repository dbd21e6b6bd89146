"""How the form of a page may be saved, worked out from the page's address: its act, its record, what is put off for it.

Every template has it as `saving`. A page needs nothing but `@writing` with its act, and the id of its record in its
address under the name that the act gives it (or as the only one there).
"""

import inspect

from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse

from tollgate.actions.acts import ACTS
from tollgate.actions.delay_values import BY_ARGUMENTS
from tollgate.actions.delays import record_model
from tollgate.core.areas import SHARED_TABLES
from tollgate.panel import audit_words
from tollgate.panel.access import Rights, current_user, own_account, reach
from tollgate.panel.delay_edits import edited, editing
from tollgate.panel.delay_times import DELAY_FIELDS, shown_at
from tollgate.panel.staff import name_for
from tollgate.store.models import Account, CarrierFormat, DelayedSave
from tollgate.ui.forms import Pending, Saving

MAKES, CHANGES = ("create_", "add_", "place_", "publish_agreement"), ("update_", "change_")
STAYS = (*MAKES, *CHANGES, "set_", "extend_", "describe_")
"""What the acts begin with whose forms may stay open."""


def saving(request: HttpRequest) -> Saving:
    """What the page's form offers; nothing but Save where its act is not one on a record."""
    match = request.resolver_match
    rights = getattr(request, "rights", None)
    if match is None or match.namespace != "panel" or rights is None:
        return Saving()
    act = getattr(match.func, "act", "")
    model = record_model(act)
    user = current_user(request)
    waiting = edited(request)
    if waiting is not None:
        return Saving(
            asks_reason=_asks_reason(request),
            reason=request.POST.get("reason", ""),
            editing=editing(request, waiting),
        )
    may_save = rights.has(act) and model is not None
    return Saving(
        asks_reason=_asks_reason(request),
        can_stay=may_save and act.startswith(STAYS),
        can_delay=may_save and rights.has("delay_save"),
        zone=user.zone,
        delay={name: request.POST.get(name, "") for name in DELAY_FIELDS},
        reason=request.POST.get("reason", ""),
        pending=_pending(request, act, model) if model and not act.startswith(MAKES) else (),
    )


def manages(rights: Rights, saved: DelayedSave, user_id: int, act: str) -> bool:
    """Whether a user may do this with a delayed save: one's own always, those of others by the groups."""
    return saved.author_id == user_id or rights.has(act)


def _asks_reason(request: HttpRequest) -> bool:
    try:
        return own_account(request).audit_comment
    except PermissionDenied:
        return False


def _row_id(request: HttpRequest, act: str, model: type[Model] | None) -> int | None:
    """The record of the page: by the act's own name for its id, or else the only id in the address."""
    assert request.resolver_match is not None
    found = request.resolver_match.kwargs
    if model is CarrierFormat:  # a carrier has one, which its carrier names
        return CarrierFormat.objects.filter(carrier_id=found["carrier_id"]).values_list("pk", flat=True).first()
    named = [found[name] for name in inspect.signature(ACTS[act]).parameters if name in found]
    ids = [value for value in named or found.values() if isinstance(value, int)]
    if len(ids) == 1:
        return ids[0]
    return own_account(request).pk if model is Account else None


def _pending(request: HttpRequest, act: str, model: type[Model]) -> tuple[Pending, ...]:
    table = model._meta.db_table  # noqa: SLF001 - Django's public name
    waiting = DelayedSave.objects.filter(table_name=table, state="pending").order_by("due_at", "id")
    if table in BY_ARGUMENTS:
        assert request.resolver_match is not None
        whose = {name: one for name, one in request.resolver_match.kwargs.items() if name == "customer_id"}
        waiting = waiting.filter(act=act, **whose)
    else:
        row_id = _row_id(request, act, model)
        if row_id is None:
            return ()
        waiting = waiting.filter(row_id=row_id)
    if reach(request) is not None and table not in SHARED_TABLES:
        waiting = waiting.filter(author_id=current_user(request).pk)  # what others put off may tell of carriers
    return tuple(_as_listed(request, saved) for saved in waiting)


def _as_listed(request: HttpRequest, saved: DelayedSave) -> Pending:
    user = current_user(request)
    return Pending(
        due=shown_at(saved.due_at, user.zone),
        lines=tuple(
            line.words(new=not saved.row_id, most=audit_words.SHORT)
            for line in audit_words.lines(saved.before, saved.after)
        ),
        author=name_for(request)(saved.author),
        edit_url=reverse("panel:delay_edit", args=[saved.pk]),
        time_url=reverse("panel:delay", args=[saved.pk]),
        cancel_url=reverse("panel:delay_cancel", args=[saved.pk]),
        run_url=reverse("panel:delay_run", args=[saved.pk]),
        mine=manages(request.rights, saved, user.pk, "cancel_delayed_save"),  # type: ignore[attr-defined]  # set by access
    )
