"""A form field for a telephone number: a country is chosen beside it, or the number is typed with its +.

The value is the number by E.164, such as +37061234567. A national number is read as people write it in that country,
with its trunk digit: "8 612 34567" in Lithuania, "020 7183 8750" in Great Britain.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import phonenumbers
from django import forms
from django.core.exceptions import ValidationError
from django_countries import countries

INTERNATIONAL = "Write the number in international form, such as +37061234567, or choose its country."


class PhoneInput(forms.TextInput):
    """The number with the list of countries before it; the list is sent as `<name>_country`."""

    input_type = "tel"
    template_name = "ui/phone.html"
    home = ""
    """The country that is chosen where there is no number yet."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """The countries, that of the number chosen."""
        context = super().get_context(name, value, attrs)
        chosen = _country(str(value)) if value else self.home
        return {**context, "countries": [(code, words, code == chosen) for code, words in calling_countries()]}

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> str | None:
        """What was typed; a national number together with its country."""
        typed = data.get(name)
        country = data.get(f"{name}_country", "")
        if not typed or not country or str(typed).strip().startswith(("+", "00")):
            return str(typed) if typed is not None else None
        return _joined(str(typed), str(country))


class PhoneField(forms.CharField):
    """A number by E.164; empty where it is not required."""

    widget = PhoneInput

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_length", 30)
        super().__init__(**options)

    def to_python(self, value: Any) -> str:
        """The number in its normal form."""
        text = str(super().to_python(value) or "").strip()
        if not text:
            return ""
        try:
            number = phonenumbers.parse("+" + text[2:] if text.startswith("00") else text, None)
        except phonenumbers.NumberParseException:
            raise ValidationError(INTERNATIONAL, code="invalid") from None
        if not phonenumbers.is_possible_number(number):
            raise ValidationError("A number of that country has another length.", code="invalid")
        return _written(number)


def at_home(form: forms.BaseForm, country: str) -> None:
    """Numbers of a form that are not there yet are written as people write them in this country, until another one is
    chosen."""
    for field in form.fields.values():
        if isinstance(field.widget, PhoneInput):
            field.widget.home = country


@cache
def calling_countries() -> tuple[tuple[str, str], ...]:
    """Every country that has numbers, as "+370 Lithuania", by name."""
    known = set(phonenumbers.SUPPORTED_REGIONS)
    return tuple(
        (code, f"+{phonenumbers.country_code_for_region(code)} {name}") for code, name in countries if code in known
    )


def _country(number: str) -> str:
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number, None)) or ""
    except phonenumbers.NumberParseException:
        return ""


def _joined(typed: str, country: str) -> str:
    try:
        return _written(phonenumbers.parse(typed, country))
    except phonenumbers.NumberParseException:
        return typed


def _written(number: phonenumbers.PhoneNumber) -> str:
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
