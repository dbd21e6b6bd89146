"""Claims about codes of an authenticator app, by the vectors of RFC 6238 appendix B."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from tollgate.core import totp

SECRET = base64.b32encode(b"12345678901234567890").decode()
AT = datetime(2026, 11, 21, 13, 0, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at_s", "code"),
    [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ],
)
def test_the_codes_of_the_standard_come_out(at_s: int, code: str) -> None:
    assert totp.code(SECRET, totp.step_of(datetime.fromtimestamp(at_s, UTC))) == code


def test_a_clock_half_a_minute_off_is_forgiven_and_more_is_not() -> None:
    step = totp.step_of(AT)
    for late_s, fits in ((-46, False), (-45, True), (0, True), (44, True), (45, False)):
        typed = totp.code(SECRET, step)
        assert totp.matching_step(SECRET, typed, AT + timedelta(seconds=late_s)) == (step if fits else None), late_s
    assert totp.matching_step(SECRET, "", AT) is None
    assert totp.matching_step(SECRET, "１２３４５６", AT) is None
