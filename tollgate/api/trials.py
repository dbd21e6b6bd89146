"""`POST /api/v1/try/<what>`: what becomes of numbers by what is typed, kept or not: the testers of the panel's pages.

Nothing is changed. To serve another one, add its `Trial` to `TRIALS`: its part of the OpenAPI document follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypedDict, get_type_hints

from django.http import HttpRequest

from tollgate.actions import aliases as alias_acts
from tollgate.actions import checks
from tollgate.actions import cli_rules as rule_acts
from tollgate.actions.acts import Invalid
from tollgate.actions.localizations import SWAPS
from tollgate.actions.number_trials import alias_hints, tried_alias, tried_cli_rule
from tollgate.api.access import Caller, door
from tollgate.api.acts import body_of
from tollgate.api.answers import Answer, Error, Refused, error, unfit
from tollgate.api.noun_rows import own_rows
from tollgate.api.nouns import BY_NAME
from tollgate.api.schema import Argument, fit
from tollgate.core import aliases, cli_rules, localization, rewrite_hints, rewrites
from tollgate.store.models import Alias, CliRule, Customer, Tag

NUMBER: Final = checks.text(128)
"""What is tried."""
_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "array", "items": _TEXT}


class RewritesTyped(TypedDict, total=False):
    """The rows of an endpoint, and two numbers."""

    rewrites: Sequence[Mapping[str, str]]
    try_cld: str
    try_cli: str


class LocalizationTyped(TypedDict, total=False):
    """Lists of swaps, and a number."""

    originate_cli_in: str
    originate_cli_out: str
    originate_cld: str
    terminate_cli_in: str
    terminate_cli_out: str
    terminate_cld: str
    try_number: str


class AliasTyped(TypedDict, total=False):
    """An alias, that of an id or a new one, and a number."""

    alias_id: int
    customer_id: int
    current: str
    new: str
    position: int
    enabled: bool
    try_dialed: str


class CliRuleTyped(TypedDict, total=False):
    """A rule, that of an id or a new one, and what a call comes with."""

    cli_rule_id: int
    customer_id: int
    tag_id: int
    position: int
    cli: str
    pai: str
    dialed: str
    rewrite_cli: str
    rewrite_pai: str
    forced: bool
    weight: int
    try_cli: str
    try_pai: str
    try_dialed: str


def _rewrites(caller: Caller, given: Mapping[str, Any]) -> dict[str, Any]:
    """Both numbers by the rows."""
    del caller
    try:
        known = rewrites.parse(given.get("rewrites", []))
    except rewrites.RewriteInvalid as problem:
        raise unfit(error("rewrites", str(problem))) from None
    done = rewrites.apply(known, cli=given.get("try_cli", ""), cld=given.get("try_cld", ""))
    told = [hint._asdict() for hint in rewrite_hints.hints(known)]
    return {"cld": done.cld, "cli": done.cli, "steps": [step._asdict() for step in done.steps], "hints": told}


def _localization(caller: Caller, given: Mapping[str, Any]) -> dict[str, Any]:
    """The number by each of the lists."""
    del caller
    number, errors = given.get("try_number", ""), []
    becomes: dict[str, str] = {}
    for name in SWAPS:
        try:
            becomes[name] = localization.swapped(localization.parse(given.get(name, "")), number)
        except localization.LocalizationInvalid as problem:
            errors.append(error(name, str(problem)))
    if errors:
        raise unfit(*errors)
    return {"becomes": becomes}


def _alias(caller: Caller, given: Mapping[str, Any]) -> dict[str, Any]:
    """The number by the alias among the others that are asked."""
    known = _kept(caller, "aliases", given.get("alias_id"), given)
    typed = Alias(
        pk=known.pk if known else None,
        account=caller.account,
        customer=known.customer if known else _customer(caller, given.get("customer_id")),
        **_as_typed(known, given, {"current": "", "new": "", "position": 0, "enabled": True}),
    )
    try:
        hints = alias_hints(typed)
    except aliases.AliasInvalid as problem:
        raise unfit(error(problem.field, problem.sentence)) from None
    done = tried_alias(typed, given.get("try_dialed", ""))
    told = done.found is not None and (done.found.owner == "customer" or caller.actor.reach is None)
    fits = "none" if done.found is None else "this" if done.this else "other"
    alias_id = (done.found.id or None) if done.found is not None and told else None
    return {"becomes": done.becomes, "fits": fits, "alias_id": alias_id, "hints": hints}


def _cli_rule(caller: Caller, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a call would show by the rule among the others of its owner."""
    known = _kept(caller, "cli-rules", given.get("cli_rule_id"), given)
    stock = {"position": 0, "weight": 0, "forced": False} | dict.fromkeys(cli_rules.FIELDS, "")
    rule = CliRule(
        pk=known.pk if known else None,
        account=caller.account,
        customer=known.customer if known else _customer(caller, given.get("customer_id"), beside=given.get("tag_id")),
        tag=known.tag if known else _tag(caller, given.get("tag_id")),
        **_as_typed(known, given, stock),
    )
    numbers = (given.get("try_cli", ""), given.get("try_pai", ""), given.get("try_dialed", ""))
    try:
        shown = tried_cli_rule(rule, numbers=numbers, at=datetime.now(UTC))
    except cli_rules.CliRuleInvalid as problem:
        raise unfit(error(problem.field, problem.sentence)) from None
    told = shown.rule is not None and (shown.rule.owner == "customer" or caller.actor.reach is None)
    return {
        "passes": shown.refusal is None,
        "cli": None if shown.refusal else shown.cli,
        "pai": None if shown.refusal else shown.pai,
        "refusal": str(shown.refusal.key) if shown.refusal else None,
        "how": shown.pooled.how if shown.pooled is not None and not shown.refusal else shown.how,
        "cli_rule_id": (shown.rule.id or None) if shown.rule is not None and told else None,
        "hints": cli_rules.hints(rule_acts.row_of(rule)),
    }


