"""The hours field speaks the data of core.hours."""

import json

import pytest
from django.core.exceptions import ValidationError

from tollgate.ui.hours import HoursField

WEEK = {
    "zone": "Europe/Vilnius",
    "windows": [{"weekday": 1, "from": "08:00", "until": "20:00"}],
    "holidays": ["2026-12-25"],
}


def test_a_stored_week_survives_the_form() -> None:
    field = HoursField()
    assert field.clean(field.prepare_value(WEEK)) == WEEK
    assert not field.has_changed(WEEK, field.prepare_value(WEEK))


def test_no_window_and_no_holiday_means_always() -> None:
    assert HoursField(required=False).clean("") is None
    assert HoursField(required=False).clean(json.dumps({"zone": "UTC", "windows": [], "holidays": []})) is None


def test_an_error_names_the_row() -> None:
    wrong = {**WEEK, "windows": [*WEEK["windows"], {"weekday": 2, "from": "20:00", "until": "08:00"}]}
    with pytest.raises(ValidationError, match=r"windows\[1\]"):
        HoursField().clean(json.dumps(wrong))


@pytest.mark.parametrize("text", ["{", "[]", '{"zone": "Mars/Base", "windows": []}'])
def test_what_cannot_be_hours_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        HoursField().clean(text)
