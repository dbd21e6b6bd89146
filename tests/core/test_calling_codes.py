"""Claims about calling codes: the list is that of every country there is."""

import phonenumbers

from tollgate.core.calling_codes import ONE_DIGIT, TWO_DIGITS


def test_the_short_codes_are_those_of_the_numbering_plan() -> None:
    codes = [str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE]
    assert {code for code in codes if len(code) == 1} == set(ONE_DIGIT)
    assert {code for code in codes if len(code) == 2} == set(TWO_DIGITS)