@dataclass(frozen=True, slots=True)
class Trial:
    """One tester: the area that opens it, what it takes, its checks, what it tells, and how."""

    area: str
    words: str
    typed: Any
    checks: Mapping[str, checks.Check]
    tells: Mapping[str, Any]
    told: Callable[[Caller, Mapping[str, Any]], dict[str, Any]]

    @property
    def takes(self) -> dict[str, Argument]:
        """Its arguments, none of which has to be given."""
        return {
            name: Argument(kind, required=False, limits=checks.limits(self.checks[name]) if name in self.checks else {})
            for name, kind in get_type_hints(self.typed).items()
        }


_ID: Final = checks.record_id
_HINTS: Final = {
    "type": "array",
    "items": {"type": "object", "properties": {"row": {"type": "integer"}, "sentence": _TEXT}},
}
_STEP: Final = dict.fromkeys(("target", "current", "before", "after"), _TEXT) | {"row": {"type": "integer"}}
_KEPT_ID: Final = {"type": ["integer", "null"]}
TRIALS: Final[Mapping[str, Trial]] = {
    "rewrites": Trial(
        "endpoints", "What becomes of two numbers by rows of an endpoint", RewritesTyped,
        {"try_cld": NUMBER, "try_cli": NUMBER},
        {"cld": _TEXT, "cli": _TEXT, "hints": _HINTS,
         "steps": {"type": "array", "items": {"type": "object", "properties": _STEP}}},
        _rewrites,
    ),
    "localization": Trial(
        "labels", "What becomes of a number by each list of a localization", LocalizationTyped,
        {**dict.fromkeys(SWAPS, checks.text(1000)), "try_number": NUMBER},
        {"becomes": {"type": "object", "properties": dict.fromkeys(SWAPS, _TEXT)}},
        _localization,
    ),
    "alias": Trial(
        "aliases", "What becomes of a dialed number by an alias among the others that are asked", AliasTyped,
        {**alias_acts.CHECKS, "alias_id": _ID, "customer_id": _ID, "try_dialed": NUMBER},
        {"becomes": _TEXT, "fits": {"type": "string", "enum": ["none", "this", "other"]}, "alias_id": _KEPT_ID,
         "hints": _TEXTS},
        _alias,
    ),
    "cli-rule": Trial(
        "clis", "What a call would show by a CLI rule among the others of its owner", CliRuleTyped,
        {**rule_acts.CHECKS, "cli_rule_id": _ID, "customer_id": _ID, "tag_id": _ID,
         "try_cli": NUMBER, "try_pai": NUMBER, "try_dialed": NUMBER},
        {"passes": {"type": "boolean"}, "how": _TEXT, "cli_rule_id": _KEPT_ID, "hints": _TEXTS,
         **{name: {"type": ["string", "null"]} for name in ("cli", "pai", "refusal")}},
        _cli_rule,
    ),
}  # fmt: skip


