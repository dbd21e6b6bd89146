"""Form fields and choices that several nouns of the panel share.

CpsField       "2.5" calls per second -> 2500 milli
QuantityField  "1.5" -> 1500 milli
InstantField   a moment in UTC, named in its label
DayField       a day
ColorField     a color, typed or picked
LinesField     texts, one to a line
choices        the words of stored values: choices("active", "inactive") -> (("active", "Active"), ...)
"""

from datetime import datetime
from typing import Any

from django import forms

from tollgate.core.field_words import sentence
from tollgate.core.money import AmountError, format_micros, parse_micros
from tollgate.ui.fields import SEARCHABLE, ExactField

CPS_MOST_MILLI = 10_000_000
COUNT_MOST = 1_000_000
QUANTITY_MOST_MILLI = 10**12
FORMAT = "%Y-%m-%dT%H:%M:%S"


class CpsField(ExactField):
    """Calls per second: decimal text, integer thousandths."""

    def __init__(self, **options: Any) -> None:
        options = {"unit": "calls/s", "least": 0, "most": CPS_MOST_MILLI, "initial": 0, **options}
        super().__init__(**options)

    def read(self, text: str) -> int:
        """Thousandths of the text."""
        try:
            micros = parse_micros(text)
        except AmountError as error:
            raise ValueError(str(error)) from None
        if micros % 1000:
            raise ValueError("At most three decimals.")
        return micros // 1000

    def write(self, value: int) -> str:
        """The shortest exact decimal."""
        return format_micros(value * 1000)


class QuantityField(CpsField):
    """How many, with up to three decimals: decimal text, integer thousandths."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"unit": "", "least": 1, "most": QUANTITY_MOST_MILLI, "initial": 1000, **options})


class InstantField(forms.DateTimeField):
    """A moment, typed and kept in UTC."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format=FORMAT)
        super().__init__(**{"widget": widget, **options})

    def to_python(self, value: Any) -> datetime | None:
        """The moment; one at the end of all years, written elsewhere, is none."""
        try:
            return super().to_python(value)
        except OverflowError:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None


class ColorField(forms.CharField):
    """A color as #rrggbb, typed or picked; empty is as everywhere."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"data-color": "", "placeholder": "#rrggbb", "spellcheck": "false"})
        super().__init__(max_length=7, required=False, widget=widget, **options)


class DayField(forms.DateField):
    """A day."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        super().__init__(**{"widget": widget, **options})


class LinesField(forms.CharField):
    """A list of texts, one to a line."""

    def __init__(self, *, rows: int = 3, **options: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": rows, "spellcheck": "false"}), **options)

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]  # CharField promises a str
        """The lines that are not empty."""
        return [line.strip() for line in str(super().to_python(value) or "").splitlines() if line.strip()]

    def run_validators(self, value: Any) -> None:
        """CharField's validators measure text; what a line may be the act says."""

    def prepare_value(self, value: Any) -> Any:
        """A stored list as lines; what the user typed stays as typed."""
        return "\n".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the lines are others."""
        return bool(self.to_python(data) != list(initial or []))


class ChannelsField(forms.IntegerField):
    """How many calls at once; 0 is no limit."""

    def __init__(self, **options: Any) -> None:
        help_text = options.pop("help_text", "0 = no limit")
        options = {"label": "Channels", "min_value": 0, "max_value": COUNT_MOST, "initial": 0, **options}
        super().__init__(help_text=help_text, **options)


def choices(*values: str, blank: str | None = None) -> list[tuple[str, str]]:
    """The values with their words; `blank` adds an empty choice with those words."""
    first = [("", blank)] if blank is not None else []
    return [*first, *((value, words(value)) for value in values)]


def words(value: object) -> str:
    """A stored value as a person reads it: "sip_user" -> "SIP user"."""
    return sentence(str(value))


def pick(label: str, options: list[tuple[Any, str]], **more: Any) -> forms.TypedChoiceField:
    """A choice of records by id, searched by typing; empty gives None."""
    return forms.TypedChoiceField(
        label=label,
        choices=options,
        coerce=int,
        empty_value=None,
        widget=forms.Select(attrs=SEARCHABLE),
        **more,
    )


def note(**options: Any) -> forms.CharField:
    """A field for longer text."""
    return forms.CharField(widget=forms.Textarea(attrs={"rows": 4}), required=False, **options)
