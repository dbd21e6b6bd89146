"""Claims about `tollgate price`."""

import pytest

from tests.jobs.installation import Installation

CALL = ("price", "--card", "wholesale a-z", "--to", "+44 20 7183 8750")


def test_a_price_comes_with_its_steps(demo: Installation) -> None:
    said = demo.ok(*CALL, "--duration", "7")
    assert (said["prefix"], said["billed_s"], said["cost"], said["currency"]) == ("4420", 7, "0.0007", "EUR")
    assert said["steps"][-1] == {"words": "Charge, 7 s billed", "amount": "0.0007 EUR"}
    words = demo.run(*CALL, "--duration", "7").stdout
    assert "United Kingdom metro" in words
    assert "0.0052 EUR per 60 s" in words


def test_a_card_is_found_by_its_id_too(demo: Installation) -> None:
    ((card_id,),) = demo.rows("SELECT id FROM card WHERE name = 'Wholesale A-Z'")
    assert demo.ok("price", "--card", str(card_id), "--to", "1212", "--duration", "0.5")["billed_s"] == 6


def test_the_price_is_that_of_the_moment(demo: Installation) -> None:
    mobile = ("price", "--card", "Wholesale A-Z", "--to", "37061234567", "--duration", "60")
    revisions = [demo.ok(*mobile, "--at", f"{day}T00:00:00Z")["revision"] for day in ("2027-12-01",)]
    assert revisions == [3]
    assert "no revision in force" in demo.fails(*mobile, "--at", "2020-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--card", "Nobody", "--to", "44", "--duration", "7"), "there are: Business A-Z"),
        (("--card", "²", "--to", "44", "--duration", "7"), "there are: Business A-Z"),
        (("--card", "Wholesale A-Z", "--to", "abc", "--duration", "7"), "--to"),
        (("--card", "Wholesale A-Z", "--to", "0044", "--duration", "7"), "no rate for 0044"),
        (("--card", "Wholesale A-Z", "--to", "44", "--duration", "-1"), "--duration"),
        (("--card", "Wholesale A-Z", "--to", "44", "--duration", "x"), "--duration"),
        (("--card", "Wholesale A-Z", "--to", "44", "--duration", "7", "--at", "soon"), "--at soon"),
    ],
)
def test_what_cannot_be_priced_says_why(demo: Installation, words: tuple[str, ...], says: str) -> None:
    assert says in demo.fails("price", *words)
