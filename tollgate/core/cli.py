"""The caller's number: whether it may be shown, what it is turned into, and what is asserted of it towards a carrier
(RFC 3325, behaviour.md 12.2).

`show` asks the CLI rules first, in their order; then the verified CLIs; then it forces a number; then the CLI pool says
what becomes of a number that is not the customer's; then, where the customer shows approved CLIs only, it refuses. A
new mode of P-Asserted-Identity is a branch in `sent`.
"""

import re
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from tollgate.core.cli_pools import CliPool, prices, replaces, takes_clis
from tollgate.core.cli_rules import CliRule
from tollgate.core.digits import NumberInvalid, normalize
from tollgate.core.refusals import Key, Refusal
from tollgate.core.routes import by_weight
from tollgate.core.snapshot import Payer, Rota

NOT_OWN = "not own"
_FROM, _PAI = "From", "P-Asserted-Identity"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_IDENTITY = re.compile(r"(?:sips?|tel):(?P<number>[^@;>,?\s]{1,64})", re.ASCII | re.IGNORECASE)


@lru_cache(maxsize=10_000)
def comparable(number: str) -> str:
    """A number as numbers are compared, digits alone; empty for what is no number."""
    try:
        return normalize(number)
    except NumberInvalid:
        return ""


def asserted(header: str | None) -> str:
    """The number in a P-Asserted-Identity, its plus kept; empty when there is none, or no number in it.

    What stands there comes from a stranger, so nothing but digits and a plus is ever passed on.
    """
    found = _IDENTITY.search(header) if header else None
    if found is None:
        return ""
    digits = comparable(found["number"])
    return "+" + digits if digits and found["number"].startswith("+") else digits


def approved(cli: str, clis: AbstractSet[str]) -> bool:
    """Whether a number is among those a customer has had verified."""
    number = comparable(cli)
    return number != "" and number in clis


class Pooled(NamedTuple):
    """What the CLI pool made of the numbers that the rules had left."""

    how: str  # own, replaced, not own
    cli: str
    pai: str
    header: str = ""  # of the first number that is not the customer's


class Shown(NamedTuple):
    """The numbers that a call shows, and why: the rule that fitted or was forced (`how`), or its refusal."""

    cli: str
    pai: str
    how: str = ""  # rule, verified, did, forced, pool; empty where nothing was asked
    rule: CliRule | None = None
    refusal: Refusal | None = None
    asserts: bool = False  # the rule names the assertion, or wrote it
    pooled: Pooled | None = None

    @property
    def is_foreign(self) -> bool:
        """Whether the call pays by the NON-CLI card of the pool."""
        return self.refusal is None and self.pooled is not None and self.pooled.how == NOT_OWN


class Asked(NamedTuple):
    """What a call came with, its numbers written our way."""

    call_id: str
    cli: str
    pai: str
    dialed: str
    at: datetime
    local: bool = False  # it stays on our net, where no pool is asked


def show(customer: Payer, asked: Asked, rota: Rota) -> Shown:
    """What this customer's call shows."""
    pool = None if asked.local else customer.cli_pool
    if not customer.cli_rules and not customer.approved_clis_only and pool is None:
        return _with_assertion(customer, Shown(asked.cli, asked.pai))
    shown = _by_rule(customer, asked, pool)
    if shown is None and (how := _known_as(customer, asked.cli, pool)):
        shown = _checked(customer, Shown(asked.cli, asked.pai, how), asked, pool)
    if shown is None:
        shown = _forced(customer, asked, rota, pool) or Shown(asked.cli, asked.pai)
    if pool is not None and shown.refusal is None:
        shown = _by_pool(customer, shown, asked, pool)
    if shown.how == "" and shown.refusal is None and customer.approved_clis_only:
        shown = shown._replace(refusal=_restricted(customer, "From", asked.cli))
    return _with_assertion(customer, shown)


def owns(customer: Payer, cli: str, pai: str, dialed: str) -> bool:
    """Whether a number is the customer's by what was verified or by a rule of its own: tells who shares an address."""
    if approved(cli, customer.approved_clis):
        return True
    own = [rule for rule in customer.cli_rules if rule.owner == "customer"]
    return any(rule.allows(pai, dialed) and rule.fitting(cli) is not None for rule in own)


def _known_as(customer: Payer, number: str, pool: CliPool | None) -> str:
    """As what a number is the customer's: a verified CLI, or one of its DIDs where its pool has them; else nothing."""
    if approved(number, customer.approved_clis):
        return "verified"
    return "did" if pool is not None and pool.has(comparable(number)) else ""


def _by_rule(customer: Payer, asked: Asked, pool: CliPool | None) -> Shown | None:
    """The first rule that fits permits the call, and its rewrites apply."""
    for rule in customer.cli_rules:
        fitting = rule.fitting(asked.cli) if rule.allows(asked.pai, asked.dialed) else None
        if fitting is not None:
            written = rule.written(fitting, asked.cli, asked.pai)
            shown = Shown(written.cli, written.pai, "rule", rule, asserts=written.asserts)
            return shown if written.asserts else _checked(customer, shown, asked, pool)
    return None


