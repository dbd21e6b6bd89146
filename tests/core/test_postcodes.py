"""Claims about postal codes and their countries."""

import pytest

from tollgate.core.postcodes import FORMS, example, fits


@pytest.mark.parametrize(
    ("country", "good", "bad"),
    [
        ("GB", ("SW1A 1AA", "m11ae", "CR2 6XH"), ("SW1A", "12345", "SW1A 1AAA")),
        ("LT", ("LT-01103", "01103", "lt 01103"), ("0110", "LV-01103")),
        ("US", ("10001", "10001-1234"), ("1000", "10001-12", "ABCDE")),
        ("NL", ("1011 AB", "1011ab"), ("1011", "1011 A")),
        ("IE", ("D02 AF30", "D6W XY00"), ("D02", "02D AF30")),
        ("AE", ("", "anything at all"), ()),
    ],
)
def test_a_code_is_written_as_its_country_does(country: str, good: tuple[str, ...], bad: tuple[str, ...]) -> None:
    assert all(fits(country, code) for code in good)
    assert not any(fits(country, code) for code in bad)


def test_every_country_has_an_example() -> None:
    for country in FORMS:
        assert example(country)
        digits = example(country).split(" or ")[0].replace("9", "1").replace("*", "B")
        assert fits(country, digits), country
