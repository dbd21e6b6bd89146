"""Acts on disputes with carriers: lines of a statement that it is asked to take back, and what came of it.

open -> sent -> accepted, partly or rejected -> settled. Settling posts what the carrier did not agree to as an entry of
its wallet; opening it again posts the opposite. To add a state, add it to `CarrierDispute`, `STATES` and an act.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from django.db.models import Count, QuerySet, Sum

from tollgate.actions import checks, records
from tollgate.actions.acts import act, because, current, refuse
from tollgate.actions.carrier_statements import take_back, wallet_of
from tollgate.actions.postings import post
from tollgate.store.models import CarrierDispute, CarrierDisputeNote, CarrierLine, CarrierStatement

STATES: Final = ("open", "sent", "accepted", "partly", "rejected", "settled")
ANSWERED: Final = ("accepted", "partly", "rejected")
DISPUTABLE: Final = ("duration", "rate", "theirs", "doubled")
MOST_LINES: Final = 100_000
CHECKS: Final[Mapping[str, checks.Check]] = {
    "title": checks.text(200, required=True),
    "note": checks.text(5000),
    "text": checks.text(5000, required=True),
    "reason": checks.text(500, required=True),
    "agreed_micros": checks.optional(checks.amount(-checks.MOST_MICROS, checks.MOST_MICROS)),
    "state": checks.one_of(ANSWERED),
}


@act
def open_dispute(
    *,
    statement_id: int,
    title: str,
    line_ids: Sequence[int] = (),
    kinds: Sequence[str] = (),
    destination: str = "",
    note: str = "",
) -> CarrierDispute:
    """Opens a dispute about lines of a statement: those given, or all of some `kinds`, perhaps of one destination.

    Lines that are in a dispute already are left out. Only what the carrier bills can be disputed.
    """
    given = checks.cleaned({name: CHECKS[name] for name in ("title", "note")}, {"title": title, "note": note})
    statement = records.locked(CarrierStatement, statement_id)
    if statement.state != "compared":
        raise refuse("statement_id", "This statement is not compared yet.")
    if statement.accepted_at is not None:
        raise refuse("statement_id", "This statement is accepted: take that back first.")
    lines = _lines(statement, line_ids, kinds, destination)
    found = lines.aggregate(count=Count("pk"), micros=Sum("difference_micros"))
    if not found["count"]:
        raise refuse("line_ids", "None of these lines can be disputed, or all of them are already.")
    if found["count"] > MOST_LINES:
        raise refuse("line_ids", f"A dispute has at most {MOST_LINES:,} lines: choose fewer.")
    dispute = records.create(
        CarrierDispute,
        {"account_id": statement.account_id, "statement_id": statement.pk, "title": given["title"],
         "currency": statement.currency, "lines_count": found["count"], "claimed_micros": int(found["micros"] or 0),
         "author": current.get().name},
    )  # fmt: skip
    lines.update(dispute=dispute)
    _note(dispute, "Opened." if not given["note"] else given["note"])
    return dispute


@act
def delete_dispute(*, dispute_id: int) -> None:
    """Gives up a dispute that is not settled: its lines are as if nobody had disputed them."""
    dispute = records.locked(CarrierDispute, dispute_id)
    _refuse_settled(dispute)
    if dispute.statement.accepted_at is not None:
        raise refuse(
            "dispute_id", "Its statement is accepted without it: settle it, or take the acceptance back first."
        )
    CarrierLine.objects.filter(dispute=dispute).update(dispute=None)
    dispute.delete()


@act
def send_dispute(*, dispute_id: int, note: str = "") -> CarrierDispute:
    """Notes that the carrier has been told."""
    dispute = records.locked(CarrierDispute, dispute_id)
    if dispute.state != "open":
        raise refuse("dispute_id", f"It is {dispute.state} already.")
    changed = records.change(dispute, {"state": "sent", "sent_at": records.now()})
    _note(changed, _words(note) or "Sent to the carrier.")
    return changed


@act
def answer_dispute(*, dispute_id: int, state: str, agreed_micros: int | None = None, note: str = "") -> CarrierDispute:
    """Notes the carrier's answer: accepted is all of the claim, rejected nothing of it, partly `agreed_micros`."""
    values = checks.cleaned(
        {name: CHECKS[name] for name in ("state", "agreed_micros")}, {"state": state, "agreed_micros": agreed_micros}
    )
    dispute = records.locked(CarrierDispute, dispute_id)
    _refuse_settled(dispute)
    agreed = values["agreed_micros"]
    if state != "partly":
        agreed = dispute.claimed_micros if state == "accepted" else 0
    elif agreed is None or not min(0, dispute.claimed_micros) < agreed < max(0, dispute.claimed_micros):
        raise refuse("agreed_micros", "Give what the carrier agrees to: more than nothing, less than the claim.")
    changed = records.change(dispute, {"state": state, "agreed_micros": agreed, "answered_at": records.now()})
    _note(changed, _words(note) or f"The carrier's answer: {state}.")
    return changed


