"""The caller's number: whether it may be shown, and what is asserted of it towards a carrier (RFC 3325).

A new rule about which number may be shown is a function that returns its Refusal or None, named in `refused`. A new
mode of P-Asserted-Identity is a branch in `sent`.
"""

import re
from collections.abc import Set as AbstractSet
from functools import lru_cache

from tollgate.core.digits import NumberInvalid, normalize
from tollgate.core.refusals import Key, Refusal
from tollgate.core.snapshot import Payer

_IDENTITY = re.compile(r"(?:sips?|tel):(?P<number>[^@;>,?\s]{1,64})", re.ASCII | re.IGNORECASE)


@lru_cache(maxsize=10_000)
def comparable(number: str) -> str:
    """A number as numbers are compared, digits alone; empty for what is no number."""
    try:
        return normalize(number)
    except NumberInvalid:
        return ""


def asserted(header: str | None) -> str:
    """The number in a P-Asserted-Identity, its plus kept; empty when there is none, or no number in it.

    What stands there comes from a stranger, so nothing but digits and a plus is ever passed on.
    """
    found = _IDENTITY.search(header) if header else None
    if found is None:
        return ""
    digits = comparable(found["number"])
    return "+" + digits if digits and found["number"].startswith("+") else digits


def approved(cli: str, clis: AbstractSet[str]) -> bool:
    """Whether a number is among those a customer has had verified."""
    number = comparable(cli)
    return number != "" and number in clis


def refused(customer: Payer, cli: str, pai: str) -> Refusal | None:
    """Why this customer may not call with this CLI and this assertion of its own (behaviour.md 12.2)."""
    if customer.approved_clis_only:
        shown = [("From", cli)]
        if pai and customer.pai_mode != "remove":
            shown.append(("P-Asserted-Identity", pai))
        for header, number in shown:
            if not approved(number, customer.approved_clis):
                values = (("header", header), ("cli", number), ("approved_count", len(customer.approved_clis)))
                return Refusal(Key.cli_restricted, "customer", values)
    if customer.pai_mode == "required" and not pai:
        return Refusal(Key.paid_required, "customer", (("name", customer.name), ("pai", None)))
    return None


def sent(mode: str, pai: str, cli: str) -> str:
    """The number asserted for a customer of this mode: its own assertion, ours that the CLI is its own, or nothing."""
    if mode == "remove":
        return ""
    return pai if pai or mode != "default" else cli


def sent_to(carrier_mode: str, wanted: str, pai: str) -> str | None:
    """The same after the carrier's rule, which comes last; None when this carrier takes no call without one."""
    match carrier_mode:
        case "remove":
            return ""
        case "if_available":
            return wanted if pai else ""
        case "required":
            return wanted or None
        case _:
            return wanted
