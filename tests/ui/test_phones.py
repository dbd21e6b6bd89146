"""Claims about numbers as people write them."""

from __future__ import annotations

import pytest
from django import forms

from tollgate.ui.phones import PhoneField, at_home


class Form(forms.Form):
    """One number."""

    phone = PhoneField(required=False)


@pytest.mark.parametrize(
    ("typed", "country", "kept"),
    [
        ("+370 612 34567", "", "+37061234567"),
        ("0037061234567", "", "+37061234567"),
        ("8 612 34567", "LT", "+37061234567"),
        ("(020) 7183-8750", "GB", "+442071838750"),
        ("+442071838750", "LT", "+442071838750"),
        ("", "LT", ""),
    ],
)
def test_a_number_is_kept_in_international_form(typed: str, country: str, kept: str) -> None:
    form = Form({"phone": typed, "phone_country": country})
    assert form.is_valid(), form.errors
    assert form.cleaned_data["phone"] == kept


@pytest.mark.parametrize(("typed", "country"), [("612 34567", ""), ("12", "LT"), ("+37061", ""), ("hello", "LT")])
def test_what_is_no_number_is_refused(typed: str, country: str) -> None:
    assert not Form({"phone": typed, "phone_country": country}).is_valid()


def test_where_there_is_no_number_yet_the_country_of_the_form_is_chosen() -> None:
    for value, chosen in (("", "LT"), ("+442071838750", "GB")):
        form = Form(initial={"phone": value})
        at_home(form, "LT")
        assert f'<option value="{chosen}" selected>' in str(form)
        assert str(form).count(" selected>") == 1
    assert not Form({"phone": "", "phone_country": "LT"}, initial={"phone": ""}).has_changed()


def test_the_country_of_a_known_number_is_chosen() -> None:
    assert '<option value="LT" selected>+370 Lithuania</option>' in str(Form(initial={"phone": "+37061234567"}))