@act
def settle_dispute(*, dispute_id: int, note: str = "") -> CarrierDispute:
    """Ends an answered dispute: what the carrier did not agree to is taken on, by an entry of its wallet."""
    dispute = records.locked(CarrierDispute, dispute_id)
    if dispute.state not in ANSWERED or dispute.agreed_micros is None:
        raise refuse("dispute_id", "Note the carrier's answer first.")
    statement = dispute.statement
    wallet = wallet_of(statement.carrier)
    if dispute.currency != wallet.currency:
        raise refuse("dispute_id", f"It is in {dispute.currency}, the carrier's wallet in {wallet.currency}.")
    because(f"Dispute {dispute.pk} settled")
    count = dispute.settlement + 1
    conceded_micros = dispute.claimed_micros - dispute.agreed_micros
    if conceded_micros:
        post(
            wallet, "carrier_cost", "adjustment", amount_micros=conceded_micros,
            note=f"Dispute {dispute.pk} of statement {statement.number}: not agreed to by {statement.carrier}",
            key=f"carrier dispute {dispute.pk} {count}", ref=ref_of(dispute),
        )  # fmt: skip
    changed = records.change(dispute, {"state": "settled", "settled_at": records.now(), "settlement": count})
    _note(changed, _words(note) or "Settled.")
    return changed


@act
def reopen_dispute(*, dispute_id: int, reason: str) -> CarrierDispute:
    """Posts the opposite of what settling has posted; the carrier's answer is asked for again."""
    words = checks.cleaned({"reason": CHECKS["reason"]}, {"reason": reason})["reason"]
    because(words)
    dispute = records.locked(CarrierDispute, dispute_id)
    if dispute.state != "settled":
        raise refuse("dispute_id", "It is not settled.")
    take_back(
        wallet_of(dispute.statement.carrier), key=f"carrier dispute {dispute.pk} {dispute.settlement}",
        note=f"Taken back: dispute {dispute.pk}, {words}", ref=ref_of(dispute),
    )  # fmt: skip
    values = {"state": "sent", "agreed_micros": None, "answered_at": None, "settled_at": None}
    changed = records.change(dispute, values)
    _note(changed, f"Opened again: {words}")
    return changed


@act
def add_dispute_note(*, dispute_id: int, text: str) -> CarrierDisputeNote:
    """Keeps what was said about a dispute."""
    words = checks.cleaned({"text": CHECKS["text"]}, {"text": text})["text"]
    return _note(records.locked(CarrierDispute, dispute_id), words)


def ref_of(dispute: CarrierDispute) -> str:
    """What its entries name."""
    return f"carrier_dispute:{dispute.pk}"


def _lines(
    statement: CarrierStatement, line_ids: Sequence[int], kinds: Sequence[str], destination: str
) -> QuerySet[CarrierLine]:
    if not line_ids and not kinds:
        raise refuse("line_ids", "Choose lines, or kinds of them.")
    unknown = set(kinds) - set(DISPUTABLE)
    if unknown:
        raise refuse("kinds", f"Choose among {', '.join(DISPUTABLE)}.")
    found = CarrierLine.objects.filter(
        statement=statement, run=statement.run, dispute=None, kind__in=kinds or DISPUTABLE
    ).exclude(difference_micros=0)
    if line_ids:
        found = found.filter(pk__in=list(line_ids))
    return found.filter(destination=destination) if destination else found


def _refuse_settled(dispute: CarrierDispute) -> None:
    if dispute.state == "settled":
        raise refuse("dispute_id", "It is settled: open it again first.")


def _words(note: str) -> str:
    found: str = checks.cleaned({"note": CHECKS["note"]}, {"note": note})["note"]
    return found


def _note(dispute: CarrierDispute, text: str) -> CarrierDisputeNote:
    return records.create(CarrierDisputeNote, {"dispute_id": dispute.pk, "author": current.get().name, "text": text})
