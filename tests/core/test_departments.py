"""Claims about departments: built-in ones, and the keys of those that an operator adds."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.departments import DEPARTMENTS, KEY, KEY_MOST, is_built_in, key_for


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Field engineers", "field_engineers"),
        ("  Wholesale & Carriers ", "wholesale_carriers"),
        ("Comptabilité", "comptabilite"),
        ("24/7 desk", "department_24_7_desk"),
        ("Бухгалтерия", "department"),
        ("N.O.C", "n_o_c"),
        ("x" * 50, "x" * KEY_MOST),
    ],
)
def test_a_key_reads_like_the_name(name: str, key: str) -> None:
    assert key_for(name, ()) == key


def test_a_key_is_given_once_and_never_that_of_a_built_in_department() -> None:
    assert key_for("Field", {"field"}) == "field_2"
    assert key_for("Field", {"field", "field_2"}) == "field_3"
    assert key_for("x" * 50, {"x" * KEY_MOST}) == "x" * (KEY_MOST - 2) + "_2"
    assert key_for("General!", ()) == "general_2"


@given(name=st.text(max_size=60), taken=st.sets(st.sampled_from(["department", "department_2", "a", "b_2"])))
def test_every_name_has_a_free_key_that_can_be_kept(name: str, taken: set[str]) -> None:
    key = key_for(name, taken)
    assert re.fullmatch(KEY, key)
    assert key not in {*taken, *DEPARTMENTS}


def test_a_built_in_department_is_known_by_title_and_key() -> None:
    assert all(map(is_built_in, ("NOC", "noc", " Billing ", "GENERAL")))
    assert not any(map(is_built_in, ("", "Bill", "NOC 2")))
