"""VAT numbers: whether one has the form of its country (offline), and whether a register knows it (VIES).

`register_of` gives a register, `ask` puts one question and gives its answer with the proof. To add a register, write
its class with `ask` and its line in `register_of`. The words of VIES are those of its REST service.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from stdnum import get_cc_module
from stdnum.eu import vat as eu_vat
from urllib3.exceptions import HTTPError, NewConnectionError

from tollgate import environment
from tollgate.core.taxes import EU, VAT_PREFIXES
from tollgate.gateways.addresses import Unreachable, reachable
from tollgate.gateways.in_time import ask, pool_to

VIES: Final = "https://ec.europa.eu/taxation_customs/vies/rest-api"
TIMEOUT_S: Final = 15
"""For a connection, and then for the whole dialogue over it."""
ANSWER_MOST: Final = 10_000
NOT_NOW: Final = frozenset({"MS_UNAVAILABLE", "SERVICE_UNAVAILABLE", "TIMEOUT", "MS_MAX_CONCURRENT_REQ", "SERVER_BUSY"})
"""What VIES says when it can be asked again later."""


class NotAnswered(Exception):
    """The register gave no answer now; `answer` is what was heard."""

    def __init__(self, sentence: str, *, answer: str = "") -> None:
        super().__init__(sentence)
        self.answer = answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A number to ask for; with our own number the register gives a consultation number, which is the proof."""

    number: str
    own_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the register says, and the text it said it in."""

    valid: bool
    name: str
    address: str
    consultation: str
    text: str


class Register(Protocol):
    """Whoever knows VAT numbers."""

    @property
    def name(self) -> str:
        """Its word in the records."""

    def ask(self, question: Question) -> Answer:
        """Asks for one number. Raises NotAnswered."""


@dataclass(frozen=True, slots=True)
class Vies:
    """The register of the European Commission, by its REST service."""

    url: str
    name: str = "vies"

    def ask(self, question: Question) -> Answer:
        """One POST; what a member state keeps to itself is empty."""
        body = {"countryCode": question.number[:2], "vatNumber": question.number[2:]}
        if question.own_number:
            body |= {
                "requesterMemberStateCode": question.own_number[:2],
                "requesterNumber": question.own_number[2:],
            }
        try:
            status, text = _posted(f"{self.url}/check-vat-number", json.dumps(body).encode())
        except (Unreachable, HTTPError, OSError, ValueError) as problem:
            raise NotAnswered(f"VIES is not reached: {problem}") from None
        return _read(status, text)


def register_of() -> Register:
    """The register that is asked: VIES, where the setting says it is."""
    return Vies(environment.text("TOLLGATE_VIES_URL", VIES).rstrip("/"))


def number_fits(number: str, country: str) -> bool:
    """Whether a number is one of a country by its form and check digits; those of the EU begin with their country."""
    if not number:
        return False
    if country in EU:
        begins = number.startswith(VAT_PREFIXES.get(country, country))
        return begins and bool(eu_vat.is_valid(number))
    module = get_cc_module(country.lower(), "vat") if country else None
    return True if module is None else bool(module.is_valid(number))


def _read(status: int, text: str) -> Answer:
    said = _object(text)
    errors = said.get("errorWrappers")
    words = errors[0].get("error", "") if isinstance(errors, list) and errors and isinstance(errors[0], dict) else ""
    words = words or str(said.get("userError") or "")
    if words in NOT_NOW or words.startswith("GLOBAL_") or status >= 500 or status == 429:
        raise NotAnswered(f"VIES cannot say now: {words or status}.", answer=text)
    if words == "INVALID_INPUT":
        return Answer(valid=False, name="", address="", consultation="", text=text)
    if status != 200 or not isinstance(said.get("valid"), bool):
        raise NotAnswered(f"VIES answers {words or status}.", answer=text)
    return Answer(
        valid=said["valid"],
        name=_shown(said.get("name")),
        address=_shown(said.get("address")),
        consultation=_shown(said.get("requestIdentifier")),
        text=text,
    )


def _shown(value: object) -> str:
    """A word of the answer; VIES writes --- for what it does not tell."""
    text = value.strip() if isinstance(value, str) else ""
    return "" if text.strip("-") == "" else text[:500]


def _object(text: str) -> Mapping[str, Any]:
    with contextlib.suppress(ValueError):
        found = json.loads(text)
        if isinstance(found, dict):
            return found
    return {}


def _posted(url: str, body: bytes) -> tuple[int, str]:
    """One POST to an address that was checked: the status and the beginning of the answer."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    headers = {"Host": parts.netloc, "Content-Type": "application/json", "Accept": "application/json"}
    *others, last = reachable(host, port)
    for address in others:
        with contextlib.suppress(NewConnectionError):
            return _asked(address, port, host if secure else "", parts.path, body, headers)
    return _asked(last, port, host if secure else "", parts.path, body, headers)


def _asked(address: str, port: int, name: str, target: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """One POST to a checked address: the status and the beginning of the answer."""
    pool = pool_to(address, port, name, whole_s=TIMEOUT_S)
    status, content = ask(pool, "POST", target, body=body, headers=headers, most=ANSWER_MOST)
    return status, content.decode("utf-8", "replace")
