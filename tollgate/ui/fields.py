"""Form fields of the trade: what an operator types becomes an exact value, or an error that says what is wrong.

    MoneyField     "12.50", "12,50"   -> 12500000 micros     unit: the currency's code, set by the form
    PriceField     "0.015"            -> 15000000 nanos      unit: currency / min
    DurationField  "1:30", "90"       -> 90 seconds
    ZoneField      "Europe/Vilnius"   an IANA zone that this machine knows
    CurrencyField  "EUR"              ISO 4217
    CountryField   "LT"               ISO 3166
    NetworkField   "192.0.2.0/24"     an address or network, v4 or v6, as its text in normal form

Decimals are typed and shown as the reader writes them (`words.typed`, `words.figure`); `read` and `write` know the
point alone. The hours of a week are in `hours.py`. `field.unit` is shown as a suffix of the input by the field
template; a form whose currency is known only when it is opened sets it:
`self.fields["debit_limit_micros"].unit = customer.currency` (or calls `HouseForm.set_unit`). To add a field:
`to_python` reads the text, `prepare_value` writes the value.
"""

import ipaddress
import re
import zoneinfo
from collections.abc import Callable
from functools import cache
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django_countries import countries

from tollgate.core.money import CURRENCIES, AmountError, format_micros, format_nanos, parse_micros, parse_nanos
from tollgate.ui.words import figure, typed

AREAS = (
    "Africa/",
    "America/",
    "Antarctica/",
    "Arctic/",
    "Asia/",
    "Atlantic/",
    "Australia/",
    "Europe/",
    "Indian/",
    "Pacific/",
)
SEARCHABLE = {"data-searchable": ""}
SELECTED = mark_safe(" selected")
CLOCK = re.compile(r"(?:(\d+):)?(\d+):([0-5]?\d)", re.ASCII)


class TicksWidget(forms.CheckboxSelectMultiple):
    """Ticks in columns; those of a group stand together below its name."""

    template_name = "ui/ticks.html"
    use_fieldset = True


class LongSelect(forms.Select):
    """A list of hundreds: written at once, because a template for each choice would take most of the page's time."""

    def _render(self, template_name: str, context: dict[str, Any], renderer: Any = None) -> SafeString:
        """The finished <select>."""
        del template_name, renderer
        widget = context["widget"]
        choices = (choice for _, group, _ in widget["optgroups"] for choice in group)
        rows = ((row["value"], SELECTED if row["selected"] else "", row["label"]) for row in choices)
        options = format_html_join("", '<option value="{}"{}>{}</option>', rows)
        return format_html('<select name="{}"{}>{}</select>', widget["name"], flatatt(widget["attrs"]), options)


