"""Claims about SEPA: days on which banks settle, notice, sequences, how long mandates hold, and what ids may be."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tollgate.core import sepa

DAYS = st.dates(date(2000, 1, 1), date(2199, 12, 1))


@pytest.mark.parametrize(
    ("year", "on"),
    [(1999, date(1999, 4, 4)), (2024, date(2024, 3, 31)), (2026, date(2026, 4, 5)), (2038, date(2038, 4, 25))],
)
def test_easter_is_when_the_calendar_has_it(year: int, on: date) -> None:
    assert sepa.easter(year) == on


@pytest.mark.parametrize(
    ("on", "settles"),
    [
        (date(2026, 1, 1), False), (date(2026, 4, 3), False), (date(2026, 4, 6), False), (date(2026, 5, 1), False),
        (date(2026, 12, 25), False), (date(2023, 12, 26), False), (date(2026, 12, 24), True),
        (date(2026, 11, 21), False),
        (date(2026, 5, 25), True), (date(2026, 11, 23), True),
    ],
)  # fmt: skip
def test_banks_rest_on_weekends_and_six_holidays(on: date, settles: bool) -> None:
    assert sepa.is_target_day(on) is settles


@given(DAYS)
def test_the_next_day_of_settlement_is_near_and_the_bank_has_a_file_one_before(today: date) -> None:
    on = sepa.target_day(today)
    assert sepa.is_target_day(on)
    assert today <= on <= today + timedelta(days=5)
    assert all(not sepa.is_target_day(today + timedelta(days=gap)) for gap in range((on - today).days))
    first = sepa.soonest(today)
    assert first > on
    assert not any(sepa.is_target_day(on + timedelta(days=gap)) for gap in range(1, (first - on).days))


@given(DAYS, st.integers(1, 14), st.none() | DAYS)
def test_nothing_is_collected_before_its_notice_has_run(today: date, notice: int, told_on: date | None) -> None:
    on = sepa.earliest(today, notice_days=notice, announced_on=told_on)
    assert sepa.is_target_day(on)
    assert on >= sepa.soonest(today)
    assert on >= (told_on if told_on is not None else today + timedelta(days=notice))


@given(DAYS, DAYS, st.integers(1, 14))
def test_an_invoice_announces_a_day_after_its_notice_on_which_it_is_due(on: date, due: date, notice: int) -> None:
    told = sepa.announced(on, due, notice_days=notice)
    assert sepa.is_target_day(told)
    assert told >= max(due, on + timedelta(days=notice))


@pytest.mark.parametrize(
    ("one_off", "final", "collected", "expected"),
    [
        (True, False, False, "OOFF"), (True, True, True, "OOFF"), (False, True, False, "FNAL"),
        (False, True, True, "FNAL"), (False, False, False, "FRST"), (False, False, True, "RCUR"),
    ],
)  # fmt: skip
def test_the_sequence_is_that_of_the_mandate(one_off: bool, final: bool, collected: bool, expected: str) -> None:
    assert sepa.sequence(one_off=one_off, final=final, collected=collected) == expected


@given(st.text(max_size=200), st.integers(1, 140))
def test_any_text_becomes_one_of_signs_that_every_bank_takes(text: str, most: int) -> None:
    told = sepa.latin(text, most)
    assert len(told) <= most
    assert told == sepa.latin(told, most)
    assert all(sign.isascii() and (sign.isalnum() or sign in "/-?:().,'+ ") for sign in told)


def test_names_keep_their_letters_without_accents() -> None:
    assert sepa.latin("Müller & Söhne, Łódź – Straße 1", 70) == "Muller + Sohne, Lodz - Strasse 1"


@given(st.text(max_size=60), st.integers(1, 10**18))
def test_an_end_to_end_id_is_one_that_banks_repeat(number: str, invoice_id: int) -> None:
    told = sepa.end_to_end_id(number, invoice_id)
    assert sepa.is_id(told)
    assert told in (number, f"INVOICE-{invoice_id}")


def test_the_number_of_an_invoice_is_its_end_to_end_id_where_banks_take_it() -> None:
    assert sepa.end_to_end_id("INV-2026/00042", 7) == "INV-2026/00042"
    for number in ("", "A" * 36, "/A", "A/", "A//B", "Nr. 5 €", " A"):
        assert sepa.end_to_end_id(number, 7) == "INVOICE-7"


def test_numbers_are_proved_and_masked() -> None:
    assert sepa.account_number("lt12 1000 0111 0100 1000") == "LT121000011101001000"
    assert sepa.masked("LT121000011101001000") == "LT12 **** 1000"
    assert sepa.bank_code("habalt22") == "HABALT22"
    assert sepa.creditor_id("DE98 ZZZ 0999 9999 999") == "DE98ZZZ09999999999"
    for rule, wrong in (
        (sepa.account_number, "LT131000011101001000"),
        (sepa.bank_code, "HABA"),
        (sepa.creditor_id, "DE99ZZZ09999999999"),
    ):
        with pytest.raises(ValueError, match="This is no"):
            rule(wrong)


@example("XR11\x80")
@given(st.text(max_size=40) | st.from_regex(r"\A[A-Z]{2}[0-9]{2}\w{0,30}\Z"))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    for rule in (sepa.account_number, sepa.bank_code, sepa.creditor_id):
        try:
            told = rule(text)
        except ValueError:
            continue
        assert told.isascii()
        assert rule(told) == told


def test_every_reason_that_stops_a_mandate_has_words() -> None:
    assert not sepa.STOPS - set(sepa.REASONS)
    assert sepa.reason_words("AM04") == "there was not enough money"
    assert "no reason" in sepa.reason_words("")
