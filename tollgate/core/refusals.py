"""Refusals: every reason for which a call is not carried, and the SIP answer each one gives.

To add one: a member of `Key`, its row in `ANSWERS` (standards.md section 3 gives the Q.850 cause), and the gate in
`calls_plan` or `calls_decide` that says it. A key whose words depend on the case has rows in `VARIANTS` as well.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

Value = str | int | bool | None
"""What a gate compared: amounts in micros, instants as RFC 3339 text."""


class Key(StrEnum):
    """The stable names; operators remap their answers, never the keys."""

    ip_unknown = "ip_unknown"
    digest_failed = "digest_failed"
    sip_user_ip_denied = "sip_user_ip_denied"
    account_paused = "account_paused"
    status_inactive = "status_inactive"
    status_penalty = "status_penalty"
    status_pending = "status_pending"
    customer_expired = "customer_expired"
    contract_required = "contract_required"
    email_unverified = "email_unverified"
    mobile_unverified = "mobile_unverified"
    time_restricted = "time_restricted"
    credit = "credit"
    daily_spend = "daily_spend"
    channels_customer = "channels_customer"
    channels_endpoint = "channels_endpoint"
    channels_route = "channels_route"
    channels_did = "channels_did"
    channels_carrier = "channels_carrier"
    cps_customer = "cps_customer"
    cps_endpoint = "cps_endpoint"
    cps_route = "cps_route"
    cps_did = "cps_did"
    cps_carrier = "cps_carrier"
    cli_restricted = "cli_restricted"
    paid_required = "paid_required"
    dialplan = "dialplan"
    no_ingress_route = "no_ingress_route"
    no_rate = "no_rate"
    no_carrier = "no_carrier"
    rate_capped = "rate_capped"
    connect_cost_blocked = "connect_cost_blocked"
    destination_type = "destination_type"
    dnc = "dnc"
    asr_plus = "asr_plus"
    dno = "dno"
    spam = "spam"
    ftc = "ftc"
    attestation = "attestation"
    redial = "redial"
    fraud = "fraud"
    global_blacklist = "global_blacklist"
    script = "script"
    conference_full = "conference_full"
    local_loop = "local_loop"
    number_invalid = "number_invalid"
    number_unallocated = "number_unallocated"
    charging_unavailable = "charging_unavailable"
    codec_unsupported = "codec_unsupported"
    call_id_in_use = "call_id_in_use"
    pin_unknown = "pin_unknown"
    pin_locked = "pin_locked"
    pin_not_allowed = "pin_not_allowed"
    access_number_unknown = "access_number_unknown"
    cli_unknown = "cli_unknown"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call was not carried: the key, the level or thing that said no, and the values compared there.

    `variant` picks the words where a key has several; `gates` are the steps up to the refusal, for the CDR.
    """

    key: Key
    scope: str = ""
    values: tuple[tuple[str, Value], ...] = ()
    variant: str = ""
    gates: tuple[str, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller's switch is told."""

    sip: int
    reason: str
    q850: int
    retry_after_s: int | None = None
    retry_elsewhere: bool = False


_CHANNELS = "Channel Limit Exceeded"
_CPS = Answer(503, "CPS Limit Exceeded", 42, retry_after_s=1, retry_elsewhere=True)

ANSWERS: Mapping[Key, Answer] = {
    Key.ip_unknown: Answer(401, "IP Not Authorised", 21),
    Key.digest_failed: Answer(403, "Authentication Failed", 21),
    Key.sip_user_ip_denied: Answer(403, "Source IP Not Allowed", 21),
    Key.account_paused: Answer(503, "Server not accepting calls (Paused)", 41),
    Key.status_inactive: Answer(403, "Account Inactive", 21),
    Key.status_penalty: Answer(403, "Account Penalty", 21),
    Key.status_pending: Answer(403, "Account Pending Approval", 21),
    Key.customer_expired: Answer(403, "Account Expired", 21),
    Key.contract_required: Answer(403, "Contract Not Accepted", 21),
    Key.email_unverified: Answer(403, "Email Not Verified", 21),
    Key.mobile_unverified: Answer(403, "Mobile Not Verified", 21),
    Key.time_restricted: Answer(480, "Disallowed by Date/Time Restriction", 18),
    Key.credit: Answer(402, "Insufficient Credit", 21),
    Key.daily_spend: Answer(402, "Daily Spend Limit Reached", 21),
    Key.channels_customer: Answer(503, _CHANNELS, 17),
    Key.channels_endpoint: Answer(503, _CHANNELS, 17),
    Key.channels_route: Answer(503, _CHANNELS, 34),
    Key.channels_did: Answer(503, _CHANNELS, 34),
    Key.channels_carrier: Answer(503, _CHANNELS, 34),
    Key.cps_customer: _CPS,
    Key.cps_endpoint: _CPS,
    Key.cps_route: _CPS,
    Key.cps_did: _CPS,
    Key.cps_carrier: _CPS,
    Key.cli_restricted: Answer(603, "CLI restriction in effect", 21),
    Key.paid_required: Answer(403, "P-Asserted-Identity Required", 21),
    Key.dialplan: Answer(503, "Blocked by Dial plan", 41),
    Key.no_ingress_route: Answer(580, "No Route Available", 31),
    Key.no_rate: Answer(503, "No Routes Available (Pre)", 3),
    Key.no_carrier: Answer(503, "No Routes Available (U)", 34, retry_elsewhere=True),
    Key.rate_capped: Answer(503, "Rate Cap Exceeded", 41),
    Key.connect_cost_blocked: Answer(503, "Connect Cost Blocked", 41),
    Key.destination_type: Answer(403, "Destination Blocked", 21),
    Key.dnc: Answer(604, "Number on DNC List", 1),
    Key.asr_plus: Answer(604, "Number not Found (ASRPlus)", 1),
    Key.dno: Answer(603, "DNO Blocked", 21),
    Key.spam: Answer(603, "Spam Blocked", 21),
    Key.ftc: Answer(603, "FTC Blocked", 21),
    Key.attestation: Answer(403, "Attestation Too Low", 21),
    Key.redial: Answer(480, "Redial Limit", 18),
    Key.fraud: Answer(403, "Fraud Protection", 21),
    Key.global_blacklist: Answer(603, "Number Blacklisted", 21),
    Key.script: Answer(503, "Refused by Script", 41),
    Key.conference_full: Answer(486, "Conference Full", 17),
    Key.local_loop: Answer(482, "Loop Detected", 25),
    Key.number_invalid: Answer(484, "Address Incomplete", 28),
    Key.number_unallocated: Answer(404, "Not Found", 1),
    Key.charging_unavailable: Answer(503, "Service Unavailable", 41, retry_after_s=5, retry_elsewhere=True),
    Key.codec_unsupported: Answer(488, "Not Acceptable Here", 65),
    Key.call_id_in_use: Answer(482, "Merged Request", 31),
    Key.pin_unknown: Answer(403, "PIN Not Accepted", 21),
    Key.pin_locked: Answer(480, "Too Many Wrong PINs", 21, retry_after_s=900),
    Key.pin_not_allowed: Answer(403, "PIN Not Allowed Here", 21),
    Key.access_number_unknown: Answer(404, "Access Number Not Found", 1),
    Key.cli_unknown: Answer(603, "CLI Not Recognized", 21),
}

INBOUND: Final = "inbound"
"""Of a call to a DID: what keeps its customer from calls is not told to a carrier's switch, and one DID that is full or
fast is no reason for it to send nothing else here, as 503 and Retry-After would be (RFC 3261 section 21.5.4)."""
_NOT_NOW = Answer(480, "Temporarily Unavailable", 31)
_BUSY = Answer(486, "Busy Here", 17)

VARIANTS: Mapping[tuple[Key, str], Answer] = {
    (Key.status_inactive, INBOUND): _NOT_NOW,
    (Key.status_penalty, INBOUND): _NOT_NOW,
    (Key.status_pending, INBOUND): _NOT_NOW,
    (Key.customer_expired, INBOUND): _NOT_NOW,
    (Key.email_unverified, INBOUND): _NOT_NOW,
    (Key.mobile_unverified, INBOUND): _NOT_NOW,
    (Key.credit, INBOUND): _NOT_NOW,
    (Key.daily_spend, INBOUND): _NOT_NOW,
    (Key.no_rate, INBOUND): _NOT_NOW,
    (Key.no_carrier, INBOUND): _NOT_NOW,
    (Key.destination_type, INBOUND): _NOT_NOW,
    (Key.channels_customer, INBOUND): _BUSY,
    (Key.channels_endpoint, INBOUND): _BUSY,
    (Key.channels_did, INBOUND): _BUSY,
    (Key.cps_customer, INBOUND): _BUSY,
    (Key.cps_endpoint, INBOUND): _BUSY,
    (Key.cps_did, INBOUND): _BUSY,
    (Key.digest_failed, "locked"): Answer(480, "Too Many Wrong Passwords", 21, retry_after_s=900),
    (Key.channels_endpoint, "called"): Answer(486, "Busy Here", 17),
    (Key.cps_endpoint, "called"): Answer(503, "CPS Limit Exceeded", 42, retry_after_s=1),
    (Key.no_carrier, "lock"): Answer(503, "No Routes Available (Lock)", 34, retry_elsewhere=True),
    (Key.no_carrier, "profit_assurance"): Answer(503, "No Routes Available (Profit Assurance)", 34, None, True),
    (Key.attestation, "absent"): Answer(428, "Use Identity Header", 21),
    (Key.charging_unavailable, "overload"): Answer(503, "Service Overloaded", 42, 5, True),
}


def answer(refusal: Refusal, rewrites: Mapping[str, Answer] | None = None) -> Answer:
    """The answer of a refusal. `rewrites` (key -> answer) are the operator's own and win over everything that customers
    are told; they are no words for a carrier's switch."""
    if refusal.variant != INBOUND and rewrites is not None and (rewritten := rewrites.get(refusal.key)) is not None:
        return rewritten
    if refusal.variant and (variant := VARIANTS.get((refusal.key, refusal.variant))) is not None:
        return variant
    return ANSWERS[refusal.key]


def rewritten(rows: Iterable[Mapping[str, str | int]]) -> dict[str, Answer]:
    """The operator's own answers from rows of {refusal, sip, reason}; what has no key of ours is left out."""
    given = {str(row["refusal"]): row for row in rows}
    return {
        key.value: replace(ANSWERS[key], sip=int(given[key]["sip"]), reason=str(given[key]["reason"]))
        for key in Key
        if key in given
    }


def reason_header(given: Answer) -> str:
    """The value of a SIP Reason header (RFC 3326, in responses by RFC 6432)."""
    text = "".join(c for c in given.reason if c.isprintable()).replace("\\", "\\\\").replace('"', '\\"')
    return f'Q.850;cause={given.q850};text="{text}"'


def headers(refusal: Refusal, given: Answer) -> tuple[tuple[str, str], ...]:
    """All SIP headers of a refusal: the cause, our key unless a carrier would read there how its callee stands with us,
    and when to try again."""
    lines = [("Reason", reason_header(given))]
    if refusal.variant != INBOUND:
        lines.append(("X-Tollgate-Refusal", refusal.key.value))
    if given.retry_after_s is not None:
        lines.append(("Retry-After", str(given.retry_after_s)))
    return tuple(lines)


_Q850_OF_SIP: Mapping[int, int] = {
    401: 21, 402: 21, 403: 21, 404: 1, 407: 21, 408: 102, 410: 22, 480: 18, 484: 28, 486: 17, 487: 16, 488: 65, 500: 41,
    502: 38, 503: 41, 504: 102, 600: 17, 603: 21, 604: 1,
}  # fmt: skip


def q850_of(sip: int) -> int:
    """The cause of a final SIP answer (standards.md 3.6); 31, normal and unspecified, for those without one."""
    return _Q850_OF_SIP.get(sip, 31)
