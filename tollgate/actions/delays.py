"""Delayed saves: an act to be done later, in its author's name, if what it changes is still as its author saw it.

    with acting(ann):
        delay_save(act="update_customer", arguments={"customer_id": 17, "channels": 5}, due_at=...)
        update_delayed_save(delayed_save_id=9, arguments={"channels": 7})
    run_due(at)   # by a job, every second

Scheduling tries the act and takes it back, so that bad input is told now and `before` and `after` are what it really
changes. Acts that make or change a record and return it, with a name that begins as one of `VERBS`, may be delayed;
nothing else is needed for a new one. Of a record's values that are not columns of its own, name the rows in `PARTS`.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, get_type_hints

from django.db import OperationalError, models, transaction
from django.db.models import Max
from django.db.models.functions import Now

from tollgate.actions import checks, delay_values, records
from tollgate.actions.acts import (
    ACTS,
    Actor,
    Invalid,
    NotFound,
    NotPermitted,
    OutOfDate,
    act,
    acting,
    call_act,
    current,
    refuse,
)
from tollgate.actions.authors import author_now
from tollgate.actions.messages import queue
from tollgate.core.areas import SHARED_TABLES
from tollgate.core.field_words import field_words, value_words
from tollgate.store.models import Account, DelayedSave, Entry, Task, User
from tollgate.store.queries.held import held_customers
from tollgate.store.secrets import CannotUnseal

VERBS: Final = (
    *("update_", "create_", "set_", "extend_", "add_verified_cli", "change_customer_package"),
    *("describe_carrier_files", "place_legal_hold", "publish_agreement", "release_legal_hold", "hold_for_fraud"),
    *("release_customer", "disable_voucher", "end_customer_package", "request_address_change"),
    *("start_recalculation", "top_up", "top_up_account", "adjust"),
)
RESULTS: Final[Mapping[str, tuple[type[models.Model], Callable[[Any, Mapping[str, Any]], object]]]] = {
    "send_bulk_email": (Task, lambda mailing, _: mailing.task_id),
    "send_bulk_sms": (Task, lambda mailing, _: mailing.task_id),
    "set_journal_codes": (Account, lambda _, arguments: arguments["account_id"]),
}
"""Acts that return something else than the record they make or change: of which kind it is, and its id."""
OWN_RIGHTS: Final = frozenset({"update_delayed_save", "cancel_delayed_save", "run_delayed_save"})
"""What an author may do with a delayed save of his own, whatever his groups say of those of others."""
KEPT: Final = timedelta(days=90)
"""How long it is told what became of one: it has the values of before and after."""
ONLY_USERS: Final = "Only a user may put something off: it is done in the user's name."
NOT_YOURS: Final = "Enter it anew: somebody else has put it off, and it is not given to anything that you change."
SENT_ELSEWHERE: Final = "Enter it anew: it was put off for another address or user, and is not given to this one."
CHANGED_SINCE: Final = "What it is for was changed after it was put off: enter it anew."
log = logging.getLogger(__name__)


class Altered(OutOfDate):
    """Somebody else has changed the delayed save itself since the version that was given."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What an act would do: what it returns, and the values that it changes of which record, and those it leaves."""

    returned: object
    result: models.Model
    row_id: int
    before: dict[str, Any]
    after: dict[str, Any]
    unchanged: frozenset[str] = frozenset()
    version: int | None = None
    """That of the record as it is; None of a new one."""


def record_model(act_name: str) -> type[models.Model] | None:
    """The record that a delayable act makes or changes; None for an act that cannot be delayed."""
    function = ACTS.get(act_name)
    if act_name in RESULTS:
        return RESULTS[act_name][0]
    if function is None or not act_name.startswith(VERBS) or act_name.endswith("delayed_save"):
        return None
    found = get_type_hints(function).get("return")
    return found if isinstance(found, type) and issubclass(found, models.Model) else None


