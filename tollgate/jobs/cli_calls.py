"""Calls that speak a code to who wants to show a number: calls like any other, through the edge, held and charged.

It is placed as the SIP user that the account's options name, so that user's customer pays for it by its own routes; the
CDR tells. One process takes one at a time; what it has taken and not finished within `LEASE` has failed, and its call
is ended: a process that died says no BYE, and the call would be paid for as long as its customer may talk.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from django.db import transaction

from tollgate.actions import records
from tollgate.actions.acts import Actor, NotFound, acting
from tollgate.actions.calls import end_call
from tollgate.actions.cli_proofs import call_instead_of_lost_messages
from tollgate.jobs import sip
from tollgate.jobs.sip_phone import CannotSpeak, Dialing, Outcome, own_ip, speak
from tollgate.store.models import Call, CliProof, Endpoint
from tollgate.store.secrets import CannotUnseal, unseal

SOUNDS: Final = Path(__file__).with_name("sounds")
TIMES: Final = 3
LEASE: Final = timedelta(minutes=2)
LOOKED_BACK: Final = timedelta(days=1)
"""So long a call may have been going on that is ended yet."""
ENDING: Final = Actor("code calls", frozenset({"end_call"}), "The call that spoke a code was not ended.")
USUAL: Final = "en"
log = logging.getLogger(__name__)


class CannotCall(Exception):
    """Why nobody can be called now."""


def call_next(at: datetime) -> CliProof | None:
    """Calls the number that waits longest and writes what became of it; None when none waits."""
    with transaction.atomic():
        call_instead_of_lost_messages(at)
        _give_up(at)
        _end_forgotten(at)
        waiting = CliProof.objects.filter(state="queued", way="call").order_by("id")
        proof = waiting.select_for_update(skip_locked=True, of=("self",)).first()
        if proof is None:
            return None
        call_id = f"code-{secrets.token_hex(12)}"
        records.change(
            proof, {"state": "calling", "called_at": at, "call_id": call_id, "words": "The number is called."}
        )
    try:
        outcome = _call(proof)
    except CannotSpeak as problem:
        _write(proof, told=False, words=f"The call was answered, but nothing could be spoken: {problem}.")
    except (CannotCall, CannotUnseal, OSError) as problem:
        log.warning("no code is called to %s: %s", proof.number, problem)
        _write(proof, told=False, words=f"No call could be made: {problem}")
    else:
        _write(proof, told=outcome.code < 300, words=_words(outcome))
    return proof


def sound(code: str, language: str) -> bytes:
    """What is said: a sentence, then digit by digit with a breath between."""
    folder = SOUNDS / language.lower()[:2]
    folder = folder if language and folder.is_dir() else SOUNDS / USUAL
    breath = b"\xff" * 1600
    return breath.join((folder / f"{name}.ul").read_bytes() for name in ("intro", *code))


def _call(proof: CliProof) -> Outcome:
    account = proof.customer.account
    user = account.verification_user
    if user is None or not user.enabled or not user.ha1:
        raise CannotCall("the options name no SIP user that may call")
    code = unseal(proof.code_sealed)
    if not code:
        raise CannotCall("the code is no longer known")
    edge = sip.address()
    if is_somebody(own_ip(edge), user):
        raise CannotCall("this machine's address is an IP endpoint, whose calls these would be")
    dialing = Dialing(
        edge=edge,
        call_id=proof.call_id,
        cli=account.verification_cli or user.username or "",
        number=proof.number,
        user=user.username or "",
        ha1=user.ha1,
    )
    language = proof.contact.language if proof.contact is not None else ""
    return asyncio.run(speak(dialing, sound(code, language or proof.customer.language), times=TIMES))


def is_somebody(ip: str, user: Endpoint) -> bool:
    """Whether calls from an address are believed without a password."""
    address = ip_address(ip)
    networks = Endpoint.objects.filter(account_id=user.account_id, kind="ip", enabled=True)
    return any(address in network for network in networks.values_list("network", flat=True) if network is not None)


def _words(outcome: Outcome) -> str:
    if outcome.code >= 300:
        return f"The call was not answered: {outcome.code} {outcome.reason}."
    return "The code was spoken." if outcome.spoken_count else "The call was ended before all was spoken."


def _write(proof: CliProof, *, told: bool, words: str) -> None:
    """Only while it is still ours: the code may have been typed while it was spoken."""
    with transaction.atomic():
        held = CliProof.objects.select_for_update().get(pk=proof.pk)
        if held.call_id == proof.call_id and held.state == "calling":
            records.change(held, {"state": "told" if told else "failed", "words": words, "code_sealed": ""})


def _give_up(at: datetime) -> None:
    """What came to nothing: a code that nobody typed or called in time, and what a process that died has begun."""
    late = CliProof.objects.filter(state__in=("queued", "told"), expires_at__lte=at)
    late.update(state="failed", words="The code was not typed in time.", code_sealed="")
    lost = CliProof.objects.filter(state="calling", called_at__lt=at - LEASE)
    for proof in lost.select_for_update(skip_locked=True):
        records.change(proof, {"state": "failed", "words": "The call was broken off.", "code_sealed": ""})


def _end_forgotten(at: datetime) -> None:
    """Has every call ended that should have been by now, whatever became of its code and of who placed it."""
    placed = CliProof.objects.filter(called_at__range=(at - LOOKED_BACK, at - LEASE))
    live = Call.objects.filter(
        edge_call_id__in=list(placed.values_list("call_id", flat=True)), hangup_at__isnull=True
    ).values_list("pk", flat=True)
    for call_id in list(live):
        with acting(ENDING), suppress(NotFound):  # it may have ended by itself
            end_call(call_id=call_id)
