"""Which ingress route a number takes, in which order carriers and gateways are tried, and what is sent to them.

A new strategy is one branch in `in_order`. Chance is drawn from the call's id, so that a repeat, a test and an
explanation all see the same order.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from typing import NamedTuple, TypeVar

from tollgate.core.digits import NumberInvalid, normalize
from tollgate.core.patterns import Pattern, PatternInvalid, match, parse
from tollgate.core.snapshot import Card, Gateway, Route

T = TypeVar("T")


class Selection(NamedTuple):
    """The route of a dialed number and the number behind its tech prefix; `number` is None when it is no number."""

    route: Route | None
    number: str | None


def without_prefix(dialed: str, tech_prefix: str) -> str | None:
    """What follows a tech prefix, before which some switches put a plus; None when the number does not start so."""
    if dialed.startswith(tech_prefix):
        return dialed[len(tech_prefix) :]
    if dialed.startswith("+" + tech_prefix):
        return dialed[len(tech_prefix) + 1 :]
    return None


def select(routes: Sequence[Route], dialed: str) -> Selection:
    """The route with the longest tech prefix, then the longest dial match, then the lowest id (behaviour.md 13.5)."""
    best: tuple[int, int, int] | None = None
    chosen: Route | None = None
    number = chosen_number = None
    for route in routes:
        rest = without_prefix(dialed, route.tech_prefix)
        digits = None if rest is None else _number(rest)
        if digits is None:
            continue
        number = number or digits
        matched = dial_match(route.patterns, digits)
        if matched is None:
            continue
        rank = (len(route.tech_prefix), matched, -route.id)
        if best is None or rank > best:
            best, chosen, chosen_number = rank, route, digits
    if chosen is not None:
        return Selection(chosen, chosen_number)
    return Selection(None, number or _number(dialed))


def select_above(routes: Sequence[Route], tech_prefix: str, number: str) -> Route | None:
    """A reseller's own route for a number its customer dialed with that tech prefix."""
    fitting = [
        ((len(route.tech_prefix), matched, -route.id), route)
        for route in routes
        if route.tech_prefix in ("", tech_prefix) and (matched := dial_match(route.patterns, number)) is not None
    ]
    return max(fitting, key=lambda ranked: ranked[0])[1] if fitting else None


def dial_match(patterns: tuple[str, ...], number: str) -> int | None:
    """How many digits of the number the longest matching pattern covers; 0 without patterns, None without a match."""
    if not patterns:
        return 0
    longest = None
    for pattern in patterns:
        matched = _matched(pattern, number)
        if matched is not None and (longest is None or matched > longest):
            longest = matched
    return longest


def unknown_patterns(patterns: Sequence[str]) -> list[str]:
    """The expressions among patterns that match nothing, because they cannot be read."""
    return [text for text in patterns if text.startswith("^") and not text[1:].isdigit() and _expression(text) is None]


def in_order(
    candidates: Sequence[T],
    strategy: str,
    *,
    price: Callable[[T], int],
    position: Callable[[T], int],
    weight: Callable[[T], int],
    seed: str,
) -> list[T]:
    """Carrier options in the order in which to try them. An unknown strategy tries them as listed."""
    listed = sorted(candidates, key=position)
    match strategy:
        case "lcr":
            return sorted(listed, key=price)
        case "reverse_lcr":
            return sorted(listed, key=price, reverse=True)
        case "weighted":
            return by_weight(listed, weight, seed)
        case "random":
            return by_weight(listed, lambda _: 1, seed)
        case _:
            return listed


def by_weight(items: Sequence[T], weight: Callable[[T], int], seed: str) -> list[T]:
    """A draw without putting back, each by its share of the weights left; weightless ones last, as listed."""
    left = [item for item in items if weight(item) > 0]
    last = [item for item in items if weight(item) <= 0]
    drawn: list[T] = []
    while len(left) > 1:
        digest = blake2b(f"{len(drawn)} {seed}".encode("utf-8", "replace"), digest_size=8).digest()
        shares = list(accumulate(map(weight, left)))
        ticket = int.from_bytes(digest, "big") % shares[-1]
        drawn.append(left.pop(bisect_right(shares, ticket)))
    return drawn + left + last


def cld_sent(number: str, gateway: Gateway, card: Card) -> str:
    """The number as the carrier wants it: cut and prefixed by its gateway, behind the tech prefix of its card."""
    return card.tech_prefix + gateway.prefix + number[gateway.strip_digits :]


def sip_user(text: str) -> str:
    """A user part for a SIP URI: what RFC 3261 does not allow there is percent-encoded."""
    if text.isalnum() and text.isascii():
        return text
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_.!~*'()&=+$,;?/") else _percent(c) for c in text)


def sip_host(host: str) -> str:
    """A host for a SIP URI: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "replace"))


def _number(dialed: str) -> str | None:
    try:
        return normalize(dialed)
    except NumberInvalid:
        return None


def _matched(pattern: str, number: str) -> int | None:
    if not pattern.startswith("^"):
        return len(pattern) if number.startswith(pattern) else None
    plain = pattern[1:]
    if plain.isdigit():
        return len(plain) if number.startswith(plain) else None
    return _reach(pattern, number)


@lru_cache(maxsize=4096)
def _reach(pattern: str, number: str) -> int | None:
    """How far an expression reaches into a number, in a time that no caller can make long."""
    expression = _expression(pattern)
    spans = None if expression is None else match(expression, number).spans
    return None if spans is None or spans[0] else spans[1]


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> Pattern | None:
    """Forms refuse a bad expression; one that came in another way matches nothing."""
    try:
        return parse(pattern, anywhere=True)
    except PatternInvalid:
        return None