@door("POST")
def try_out(request: HttpRequest, caller: Caller, what: str) -> Answer:
    """What a tester tells."""
    if what not in TRIALS:
        raise Refused(404, "There is no such tester.", f"There are {', '.join(TRIALS)}.")
    trial = TRIALS[what]
    caller.check_reads(trial.area)
    if request.GET:
        raise unfit(*(error(name, "This does not exist here.", code="unknown") for name in request.GET))
    return Answer(200, trial.told(caller, _given(trial, body_of(request))))


def _given(trial: Trial, sent: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was sent as the tester takes it. Raises Refused for what does not fit."""
    errors: list[Error] = []
    takes = trial.takes
    for name, value in sent.items():
        if name in takes:
            fit(takes[name].kind, value, name, errors)
        else:
            errors.append(error(name, "This field does not exist here.", code="unknown"))
    if errors:
        raise unfit(*errors)
    try:
        checked = checks.cleaned(trial.checks, {name: value for name, value in sent.items() if name in trial.checks})
    except Invalid as problem:
        raise unfit(*(error(name, one) for name, told in problem.errors.items() for one in told)) from None
    return {**sent, **checked}


def _as_typed(known: Any, given: Mapping[str, Any], stock: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a record: as given, else as kept, else as in stock."""
    return {name: given.get(name, getattr(known, name) if known else usual) for name, usual in stock.items()}


def _kept(caller: Caller, noun: str, row_id: int | None, given: Mapping[str, Any]) -> Any:
    """The record that is kept, whose owner then is its own. Raises Refused for one that the caller may not read."""
    if row_id is None:
        return None
    twice = [name for name in ("customer_id", "tag_id") if name in given]
    if twice:
        raise unfit(*(error(name, "Whose it is stands in the record that is kept.") for name in twice))
    return _found(own_rows(BY_NAME[noun], caller), row_id)


def _customer(caller: Caller, customer_id: int | None, *, beside: int | None = None) -> Customer | None:
    """Whose a new record is; None is of all customers, which no reseller's user sets."""
    if customer_id is not None and beside is not None:
        raise unfit(error("tag_id", "A rule has one owner: a customer, a tag, or all customers."))
    if customer_id is None:
        if caller.actor.reach is not None:
            raise unfit(error("customer_id", "Choose a customer.", code="required"))
        return None
    found = Customer.objects.filter(account=caller.account, deleted_at=None)
    if caller.actor.reach is not None:
        found = found.filter(pk__in=caller.actor.reach)
    customer: Customer = _found(found, customer_id)
    return customer


def _tag(caller: Caller, tag_id: int | None) -> Tag | None:
    """The tag whose rule a new one is."""
    return None if tag_id is None else _found(Tag.objects.filter(account=caller.account), tag_id)


def _found(rows: Any, row_id: int) -> Any:
    """The record of an id. Raises Refused."""
    row = rows.filter(pk=row_id).first()
    if row is None:
        raise Refused(404, "There is no such record.")
    return row
