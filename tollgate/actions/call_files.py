"""Files of more calls than a page sends: a task writes them part by part, and they are kept for a week.

`start_call_file` begins the task (tasks.py) with a row for each hour, or for each few minutes where there are many
calls, so that a part lasts seconds; each row writes its part, compressed by itself, so that a killed process leaves
nothing half done. Parts that follow one another are one gzip file. Names in conditions are looked up once, when it
begins. Who asks for the same file again gets the task that is there. To let a file have another column, see
`core.call_file`.
"""

from __future__ import annotations

import csv
import gzip
import io
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from django.db import connection

from tollgate import environment
from tollgate.actions import checks, delay_values, records, tasks
from tollgate.actions.acts import Actor, NotFound, NotPermitted, act, current, refuse
from tollgate.core.areas import may_read
from tollgate.core.call_file import FILE_COLUMNS, texts
from tollgate.core.call_search import BESIDE_LIMITS, FIELDS, RulesInvalid, lake_group, read_rules, rules_of
from tollgate.core.lake import Condition, Group, Span, day_begins
from tollgate.store.models import Account, Customer, Task, TaskRow
from tollgate.store.queries.call_search import CallSearch, TooLong, names_beside, names_of
from tollgate.store.queries.lake import Written

CALLS_MOST: Final = 500_000
"""So many calls are sent by a page at once; the file of more is a task."""
KEPT: Final = timedelta(days=7)
HOUR: Final = timedelta(hours=1)
STEPS: Final = (HOUR, timedelta(minutes=10), timedelta(minutes=1))
"""How long the calls of one part may have begun after one another."""
CALLS_A_PART: Final = 20_000
"""On average, so that the part of a busy hour lasts seconds as well."""
COUNTED_MOST: Final = 2_000_000
PARTS_FINE: Final = 5_000
"""So many parts at most where nobody knows how many calls there are."""
PARTS_MOST: Final = 10_000
OPEN_MOST: Final = 2
"""So many files may one user have made at a time."""
SETTLED: Final = timedelta(days=1)
"""As long after a period, all its calls have ended: the same file of it need not be made again."""
FREE_BYTES_LEAST: Final = 10**9
FREE_PERCENT_LEAST: Final = 5
BLOCK_BYTES: Final = 1 << 16
KIND: Final = "call_file"
NOT_YOURS: Final = "This tells what calls cost us: it needs the area call_details."
TOO_MANY: Final = "You have two files of calls under way: wait until one is made, or cancel it."
TOO_FULL: Final = "The disk is nearly full: nothing more is written to it. Make room, then try the rest again."


@act
def start_call_file(
    *,
    account_id: int,
    columns: Sequence[str],
    from_at: str | None = None,
    until_at: str | None = None,
    where: str = "",
    customer_id: int | None = None,
    oldest_first: bool = False,
) -> Task:
    """Begins the file of the calls that began in a period, with these columns, or gives the task of the same file that
    is there. `where` are conditions as the list of CDRs carries them."""
    actor, at = current.get(), records.now()
    names = _columns(columns)
    bounds = checks.cleaned(
        {"from_at": checks.optional(checks.instant), "until_at": checks.optional(checks.instant)},
        {"from_at": from_at, "until_at": until_at},
    )
    account = records.find(Account, account_id)
    group, bought = _conditions(account, where, customer_id, actor.reach)
    bought = bought or any(FILE_COLUMNS[name].bought for name in names)
    if bought and not _reads("call_details", actor):
        raise refuse("columns", NOT_YOURS)
    if not _reads("calls", actor):
        raise NotPermitted("start_call_file")
    asked = {
        "columns": names,
        **{f"asked_{name}": bound and bound.isoformat() for name, bound in bounds.items()},
        "where": _kept(group),
        "oldest_first": bool(oldest_first),
        "reach": None if actor.reach is None else sorted(actor.reach),
        "bought": bought,
    }
    known = _under_way_or_kept(account, asked, at)
    if known is not None:
        return known
    search = CallSearch(account, group, bounds["from_at"], bounds["until_at"], at, actor.reach)
    return _begun(search, asked)


