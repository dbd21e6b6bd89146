"""Claims about the signature that a call leaves with: the rule's, a verified number's, the one it brought, none."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.core.call_cast import AT, INVITE, Desk, World, world
from tests.core.test_cli_rules import made
from tests.core.test_stir import ISSUED, certificate
from tests.stir_authority import issued, verified
from tollgate.core.calls import Invite, Plan, call_detail, read_plan, settle
from tollgate.core.cli_rules import CliRule, CliRuleInvalid
from tollgate.core.refusals import Key
from tollgate.core.snapshot import Endpoint
from tollgate.core.stir import Certificate, Passport, origid_of, signed

OURS, OTHER = certificate(), certificate(issued("123A"), id=2, name="Other", url="https://cert.example.org/other.pem")
THEIRS = certificate(issued("CUST"), url="https://customer.example/c.pem")
CALLER, CALLED = INVITE.cli, INVITE.cld


def signing(
    *rules: CliRule, certificates: tuple[Certificate, ...] = (OURS, OTHER), default: int = 1, **acme: Any
) -> World:
    known = world(acme={"cli_rules": rules, **acme})
    held = {one.id: one for one in certificates}
    known.snapshot = replace(known.snapshot, certificates=held, certificate_id=default)
    return known


def rule(**fields: Any) -> CliRule:
    return made("^44", **fields)


def left(planned: Plan) -> tuple[str, str] | None:
    """The attestation that we sign, and by which certificate; None where nothing of ours is."""
    own = planned.attestation
    return None if own is None or own.certificate is None else (own.level, own.certificate.name)


def gate(known: World, invite: Invite = INVITE) -> dict[str, Any] | None:
    found = [gate.values for gate in known.granted(invite).gates if gate.gate == Key.attestation]
    return found[0] if found else None


def brought(at: Any = AT, *, orig: str = CALLER, dest: str = CALLED, level: str = "B") -> Invite:
    """The call with a signature of its caller's."""
    return INVITE._replace(identity=signed(THEIRS, Passport(level, orig, (dest,), at, "theirs")))


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (signing(rule(attestation="A")), ("A", "Own")),
        (signing(rule(attestation="C", certificate_id=2)), ("C", "Other")),
        (signing(made(CALLER, forced=True, attestation="B"), approved_clis_only=True), ("B", "Own")),
        (signing(attestations={CALLER: "A"}), ("A", "Own")),
        (signing(rule(), attestations={CALLER: "B"}), ("B", "Own")),
        (signing(rule(attestation="C"), attestations={CALLER: "A"}), ("C", "Own")),
        (signing(rule(rewrite_cli="37061234567", attestation="A"), attestations={CALLER: "B"}), ("A", "Own")),
        (signing(rule(rewrite_cli="37061234567"), attestations={CALLER: "B"}), None),
        (signing(rule()), None),
        (signing(), None),
        (signing(made("^99", attestation="A")), None),
        (signing(rule(attestation="A"), default=0), None),
        (signing(rule(attestation="A", certificate_id=3)), None),
        (signing(rule(attestation="A", certificate_id=2), certificates=(OURS,)), None),
        (signing(attestations={CALLER: "A"}, certificates=()), None),
    ],
)
def test_the_rule_comes_before_the_verified_number_and_its_certificate_before_the_default(
    known: World, told: tuple[str, str] | None
) -> None:
    assert left(known.plan()) == told


def test_what_leaves_says_who_is_shown_and_who_is_called_by_their_whole_numbers() -> None:
    own = signing(rule(rewrite_cli="+37061234567", attestation="A")).plan().attestation
    assert own is not None
    claims = verified(own.header(AT), ISSUED.own, at=AT)
    assert (claims["orig"]["tn"], claims["dest"]["tn"], claims["attest"]) == ("37061234567", [CALLED], "A")
    assert claims["origid"] == origid_of(INVITE.edge, INVITE.call_id)


@pytest.mark.parametrize("at", [OURS.starts_at - timedelta(seconds=1), OURS.expires_at])
def test_a_certificate_signs_only_while_it_is_valid(at: Any) -> None:
    known = signing(rule(attestation="A"))
    assert left(known.plan(at=at)) is None
    assert left(known.plan(at=at + timedelta(seconds=1 if at < AT else -1))) == ("A", "Own")


def test_who_shows_no_number_is_not_signed() -> None:
    known = signing(made(".*", dialed="^44", attestation="A"))
    assert left(known.plan(INVITE._replace(cli="anonymous"))) is None


