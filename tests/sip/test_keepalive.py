"""Claims about sides that vanish without a word: the call ends for the other, and it is known when it ended."""

from __future__ import annotations

import pytest

from tests.sip.party import Party, describe
from tests.sip.rig import ACME, BALTIC, Rig
from tests.sip.sipp import until

pytestmark = [pytest.mark.sip, pytest.mark.timeout(240)]

VANISHING, STAYING = 60, 61
NOTICED_S = (44, 90)
"""30 s until the first question, 5 s of waiting for its answer, 10 s of grace, and some for a busy machine."""


def answered_call(rig: Rig, cld: str, *, caller: Party, carrier: Party) -> None:
    rig.plan(cld, int(carrier.ip.rpartition(".")[2]))
    caller.invite(cld)
    carrier.expect("INVITE")
    carrier.reply(200, "OK", body=describe(carrier.ip, port=21_000))
    caller.expect(200, of="INVITE")
    caller.request("ACK", cseq=1)
    carrier.expect("ACK")


def stays_until_the_end(side: Party) -> bool:
    """Answers what comes; whether that was the BYE."""
    message = side.receive(0.05)
    if message is None or message.code or message.header("Call-ID") != side.call_id:
        return False
    side.reply(200, "OK", to=message)
    return message.method == "BYE"


def test_a_side_that_vanishes_ends_the_call_for_the_other(rig: Rig) -> None:
    """A called side that is gone has cost nothing since it was heard last; a caller pays until it is noticed."""
    acme, gone_carrier = rig.party(ACME), rig.party(VANISHING)
    gone_baltic, carrier = rig.party(BALTIC), rig.party(STAYING)
    answered_call(rig, "5001", caller=acme, carrier=gone_carrier)
    answered_call(rig, "5002", caller=gone_baltic, carrier=carrier)
    over: set[Party] = set()
    until(
        lambda: (
            over.update(side for side in (acme, carrier) if side not in over and stays_until_the_end(side))
            or len(over) == 2
        ),
        timeout_s=NOTICED_S[1] + 30,
        what="the end of both calls",
    )
    assert {"OPTIONS", "BYE"} <= {message.method for message in acme.heard}
    assert next(m for m in acme.heard if m.method == "BYE").header("Reason").startswith("Q.850;cause=27")
    without_called, without_caller = (rig.events(side.call_id, last="ended")[-1] for side in (acme, gone_baltic))
    talked_s = [float(event["at"]) - float(event["answered_at"]) for event in (without_called, without_caller)]
    assert talked_s[0] == 0
    assert NOTICED_S[0] <= talked_s[1] <= NOTICED_S[1]
    assert (without_called["why"], without_caller["why"]) == ("vanished", "vanished")