def _checked(customer: Payer, shown: Shown, asked: Asked, pool: CliPool | None) -> Shown:
    """Among approved numbers only, an assertion that no rule speaks of has to be one as well."""
    passes_on = asked.pai != "" and customer.pai_mode != "remove" and customer.approved_clis_only
    if not passes_on or _known_as(customer, asked.pai, pool):
        return shown
    fits = any(rule.allows(asked.pai, asked.dialed) and rule.fitting(asked.pai) for rule in customer.cli_rules)
    return shown if fits else shown._replace(refusal=_restricted(customer, "P-Asserted-Identity", asked.pai))


def _forced(customer: Payer, asked: Asked, rota: Rota, pool: CliPool | None) -> Shown | None:
    """A forced number: of the customer's own, else of its tags', else of all customers'. It is asserted as well, in
    the place of what nobody approved."""
    usable = [rule for rule in customer.cli_rules if rule.forced and rule.allows(asked.pai, asked.dialed)]
    if not usable:
        return None
    usable = [rule for rule in usable if rule.owner == usable[0].owner]
    rule = usable[0]
    if len(usable) > 1:
        rule = _chosen(usable, customer, asked, rota)
    fitting = rule.fitting(rule.forced)
    assert fitting is not None, "a forced number fits itself"
    kept = asked.pai if asked.pai == "" or _known_as(customer, asked.pai, pool) else rule.forced
    written = rule.written(fitting, rule.forced, kept)
    return Shown(rule.forced, written.pai, "forced", rule, asserts=written.asserts)


def _by_pool(customer: Payer, shown: Shown, asked: Asked, pool: CliPool) -> Shown:
    """The pool's word on the number shown, and on an assertion that is passed on and that no rule speaks of."""
    header = _foreign(customer, shown, pool)
    pooled = Pooled("own" if not header else NOT_OWN, shown.cli, shown.pai, header)
    if not header:
        return shown._replace(pooled=pooled)
    if not replaces(pool.mode):
        why = "" if prices(pool.mode) and pool.card_id is not None else "no card" if prices(pool.mode) else "refused"
        return shown._replace(pooled=pooled, refusal=_unknown(customer, pooled, pool, why) if why else None)
    number = pool.drawn(asked.call_id)
    if number is None:
        return shown._replace(pooled=pooled, refusal=_unknown(customer, pooled, pool, "no number"))
    if header != _FROM:  # the number itself is the customer's
        number = shown.cli
    kept = shown.pai == "" or shown.asserts or pool.has(comparable(shown.pai))
    pai = shown.pai if kept else number
    return shown._replace(cli=number, pai=pai, how=shown.how or "pool", pooled=pooled._replace(how="replaced"))


def _foreign(customer: Payer, shown: Shown, pool: CliPool) -> str:
    """The header of the first number that is not the customer's; empty where both are its own."""
    rule, digits = shown.rule, comparable(shown.cli)
    named = rule is not None and rule.owner == "customer" and (rule.cli is not None or rule.forced != "")
    if not pool.has(digits) and not (named and takes_clis(pool.mode)):
        return _FROM
    pai = comparable(shown.pai)
    passed_on = shown.pai != "" and customer.pai_mode != "remove" and not shown.asserts
    return _PAI if passed_on and pai != digits and not pool.has(pai) else ""


def _chosen(usable: list[CliRule], customer: Payer, asked: Asked, rota: Rota) -> CliRule:
    """A time for each, which the customer's vars name, comes before its choice: every process finds the same number."""
    if customer.cli_persist_s:
        return usable[(asked.at - _EPOCH) // timedelta(seconds=customer.cli_persist_s) % len(usable)]
    match customer.cli_selection:
        case "round_robin":
            return usable[rota.next(customer.id) % len(usable)]
        case "weighted":
            return by_weight(usable, lambda rule: rule.weight, f"cli {asked.call_id}")[0]
        case "random":
            return by_weight(usable, lambda _: 1, f"cli {asked.call_id}")[0]
        case _:
            return usable[0]


def _with_assertion(customer: Payer, shown: Shown) -> Shown:
    if shown.refusal is None and customer.pai_mode == "required" and not shown.pai:
        values = (("name", customer.name), ("pai", None))
        return shown._replace(refusal=Refusal(Key.paid_required, "customer", values))
    return shown


def _restricted(customer: Payer, header: str, number: str) -> Refusal:
    counts = (("approved_count", len(customer.approved_clis)), ("rules_count", len(customer.cli_rules)))
    return Refusal(Key.cli_restricted, "customer", (("header", header), ("cli", number), *counts))


def _unknown(customer: Payer, pooled: Pooled, pool: CliPool, why: str) -> Refusal:
    number = pooled.cli if pooled.header == _FROM else pooled.pai
    told = (("name", customer.name), ("header", pooled.header), ("cli", number), ("pool", pool.mode), ("why", why))
    return Refusal(Key.cli_unknown, "customer", (*told, ("numbers_count", len(pool.numbers))))


def sent(mode: str, pai: str, cli: str) -> str:
    """The number asserted for a customer of this mode: its own assertion, ours that the CLI is its own, or nothing."""
    if mode == "remove":
        return ""
    return pai if pai or mode != "default" else cli


def sent_to(carrier_mode: str, wanted: str, pai: str) -> str | None:
    """The same after the carrier's rule, which comes last; None when this carrier takes no call without one."""
    match carrier_mode:
        case "remove":
            return ""
        case "if_available":
            return wanted if pai else ""
        case "required":
            return wanted or None
        case _:
            return wanted
