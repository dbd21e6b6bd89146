"""How figures become docs/benchmarks.md: goals beside medians, tables, and what limits a goal that was missed.

Each benchmark gives one `Section`. To add one: a function here that makes its section, called in `run.py`. Those of
real calls are in page_edge.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

FULL_CORE: Final = 0.85
"""A process that uses this much of a core has no more to give."""
MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure that was promised, and what was measured."""

    name: str
    wanted: str
    measured: str
    met: bool
    limit: str = ""
    """What stands in the way, in one sentence; said when it is missed."""


@dataclass(frozen=True, slots=True)
class Section:
    """One benchmark on the page."""

    title: str
    text: str
    goals: tuple[Goal, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """A goal for one figure of the charging benchmark."""

    load: str
    """A word in the name of the load."""
    name: str
    value: Callable[[dict[str, float]], float]
    least: float | None = None
    most: float | None = None

    def fits(self, load: str) -> bool:
        """Whether this goal speaks of that load; a load at half pace is judged by its latency only."""
        name = load.lower()
        return self.load in name and (self.load == "half" or "half" not in name)

    def judge(self, figure: dict[str, float], cores: int, load: str) -> Goal:
        """The goal with its figure."""
        value = self.value(figure)
        met = value >= self.least if self.least is not None else value <= (self.most or 0)
        wanted = f">= {self.least:,.0f} /s" if self.least is not None else f"<= {self.most} ms"
        measured = f"{value:,.0f} /s" if self.least is not None else f"{value} ms"
        limit = charging_limit(figure, cores) if self.least is not None else latency_limit(figure, cores)
        return Goal(f"{self.name} ({load})", wanted, measured, met, limit)


WISHES: Final = (
    Wish("customers", "full calls in process", lambda one: one["calls_per_s"], least=10_000),
    Wish("hot", "full calls in process", lambda one: one["calls_per_s"], least=15_000),
    Wish("http", "full calls through HTTP", lambda one: one["calls_per_s"], least=4_000),
    Wish("half", "authorize at half load, p50", lambda one: one["authorize_p50_ms"], most=3),
    Wish("half", "authorize at half load, p99", lambda one: one["authorize_p99_ms"], most=10),
)


def charging(found: dict[str, Any], cores: int) -> Section:
    """The desk alone: from the JSON that `charging.py` prints."""
    figures: dict[str, dict[str, float]] = found["figures"]
    goals = [wish.judge(figure, cores, name) for wish in WISHES for name, figure in figures.items() if wish.fits(name)]
    goals += overload_goals(found["overload"])
    told = found["method"]
    method = (
        "Full calls: authorize, answered and ended, every step durable before it is answered (`synchronous_commit=on`,"
        f" fsync on). {told['customers']:,} customers below {told['resellers']} resellers below one account, so"
        f" three wallets are charged by each call; two customer cards and two carrier cards of {told['prefixes']:,}"
        f" prefixes. {runs_text(told['runs'])} of {told['seconds']:g} s. Half load: calls that come at half of that"
        " pace, whatever the answers take. The files of the write-ahead log are there already, as they are after a"
        " server's first hours (`min_wal_size`): making one takes tens of ms, and every commit waits for it."
    )
    lines = [
        method,
        "",
        *table(
            ("load", "full calls/s", "authorize p50", "p99", "CPU per call: Python", "PostgreSQL", "requests a batch"),
            (
                (
                    name,
                    f"{one['calls_per_s']:,.0f}",
                    f"{one['authorize_p50_ms']} ms",
                    f"{one['authorize_p99_ms']} ms",
                    f"{one['python_ms_per_call']:.3f} ms",
                    f"{one['postgres_ms_per_call']:.3f} ms",
                    f"{one['mean_batch']:.0f}" if one["mean_batch"] else "–",  # through HTTP nobody counts them
                )
                for name, one in figures.items()
            ),
        ),
    ]
    lines += ["", *overload(found["overload"])]
    return Section("The charging service", "\n".join(lines), tuple(goals))


def overload_goals(found: dict[str, float]) -> list[Goal]:
    """An answer in time, or none at once."""
    share, took_ms = found["share"], found["accepted_p99_ms"]
    limit = "questions are turned away too late or too many at once"
    return [
        Goal(
            "calls allowed in time at three times the load",
            ">= 0.80 of all it carries",
            f"{share}",
            share >= 0.8,
            limit,
        ),
        Goal("authorize at three times the load, p99", "<= 1500 ms", f"{took_ms} ms", took_ms <= 1500, limit),
    ]


def overload(found: dict[str, float]) -> list[str]:
    """Three times the load."""
    method = (
        "Three times as many calls as it carries, each with a deadline of 1.5 s, for as long: those that cannot be"
        " decided in time are turned away before any work is spent on them."
    )
    return [
        method,
        "",
        *table(
            ("offered", "allowed in time", "of all it carries", "authorize p99", "turned away within (p99)"),
            [
                (
                    f"{found['offered_per_s']:,.0f} /s",
                    f"{found['goodput_per_s']:,.0f} /s",
                    f"{found['share']}",
                    f"{found['accepted_p99_ms']} ms",
                    f"{found['shed_p99_ms']} ms",
                )
            ],
        ),
    ]


def charging_limit(figure: dict[str, float], cores: int) -> str:
    """Where the time of the machine went."""
    python, postgres = _busy(figure)
    spent = f"Python kept {python:.2f} and PostgreSQL {postgres:.2f} of {cores} cores busy"
    if python + postgres >= FULL_CORE * cores:
        return f"{spent}: the machine is full"
    if python >= FULL_CORE:
        return (
            f"{spent}: one Python process has no more than one core, and a call takes"
            f" {figure['python_ms_per_call']:.3f} ms of it to plan, decide and write down (decision 0011)"
        )
    return (
        f"{spent}: neither is full, because batches of one process are committed one after the other and who makes the"
        " load takes its part of the cores (decision 0011)"
    )


def latency_limit(figure: dict[str, float], cores: int) -> str:
    """What an answer waits for."""
    python, postgres = _busy(figure)
    held = f", of {figure['mean_batch']:.0f} requests each," if figure["mean_batch"] else ""
    return (
        f"an answer waits for the batch before its own to commit, and for its own; batches{held} were written with"
        f" Python on {python:.2f} and PostgreSQL on {postgres:.2f} of {cores} cores"
    )


def _busy(figure: dict[str, float]) -> tuple[float, float]:
    """Cores that Python and PostgreSQL kept busy."""
    calls_per_s = figure["calls_per_s"] / 1000
    return calls_per_s * figure["python_ms_per_call"], calls_per_s * figure["postgres_ms_per_call"]


def money(found: dict[str, Any]) -> Section:
    """From roll-up to the closed month: from the JSON that `money.py` prints. Goals are of a million calls."""
    calls, closed = found["calls"], found["close"]
    run, documents = closed["run"], closed["documents"]
    method = (
        f"{calls:,} random calls of {found['customers']:,} customers who pay afterwards and are billed monthly, five"
        " of six with VAT, one of six with a compound levy too, one of four with a package; lines by day, of one in"
        " four by destination. Roll-up, CSV and breakouts are the middle of three. The month is closed by the"
        f" unattended run in {_processes(found['processes'])} that share the customers; then each document is made as"
        " it goes out, as PDF/A-3 with the e-invoice inside. CPU is that of Python and PostgreSQL together, which other"
        " work does not lengthen; the load is the machine's."
    )
    each_ms = 1000 * documents["cpu_s"] / found["documents"]
    made = f"{closed['e_invoices']:,} with e-invoice, {closed['bytes'] >> 20} MB, {each_ms:.0f} ms of CPU each"
    rows: list[tuple[str, dict[str, float]]] = [
        (f"roll-up, {calls / found['rolled_up']['wall_s']:,.0f} calls/s", found["rolled_up"]),
        (f"CSV as its page gives it, {found['export_bytes'] >> 20} MB", found["exported"]),
        *((f"breakout by {words}", took) for words, took in found["breakouts"].items()),
        (f"the run: {found['documents']:,} invoices, {found['lines']:,} lines", run),
        (f"their documents, {made}", documents),
        ("the doctor, every law", found["examined"]),
    ]
    cells = [(words, f"{one['wall_s']:.1f} s", f"{one['cpu_s']:.1f} s", f"{one['load']:.1f}") for words, one in rows]
    whole = ", ".join(f"{micros:,} micros in {code}" for code, micros in sorted(found["usage_micros"].items()))
    equal = (
        f"Then {found['others']} customers more made {found['others_calls']:,} calls: who pay ahead, in dinars and yen"
        f" too, and below a reseller below a reseller. Calls were rated again or made shorter: {found['corrections']:,}"
        f" corrections, {found['notes']:,} notes and {found['correction_lines']:,} lines tell of them. Bills were"
        " credited and debited, payments refunded and reversed. Summaries, records, entries and documents say the same"
        f" to the last unit of each, {whole}; each wallet is its documents and payments, and the doctor finds nothing."
    )
    text = "\n".join([method, "", *table(("what", "took", "CPU", "load"), cells), "", equal])
    return Section("Money", text, money_goals(found) if calls >= MILLION else ())


def money_goals(found: dict[str, Any]) -> tuple[Goal, ...]:
    """Roll-up, file, close."""
    rolled, exported, run, documents = (
        *(found[name] for name in ("rolled_up", "exported")),
        *(found["close"][name] for name in ("run", "documents")),
    )
    rolled_per_s, close_s = found["calls"] / rolled["wall_s"], run["wall_s"] + documents["wall_s"]
    sparse = "of most customers and destinations an hour has but one call"
    return (
        Goal(
            "calls rolled up",
            ">= 100,000 /s",
            f"{rolled_per_s:,.0f} /s",
            rolled_per_s >= 100_000,
            f"a call costs {rolled['cpu_s'] / found['calls'] * 1e6:.1f} microseconds of one core, as {sparse}",
        ),
        Goal(
            "CSV of 1M calls",
            "<= 3 s",
            f"{exported['wall_s']:.1f} s",
            exported["wall_s"] <= 3,
            f"one COPY on one core, {exported['cpu_s']:.1f} s of CPU",
        ),
        Goal(
            "a month of 1M calls and 1,000 customers closed, with every document",
            "<= 300 s",
            f"{close_s:.0f} s",
            close_s <= 300,
            f"the run needs {run['cpu_s']:.0f} s of CPU, the documents {documents['cpu_s']:.0f} s",
        ),
    )


def lake(found: dict[str, Any]) -> Section:
    """The lake: from the JSON that `lake.py` prints. The goal is of ten million calls."""
    asked = found["breakout_s"] | {f"page by {words}": took for words, took in found["page_s"].items()}
    took_s, slowest = max((took, words) for words, took in asked.items())
    goals = [
        Goal(
            "calls rated again, in a second of one core",
            ">= 2,000,000",
            f"{found['rated_per_s']:,.0f}",
            found["rated_per_s"] >= 2 * MILLION,
            "finding the prefix of each number, then reading the files",
        )
    ]
    if found["calls"] >= 10 * MILLION:
        goals.append(Goal("any breakout of 10M calls", "<= 2 s", f"{took_s:.2f} s ({slowest})", took_s <= 2, "reading"))
    method = (
        f"{found['calls']:,} calls in Parquet and their entries, asked by DuckDB in process; medians of three. A number"
        " is called once a day, so by number and day there are more groups than calls: a carrier's cost in another"
        " currency is a group of its own. `python -m tests.bench.run --whole-lake` asks ten million."
    )
    rows = [
        *((f"breakout {words}", f"{took:.2f} s") for words, took in asked.items()),
        ("the newest 100 calls", f"{found['newest_s']:.2f} s"),
        (f"CSV of the {found['day_calls']:,} calls of a day, from the lake", f"{found['file_lake_s']:.2f} s"),
        ("the same from the database", f"{found['file_database_s']:.2f} s"),
        *((f"a day written and checked: {kind}", f"{took:.1f} s") for kind, took in found["written_s"].items()),
        ("calls rated again, in a second of one core's time", f"{found['rated_per_s']:,.0f}"),
    ]
    compared = f"Whether a file has every call of a day that the database has too takes {found['compared_s']:.2f} s."
    after = f"{compared} At most {found['memory_mb']:,} MB of memory; the load of the machine was {found['load']:.1f}."
    text = "\n".join([method, "", *table(("what", "took"), rows), "", after])
    return Section("The lake", text, tuple(goals) if found["calls"] >= MILLION else ())


def lists(found: dict[str, Any]) -> Section:
    """The panel's long lists: from the JSON that `lists.py` prints."""
    method = (
        f"{found['customers']:,} customers with two contacts, a SIP user, a route and a tag each, of four statuses and"
        " many companies; a quarter called today, some up to 5,000 times, one of 150 has live calls, one of 30 lacks"
        f" something it needs to call. {found['times']} requests of each page in the process that serves it, from the"
        " request to the last byte of the answer."
        " CPU is that of Python and PostgreSQL together, which other work does not lengthen."
    )
    rows = [
        (name, *(f"{one[what]:.0f} ms" for what in ("median_ms", "most_ms", "cpu_ms")))
        for name, one in found["pages"].items()
    ]
    goals = [
        Goal(
            name,
            "<= 150 ms",
            f"{one['median_ms']:.0f} ms",
            one["median_ms"] <= 150,
            "the database adds up or compares each row",
        )
        for name, one in found["pages"].items()
    ]
    return Section(
        "Long lists", "\n".join([method, "", *table(("page", "median", "longest", "CPU"), rows)]), tuple(goals)
    )


def absent(title: str, why: str) -> Section:
    """A benchmark that this machine cannot run."""
    return Section(title, f"Not measured: {why}")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    rule = "|" + "---|" * len(head)
    return [_row(head), rule, *(_row(row) for row in rows)]


def write(sections: Sequence[Section], *, machine: Sequence[tuple[str, str]], note: str) -> str:
    """The whole page."""
    goals = [goal for section in sections for goal in section.goals]
    missed = [goal for goal in goals if not goal.met]
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; figures are medians. They say what this machine did on that day: compare ratios, and",
        "measure on your own.",
        "",
        *table(("machine", ""), machine),
        "",
        note,
        "",
        "## Goals",
        "",
        *table(
            ("figure", "goal", "measured", ""),
            ((goal.name, goal.wanted, goal.measured, "met" if goal.met else "missed") for goal in goals),
        ),
        "",
    ]
    if missed:
        lines += ["What limits those that were missed:", ""]
        lines += [f"- {goal.name}: {goal.limit}." for goal in missed]
        lines += [""]
    for section in sections:
        lines += [f"## {section.title}", "", section.text, ""]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def runs_text(count: int) -> str:
    """How often something was measured."""
    return "One run" if count == 1 else f"{count} runs"


def _processes(count: int) -> str:
    return "one process" if count == 1 else f"{count} processes"