def rights_over(actor: Actor, saved: DelayedSave) -> frozenset[str]:
    """What an actor may do with a delayed save: by the groups, and everything with one's own."""
    return actor.may | OWN_RIGHTS if actor.kind == "user" and actor.id == saved.author_id else actor.may


def seen_by(actor: Actor) -> models.Q:
    """Which delayed saves an actor sees: one's own, and within the reach everybody's who may manage them."""
    mine = models.Q(author_id=actor.id) if actor.kind == "user" else models.Q(pk__in=[])
    if not any(actor.may_do(name) for name in OWN_RIGHTS):
        return mine
    if actor.reach is None:
        return models.Q()
    return mine | models.Q(customer_id__in=actor.reach, table_name__in=SHARED_TABLES)


@act
def delay_save(*, act: str, arguments: dict[str, Any], due_at: datetime | str) -> DelayedSave:
    """Has an act done at a later moment. Of its `arguments` those wait that change something.

    With `version` among them the record must not have changed since. Raises what the act itself would raise now.
    """
    due = _due(due_at)
    model, actor = record_model(act), current.get()
    if actor.kind != "user" or actor.id is None:
        raise refuse("act", ONLY_USERS)
    if model is None:
        raise refuse("act", "This cannot be delayed.")
    tried, values = _planned(act, arguments)
    saved = records.create(
        DelayedSave,
        {
            **values,
            "act": act,
            "table_name": model._meta.db_table,  # noqa: SLF001 - Django's public name
            "row_id": tried.row_id,
            "due_at": due,
            "author_id": actor.id,
            "author": actor.name,
            "reason": actor.reason,
        },
    )
    saved.rehearsed = tried.returned
    return saved


@act
def update_delayed_save(
    *,
    delayed_save_id: int,
    due_at: datetime | str | None = None,
    arguments: dict[str, Any] | None = None,
    without: Sequence[str] = (),
    over_present: bool = False,
    version: int | None = None,
) -> DelayedSave:
    """Changes a delayed save that is still to come: its moment, or what it will do.

    `arguments` are those that become others or come to the change, `without` names those that leave it; a secret that
    is not among either, or is given empty, stays. It is given anew where somebody else changes the delayed save, and
    where the address or user that it is for becomes another. The change is tried and taken back like a new one, by
    whoever changes it, and is done in their name from then on. A value that stays as it was put off keeps the old value
    that it was put off against, so what others have changed meanwhile is still a conflict; every other value, and with
    `over_present` all of them, is held against the one of now. `version` is that of the delayed save as it was seen.
    """
    saved = _pending(delayed_save_id)
    if version is not None and version != saved.version:
        told = ("title", "before", "after", "due_at", "author", "version")
        raise Altered({name: getattr(saved, name) for name in told})
    values: dict[str, Any] = {} if due_at is None else {"due_at": _due(due_at)}
    rehearsed: object = None
    if arguments is not None or without or over_present:
        rehearsed, others = _altered(saved, arguments or {}, frozenset(without), over_present=over_present)
        values |= others
    if not values:
        raise refuse("due_at", "Say what is to become another: the moment, or what is done then.")
    saved = records.change(saved, values)
    saved.rehearsed = rehearsed
    return saved


@act
def cancel_delayed_save(*, delayed_save_id: int) -> DelayedSave:
    """Takes a delayed save back. It stays in the log."""
    return _close(_pending(delayed_save_id), "canceled", "")


@act
def run_delayed_save(*, delayed_save_id: int) -> DelayedSave:
    """Does a delayed save now, in its author's name. What became of it is its `state` and `result`."""
    saved = _pending(delayed_save_id)
    state, words = _carry_out(saved)
    _close(saved, state, words)
    if state != "done":
        values = {"title": saved.title, "why": words}
        proved = User.objects.filter(pk=saved.author_id or 0, email_verified_at__isnull=False)
        for email in proved.values_list("email", flat=True):
            queue(account_id=saved.account_id, template="delayed_conflict", values=values, recipient=email)
    return saved