@act
def write_call_file_part(*, task_id: int, number: int) -> None:
    """Writes one part of the file that a task of one's own makes; the task asks for each in turn."""
    actor = current.get()
    task = Task.objects.select_related("account").filter(pk=task_id, kind=KIND).first()
    if (
        task is None
        or (actor.kind, actor.id) != ("user", task.author_id)
        or not task.rows.filter(number=number).exists()
    ):
        raise NotFound(f"There is no part {number} of a file {task_id}.")
    if not may_fetch(task, actor):
        raise refuse("task_id", "You may no longer read all calls of this file.")
    wanted = delay_values.read(task.arguments)
    step = timedelta(seconds=wanted["step_s"])
    piece = _pieces(_span(task, wanted), step, oldest_first=wanted["oldest_first"])[number - 1]
    reach = None if wanted["reach"] is None else frozenset(wanted["reach"])
    question = CallSearch(task.account, _group(wanted["where"]), None, None, records.now(), reach)
    names: list[str] = wanted["columns"]
    written = Written(partial(texts, names), names_beside(task.account))
    target = folder_of(task) / _name(number)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_room(target.parent)
    aside = target.with_name(f".{number}.{secrets.token_hex(8)}")
    try:
        with gzip.open(aside, "wb", compresslevel=6) as file:
            if number == 1:
                file.write(_heading(names))
            for block in question.csv_blocks(written, oldest_first=wanted["oldest_first"], span=piece):
                file.write(block)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def may_fetch(task: Task, actor: Actor) -> bool:
    """Whether somebody may read at this moment all that the file of a task tells."""
    wanted = delay_values.read(task.arguments)
    areas = ["calls", "call_details"] if wanted["bought"] else ["calls"]
    if not tasks.may_manage(task, actor) or not all(_reads(area, actor) for area in areas):
        return False
    return actor.reach is None or (wanted["reach"] is not None and set(wanted["reach"]) <= actor.reach)


def parts(task: Task) -> list[Path]:
    """The parts of the finished file in their order; none while one is missing, or when they are forgotten."""
    if task.kind != KIND or task.state != "completed" or task.failed_count:
        return []
    found = [folder_of(task) / _name(number) for number in range(1, task.total_count + 1)]
    return found if all(part.is_file() for part in found) else []


def blocks(found: Sequence[Path]) -> Iterator[bytes]:
    """The parts as one file."""
    for part in found:
        with part.open("rb") as file:
            yield from iter(partial(file.read, BLOCK_BYTES), b"")


def folder_of(task: Task) -> Path:
    """Where its parts are."""
    return _folder() / str(task.pk)


def forget_old(at: datetime) -> int:
    """Removes the files of tasks that ended a week ago, that came to nothing, or that are gone; how many."""
    there = {int(found.name): found for found in _folder().glob("*") if found.name.isdecimal()}
    kept = Task.objects.filter(pk__in=there).exclude(state__in=("canceled", "failed"))
    alive = kept.exclude(ended_at__lt=at - KEPT).values_list("pk", flat=True)
    old = there.keys() - set(alive)
    for task_id in old:
        shutil.rmtree(there[task_id], ignore_errors=True)
    return len(old)


def _folder() -> Path:
    return environment.lake_folder() / "call-files"  # which the panels of all machines see


def _name(number: int) -> str:
    return f"{number:06d}.csv.gz"


