"""How a field is checked: each check takes what a form, the API or a job gave and returns what is stored.

A check raises Unfit with a sentence that says what to do. A noun keeps its fields as a mapping of names to checks;
`cleaned` applies it and reports all bad fields at once. To add a kind of field, add a function that returns a check;
what programs can know of its limits beforehand it tells by `_telling`, and `limits` says it for the API's document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final
from weakref import WeakKeyDictionary

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from tollgate.actions.acts import Invalid
from tollgate.core import digits, hours, money

Check = Callable[[object], Any]
Network = IPv4Network | IPv6Network

MOST_MICROS = 10**15  # a thousand million units: more is a slip of the keyboard
MOST_NANOS = 10**13  # ten thousand units a minute
MOST_CHANNELS = 1_000_000
MOST_CPS_MILLI = 10_000_000
MOST_ID = 2**63 - 1
MOST_EMAIL = 254
MAPPED_BITS = 96
"""Before the IPv4 address in an IPv6 address of ::ffff:0:0/96 (RFC 4291 section 2.5.5.2)."""

_LIMITS: Final[WeakKeyDictionary[Check, Mapping[str, Any]]] = WeakKeyDictionary()
_LABEL = r"[a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*", re.ASCII)


class Unfit(ValueError):
    """A value that a field cannot take; the sentence says what to do."""


def cleaned(checks: Mapping[str, Check], given: Mapping[str, object]) -> dict[str, Any]:
    """The checked values of the fields given. Raises Invalid naming every bad or unknown one."""
    values: dict[str, Any] = {}
    errors: dict[str, list[str]] = {}
    for name, value in given.items():
        if name not in checks:
            errors[name] = ["This field does not exist here."]
            continue
        try:
            values[name] = checks[name](value)
        except Unfit as problem:
            errors[name] = [str(problem)]
    if errors:
        raise Invalid(errors)
    return values


def whole_coins(field: str, amount_micros: int, code: str) -> None:
    """Refuses an amount finer than the smallest coin of its currency: no bank can move it."""
    digits = money.minor_digits(code)
    if amount_micros % 10 ** (6 - digits):
        least = f"at most {digits} decimals" if digits else "no decimals"
        raise Invalid({field: [f"{code} has {least}: {money.format_micros(amount_micros)} cannot be paid."]})


def limits(check: Check) -> Mapping[str, Any]:
    """What JSON Schema can say of the values that a check takes."""
    return _LIMITS.get(check, {})


def _telling(check: Check, **schema: Any) -> Check:
    _LIMITS[check] = schema
    return check


def text(most: int = 200, *, required: bool = False) -> Check:
    """Text of at most so many characters, trimmed; control characters are refused."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise Unfit("Give text.")
        trimmed = value.strip()
        if required and not trimmed:
            raise Unfit("This is required.")
        if len(trimmed) > most:
            raise Unfit(f"Use at most {most} characters; this has {len(trimmed)}.")
        if any(not sign.isprintable() and sign not in "\r\n\t" for sign in trimmed):
            raise Unfit("Remove the control characters.")
        return trimmed

    return _telling(check, maxLength=most, **({"minLength": 1} if required else {}))


def matching(pattern: str, sentence: str, *, most: int = 200) -> Check:
    """Text that matches a pattern whole."""
    compiled = re.compile(pattern, re.ASCII)
    trimmed = text(most)

    def check(value: object) -> str:
        result: str = trimmed(value)
        if not compiled.fullmatch(result):
            raise Unfit(sentence)
        return result

    return _telling(check, maxLength=most, pattern=f"^(?:{pattern})$")


def whole(least: int, most: int) -> Check:
    """A whole number in a range, both ends included."""

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Unfit("Give a whole number.")
        if not least <= value <= most:
            raise Unfit(f"Give a number from {least} to {most}.")
        return value

    return _telling(check, minimum=least, maximum=most)


def amount(least: int, most: int, *, price: bool = False) -> Check:
    """Money in micros (a price in nanos), with the range told in units of the currency."""
    show = money.format_nanos if price else money.format_micros

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Unfit("Give the amount as a whole number of micros." if not price else "Give whole nanos.")
        if not least <= value <= most:
            raise Unfit(f"Give an amount from {show(least)} to {show(most)}.")
        return value

    return _telling(check, minimum=least, maximum=most)


def optional(inner: Check) -> Check:
    """The same, or nothing: an empty field is None."""

    def check(value: object) -> object:
        return None if value is None or value == "" else inner(value)

    told = dict(limits(inner))
    told.pop("minLength", None)
    if "enum" in told:
        told["enum"] = [*told["enum"], "", None]
    if "pattern" in told:
        told["pattern"] = f"^$|{told['pattern']}"
    told.pop("format", None)  # which an empty text has not
    return _telling(check, **told)


