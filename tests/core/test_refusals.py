"""Claims about refusals: each key has its SIP answer, cause and words, and operators may remap the answers."""

import pytest

from tollgate.core.refusals import (
    ANSWERS,
    INBOUND,
    VARIANTS,
    Answer,
    Key,
    Refusal,
    answer,
    headers,
    q850_of,
    reason_header,
    rewritten,
)

TABLE = {  # behaviour.md 16.2 with the causes of standards.md section 3
    "ip_unknown": (401, "IP Not Authorised", 21),
    "digest_failed": (403, "Authentication Failed", 21),
    "sip_user_ip_denied": (403, "Source IP Not Allowed", 21),
    "account_paused": (503, "Server not accepting calls (Paused)", 41),
    "status_inactive": (403, "Account Inactive", 21),
    "status_penalty": (403, "Account Penalty", 21),
    "status_pending": (403, "Account Pending Approval", 21),
    "customer_expired": (403, "Account Expired", 21),
    "contract_required": (403, "Contract Not Accepted", 21),
    "email_unverified": (403, "Email Not Verified", 21),
    "mobile_unverified": (403, "Mobile Not Verified", 21),
    "time_restricted": (480, "Disallowed by Date/Time Restriction", 18),
    "credit": (402, "Insufficient Credit", 21),
    "daily_spend": (402, "Daily Spend Limit Reached", 21),
    "channels_customer": (503, "Channel Limit Exceeded", 17),
    "channels_carrier": (503, "Channel Limit Exceeded", 34),
    "cps_customer": (503, "CPS Limit Exceeded", 42),
    "cli_restricted": (603, "CLI restriction in effect", 21),
    "paid_required": (403, "P-Asserted-Identity Required", 21),
    "dialplan": (503, "Blocked by Dial plan", 41),
    "no_ingress_route": (580, "No Route Available", 31),
    "no_rate": (503, "No Routes Available (Pre)", 3),
    "no_carrier": (503, "No Routes Available (U)", 34),
    "rate_capped": (503, "Rate Cap Exceeded", 41),
    "connect_cost_blocked": (503, "Connect Cost Blocked", 41),
    "destination_type": (403, "Destination Blocked", 21),
    "dnc": (604, "Number on DNC List", 1),
    "asr_plus": (604, "Number not Found (ASRPlus)", 1),
    "dno": (603, "DNO Blocked", 21),
    "spam": (603, "Spam Blocked", 21),
    "ftc": (603, "FTC Blocked", 21),
    "redial": (480, "Redial Limit", 18),
    "fraud": (403, "Fraud Protection", 21),
    "global_blacklist": (603, "Number Blacklisted", 21),
    "conference_full": (486, "Conference Full", 17),
    "local_loop": (482, "Loop Detected", 25),
    "number_invalid": (484, "Address Incomplete", 28),
    "number_unallocated": (404, "Not Found", 1),
    "codec_unsupported": (488, "Not Acceptable Here", 65),
    "call_id_in_use": (482, "Merged Request", 31),
    "cli_unknown": (603, "CLI Not Recognized", 21),
}


@pytest.mark.parametrize("key", TABLE)
def test_each_key_answers_as_the_table_says(key: str) -> None:
    given = answer(Refusal(Key(key)))
    assert (given.sip, given.reason, given.q850) == TABLE[key]


def test_no_key_is_without_an_answer() -> None:
    assert set(ANSWERS) == set(Key)
    assert {key for key, _ in VARIANTS} <= set(Key)


def test_a_carrier_is_not_told_how_the_customer_of_a_did_stands() -> None:
    own = {"credit": Answer(402, "Top up at example.com", 21)}
    for key, words in VARIANTS:
        if words == INBOUND:
            refusal = Refusal(key, "customer", (), INBOUND)
            given = answer(refusal, own)
            assert (given.sip, given.retry_after_s) in ((480, None), (486, None))
            assert [name for name, _ in headers(refusal, given)] == ["Reason"]
    assert answer(Refusal(Key.credit, "customer"), own).reason == "Top up at example.com"