class ExactField(forms.CharField):
    """A decimal text on the page, an integer in the program; `least` and `most` are in the program's unit."""

    unit = ""

    def __init__(self, *, unit: str = "", least: int | None = None, most: int | None = None, **options: Any) -> None:
        options.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal", "class": "num"}))
        super().__init__(**options)
        self.unit, self.least, self.most = unit, least, most

    def read(self, text: str) -> int:
        """The integer of a text; raises ValueError with a sentence for the user."""
        raise NotImplementedError

    def write(self, value: int) -> str:
        """The text of an integer."""
        raise NotImplementedError

    def to_python(self, value: Any) -> int | None:  # type: ignore[override]  # CharField promises a str
        """The integer, or None when nothing was typed."""
        text = str(super().to_python(value) or "").strip()
        if not text:
            return None
        try:
            number = self.read(typed(text))
        except ValueError as error:
            raise ValidationError(str(error), code="invalid") from None
        if self.least is not None and number < self.least:
            raise ValidationError(f"At least {self.write(self.least)}.", code="least")
        if self.most is not None and number > self.most:
            raise ValidationError(f"At most {self.write(self.most)}.", code="most")
        return number

    def validate(self, value: Any) -> None:
        """Zero is a value; only None is missing."""
        if value is None and self.required:
            raise ValidationError(self.error_messages["required"], code="required")

    def run_validators(self, value: Any) -> None:
        """CharField's validators measure text; an integer has passed its limits already."""

    def prepare_value(self, value: Any) -> Any:
        """A value from the program as its reader writes it; what the user typed stays as typed."""
        return figure(self.write(value)) if isinstance(value, int) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the typed text means another value: 1.50 has not changed to 1.5."""
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


class MoneyField(ExactField):
    """An amount: decimal text, integer micros."""

    def read(self, text: str) -> int:
        """Micros of the text."""
        return _amount(parse_micros, text)

    def write(self, value: int) -> str:
        """The shortest exact decimal with at least two places."""
        return format_micros(value, 2)


class PriceField(ExactField):
    """A price: decimal text, integer nanos."""

    def read(self, text: str) -> int:
        """Nanos of the text."""
        return _amount(parse_nanos, text)

    def write(self, value: int) -> str:
        """The shortest exact decimal."""
        return format_nanos(value)


class DurationField(ExactField):
    """Seconds, typed as seconds, minutes:seconds or hours:minutes:seconds."""

    unit = "s"

    def __init__(self, *, unit: str = "s", least: int | None = 0, most: int | None = None, **options: Any) -> None:
        super().__init__(unit=unit, least=least, most=most, **options)

    def read(self, text: str) -> int:
        """Seconds of the text."""
        if text.isascii() and text.isdigit():
            return int(text)
        match = CLOCK.fullmatch(text)
        if match is None:
            raise ValueError("Write seconds, or minutes:seconds, such as 90 or 1:30.")
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return hours * 3600 + minutes * 60 + seconds

    def write(self, value: int) -> str:
        """Plain seconds."""
        return str(value)


class ZoneField(forms.ChoiceField):
    """An IANA time zone, searched by typing."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("widget", LongSelect(attrs=SEARCHABLE))
        super().__init__(choices=_choices(options, zones), **options)


class CurrencyField(forms.ChoiceField):
    """An ISO 4217 code, searched by typing."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("widget", LongSelect(attrs=SEARCHABLE))
        super().__init__(choices=_choices(options, lambda: tuple(sorted(CURRENCIES))), **options)


class CountryField(forms.ChoiceField):
    """An ISO 3166 country, searched by name."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("widget", LongSelect(attrs=SEARCHABLE))
        blank = [] if options.get("required", True) else [("", "")]
        super().__init__(choices=lambda: [*blank, *((code, f"{name} ({code})") for code, name in countries)], **options)


class NetworkField(forms.CharField):
    """An IP address or network, v4 or v6; a lone address stays an address. The value is its normal text."""

    def to_python(self, value: Any) -> str:
        """The network's text; bits beyond the prefix length are an error, for they are a typing mistake."""
        text = str(super().to_python(value) or "").strip()
        if not text:
            return ""
        try:
            if "/" not in text:
                return str(ipaddress.ip_address(text))
            return str(ipaddress.ip_network(text))
        except ValueError:
            raise ValidationError(_network_error(text), code="invalid") from None


@cache
def zones() -> tuple[str, ...]:
    """The zones a person may choose: Area/City names and UTC, not the historic aliases without a slash."""
    return ("UTC", *sorted(zone for zone in zoneinfo.available_timezones() if zone.startswith(AREAS)))


def _choices(options: dict[str, Any], values: Callable[[], tuple[str, ...]]) -> Callable[[], list[tuple[str, str]]]:
    blank = [] if options.get("required", True) else [("", "")]
    return lambda: [*blank, *((value, value) for value in values())]


def _amount(parse: Callable[[str], int], text: str) -> int:
    try:
        return parse(text)
    except AmountError as error:
        raise ValueError(str(error)) from None


def _network_error(text: str) -> str:
    try:
        whole = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return "Write an IP address or a network, such as 192.0.2.10, 192.0.2.0/24 or 2001:db8::/48."
    return f"The address has bits beyond its prefix length: did you mean {whole}?"