def one_of(values: Collection[str]) -> Check:
    """One of some words."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in values:
            raise Unfit(f"Choose one of {', '.join(values)}.")
        return value

    return _telling(check, enum=sorted(values))


def yes_no(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Unfit("Give true or false.")
    return value


def currency(value: object) -> str:
    """An ISO 4217 code."""
    code = value.strip().upper() if isinstance(value, str) else ""
    if code not in money.CURRENCIES:
        raise Unfit("Give a currency code of ISO 4217, such as EUR.")
    return code


def zone(value: object) -> str:
    """A zone of the IANA database."""
    name = value.strip() if isinstance(value, str) else ""
    try:
        hours.zone_info(name)
    except hours.ZoneUnknown:
        raise Unfit("Give a zone of the IANA database, such as Europe/Vilnius.") from None
    return name


def instant(value: object) -> datetime:
    """An aware moment, or its RFC 3339 text; UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise Unfit("Give a moment such as 2026-12-31T23:59:59Z.") from None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise Unfit("Give a moment with its zone, such as 2026-12-31T23:59:59Z.")
    if not 2000 <= value.year <= 2200:
        raise Unfit("Give a moment between the years 2000 and 2200.")
    return value.astimezone(UTC)


def email(value: object) -> str:
    """An email address, as long as RFC 5321 (section 4.5.3.1.3, less the brackets) lets one be sent."""
    address = value.strip() if isinstance(value, str) else ""
    if len(address) > MOST_EMAIL:
        raise Unfit(f"Use at most {MOST_EMAIL} characters; this has {len(address)}.")
    try:
        validate_email(address)
    except ValidationError:
        raise Unfit("Give an email address such as ann@example.com.") from None
    return address


def phone(value: object) -> str:
    """An international number by E.164, kept as `+` and 7 to 15 digits."""
    try:
        number = digits.normalize(value if isinstance(value, str) else "")
    except digits.NumberInvalid:
        number = ""
    if not 7 <= len(number) <= 15 or number.startswith("0"):
        raise Unfit("Give the number in international form (E.164), such as +37061234567.")
    return f"+{number}"


def network(value: object) -> Network:
    """An IP address or network. IPv4 written as IPv6 is kept as IPv4, as calls are looked up."""
    text = value.strip() if isinstance(value, str) else str(value)
    if "%" in text:
        raise Unfit("Leave the zone out: % and the name of an interface mean something on one machine only.")
    try:
        found = ip_network(text)
    except ValueError as problem:
        raise Unfit(f"Give an IP address or network such as 192.0.2.7 or 192.0.2.0/24 ({problem}).") from None
    if isinstance(found, IPv6Network) and found.prefixlen >= MAPPED_BITS and found.network_address.ipv4_mapped:
        found = IPv4Network((int(found.network_address.ipv4_mapped), found.prefixlen - MAPPED_BITS))
    if found.prefixlen == 0:
        raise Unfit("This network is the whole Internet: give a narrower one.")
    return found


def networks(value: object) -> list[Network]:
    """A list of IP addresses and networks."""
    if not isinstance(value, (list, tuple)):
        raise Unfit("Give a list of IP addresses and networks.")
    return [network(row) for row in value]


def host(value: object) -> str:
    """An IP address or a host name."""
    name = value.strip().lower().strip("[]") if isinstance(value, str) else ""
    if "%" in name:
        raise Unfit("Leave the zone out: % and the name of an interface mean something on one machine only.")
    try:
        return str(ip_address(name))
    except ValueError:
        digits_only = name.replace(".", "").isdigit()
        if digits_only or not _HOST.fullmatch(name):
            raise Unfit("Give an IP address or a host name, without sip: and port.") from None
    return name


def opening_hours(value: object) -> dict[str, object]:
    """The day/time table in the form of core.hours."""
    try:
        return hours.to_json(hours.from_json(value))
    except hours.HoursInvalid as problem:
        raise Unfit(str(problem)) from None


_telling(currency, pattern=r"^\s*[A-Za-z]{3}\s*$")
_telling(instant, format="date-time")
_telling(email, maxLength=MOST_EMAIL)
record_id = whole(1, MOST_ID)
channels = whole(0, MOST_CHANNELS)
cps_milli = whole(0, MOST_CPS_MILLI)
digits_only = matching(r"[0-9]{0,18}", "Use at most 18 digits.")
tech_prefix = matching(r"[0-9#*+]{0,20}", "Use at most 20 of the signs 0-9 # * +.")
