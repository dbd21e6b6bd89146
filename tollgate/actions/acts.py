"""An act is one thing a person or a job may do: a permission, a transaction, an audit entry.

Every act takes keyword arguments that JSON can carry. That one rule lets the same function serve a form, the API, a
bulk edit and a delayed save. To add one, see the package. To do one:

    with acting(Actor("Ann", frozenset({"*"}), "asked by phone")) as done:
        create_customer(account_id=1, name="Acme", currency="EUR")
    done.warnings  # sentences about what was saved all the same
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ClassVar, ParamSpec, TypeVar

from django.db import connection, transaction

from tollgate.core.areas import AREAS, OWN_ACTS, area_of_acts

P = ParamSpec("P")
R = TypeVar("R")
EVERY_ACT = "*"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and why: kept with every row the act changes. `*` in `may` stands for every act."""

    name: str
    may: frozenset[str]
    reason: str = ""
    kind: str = "job"
    """`user`, `contact` or `job`; `id` is the user's or the contact's, `ip` where they are."""
    id: int | None = None
    ip: str | None = None
    areas: frozenset[str] = frozenset()
    reseller_id: int | None = None
    reach: frozenset[int] | None = None
    """The customers whose records may be touched; None is all of them. Then only acts of shared areas may be done
    (core.areas), on those customers' records alone (actions.records). `areas` are those the actor may read."""

    def may_do(self, act_name: str) -> bool:
        """Whether this actor has the permission named like the act."""
        return act_name in self.may or EVERY_ACT in self.may


class NotPermitted(Exception):
    """The actor lacks the permission named like the act."""

    def __init__(self, act_name: str) -> None:
        super().__init__(f"You may not do this: it needs the permission {act_name}.")
        self.act = act_name


class Invalid(Exception):
    """Some arguments cannot be. `errors` has sentences by argument name; nothing was saved."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        lines = [f"{name}: {sentence}" for name, sentences in errors.items() for sentence in sentences]
        super().__init__("\n".join(lines))
        self.errors = dict(errors)


class NotEditable(Invalid):
    """These fields are not changed here by anybody; `errors` says where, or that they never are."""


class NotYet(Invalid):
    """This may be done, but later; `errors` says when."""


class Conflict(Invalid):
    """The arguments are good, but something else stands in the way; `errors` says what, `code` names it to programs."""

    code: ClassVar[str]


class OutOfDate(Exception):
    """Somebody else saved the record since the version that was given; `current` holds its values now."""

    def __init__(self, current_values: Mapping[str, object]) -> None:
        super().__init__("Somebody else has changed this record in the meantime.")
        self.current = dict(current_values)


class NotFound(Exception):
    """There is no such record, or no longer."""


@dataclass(slots=True)
class Done:
    """What acts had to say beside their results."""

    warnings: list[str] = field(default_factory=list)


ACTS: dict[str, Callable[..., object]] = {}
current: ContextVar[Actor] = ContextVar("actor")
_done: ContextVar[Done] = ContextVar("done")
_within: ContextVar[tuple[Actor, str] | None] = ContextVar("within", default=None)
"""The act that runs now, for an act that another one does."""
SAY_WHY = "Say why: this account keeps a reason with every change."


@contextmanager
def acting(actor: Actor) -> Iterator[Done]:
    """Acts inside the block are done by this actor; gives what they warned of."""
    done = Done()
    actor_token, done_token = current.set(actor), _done.set(done)
    try:
        yield done
    finally:
        current.reset(actor_token)
        _done.reset(done_token)


def warn(sentence: str) -> None:
    """Says something that does not stop the act."""
    _done.get().warnings.append(sentence)


def because(reason: str) -> None:
    """Gives the audit rows of this act a reason of their own."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('audit.reason', %s, true)", [reason])


def act(function: Callable[P, R]) -> Callable[P, R]:
    """Makes a function an act: checks the permission, opens the transaction, tells the audit trigger who acts."""
    name = function.__name__
    area = AREAS.get(area_of_acts(function.__module__))
    shared = name in OWN_ACTS or (area is not None and area.shared)

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        actor = current.get(None)
        outer = _within.get()
        if actor is None or not actor.may_do(name) or (outer is None and actor.reach is not None and not shared):
            raise NotPermitted(name)
        if outer is None and actor.kind == "user" and not (actor.reason or kwargs.get("reason")):
            _check_reason()
        token = _within.set((actor, name))
        try:
            with transaction.atomic():
                tell_audit(actor, name)
                result = function(*args, **kwargs)
                if outer is not None:
                    tell_audit(*outer)
                return result
        finally:
            _within.reset(token)

    assert name not in ACTS, f"two acts are named {name}"
    ACTS[name] = run
    return run


def _check_reason() -> None:
    """Refuses a change without a reason where the account wants one with each."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM account WHERE audit_comment)")
        if cursor.fetchone() == (True,):
            raise Invalid({"reason": [SAY_WHY]})


def tell_audit(actor: Actor, act_name: str) -> None:
    """Says to the audit trigger, for this transaction, who acts; for what a task does beside its acts."""
    told = {
        "audit.actor": actor.name,
        "audit.act": act_name,
        "audit.reason": actor.reason,
        "audit.actor_kind": actor.kind,
        "audit.actor_id": str(actor.id or ""),
        "audit.ip": actor.ip or "",
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config(name, value, true) FROM unnest(%s::text[], %s::text[]) AS told (name, value)",
            [list(told), list(told.values())],
        )


def refuse(field_name: str, sentence: str) -> Invalid:
    """The exception for one bad field, to be raised."""
    return Invalid({field_name: [sentence]})


def call_act(name: str, arguments: Mapping[str, Any]) -> object:
    """Does an act by its name, checked like one that somebody asks for, even inside another act.

    Raises NotFound for a name that is none.
    """
    if name not in ACTS:
        raise NotFound(f"There is no act named {name}.")
    outer = _within.get()
    token = _within.set(None)
    try:
        result = ACTS[name](**arguments)
    finally:
        _within.reset(token)
    if outer is not None:
        tell_audit(*outer)
    return result