def run_due(at: datetime) -> int:
    """Does every delayed save that is due, each in a transaction of its own; how many. Any number of processes may.

    One that the database cannot do now (a deadlock, a lock held too long) stays pending until the next time.
    """
    count, passed = 0, list[int]()
    while True:
        known = len(passed)
        try:
            with transaction.atomic():
                saved = _oldest(at, passed)
                if saved is None:
                    return count
                passed.append(saved.pk)
                with acting(Actor(saved.author, OWN_RIGHTS, f"delayed save {saved.pk}", "user", saved.author_id)):
                    run_delayed_save(delayed_save_id=saved.pk)
        except OperationalError:
            if len(passed) == known:
                raise  # it is the database itself
            log.exception("delayed save %s has to wait", passed[-1])
        else:
            count += 1


def forget_old(at: datetime) -> int:
    """Removes delayed saves that ended long ago, but for customers under a legal hold; how many."""
    held = held_customers()
    ended = DelayedSave.objects.filter(finished_at__lt=at - KEPT).exclude(customer_id__in=held)
    return ended.delete()[1].get("store.DelayedSave", 0)


def drift(saved: DelayedSave) -> list[str]:
    """What of the values that it would replace is not what it was when it was put off, in sentences."""
    model = record_model(saved.act)
    row = model._base_manager.filter(pk=saved.row_id).first() if model and saved.row_id else None  # noqa: SLF001
    return [] if row is None else _differences(saved.before, delay_values.values_of(row))


def _planned(act_name: str, arguments: Mapping[str, Any]) -> tuple[Rehearsal, dict[str, Any]]:
    """What an act would do now, and what a delayed save keeps of it. Raises what the act raises."""
    tried = _rehearse(act_name, arguments)
    if not tried.before and not tried.after:
        raise refuse("arguments", "Nothing would change: there is nothing to delay.")
    needed = _required(act_name)
    idle = {name for name in arguments if delay_values.VALUES.get(name, name) in tried.unchanged} - needed
    idle -= frozenset().union(*(delay_values.ANEW.get(name, ()) for name in arguments.keys() - idle))
    kept = {name: value for name, value in arguments.items() if name not in idle | {"version"}}
    if tried.version is not None and delay_values.gives_secret(tried.result, kept):
        kept["version"] = tried.version
    return tried, {
        "account_id": delay_values.account_id(tried.result),
        "customer_id": delay_values.customer_id(tried.result)
        if tried.row_id
        else _customer_of(tried.result, arguments),
        "arguments": delay_values.kept(kept),
        "title": delay_values.title(act_name, tried.result, list(tried.after), new=not tried.row_id),
        "before": tried.before,
        "after": tried.after,
    }


def _altered(
    saved: DelayedSave, given: Mapping[str, Any], without: frozenset[str], *, over_present: bool
) -> tuple[object, dict[str, Any]]:
    """What a delayed save becomes with other arguments. It is tried, and later done, with the rights of who asks."""
    actor = current.get()
    if actor.kind != "user" or actor.id is None:
        raise refuse("arguments", ONLY_USERS)
    if not actor.may_do("delay_save"):
        raise NotPermitted("delay_save")
    try:
        known = delay_values.read(saved.arguments)
    except CannotUnseal as problem:
        raise refuse("arguments", str(problem)) from None
    stuck = sorted(without - known.keys() | without & _required(saved.act))
    if stuck:
        raise refuse("without", f"These cannot leave the change: {', '.join(stuck)}.")
    pinned = known.pop("version", None)
    left = {name: value for name, value in known.items() if name not in without}
    wanted, secrets = delay_values.mixed(saved.table_name, left, given)
    if secrets and saved.author_id != actor.id:
        raise refuse(secrets[0], NOT_YOURS)
    if secrets and delay_values.sent_to(saved.table_name, known) != delay_values.sent_to(saved.table_name, wanted):
        raise refuse(secrets[0], SENT_ELSEWHERE)
    tried, values = _planned(saved.act, wanted)
    if secrets and pinned not in (None, tried.version):
        raise refuse(secrets[0], CHANGED_SINCE)
    if tried.row_id != saved.row_id:
        raise refuse("arguments", "This is about another record now: take it back, and put off a change of that one.")
    stays = {
        name for name in tried.before.keys() & saved.before.keys() if tried.after.get(name) == saved.after.get(name)
    }
    if not over_present:
        values["before"] = {name: (saved if name in stays else tried).before[name] for name in tried.before}
    return tried.returned, {
        **values,
        "author_id": actor.id,
        "author": actor.name,
        "reason": actor.reason or (saved.reason if saved.author_id == actor.id else ""),
    }


