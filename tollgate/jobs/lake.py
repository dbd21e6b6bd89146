"""`tollgate lake`: what the lake holds, writing it, checking it, and questions to database and lake as one.

The nightly job in the timetable does the same as `tollgate lake export`. To add a verb, write its function and name it
in `VERBS`.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tollgate.core.lake import MEASURES, OPERATORS, TABLES, Breakout, Condition, Group, QuestionInvalid, Search, Span
from tollgate.jobs.console import CommandFailed, Commands, add_command, say
from tollgate.jobs.records import instant, records

if TYPE_CHECKING:
    from tollgate.store.models import Account

ROWS_SHOWN: Final = 100


def register(commands: Commands) -> None:
    """Adds the command with its verbs."""
    parser = add_command(commands, "lake", run=run, words="CDRs as files: write, check and question them", machine=True)
    parser.add_argument("verb", choices=sorted(VERBS), help="status, export (write closed days), verify, query, rerate")
    _add_question(parser)


def _add_question(parser: ArgumentParser) -> None:
    asked = parser.add_argument_group("a question (verb query)")
    asked.add_argument(
        "--table", choices=sorted(TABLES), default="call", help="calls, or the ledger's entries of calls"
    )
    asked.add_argument("--account", type=int, help="which account, where there are several")
    asked.add_argument("--from", dest="from_at", metavar="ISO", help="calls started from then on (a day ago)")
    asked.add_argument("--until", dest="until_at", metavar="ISO", help="and before then (now)")
    asked.add_argument("--by", default="", metavar="COLUMNS", help="group by these, also hour_us and day_us")
    asked.add_argument("--sum", default="", metavar="MEASURES", help="what to add up (all)")
    asked.add_argument("--columns", default="", metavar="COLUMNS", help="list rows instead of sums, newest first")
    asked.add_argument("--where", action="append", default=[], metavar="COLUMN:HOW:VALUE", help=", ".join(OPERATORS))
    asked.add_argument("--card", type=int, help="verb rerate: the calls of its direction by this card")
    asked.add_argument("--csv", type=Path, metavar="FILE", help="with --columns: every row into a file")


def run(arguments: Namespace) -> int:
    """Does what the verb says."""
    with records():
        return VERBS[arguments.verb](arguments)


def status(arguments: Namespace) -> int:
    """What is there."""
    from django.db.models import Count, Max, Min, Sum

    from tollgate.environment import lake_folder
    from tollgate.store.models import LakeFile

    kept = LakeFile.objects.filter(replaced_at=None, erased_at=None)
    lines, facts = [f"the lake is in {lake_folder()}"], []
    for row in (
        kept.values("account__name", "kind")
        .order_by("account__name", "kind")
        .annotate(
            files=Count("pk"), rows=Sum("rows_count"), size=Sum("bytes_count"), first=Min("day_on"), last=Max("day_on")
        )
    ):
        name, kind, files = row["account__name"], row["kind"], row["files"]
        size_mb = row["size"] // 2**20
        lines.append(
            f"{name}: {files} days of {kind}, {row['first']} to {row['last']}, {row['rows']} rows, {size_mb} MB"
        )
        facts.append({**row, "first": str(row["first"]), "last": str(row["last"])})
    say(arguments, "\n".join(lines if facts else [*lines, "and empty"]), folder=str(lake_folder()), kept=facts)
    return 0


def export(arguments: Namespace) -> int:
    """Writes every closed day that is missing, damaged or has changed."""
    from tollgate.store.lake_days import delete_replaced, write_closed_days

    at = datetime.now(UTC)
    written = write_closed_days(at, hashed=True)
    delete_replaced(at)
    words = "\n".join(f"wrote {file.path}: {file.rows_count} rows" for file in written) or "the lake is up to date"
    say(arguments, words, written=[file.path for file in written])
    return 0


def verify(arguments: Namespace) -> int:
    """Every file against its hash, its sums, and the database as long as that has the day. Exit 1 on a difference."""
    from tollgate.store.lake_days import differences

    problems = differences(datetime.now(UTC))
    say(arguments, "\n".join(problems) or "every file is what was written", problems=problems)
    return 1 if problems else 0


def query(arguments: Namespace) -> int:
    """Sums, or rows, over database and lake."""
    from tollgate.store.queries import lake

    span = _span(arguments)
    at = datetime.now(UTC)
    try:
        where = Group(tuple(_condition(text, arguments.table) for text in arguments.where))
        if arguments.columns:
            listed = Search(arguments.table, _names(arguments.columns), where, ROWS_SHOWN)
            if arguments.csv is not None:
                lake.export(listed, span, at, arguments.csv)
                say(arguments, f"wrote {arguments.csv}", file=str(arguments.csv))
                return 0
            names, found = listed.columns, lake.search(listed, span, at)
        else:
            measures = _names(arguments.sum) or tuple(MEASURES[arguments.table])
            sums = Breakout(arguments.table, measures, _names(arguments.by), where)
            names, found = (*sums.keys, *measures), lake.breakout(sums, span, at)
    except QuestionInvalid as problem:
        raise CommandFailed(str(problem)) from None
    lines = ["\t".join(names), *("\t".join("" if cell is None else str(cell) for cell in row) for row in found)]
    say(arguments, "\n".join(lines), columns=names, rows=found)
    return 0


def rerate(arguments: Namespace) -> int:
    """What the calls cost by the rates, beside what was charged."""
    from tollgate.store.models import Card
    from tollgate.store.queries.lake_rating import rerate as rated_again

    span = _span(arguments)
    card = None
    if arguments.card is not None:
        card = Card.objects.filter(pk=arguments.card, account_id=span.account_id, kind="customer").first()
        if card is None:
            raise CommandFailed(f"--card: there is no card {arguments.card} for customers")
    found = rated_again(span, datetime.now(UTC), card=card)
    names = ("customer", "currency", "calls", "charged_micros", "cost_micros", "different", "unrated")
    rows = [
        (one.customer_id, one.currency, one.calls, one.charged_micros, one.cost_micros, one.different, one.unrated)
        for one in found
    ]
    lines = ["\t".join(names), *("\t".join("" if cell is None else str(cell) for cell in row) for row in rows)]
    say(arguments, "\n".join(lines), columns=names, rows=rows)
    return 0


def _span(arguments: Namespace) -> Span:
    """The last day, unless told otherwise."""
    until_at = instant(arguments.until_at)
    from_at = instant(arguments.from_at) if arguments.from_at else until_at - timedelta(days=1)
    if from_at >= until_at:
        raise CommandFailed("--from must be before --until")
    return Span(_account(arguments.account).pk, from_at, until_at)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _condition(text: str, table: str) -> Condition:
    """`cld:starts:4477`, `carrier_id:in:1,2`, `refusal:empty:0`."""
    column, _, rest = text.partition(":")
    operator, separator, value = rest.partition(":")
    if not separator or column not in TABLES[table]:
        raise CommandFailed(f"--where {text}: write a column, how, and a value, such as cld:starts:4477")
    kind = int if operator == "empty" else TABLES[table][column]
    try:
        values = tuple(kind(part) for part in (value.split(",") if operator == "in" else [value]))
    except ValueError:
        raise CommandFailed(f"--where {text}: {column} is compared with whole numbers") from None
    return Condition(column, operator, values if operator == "in" else values[0])


def _account(account_id: int | None) -> Account:
    from tollgate.store.models import Account

    found = list(Account.objects.filter(pk=account_id) if account_id else Account.objects.order_by("pk")[:2])
    if len(found) != 1:
        raise CommandFailed("--account: name one of the accounts by its number")
    return found[0]


VERBS: Final[Mapping[str, Callable[[Namespace], int]]] = {
    "status": status,
    "export": export,
    "verify": verify,
    "query": query,
    "rerate": rerate,
}
