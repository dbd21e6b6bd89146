"""Claims about single fields: what is taken, in which form it is kept, what is refused."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tollgate.actions import checks

GOOD = [
    (checks.text(3), " ab ", "ab"),
    (checks.whole(1, 5), 5, 5),
    (checks.amount(-5, 5), -5, -5),
    (checks.optional(checks.whole(1, 5)), "", None),
    (checks.optional(checks.whole(1, 5)), None, None),
    (checks.optional(checks.whole(1, 5)), 2, 2),
    (checks.one_of(("a", "b")), "b", "b"),
    (checks.yes_no, False, False),
    (checks.currency, " eur ", "EUR"),
    (checks.zone, "Europe/Vilnius", "Europe/Vilnius"),
    (checks.instant, "2026-11-02T12:00:00+02:00", datetime(2026, 11, 2, 10, tzinfo=UTC)),
    (
        checks.instant,
        datetime(2026, 11, 2, 12, tzinfo=timezone(timedelta(hours=1))),
        datetime(2026, 11, 2, 11, tzinfo=UTC),
    ),
    (checks.email, " ann@demo.example ", "ann@demo.example"),
    (checks.phone, "+370 612-34567", "+37061234567"),
    (checks.phone, "442071838750", "+442071838750"),
    (checks.host, "SIP.Carrier.Example", "sip.carrier.example"),
    (checks.host, "[2001:DB8::1]", "2001:db8::1"),
    (checks.host, "127.0.0.21", "127.0.0.21"),
    (checks.tech_prefix, "9#", "9#"),
]
BAD = [
    (checks.text(3), "abcd"),
    (checks.text(3), 1),
    (checks.text(3, required=True), " "),
    (checks.text(3), "a\x00"),
    (checks.whole(1, 5), 0),
    (checks.whole(1, 5), True),
    (checks.whole(1, 5), "3"),
    (checks.amount(0, 5), 6),
    (checks.amount(0, 5, price=True), 1.5),
    (checks.one_of(("a", "b")), "c"),
    (checks.yes_no, 1),
    (checks.currency, "ABC"),
    (checks.currency, 978),
    (checks.zone, "Europe/Atlantis"),
    (checks.zone, None),
    (checks.instant, "tomorrow"),
    (checks.instant, "2026-11-02T12:00:00"),
    (checks.instant, "0001-01-01T00:00:00Z"),
    (checks.instant, 5),
    (checks.email, "ann at demo"),
    (checks.email, f"{'a' * 250}@b.example"),
    (checks.email, None),
    (checks.phone, "0612345678"),
    (checks.phone, "12345"),
    (checks.phone, 37061234567),
    (checks.host, "sip:carrier.example"),
    (checks.host, "carrier.example:5060"),
    (checks.host, "127.0.0.300"),
    (checks.host, None),
    (checks.network, "192.0.2.7/24"),
    (checks.network, "0.0.0.0/0"),
    (checks.networks, "192.0.2.7"),
    (checks.opening_hours, {"zone": "Mars/North"}),
    (checks.digits_only, "+44"),
    (checks.tech_prefix, "a"),
]


@pytest.mark.parametrize(("check", "given", "kept"), GOOD)
def test_a_good_value_is_kept_in_one_form(check: checks.Check, given: object, kept: object) -> None:
    assert check(given) == kept


@pytest.mark.parametrize(("check", "given"), BAD)
def test_a_bad_value_is_refused_with_a_sentence(check: checks.Check, given: object) -> None:
    with pytest.raises(checks.Unfit, match=r"\.\)?\.?$"):
        check(given)


def test_networks_are_read_whole() -> None:
    assert [str(found) for found in checks.networks(["192.0.2.7", "2001:db8::/32"])] == [
        "192.0.2.7/32",
        "2001:db8::/32",
    ]


def test_hours_are_kept_in_the_form_of_the_core() -> None:
    hours = {"zone": "UTC", "windows": [{"weekday": 1, "from": "08:00", "until": "20:00"}]}
    assert checks.opening_hours(hours) == {**hours, "holidays": []}
