"""With which signature a call leaves (behaviour.md 12.1): the one it brought, one of ours, or none.

The CLI rule that fitted says the attestation and the certificate; of a number that the customer has had verified its
own attestation counts, and the account's default certificate. A signature that came with the call is passed on only
where it speaks of this call: of the number shown, the number called and now. It is not verified here. Nothing is signed
before the call is granted. A new flag of a rule is obeyed in `attest`.
"""

from datetime import datetime
from typing import Final, NamedTuple

from tollgate.core import stir
from tollgate.core.calls_text import ATTESTED, gate_line
from tollgate.core.calls_types import Invite, Values
from tollgate.core.cli import Shown, comparable
from tollgate.core.cli_rules import CliRule
from tollgate.core.refusals import Key, Refusal, Value
from tollgate.core.snapshot import Payer, Snapshot
from tollgate.core.stir import Attestation, Certificate, Received


class Attested(NamedTuple):
    """The signature, what the trace tells of it, and the refusal of a call that would leave without one it needs."""

    attestation: Attestation | None = None
    lines: tuple[str, ...] = ()
    refusal: Refusal | None = None


NOTHING: Final = Attested()


class Own(NamedTuple):
    """What our signature would be: at which level, by what, and why it cannot be made."""

    level: str = ""
    certificate: Certificate | None = None
    why: str = ""


def attest(invite: Invite, customer: Payer, shown: Shown, number: str, snapshot: Snapshot, at: datetime) -> Attested:
    """The signature of a call to a carrier, for a number as rated."""
    rule = shown.rule
    needed = rule is not None and rule.signature_required
    if not snapshot.certificates and not invite.identity and not needed:
        return NOTHING
    orig = comparable(shown.cli)
    came = stir.received(invite.identity) if invite.identity else None
    own = _own(customer, rule, orig, snapshot, at)
    if came is not None and _speaks_of(came, orig, number, at):
        replaced = own.certificate is not None and rule is not None and rule.signature_replaced
        if not replaced:
            passed = Attestation(came.passport.level, orig, number, received=came.header)
            return Attested(passed, _line(("received", passed.level), ("how", "passed on")))
    if own.certificate is not None:
        origid = stir.origid_of(invite.edge, invite.call_id)
        made = Attestation(own.level, orig, number, origid, own.certificate)
        told: Values = (("how", "signed"), ("certificate", own.certificate.name), ("origid", origid))
        return Attested(made, _line((ATTESTED, own.level), *told))
    values: Values = (("how", "not signed"), ("why", own.why), ("received", invite.identity is not None))
    if needed:
        return Attested(refusal=Refusal(Key.attestation, "customer", values[1:], "absent"))
    return Attested(lines=_line(*values)) if own.level or invite.identity else NOTHING


def _own(customer: Payer, rule: CliRule | None, orig: str, snapshot: Snapshot, at: datetime) -> Own:
    """The rule's level before that of a verified number, its certificate before the account's default."""
    level = (rule.attestation if rule is not None else "") or customer.attestations.get(orig, "")
    if not level:
        return Own(why="no attestation")
    named = rule.certificate_id if rule is not None and rule.attestation else None
    certificate = snapshot.certificates.get(snapshot.certificate_id if named is None else named)
    if certificate is None:
        return Own(level, why="no certificate")
    if not certificate.holds(at):
        return Own(level, why="certificate expired" if at >= certificate.expires_at else "certificate not valid yet")
    if not orig:
        return Own(level, why="the caller shows no number")
    return Own(level, certificate)


def _speaks_of(came: Received, orig: str, number: str, at: datetime) -> bool:
    passport = came.passport
    fresh = abs(at - passport.signed_at) <= stir.FRESH
    return fresh and orig != "" and passport.orig == orig and number in passport.dest


def _line(*values: tuple[str, Value]) -> tuple[str, ...]:
    return (gate_line(Key.attestation, True, "customer", values),)
