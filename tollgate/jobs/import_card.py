"""`tollgate import-card`: prices from a file into a card: a dry run with row errors, then a published revision."""

from __future__ import annotations

import getpass
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tollgate.jobs.console import CommandFailed, Commands, add_command, complain, say
from tollgate.jobs.price import find_card
from tollgate.jobs.records import instant, records
from tollgate.jobs.simulate import find_customer

if TYPE_CHECKING:
    from tollgate.core.card_files import Parsed
    from tollgate.store.models import Card

SHOWN_ERRORS: Final = 20


def register(commands: Commands) -> None:
    """Adds the command."""
    words = "read prices from CSV or XLSX: dry run, then publish as a revision"
    parser = add_command(commands, "import-card", run=run, words=words, machine=True)
    parser.add_argument("file", type=Path, metavar="FILE")
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--card", help="name or id of the card")
    whose.add_argument("--carrier", help="the carrier whose only card it is; a first card is made")
    whose.add_argument("--customer", help="the customer whose only route's card it is")
    parser.add_argument("--column", action="append", default=[], metavar="FIELD=N", help="column N (from 1) is FIELD")
    parser.add_argument("--at", metavar="ISO", help="from when the prices hold (default: now)")
    parser.add_argument("--note", default="", help="kept with the revision")
    parser.add_argument("--dry-run", action="store_true", help="only report what would be published")


def run(arguments: Namespace) -> int:
    """Reads and reports; publishes when nothing is wrong, all of it."""
    try:
        content = arguments.file.read_bytes()
    except OSError as problem:
        raise CommandFailed(f"{arguments.file}: {problem.strerror}") from None
    with records():
        from tollgate.actions.acts import EVERY_ACT, Actor, Invalid, acting
        from tollgate.actions.revisions import publish_revision, read_card_file

        parsed = read_card_file(content, mapping=_mapping(arguments.column))
        if parsed.errors:
            return _report_errors(arguments, parsed)
        actor = Actor(f"{getpass.getuser()} (command line)", frozenset({EVERY_ACT}), f"import of {arguments.file.name}")
        try:
            with acting(actor) as done:
                card = _card(arguments)
                if arguments.dry_run:
                    return _report_dry_run(arguments, parsed, card)
                effective_at = instant(arguments.at) if arguments.at else None
                revision = publish_revision(
                    card_id=card.pk, rows=parsed.rows, effective_at=effective_at, note=arguments.note
                )
        except Invalid as problem:
            raise CommandFailed(str(problem)) from None
    words = (
        f"{card.name} revision {revision.number}: {revision.rate_count} rates from {revision.effective_at.isoformat()}"
    )
    warnings = [f"note: {sentence}" for sentence in done.warnings]
    say(
        arguments,
        "\n".join([f"published {words}", *warnings]),
        card=card.name,
        revision=revision.number,
        rates=revision.rate_count,
        effective_at=revision.effective_at.isoformat(),
        warnings=done.warnings,
    )
    return 0


def _mapping(columns: list[str]) -> dict[str, int] | None:
    """Columns named on the command line, counted from 1."""
    mapping = {}
    for column in columns:
        name, _, number = column.partition("=")
        if not (number.isascii() and number.isdigit()) or int(number) < 1:
            raise CommandFailed(f"--column {column}: write the field and the number of its column, such as price=3")
        mapping[name] = int(number) - 1
    return mapping or None


def _card(arguments: Namespace) -> Card:
    from tollgate.actions.cards import create_card
    from tollgate.store.models import Card, Carrier

    if arguments.card:
        return find_card(arguments.card)
    if arguments.carrier:
        carrier = Carrier.objects.filter(name__iexact=arguments.carrier).first()
        if carrier is None:
            names = ", ".join(Carrier.objects.order_by("name").values_list("name", flat=True)[:20])
            raise CommandFailed(f"no carrier named {arguments.carrier}; there are: {names}")
        cards = list(carrier.cards.filter(direction="termination"))
        if not cards and arguments.dry_run:
            return Card(name=f"{carrier.name} A-Z (new)", currency=carrier.currency)
        if not cards:
            fields: dict[str, Any] = {"carrier_id": carrier.pk, "currency": carrier.currency, "kind": "carrier"}
            return create_card(account_id=carrier.account_id, name=f"{carrier.name} A-Z", **fields)
    else:
        customer = find_customer(arguments.customer)
        cards = list(Card.objects.filter(ingress_routes__customer=customer).distinct())
    if len(cards) != 1:
        names = ", ".join(card.name for card in cards) or "none"
        raise CommandFailed(f"which card is meant? say it with --card; candidates: {names}")
    return cards[0]


def _report_errors(arguments: Namespace, parsed: Parsed) -> int:
    lines = [
        f"  line {error.line}, {error.column or 'file'}: {error.message}" for error in parsed.errors[:SHOWN_ERRORS]
    ]
    more = len(parsed.errors) - len(lines)
    head = f"{arguments.file}: {len(parsed.errors)} errors, nothing was imported"
    if arguments.json:
        errors = [{"line": error.line, "column": error.column, "message": error.message} for error in parsed.errors]
        say(arguments, "", errors=errors, headers=parsed.headers)
    else:
        complain(arguments, "\n".join([head, *lines, *([f"  and {more} more"] if more else [])]))
    return 1


def _report_dry_run(arguments: Namespace, parsed: Parsed, card: Card) -> int:
    columns = ", ".join(f"{name} = {parsed.headers[index] or index + 1}" for name, index in parsed.mapping.items())
    words = [f"{len(parsed.rows)} rates for {card.name} are in order; nothing was published", f"columns: {columns}"]
    words += [f"ignored: {', '.join(parsed.ignored_columns)}"] if parsed.ignored_columns else []
    words += [f"note: {note}" for note in parsed.notes]
    say(
        arguments,
        "\n".join(words),
        card=card.name,
        rates=len(parsed.rows),
        columns=dict(parsed.mapping),
        notes=parsed.notes,
    )
    return 0
