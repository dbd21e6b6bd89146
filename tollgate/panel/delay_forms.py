"""The form of a record, filled with what a delayed save would write.

    form_of(saved)          where that form is, or None
    filled(request, saved)  its page

It is the page that does the same act at once, found by the name of the act and by what the page's address asks for;
where that is not among the arguments of the act, `ADDRESSES` says it. A change of a record is tried, shown and taken
back, so that the form has what it would make of the record as it is now; of a new record, and of an act that ends
something, it has the arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import NoReverseMatch, ResolverMatch, URLPattern, get_resolver, resolve, reverse

from tollgate.actions.acts import Invalid, NotFound, NotPermitted, OutOfDate, acting, call_act
from tollgate.actions.delay_values import ADDED, SECRET_ARGUMENTS, read
from tollgate.actions.delays import record_model
from tollgate.panel.access import actor, current_user
from tollgate.panel.account import BLOCKS
from tollgate.panel.delay_edits import editing, with_secrets
from tollgate.panel.texts import digest_of
from tollgate.store.models import DelayedSave, Voucher
from tollgate.store.secrets import CannotUnseal

Address = tuple[str, Mapping[str, Any]]
OF_VALUES: Final = ("update_", "change_", "set_", "extend_", "describe_")
"""What the acts begin with whose forms have the values of the record that they change."""
ASKS: Final = frozenset({"update_account_email"})
"""Those of them that ask for a change, which comes when it is confirmed."""
REFUSED = (Invalid, NotFound, NotPermitted, OutOfDate, CannotUnseal)


def _new_card(saved: DelayedSave) -> Address:
    return f"card_new_{saved.arguments['kind']}", {}


def _account_block(saved: DelayedSave) -> Address:
    asked = saved.arguments.keys() - {"account_id", "version"}
    blocks = (block for block, (_, _, names) in BLOCKS.items() if asked <= set(names))
    return "account_block", {"block": next(blocks, "company")}


def _own_text(saved: DelayedSave) -> Address:
    given = saved.arguments
    return "text", {"language": given["language"], "digest": digest_of(given["message"])}


def _voucher(saved: DelayedSave) -> Address:
    voucher = Voucher.objects.get(pk=saved.row_id)
    return "voucher_disable", {"voucher_batch_id": voucher.batch_id, "voucher_id": voucher.pk}


ADDRESSES: Final[Mapping[str, Callable[[DelayedSave], Address]]] = {
    "create_card": _new_card,
    "update_account": _account_block,
    "set_own_text": _own_text,
    "disable_voucher": _voucher,
}
"""By act the name of the form's page and what its address says, where the arguments do not tell it."""


def form_of(saved: DelayedSave) -> str | None:
    """Where the form is that does the act of a delayed save at once."""
    if saved.act in ADDRESSES:
        name, values = ADDRESSES[saved.act](saved)
        return reverse(f"panel:{name}", kwargs=dict(values))
    known = {"customer_id": saved.customer_id} | {name: one for name, one in saved.arguments.items() if one is not None}
    found: dict[int, str] = {}
    for pattern in get_resolver("tollgate.panel.urls").url_patterns:
        if isinstance(pattern, URLPattern) and getattr(pattern.callback, "act", "") == saved.act:
            asked = pattern.pattern.converters
            values = {name: known[name] for name in asked if known.get(name) is not None}
            left = set(asked) - set(values)
            if len(left) == 1 and saved.row_id:
                values[left.pop()] = saved.row_id
            address = _reversed(str(pattern.name), values) if not left else None
            if address is not None:
                found.setdefault(len(asked), address)
    return found[max(found)] if found else None


def filled(request: HttpRequest, saved: DelayedSave, address: str) -> HttpResponseBase:
    """The page of the form, which sends what is typed to where it is shown."""
    match = resolve(address)
    request.resolver_match = match
    request.edited_delay = saved  # type: ignore[attr-defined]  # delay_edits asks for it
    if request.method == "POST":
        if saved.author_id == current_user(request).pk:
            with_secrets(request, saved)
        return _page(request, match, {})
    request.delay_told = editing(request, saved)  # type: ignore[attr-defined]  # of the record as it is
    hidden = SECRET_ARGUMENTS - ({"key"} if saved.table_name == "entry" else set())  # by which it is booked once
    given = {name: one for name, one in read(saved.arguments).items() if name not in hidden}
    if not saved.row_id or not saved.act.startswith(OF_VALUES) or saved.act in ASKS:
        return _page(request, match, given)
    return _tried(request, saved, match, given)


def _tried(request: HttpRequest, saved: DelayedSave, match: ResolverMatch, given: dict[str, Any]) -> HttpResponseBase:
    """The page of the record as it would be, and the record as it is."""
    model = record_model(saved.act)
    row = None if model is None else model._base_manager.filter(pk=saved.row_id).first()  # noqa: SLF001
    shown = {name: given[name] for name in ADDED & given.keys()}
    version = getattr(row, "version", None)
    if version is not None:
        shown["version"] = version
    with transaction.atomic():
        try:
            with transaction.atomic(), acting(actor(request, "to show it in its form")):
                call_act(saved.act, read(saved.arguments))
        except REFUSED as problem:
            messages.warning(request, f"As it is, it would be refused now: {problem}")
            shown = {**given, **shown}
        request.__dict__.pop("own_account", None)
        answer = _page(request, match, shown)
        transaction.set_rollback(True)
    return answer


def _page(request: HttpRequest, match: ResolverMatch, shown: Mapping[str, Any]) -> HttpResponseBase:
    request.filled = shown  # type: ignore[attr-defined]  # ui.forms asks for it
    answer: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    return answer


def _reversed(name: str, values: Mapping[str, Any]) -> str | None:
    try:
        return reverse(f"panel:{name}", kwargs=dict(values))
    except NoReverseMatch:
        return None
