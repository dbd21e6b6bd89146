"""The field for day/time windows: a week to paint on, the exact windows in a table beside it, holidays, and the zone.

The value, initial and cleaned, is the data of `tollgate.core.hours`:

    {"zone": "Europe/Vilnius", "holidays": ["2026-12-25"],
     "windows": [{"weekday": 1, "from": "08:00", "until": "20:00"}]}

or None when there is neither a window nor a holiday: always allowed. Without JavaScript nothing can be painted and the
stored value stays as it is. The element is `static/ui/hours.js`.
"""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from tollgate.core.hours import HoursInvalid, from_json, to_json
from tollgate.ui.fields import zones


class HoursWidget(forms.Widget):
    """A <hours-field> around one hidden input that holds the JSON."""

    template_name = "ui/hours.html"
    use_fieldset = True

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Adds the zones to choose from."""
        return {**super().get_context(name, value, attrs), "zones": zones()}

    def id_for_label(self, id_: str) -> str:
        """A fieldset's legend points at no single control."""
        return ""


class HoursField(forms.CharField):
    """Day/time windows; errors name the row."""

    widget = HoursWidget

    def __init__(self, *, zone: str = "UTC", **options: Any) -> None:
        super().__init__(**options)
        self.widget.attrs.update({"data-width": "12", "data-default-zone": zone})

    def prepare_value(self, value: Any) -> Any:
        """The JSON text of a value from the program."""
        return json.dumps(value) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> dict[str, Any] | None:  # type: ignore[override]  # CharField promises a str
        """The data, in the normal form of core.hours."""
        text = super().to_python(value)
        if not text:
            return None
        try:
            data = dict(to_json(from_json(json.loads(text))))
        except HoursInvalid as error:
            raise ValidationError(str(error), code="invalid") from None
        except ValueError:  # no JSON, or a number of thousands of digits
            raise ValidationError("The hours could not be read; paint them again.", code="invalid") from None
        return data if data["windows"] or data["holidays"] else None

    def validate(self, value: Any) -> None:
        """None means always, which is a value unless the field is required."""
        if value is None and self.required:
            raise ValidationError(self.error_messages["required"], code="required")

    def run_validators(self, value: Any) -> None:
        """CharField's validators measure text."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the data differs, however it is written."""
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True