def test_a_signature_that_came_goes_on_where_it_speaks_of_this_call() -> None:
    for known in (world(), signing(), signing(rule(attestation="A")), signing(attestations={CALLER: "A"})):
        own = known.plan(brought()).attestation
        assert own is not None
        assert (own.certificate, own.level, own.header(AT)) == (None, "B", brought().identity)


@pytest.mark.parametrize(
    "invite",
    [
        brought(orig="442071838751"),
        brought(dest="442079460002"),
        brought(AT - timedelta(seconds=61)),
        brought(AT + timedelta(seconds=61)),
        INVITE._replace(identity="nonsense"),
    ],
)
def test_one_that_speaks_of_another_call_does_not(invite: Invite) -> None:
    assert world().plan(invite).attestation is None
    assert left(signing(rule(attestation="A")).plan(invite)) == ("A", "Own")


def test_a_changed_number_leaves_the_signature_behind() -> None:
    assert signing(rule(rewrite_cli="37061234567")).plan(brought()).attestation is None
    assert signing(rule(rewrite_cli="37061234567")).plan(brought(orig="37061234567")).attestation is not None


def test_ours_takes_its_place_where_the_rule_says_so_and_can() -> None:
    assert left(signing(rule(attestation="A", signature_replaced=True)).plan(brought())) == ("A", "Own")
    kept = signing(rule(attestation="A", signature_replaced=True), certificates=()).plan(brought()).attestation
    assert kept is not None
    assert kept.certificate is None


def test_a_call_that_needs_a_signature_and_gets_none_is_refused() -> None:
    for known in (signing(rule(signature_required=True), certificates=()), signing(rule(signature_required=True))):
        refusal = known.refused()
        assert (refusal.key, refusal.variant) == (Key.attestation, "absent")
        assert known.granted(brought()).gates
    expired = replace(OURS, expires_at=AT)
    refusal = signing(rule(signature_required=True, attestation="A"), certificates=(expired,)).refused()
    assert dict(refusal.values) == {"why": "certificate expired", "received": False}
    assert left(signing(rule(signature_required=True, attestation="A")).plan()) == ("A", "Own")


def test_what_is_wrong_with_number_or_price_is_told_before_a_missing_signature() -> None:
    known = signing(rule(signature_required=True))
    assert known.refused(INVITE._replace(cld="999")).key is not Key.attestation


def test_the_steps_tell_what_was_signed_by_what_or_why_not() -> None:
    origid = origid_of(INVITE.edge, INVITE.call_id)
    assert gate(signing(rule(attestation="A"))) == {
        "attestation": "A", "how": "signed", "certificate": "Own", "origid": origid,
    }  # fmt: skip
    assert gate(signing(), brought()) == {"received": "B", "how": "passed on"}
    absent = {"how": "not signed", "received": False}
    assert gate(signing(rule(attestation="A"), default=0)) == {**absent, "why": "no certificate"}
    late = replace(OURS, starts_at=AT + timedelta(1))
    assert gate(signing(rule(attestation="A"), certificates=(late,))) == {**absent, "why": "certificate not valid yet"}
    refused_to_go_on = {"how": "not signed", "received": True, "why": "no attestation"}
    assert gate(world(), INVITE._replace(identity="nonsense")) == refused_to_go_on
    assert gate(signing()) is None
    assert gate(world(acme={"cli_rules": (rule(attestation="A"),)})) is None, "an installation without certificates"


def test_a_call_on_our_own_net_is_not_signed() -> None:
    known = signing(made(".*", attestation="A", signature_required=True))
    known.snapshot = replace(known.snapshot, users={"1001": Endpoint(7, 1, "sip_user", 27)})
    planned = known.plan(brought(dest="1001")._replace(cld="1001"))
    assert (planned.local_user, planned.attestation, planned.hidden) == ("1001", None, None)


def test_the_record_of_the_call_keeps_the_attestation() -> None:
    for known, invite, meta in (
        (signing(rule(attestation="A")), INVITE, {"stir_shaken_attest": "A"}),
        (signing(), brought(), None),
        (signing(), INVITE, None),
    ):
        desk = Desk(known)
        desk.authorize(invite)
        call = replace(desk.calls[invite.call_id], plan=read_plan(desk.texts[invite.call_id]))
        detail = call_detail(call, settle(call, ended_at=AT, answered_at=None, duration_ms=None, at=AT))
        assert json.loads(detail).get("meta") == meta


def test_a_certificate_without_an_attestation_says_nothing() -> None:
    with pytest.raises(CliRuleInvalid, match="what the certificate says") as refused:
        rule(certificate_id=1)
    assert refused.value.field == "attestation"
