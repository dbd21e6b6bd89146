"""How the panel's pages write amounts and moments: `{% load panel %}`.

{{ micros|money:"EUR" }}       12.50 EUR, red below zero; nothing for None
{{ nanos|price }}              the exact decimal of a price; {{ nanos|price:"EUR" }} with two decimals at least
{{ lines|leveled }}            words, amount and currency of each line of a price, the decimals below each other
{{ at|utc }}                   2026-11-21 13:00:00
{{ reason|sentence }}          what somebody wrote, with one full stop
{{ duration_ms|seconds }}      7.25
{{ seconds|clock }}            2:03
{{ milli|per_second }}         the words of a CPS limit; {{ count|limit }} those of a channel limit
{{ status|tone }}              the tone of a status badge; {{ name|words }} a stored value for people
{% who note.author %}          whoever did something, as the user may be told
{% sign_in_providers as providers %}   the logins by a provider that the panel offers
{{ field|dressed }}            an input of a form that is not ours (login pages) in the house style
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from django import template
from django.forms import BoundField, CheckboxInput
from django.template import Context
from django.utils.safestring import SafeString

from tollgate.actions.sign_in import providers_of
from tollgate.core.invoice_document import price_text
from tollgate.core.money import minor_digits, padded
from tollgate.panel import cells, fields, staff
from tollgate.store.models import SignInProvider
from tollgate.store.queries.explain import ABOUT, PriceLine
from tollgate.ui.templatetags.ui import money
from tollgate.ui.words import figure, told

register = template.Library()
register.filter(money)


@register.simple_tag
def sign_in_providers() -> list[SignInProvider]:
    """The providers of users, by title."""
    return providers_of("users")


@register.simple_tag(takes_context=True)
def who(context: Context, name: str) -> str:
    """A name of somebody who did something; the operator's staff is not told to resellers' users."""
    return staff.name_for(context["request"])(name)


@register.filter
def price(nanos: int | None, currency: str = "") -> str:
    """An exact price; with a currency, no fewer decimals than it has."""
    return "" if nanos is None else figure(price_text(nanos, minor_digits(currency) if currency else 0))


@register.filter
def leveled(lines: Sequence[PriceLine]) -> list[tuple[str, str, str]]:
    """Each line with its amount and the currency that stands behind it, all amounts with as many decimals."""
    parts = [(line, *line.amount.removeprefix(ABOUT).partition(" ")[::2]) for line in lines]
    most = max((len(number.partition(".")[2]) for _, number, _ in parts), default=0)
    return [
        (line.words, f"{ABOUT * line.amount.startswith(ABOUT)}{figure(padded(number, most))}", unit)
        for line, number, unit in parts
    ]


@register.filter
def utc(at: datetime | None) -> str:
    """A moment in UTC, to the second."""
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


@register.filter
def sentence(text: str) -> str:
    """What somebody wrote, with a full stop if they left it out."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


@register.filter
def seconds(duration_ms: int | None) -> str:
    """Milliseconds as seconds."""
    return figure(cells.seconds(duration_ms))


@register.filter
def clock(duration_s: int | None) -> str:
    """Seconds as minutes and seconds."""
    return cells.clock(duration_s)


@register.filter
def limit(count: int) -> str:
    """The words of a limit of channels."""
    return str(told(cells.limit(count)))


@register.filter
def per_second(milli: int) -> str:
    """The words of a limit of calls per second."""
    return str(told(cells.cps(milli)))


@register.filter
def tone(status: object) -> str:
    """The tone of a status badge."""
    return cells.STATUS_TONES.get(str(status).lower(), "gray")


@register.filter
def words(value: object) -> str:
    """A stored value for people."""
    return str(told(fields.words(value)))


@register.filter
def dressed(field: BoundField) -> SafeString:
    """The field's input with the house's class."""
    css = "form-check-input" if isinstance(field.field.widget, CheckboxInput) else "form-control"
    return field.as_widget(attrs={"class": css})
