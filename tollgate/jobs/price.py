"""`tollgate price`: what a call costs by a card, with every step of the calculation."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tollgate.core.digits import NumberInvalid, normalize
from tollgate.core.money import AmountError, format_micros, parse_micros
from tollgate.jobs.console import CommandFailed, Commands, add_command, say
from tollgate.jobs.records import instant, records

if TYPE_CHECKING:
    from tollgate.store.models import Card
    from tollgate.store.queries.cards import Priced
    from tollgate.store.queries.explain import PriceLine


def register(commands: Commands) -> None:
    """Adds the command."""
    parser = add_command(commands, "price", run=run, words="the price of a call by a card, step by step", machine=True)
    parser.add_argument("--card", required=True, help="name or id of the card")
    parser.add_argument("--to", required=True, help="the number called")
    parser.add_argument("--duration", required=True, metavar="S", help="seconds talked, decimals allowed")
    parser.add_argument("--at", metavar="ISO", help="when the call starts (default: now)")
    parser.add_argument("--from", dest="cli", metavar="CLI", help="the caller's number; no rate depends on it yet")


def run(arguments: Namespace) -> int:
    """Prices the call by the revision in force at its start."""
    at, duration_ms = instant(arguments.at), milliseconds(arguments.duration)
    try:
        number = normalize(arguments.to)
    except NumberInvalid as problem:
        raise CommandFailed(f"--to: {problem}") from None
    with records():
        from tollgate.store.queries.cards import price, revision_at
        from tollgate.store.queries.explain import price_lines

        card = find_card(arguments.card)
        revision = revision_at(card, at)
        if revision is None:
            raise CommandFailed(f"{card.name} has no revision in force at {at.isoformat()}")
        priced = price(card, revision, number, at=at, duration_ms=duration_ms)
        if priced is None:
            raise CommandFailed(f"{card.name} revision {revision.number} has no rate for {number}")
        lines = price_lines(priced.explained, card.currency)
    report(arguments, card=card, found=priced, lines=lines, number=number)
    return 0


def report(arguments: Namespace, *, card: Card, found: Priced, lines: Sequence[PriceLine], number: str) -> None:
    """The price in words, or as facts."""
    rate, revision, explained = found.rate, found.revision, found.explained
    blocked = "; calls there are blocked" if rate.blocked else ""
    words = [
        f"{card.name}, revision {revision.number} in force since {revision.effective_at:%Y-%m-%d %H:%M} UTC",
        f"{number} is rated by {rate.prefix or '*'} {rate.destination}{blocked}",
        *(f"  {line.words:<70} {line.amount}".rstrip() for line in lines),
    ]
    say(
        arguments,
        "\n".join(words),
        card=card.name,
        revision=revision.number,
        prefix=rate.prefix,
        destination=rate.destination,
        blocked=rate.blocked,
        currency=card.currency,
        cost=format_micros(explained.cost_micros),
        cost_micros=explained.cost_micros,
        billed_s=explained.billed_s,
        steps=[{"words": line.words, "amount": line.amount} for line in lines],
    )


def milliseconds(text: str) -> int:
    """Seconds with decimals as milliseconds."""
    try:
        micros = parse_micros(text)
    except AmountError as problem:
        raise CommandFailed(f"--duration: {problem}") from None
    if not 0 <= micros <= 86_400_000_000 or micros % 1000:
        raise CommandFailed(f"--duration {text}: give seconds from 0 to 86400, to the millisecond")
    return micros // 1000


def find_card(text: str) -> Card:
    """A card by its name or id."""
    from tollgate.store.models import Card

    found = list(Card.objects.filter(name__iexact=text)) or list(Card.objects.filter(pk=_whole(text)))
    if len(found) > 1:  # resellers name theirs as they like
        ids = ", ".join(f"{card.pk} ({card.reseller or 'of the account'})" for card in found)
        raise CommandFailed(f"several cards are named {text}: give the id of one: {ids}")
    if not found:
        names = ", ".join(Card.objects.order_by("name").values_list("name", flat=True)[:20])
        raise CommandFailed(f"no card named {text}; there are: {names}")
    return found[0]


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