def _oldest(at: datetime, passed: list[int]) -> DelayedSave | None:
    """The oldest that is due and in nobody's hands. Its lock ends with the commit, so it is done once."""
    waiting = DelayedSave.objects.filter(state="pending", due_at__lte=at).exclude(pk__in=passed)
    return waiting.order_by("due_at", "id").select_for_update(skip_locked=True).first()


def _carry_out(saved: DelayedSave) -> tuple[str, str]:
    """Does the act if it still may be done and nothing has changed meanwhile; the state it ends in, and why."""
    author = _author(saved)
    if isinstance(author, str):
        return "refused", author
    try:
        with acting(author), transaction.atomic():
            return _apply(saved, delay_values.read(saved.arguments))
    except (Invalid, NotFound, NotPermitted, CannotUnseal) as problem:
        return "refused", str(problem)
    except OutOfDate:
        return "conflict", "The record was being changed at that moment."
    except OperationalError:
        raise  # the database's trouble passes, and the save stays pending
    except Exception as problem:  # one that fails must not keep the others waiting
        log.exception("delayed save %s failed", saved.pk)
        return "refused", f"It failed by a fault of the program ({type(problem).__name__})."


def _apply(saved: DelayedSave, arguments: dict[str, Any]) -> tuple[str, str]:
    """Compares and acts. Between the two nobody else saves: the version, or else the row's lock, sees to that."""
    function, model = ACTS.get(saved.act), record_model(saved.act)
    if function is None or model is None:
        return "refused", f"There is no act {saved.act} any more."
    if saved.row_id:
        versioned = "version" in inspect.signature(function).parameters
        row = (records.find if versioned else records.locked)(model, saved.row_id)
        differences = _differences(saved.before, delay_values.values_of(row))
        if differences:
            return "conflict", " ".join(differences)
        if arguments.get("version") not in (None, getattr(row, "version", None)):
            return "conflict", CHANGED_SINCE
        if versioned:
            arguments["version"] = getattr(row, "version", None)
    newest = 0 if saved.row_id else _newest(model)
    result = _record(saved.act, call_act(saved.act, arguments), arguments)
    if result.pk <= newest:  # of an act that makes a record or changes the one there is
        transaction.set_rollback(True)
        return "conflict", "There is such a record now; there was none when this was saved."
    return "done", ""


def _newest(model: type[models.Model]) -> int:
    """The id that those of all records made from now on are above."""
    last: int | None = model._base_manager.aggregate(last=Max("pk"))["last"]  # noqa: SLF001 - Django's public name
    return last or 0


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [
        f"{field_words(name)} is {value_words(name, now.get(name))} now,"
        f" it was {value_words(name, value)} when this was saved."
        for name, value in before.items()
        if name not in delay_values.UNTOLD and now.get(name) != value
    ]


def _author(saved: DelayedSave) -> Actor | str:
    """The author with the rights of this moment, or why they are no longer enough."""
    author = author_now(saved.author_id, saved.author, reason=saved.reason or f"delayed save {saved.pk}")
    if isinstance(author, str):
        return author
    if not author.may_do(saved.act):
        return f"{author.name} no longer has the permission {saved.act}."
    if author.reach is not None and saved.customer_id is not None and saved.customer_id not in author.reach:
        return f"{author.name} no longer sees this customer."
    return author