def _heading(names: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow([heading for name in names for heading in FILE_COLUMNS[name].headings()])
    return text.getvalue().encode()


def _reads(area: str, actor: Actor) -> bool:
    return may_read(area, actor.areas, reseller=actor.reach is not None)


def _columns(columns: object) -> list[str]:
    names = list(columns) if isinstance(columns, (list, tuple)) else []
    if not names or any(not isinstance(name, str) or name not in FILE_COLUMNS for name in names):
        raise refuse("columns", f"Choose of these: {', '.join(FILE_COLUMNS)}.")
    if len(set(names)) < len(names):
        raise refuse("columns", "Choose each column once.")
    return names


def _begun(search: CallSearch, asked: Mapping[str, Any]) -> Task:
    """The task of a file: its rows are parts that each last seconds."""
    span = replace(search.span, until_at=max(search.span.from_at, min(search.span.until_at, search.at)))
    step = _step(span, _counted(search))
    until_at = span.until_at.isoformat()
    arguments = {
        **asked,
        "from_at": span.from_at.isoformat(),
        "until_at": until_at,
        "step_s": int(step.total_seconds()),
    }
    rows = (
        tasks.NewRow(number, title=f"{piece.from_at:%Y-%m-%d %H:%M}")
        for number, piece in enumerate(_pieces(span, step, oldest_first=asked["oldest_first"]), start=1)
    )
    title = f"File of calls from {span.from_at:%Y-%m-%d %H:%M} until {span.until_at:%Y-%m-%d %H:%M} UTC"
    return tasks.begin(
        kind=KIND,
        noun="call",
        act_name="write_call_file_part",
        title=title,
        rows=rows,
        account_id=search.account.pk,
        arguments=arguments,
    )


def _under_way_or_kept(account: Account, asked: Mapping[str, Any], at: datetime) -> Task | None:
    """The author's task of the same file: one under way, or a finished one that would be the same today. Raises Invalid
    for one file too many."""
    author = current.get()
    if author.kind != "user" or author.id is None:
        return None  # `tasks.begin` says why not
    author_id = author.id
    with connection.cursor() as cursor:  # a button that is pressed twice at once begins one file
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{__name__} {author_id}"])
    own = Task.objects.filter(account=account, kind=KIND, author_id=author_id)
    under_way = list(own.filter(state__in=tasks.OPEN))
    for task in (*under_way, *own.filter(state="completed", failed_count=0, ended_at__gt=at - KEPT)):
        wanted = delay_values.read(task.arguments)
        if {name: wanted.get(name) for name in asked} == asked and (task in under_way or _is_settled(task, wanted)):
            return task
    if len(under_way) >= OPEN_MOST:
        raise refuse("account_id", TOO_MANY)
    return None


def _is_settled(task: Task, wanted: Mapping[str, Any]) -> bool:
    """Whether its period had an end, and every call of it had ended when its file was begun."""
    until_at = wanted["asked_until_at"]
    return bool(until_at and datetime.fromisoformat(until_at) <= task.created_at - SETTLED and parts(task))


def _counted(search: CallSearch) -> int | None:
    """How many calls there are; None when they are too many to be counted now."""
    try:
        count = search.count(COUNTED_MOST)
    except TooLong:
        return None
    return None if count >= COUNTED_MOST else count


def _step(span: Span, count: int | None) -> timedelta:
    """How long a part is. Raises Invalid for a period of too many parts."""
    length = span.until_at - span.from_at
    if length > PARTS_MOST * HOUR:
        raise refuse("from_at", f"Choose fewer days: one file is of {PARTS_MOST * HOUR // timedelta(days=1)} at most.")
    if count is None:
        return next((step for step in reversed(STEPS) if length <= PARTS_FINE * step), HOUR)
    fitting = [step for step in STEPS if length <= PARTS_MOST * step]
    return next((step for step in fitting if count * step <= CALLS_A_PART * max(length, step)), fitting[-1])


def _check_room(folder: Path) -> None:
    """Raises CannotGoOn while the disk is nearly full: others write to it as well."""
    usage = shutil.disk_usage(folder)
    if usage.free < FREE_BYTES_LEAST or usage.free * 100 < usage.total * FREE_PERCENT_LEAST:
        raise tasks.CannotGoOn({"task_id": [TOO_FULL]})


def _conditions(
    account: Account, where: object, customer_id: object, reach: frozenset[int] | None
) -> tuple[Group, bool]:
    """What must hold, with its names looked up, and whether it asks what calls cost us."""
    held: list[Condition | Group] = []
    if not isinstance(where, str):
        raise refuse("where", "Write conditions as a text.")
    if customer_id is not None:
        if not isinstance(customer_id, int) or isinstance(customer_id, bool):
            raise refuse("customer_id", "Give the id of a customer.")
        held.append(Condition("customer_id", "eq", records.find(Customer, customer_id).pk))
    bought = False
    if where:
        try:
            rules = read_rules(where, BESIDE_LIMITS)
            held.append(lake_group(rules, names_of(account, reach)))
        except RulesInvalid as problem:
            raise refuse("where", str(problem)) from None
        bought = any(FIELDS[rule.field].bought for rule in rules_of(rules))
    return Group(tuple(held)), bought


def _span(task: Task, wanted: dict[str, Any]) -> Span:
    bounds = (datetime.fromisoformat(wanted[name]) for name in ("from_at", "until_at"))
    return Span(task.account_id, *bounds)


def _pieces(span: Span, step: timedelta, *, oldest_first: bool) -> list[Span]:
    """The parts of a period in the order of the file, none of them over midnight."""
    first_at, found = day_begins(next(iter(span.days()))) if span.from_at < span.until_at else span.until_at, []
    while first_at < span.until_at:
        if first_at + step > span.from_at:
            begin, end = max(first_at, span.from_at), min(first_at + step, span.until_at)
            found.append(Span(span.account_id, begin, end))
        first_at += step
    return found if oldest_first else found[::-1]


def _kept(group: Group) -> dict[str, Any]:
    """Conditions as JSON."""
    told = [
        _kept(part)
        if isinstance(part, Group)
        else [part.column, part.operator, list(part.value) if isinstance(part.value, tuple) else part.value]
        for part in group.parts
    ]
    return {"any": group.any, "parts": told}


def _group(kept: dict[str, Any]) -> Group:
    """The conditions of `_kept`."""
    found = tuple(
        _group(part)
        if isinstance(part, dict)
        else Condition(part[0], part[1], tuple(part[2]) if isinstance(part[2], list) else part[2])
        for part in kept["parts"]
    )
    return Group(found, any=kept["any"])


def _arguments(task: Task, row: TaskRow) -> dict[str, Any]:
    return {"task_id": task.pk, "number": row.number}


def _lost(task: Task) -> list[int]:
    """The rows whose part is not there any more."""
    there = {found.name for found in folder_of(task).glob("*.csv.gz")}
    return [number for number in range(1, task.total_count + 1) if _name(number) not in there]


tasks.ARGUMENTS[KIND] = _arguments
tasks.LOST[KIND] = _lost
