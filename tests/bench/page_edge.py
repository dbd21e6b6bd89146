"""The parts of docs/benchmarks.md about real calls: the SIP edge, and calls beside a long report.

The others are in page.py. To add one, see there.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench import edge, report_beside
from tests.bench.page import Goal, Section, runs_text, table


def sip(runs: dict[edge.Kind, list[edge.Found]], pace: edge.Pace, cores: int) -> Section:
    """The edge with the real service and with the stub."""
    clean = {kind: edge.median_step([one.clean for one in found]) for kind, found in runs.items()}
    carried = {kind: edge.median_step([one.carried for one in found]) for kind, found in runs.items()}
    limit = edge_limit(clean["charging"], clean["stub"], [one.beyond for one in runs["charging"]], cores)
    goals = (
        _ratio("calls through the edge without a failed one, against an instant stub", carried, pace, limit),
        _ratio("the same with events at most a second behind", clean, pace, limit),
    )
    names: dict[edge.Kind, str] = {"stub": "instant stub", "charging": "charging service"}
    method = (
        f"A call is INVITE, 180, 200, ACK and BYE with {edge.RING_MS} ms of ringing and {edge.HOLD_MS / 1000:g} s of"
        " talk; SIPp is caller and carrier, media does not pass the edge. Kamailio, PostgreSQL, the service and SIPp"
        f" share the {cores} cores. Both services stand behind the same Kamailio, one after the other, on the same HTTP"
        " server; the stub answers with a constant and keeps nothing. All calls are one customer's. The rate climbs in"
        f" steps of {pace.factor - 1:.0%}; a step is clean when every call is set up and ended no later than"
        f" {edge.LATE_S:g} s after it should be, and the service has heard of every end within"
        f" {edge.BEHIND_MOST_S:g} s of the last call."
        f" {runs_text(len(runs['charging']))} of stub and service in turn."
    )
    lines = [
        method,
        "",
        *table(
            ("service", "clean", "set-up", "no call failed (events may lag)", "events behind there"),
            (
                (
                    names[kind],
                    f"{clean[kind].rate} /s",
                    f"{clean[kind].setup_ms:.0f} ms",
                    f"{carried[kind].rate} /s",
                    f"{carried[kind].behind_s:.1f} s",
                )
                for kind in runs
            ),
        ),
        "",
        "CPU per call at the clean rate:",
        "",
        *table(
            ("service", "Kamailio", "service", "PostgreSQL, charging", "PostgreSQL, dialogs", "SIPp", "cores busy"),
            ((names[kind], *_cpu(clean[kind])) for kind in runs),
        ),
    ]
    return Section("The SIP edge", "\n".join(lines), goals)


def _ratio(name: str, steps: dict[edge.Kind, edge.Step], pace: edge.Pace, limit: str) -> Goal:
    """What the real service carries of what the stub does. A climb that ran out of rates proves nothing."""
    ratio = steps["charging"].rate / steps["stub"].rate
    measured = f"{ratio:.2f} ({steps['charging'].rate} of {steps['stub'].rate} /s)"
    if steps["stub"].rate >= pace.rates[-1]:
        limit = "the search ended before the stub did, so the ratio is no figure"
        return Goal(name, ">= 0.80", f"{measured}, not reached its end", False, limit)
    return Goal(name, ">= 0.80", measured, ratio >= 0.8, limit)


def edge_limit(charged: edge.Step, stub: edge.Step, beyond: Sequence[edge.Step | None], cores: int) -> str:
    """Why the charging service carries less than the stub."""
    extra_ms = charged.cpu.total_ms - stub.cpu.total_ms
    busy = charged.cpu.total_ms * charged.rate / 1000
    parts = (
        f"a charged call costs {extra_ms:.2f} ms of CPU more than one that is not ({charged.cpu.service_ms:.2f} ms in"
        f" the service, {charged.cpu.postgres_charging_ms:.2f} ms in PostgreSQL) on the {cores} cores that Kamailio and"
        f" SIPp use too; {busy:.1f} of them were busy"
    )
    behind = [step for step in beyond if step is not None and step.carried]
    if len(behind) * 2 > len([step for step in beyond if step is not None]):
        return f"{parts}, and at the next step no call failed but the events came late"
    return parts


def beside(found: Sequence[report_beside.Beneath], pace: report_beside.Pace) -> Section:
    """A long report, and big cards that change, beside the calls."""
    shown = _few(min(len(one.by_second_ms) for one in found))
    method = (
        f"{pace.calls_per_s:,} full calls a second, in process, for {pace.seconds} s: alone, and beside a report that"
        f" keeps one snapshot open all the time, in the same database and in another one of the same server, and while"
        f" the card of {pace.scale.prefixes:,} prefixes that all calls are sold by is published anew every"
        f" {pace.cards_apart_s:g} s. {runs_text(pace.runs)}, taking turns. While a snapshot is open no dead row version"
        f" can be removed; a new card is read and indexed while calls are decided by the one before."
    )
    lines = [
        method,
        "",
        *table(
            (
                "beside",
                "calls/s",
                "authorize p50",
                "p99",
                "p50 in the last quarter",
                "p99 in the last quarter",
                "CPU of PostgreSQL a call",
                "pages read for the hottest row",
            ),
            (
                (
                    one.beside,
                    f"{one.calls_per_s:,.0f}",
                    f"{one.whole.p50_ms} ms",
                    f"{one.whole.p99_ms} ms",
                    f"{one.last.p50_ms} ms",
                    f"{one.last.p99_ms} ms",
                    f"{one.postgres_ms} ms",
                    f"{one.pages:,.0f}",
                )
                for one in found
            ),
        ),
        "",
        "Median of authorize, second by second:",
        "",
        *table(
            ("beside", *(f"{second + 1} s" for second in shown)),
            ((one.beside, *(f"{one.by_second_ms[second]} ms" for second in shown)) for one in found),
        ),
        "",
        "What follows from it: [decision 0010](decisions/0010-hot-tables-one-database.md).",
    ]
    return Section("A long report, and big cards that change, beside the calls", "\n".join(lines))


def _few(seconds: int) -> list[int]:
    """First, last, and some seconds between."""
    apart = max(3, seconds // 12)
    return sorted({0, *range(apart - 1, seconds, apart), seconds - 1})


def _cpu(step: edge.Step) -> tuple[str, ...]:
    cpu = step.cpu
    parts = (cpu.kamailio_ms, cpu.service_ms, cpu.postgres_charging_ms, cpu.postgres_dialogs_ms, cpu.sipp_ms)
    return *(f"{part:.2f} ms" for part in parts), f"{cpu.total_ms * step.rate / 1000:.2f}"
