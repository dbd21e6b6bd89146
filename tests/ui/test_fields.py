"""Fields of the trade: exact values in, exact texts out, errors that say what is wrong."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from tollgate.ui.fields import (
    CountryField,
    CurrencyField,
    DurationField,
    MoneyField,
    NetworkField,
    PriceField,
    ZoneField,
)
from tollgate.ui.words import spoken

BIGINT = st.integers(min_value=-(10**18) + 1, max_value=10**18 - 1)


@given(BIGINT)
def test_an_amount_survives_being_shown_and_typed_again(micros: int) -> None:
    field = MoneyField()
    assert field.clean(field.prepare_value(micros)) == micros
    assert not field.has_changed(micros, field.prepare_value(micros))


@given(BIGINT)
def test_a_price_survives_being_shown_and_typed_again(nanos: int) -> None:
    field = PriceField()
    assert field.clean(field.prepare_value(nanos)) == nanos


def test_what_was_typed_wrongly_is_shown_as_typed() -> None:
    assert MoneyField().prepare_value("12,50") == "12,50"


@pytest.mark.parametrize("typed", ["12,50", "0.0000001", "1e3", "ten", "NaN"])
def test_an_amount_that_cannot_be_held_exactly_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        MoneyField().clean(typed)


def test_zero_is_an_amount_and_nothing_is_not() -> None:
    assert MoneyField().clean("0") == 0
    assert MoneyField(required=False).clean("") is None
    with pytest.raises(ValidationError, match="required"):
        MoneyField().clean("")


def test_limits_are_named_in_the_unit_of_the_page() -> None:
    with pytest.raises(ValidationError, match=r"At least 0\.00"):
        MoneyField(least=0).clean("-0.01")
    with pytest.raises(ValidationError, match=r"At most 1\.50"):
        MoneyField(most=1_500_000).clean("1.51")


@pytest.mark.parametrize(("typed", "seconds"), [("90", 90), ("1:30", 90), ("1:00:05", 3605), ("0", 0)])
def test_a_duration_is_typed_as_seconds_or_by_the_clock(typed: str, seconds: int) -> None:
    assert DurationField().clean(typed) == seconds


@pytest.mark.parametrize("typed", ["1:75", "-5", "1.5", "ninety", "1:2:3:4", "٣"])
def test_a_duration_that_is_none_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        DurationField().clean(typed)


def test_choices_are_those_of_the_standards() -> None:
    assert ZoneField().clean("Europe/Vilnius") == "Europe/Vilnius"
    assert CurrencyField().clean("EUR") == "EUR"
    assert CountryField().clean("LT") == "LT"
    for field, wrong in ((ZoneField(), "Mars/Base"), (CurrencyField(), "EURO"), (CountryField(), "XX")):
        with pytest.raises(ValidationError):
            field.clean(wrong)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("192.0.2.10", "192.0.2.10"),
        (" 192.0.2.0/24 ", "192.0.2.0/24"),
        ("2001:DB8:0:0::/48", "2001:db8::/48"),
        ("", ""),
    ],
)
def test_a_network_is_kept_in_its_normal_form(typed: str, kept: str) -> None:
    assert NetworkField(required=False).clean(typed) == kept


def test_bits_beyond_the_prefix_are_taken_for_a_mistake() -> None:
    with pytest.raises(ValidationError, match=r"did you mean 192\.0\.2\.0/24"):
        NetworkField().clean("192.0.2.10/24")
    with pytest.raises(ValidationError, match="IP address or a network"):
        NetworkField().clean("192.0.2.999")


def test_decimals_are_typed_and_shown_as_the_reader_writes_them() -> None:
    with spoken(lambda: ("de", 0), lambda _: {}):
        field = MoneyField()
        assert field.prepare_value(12_500_000) == "12,50"
        assert [field.clean(text) for text in ("12,5", "12.5", "1000")] == [12_500_000, 12_500_000, 10**9]
        assert not field.has_changed(12_500_000, "12,50")
        assert PriceField().prepare_value(15_000_000) == "0,015"
        with pytest.raises(ValidationError, match="could mean thousands"):
            field.clean("1.000")
    assert MoneyField().prepare_value(12_500_000) == "12.50"
    with pytest.raises(ValidationError, match="has a comma"):
        MoneyField().clean("12,5")