def _rehearse(act_name: str, arguments: Mapping[str, Any]) -> Rehearsal:
    """Does an act and takes it back. Raises what it raises."""
    with transaction.atomic():
        returned = call_act(act_name, arguments)
        result = _record(act_name, returned, arguments)
        if result._meta.db_table in delay_values.BY_ARGUMENTS:  # noqa: SLF001 - Django's public name
            after = delay_values.asked(result, arguments)
        else:
            after = delay_values.untimed(delay_values.values_of(result, secrets=True), records.now())
        transaction.set_rollback(True)
    beside = delay_values.ADDED & arguments.keys() - after.keys()
    return _compared(returned, result, after, {name: arguments[name] for name in beside if arguments[name]})


def _record(act_name: str, returned: object, arguments: Mapping[str, Any]) -> models.Model:
    """The record that an act has made or changed. Raises Invalid where it found nothing to do."""
    if act_name in RESULTS:
        model, row_id_of = RESULTS[act_name]
        row_id = row_id_of(returned, arguments)
        if row_id is None:
            raise refuse("arguments", "There is nobody to write to.")
        return model._base_manager.get(pk=row_id)  # noqa: SLF001 - Django's public name
    assert isinstance(returned, models.Model)
    return returned


def _customer_of(made: models.Model, arguments: Mapping[str, Any]) -> int | None:
    """Whom a new record will belong to."""
    found = arguments.get("customer_id")
    if found is None and isinstance(made, Entry) and made.wallet.kind == "customer":
        return made.wallet.owner_id
    return found


def _compared(returned: object, result: models.Model, after: dict[str, Any], added: Mapping[str, Any]) -> Rehearsal:
    row = type(result)._base_manager.filter(pk=result.pk).first()  # noqa: SLF001 - Django's public name
    if row is None:
        made = {name: value for name, value in {**after, **added}.items() if value not in (None, "", [], {}, False)}
        return Rehearsal(returned, result, 0, {}, delay_values.hide(made))
    before = delay_values.values_of(row, secrets=True)
    changed = [name for name in after if after[name] != before.get(name)]
    seen = {name: before.get(name) for name in changed if name not in delay_values.SECRETS}
    becomes = delay_values.hide({name: after[name] for name in changed} | dict(added))
    return Rehearsal(
        returned,
        result,
        int(row.pk),
        seen,
        becomes,
        frozenset(after).difference(changed),
        getattr(row, "version", None),
    )


def _required(act_name: str) -> frozenset[str]:
    """The arguments that an act cannot do without."""
    parameters = inspect.signature(ACTS[act_name]).parameters
    return frozenset(name for name, one in parameters.items() if one.default is one.empty)


def _due(value: datetime | str) -> datetime:
    due: datetime = checks.cleaned({"due_at": checks.instant}, {"due_at": value})["due_at"]
    return due


def _pending(delayed_save_id: int) -> DelayedSave:
    saved = DelayedSave.objects.select_for_update(no_key=True).filter(pk=delayed_save_id).first()
    if saved is None or not _in_reach(saved):
        raise NotFound(f"There is no delayedsave {delayed_save_id}.")
    if saved.state != "pending":
        raise refuse("delayed_save_id", f"It is no longer pending: it is {saved.state}.")
    return saved


def _in_reach(saved: DelayedSave) -> bool:
    """Whether the actor may touch it: one's own always, of others what is of a customer in reach, or will be."""
    actor = current.get()
    if actor.reach is None or (actor.kind == "user" and actor.id == saved.author_id):
        return True
    if saved.table_name not in SHARED_TABLES:
        return False
    if saved.customer_id is None:  # a customer that is yet to be made
        parent_id = saved.arguments.get("parent_id")
        return parent_id is not None and (parent_id == actor.reseller_id or parent_id in actor.reach)
    return saved.customer_id in actor.reach


def _close(saved: DelayedSave, state: str, words: str) -> DelayedSave:
    """Ends it. Nobody needs its secrets any more."""
    told = {name: value for name, value in saved.arguments.items() if name not in delay_values.SECRET_ARGUMENTS}
    return records.change(saved, {"state": state, "result": words, "finished_at": Now(), "arguments": told})
