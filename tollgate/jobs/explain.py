"""`tollgate explain`: why a call was refused or cost what it cost, step by step."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tollgate.core.money import format_micros
from tollgate.jobs.console import CommandFailed, Commands, add_command, say
from tollgate.jobs.records import records

if TYPE_CHECKING:
    from tollgate.store.models import CDR, Call
    from tollgate.store.queries.explain import Explanation


def register(commands: Commands) -> None:
    """Adds the command."""
    parser = add_command(
        commands, "explain", run=run, words="why a call was refused or cost what it cost", machine=True
    )
    parser.add_argument("call", metavar="CALL_ID", help="our id of the call, or the switch's Call-ID")


def run(arguments: Namespace) -> int:
    """Explains a live or an ended call."""
    with records():
        words, facts = story(arguments.call)
    say(arguments, words, **facts)
    return 0


def story(call_id: str) -> tuple[str, dict[str, Any]]:
    """The explanation in words and as facts. Needs the records."""
    from tollgate.store.models import Call
    from tollgate.store.queries.explain import explain_call, explain_cdr

    by_id = call_id.isascii() and call_id.isdigit() and int(call_id) < 2**63
    ours: dict[str, int | str] = {"pk": int(call_id)} if by_id else {"edge_call_id": call_id}
    cdr = _newest(ours) or (_newest({"edge_call_id": call_id}) if by_id else None)
    if cdr is None and by_id and not Call.objects.filter(**ours).exists():
        cdr = _archived(int(call_id))
    if cdr is not None:
        explanation = explain_cdr(cdr)
        return "\n".join([*_head(cdr), *_steps(explanation)]), {**_facts(cdr), **_plain(explanation)}
    call = Call.objects.select_related("customer").filter(**ours).first()
    if call is None:
        raise CommandFailed(f"no call is known by {call_id}")
    explanation = explain_call(call)
    return "\n".join([_live(call), *_steps(explanation)]), {"call": call.pk, "state": call.state, **_plain(explanation)}


def _newest(wanted: Mapping[str, int | str]) -> CDR | None:
    """The newest CDR; one refused because its Call-ID was taken is told only when the call that took it has none."""
    from tollgate.store.models import CDR

    found = CDR.objects.select_related("customer").filter(**wanted).order_by("-started_at")
    return found.exclude(refusal="call_id_in_use").first() or found.first()


def _archived(call_id: int) -> CDR | None:
    """A call that only the lake still has, by our id of it."""
    from tollgate.store.models import Account
    from tollgate.store.queries.archived import archived_cdr

    ids = Account.objects.order_by("id").values_list("pk", flat=True)
    at = datetime.now(UTC)
    return next((found for pk in ids if (found := archived_cdr(pk, call_id, at)) is not None), None)


def _live(call: Call) -> str:
    numbers = f"{call.cli or '(no CLI)'} -> {call.cld}"
    return f"Call {call.pk} ({call.edge_call_id}) is live: {numbers}, {call.state}, granted {call.granted_s} s"


def _head(cdr: CDR) -> Iterator[str]:
    who = cdr.customer.name if cdr.customer else "nobody we know"
    yield f"Call {cdr.pk} ({cdr.edge_call_id}) of {who} at {cdr.started_at:%Y-%m-%d %H:%M:%S} UTC"
    yield f"{cdr.cli or '(no CLI)'} -> {cdr.cld}  {cdr.destination}"
    if cdr.refusal:
        yield f"Refused: {cdr.refusal}, answered with SIP {cdr.sip_sent}, Q.850 {cdr.q850}"
    else:
        talked = f"{format_micros(cdr.duration_ms * 1000)} s talked, {cdr.billed_s} s billed"
        yield f"{cdr.state.capitalize()}: SIP {cdr.sip_sent}, Q.850 {cdr.q850}, ended by {cdr.released_by}; {talked}"


def _steps(explanation: Explanation) -> Iterator[str]:
    yield "Decision"
    for gate in explanation.gates:
        values = ", ".join(f"{name} {value}" for name, value in gate.values)
        yield f"  {'passed ' if gate.ok else 'REFUSED'} {gate.key:<18} {gate.scope:<9} {values}"
    for number, route in enumerate(explanation.routes, start=1):
        carried = "  <- carried the call" if route.chosen else ""
        priced = f"{route.card} {route.prefix or '*'}"
        yield f"  route {number}: {route.carrier} / {route.gateway}, {priced}, sends {route.cld}{carried}"
    for dropped in explanation.dropped:
        values = ", ".join(f"{name} {value}" for name, value in dropped.values)
        yield f"  left out: {dropped.carrier} {dropped.gateway} ({dropped.why}) {values}".rstrip()
    for attempt in explanation.attempts:
        yield f"  attempt {attempt.number}: {attempt.carrier} / {attempt.gateway}: SIP {attempt.sip} {attempt.why}"
    for leg in explanation.legs:
        if not leg.lines:
            continue
        yield f"Price for {leg.kind} {leg.name} by {leg.card} revision {leg.revision}, prefix {leg.prefix or '*'}"
        for line in leg.lines:
            yield f"  {line.words:<70} {line.amount}".rstrip()
        if leg.differs:
            yield f"  CHARGED {format_micros(leg.cost_micros)} {leg.currency}, which the rate does not give"
    if explanation.entries:
        yield "Entries"
    for entry in explanation.entries:
        amount = f"{format_micros(entry.amount_micros)} {entry.currency} from {entry.book}"
        whose = getattr(entry, "company", None) or entry.wallet.owner_id
        yield f"  {entry.wallet.kind} {whose}: {amount} ({entry.kind}) {entry.note}".rstrip()
    for note in explanation.notes:
        yield f"Note: {note}"


def _facts(cdr: CDR) -> dict[str, Any]:
    return {
        "call": cdr.pk,
        "call_id": cdr.edge_call_id,
        "state": cdr.state,
        "refusal": cdr.refusal,
        "sip": cdr.sip_sent,
        "q850": cdr.q850,
        "duration_ms": cdr.duration_ms,
        "billed_s": cdr.billed_s,
        "cost_micros": cdr.cost_micros,
        "currency": cdr.currency,
    }


def _plain(explanation: Explanation) -> dict[str, Any]:
    """As JSON carries it."""
    entries = [
        {"wallet": entry.wallet_id, "book": entry.book, "kind": entry.kind, "amount_micros": entry.amount_micros}
        for entry in explanation.entries
    ]
    attempts = [
        {**asdict(attempt), "at": attempt.at.isoformat() if attempt.at else None} for attempt in explanation.attempts
    ]
    return {**asdict(replace(explanation, entries=(), attempts=())), "entries": entries, "attempts": attempts}