def test_only_what_passes_soon_says_when_to_try_again() -> None:
    waits = {key.value: given.retry_after_s for key, given in ANSWERS.items() if given.retry_after_s is not None}
    expected = {f"cps_{scope}": 1 for scope in ("customer", "endpoint", "route", "did", "carrier")}
    assert waits == {**expected, "charging_unavailable": 5, "pin_locked": 900}


def test_only_rates_over_capacity_and_missing_carriers_are_worth_another_try_elsewhere() -> None:
    elsewhere = {key.value for key, given in ANSWERS.items() if given.retry_elsewhere}
    cps = {"cps_customer", "cps_endpoint", "cps_route", "cps_did", "cps_carrier"}
    assert elsewhere == {*cps, "no_carrier", "charging_unavailable"}


@pytest.mark.parametrize(
    ("key", "variant", "sip", "reason"),
    [
        (Key.no_carrier, "lock", 503, "No Routes Available (Lock)"),
        (Key.no_carrier, "profit_assurance", 503, "No Routes Available (Profit Assurance)"),
        (Key.no_carrier, "", 503, "No Routes Available (U)"),
        (Key.channels_endpoint, "called", 486, "Busy Here"),
        (Key.cps_endpoint, "called", 503, "CPS Limit Exceeded"),
        (Key.attestation, "absent", 428, "Use Identity Header"),
        (Key.attestation, "low", 403, "Attestation Too Low"),
        (Key.charging_unavailable, "overload", 503, "Service Overloaded"),
    ],
)
def test_a_variant_has_its_own_words(key: Key, variant: str, sip: int, reason: str) -> None:
    given = answer(Refusal(key, variant=variant))
    assert (given.sip, given.reason) == (sip, reason)


def test_an_operator_may_remap_an_answer_and_leaves_the_others() -> None:
    rewrites = {"credit": Answer(403, "Funds Required", 21)}
    assert answer(Refusal(Key.credit), rewrites).sip == 403
    assert answer(Refusal(Key.no_carrier, variant="lock"), {"no_carrier": Answer(404, "Gone", 1)}).sip == 404
    assert answer(Refusal(Key.daily_spend), rewrites).sip == 402


def test_the_reason_header_names_the_cause() -> None:
    assert reason_header(answer(Refusal(Key.credit))) == 'Q.850;cause=21;text="Insufficient Credit"'


def test_words_of_an_operator_cannot_break_out_of_the_header() -> None:
    header = reason_header(Answer(403, 'a "b" \\c\r\nX-Evil: 1', 21))
    assert header == 'Q.850;cause=21;text="a \\"b\\" \\\\cX-Evil: 1"'


def test_a_refusal_carries_cause_key_and_retry_advice_as_headers() -> None:
    refusal = Refusal(Key.cps_customer)
    assert headers(refusal, answer(refusal)) == (
        ("Reason", 'Q.850;cause=42;text="CPS Limit Exceeded"'),
        ("X-Tollgate-Refusal", "cps_customer"),
        ("Retry-After", "1"),
    )
    refusal = Refusal(Key.credit)
    assert [name for name, _ in headers(refusal, answer(refusal))] == ["Reason", "X-Tollgate-Refusal"]


@pytest.mark.parametrize(("sip", "cause"), [(486, 17), (503, 41), (404, 1), (480, 18), (487, 16), (603, 21), (420, 31)])
def test_a_sip_answer_has_its_cause(sip: int, cause: int) -> None:
    assert q850_of(sip) == cause


def test_the_operator_s_rows_change_code_and_words_and_nothing_else() -> None:
    rows = [
        {"refusal": "cps_customer", "sip": 480, "reason": "Slow Down"},
        {"refusal": "gone_long_ago", "sip": 400, "reason": "?"},
    ]
    own = rewritten(rows)
    assert own.keys() == {"cps_customer"}
    usual = ANSWERS[Key.cps_customer]
    assert own["cps_customer"] == Answer(480, "Slow Down", usual.q850, usual.retry_after_s, usual.retry_elsewhere)
    assert answer(Refusal(Key.cps_customer), own).reason == "Slow Down"
    assert answer(Refusal(Key.credit), own) == ANSWERS[Key.credit]
