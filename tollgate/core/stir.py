"""Signed caller numbers (STIR/SHAKEN): the Identity header that a call leaves with (RFC 8224, 8225, 8588).

A PASSporT names who calls whom, when, and what the signer knows of the caller: A that it may show this number, B who it
is, C only where the call came in. Members stand in the order of their names, without spaces (RFC 8225 section 9); the
signature is r and s, 32 bytes each. It is made as by RFC 6979: the same words give the same signature.

Whether a call is signed, and by which certificate, is decided in `calls_attest`; what a certificate has to be is in
`stir_certificates`.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

LEVELS: Final = ("A", "B", "C")
FRESH: Final = timedelta(seconds=60)
"""So long a signature counts after its moment, or before it where clocks differ (RFC 8224 section 6.2)."""
MOST_CHARACTERS: Final = 2048
"""A header that is longer is not passed on: an edge has room for its decision and no more."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ALGORITHM: Final = ECDSA(hashes.SHA256(), deterministic_signing=True)
_SIGNED: Final = re.compile(
    r"\s*(?P<token>[\w-]+\.(?P<payload>[\w-]+)\.[\w-]+)\s*;\s*info\s*=\s*<(?P<url>https://[!#-:=?-~]+)>(?P<rest>[^,]*)",
    re.ASCII,
)
_SHAKEN: Final = re.compile(r';\s*ppt\s*=\s*"?shaken"?\s*(;|$)', re.ASCII)
_encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """What calls are signed with. Its key is read once, when the records are."""

    id: int
    name: str
    url: str  # where who verifies finds it
    starts_at: datetime
    expires_at: datetime
    key: EllipticCurvePrivateKey = field(repr=False)

    def holds(self, at: datetime) -> bool:
        """Whether it may sign at a moment."""
        return self.starts_at <= at < self.expires_at


class Passport(NamedTuple):
    """What a PASSporT says: numbers are digits alone."""

    level: str
    orig: str
    dest: tuple[str, ...]
    signed_at: datetime
    origid: str = ""


class Received(NamedTuple):
    """An Identity header that came with a call, not verified: what it says, and its text written anew."""

    passport: Passport
    header: str


class Attestation(NamedTuple):
    """The signature that a call leaves with: one of ours, to be made when it is granted, or the one that it brought."""

    level: str
    orig: str
    dest: str
    origid: str = ""
    certificate: Certificate | None = None
    received: str = ""

    def header(self, at: datetime) -> str:
        """The value of its Identity header."""
        if self.certificate is None:
            return self.received
        return signed(self.certificate, Passport(self.level, self.orig, (self.dest,), at, self.origid))


def signed(certificate: Certificate, passport: Passport) -> str:
    """The value of an Identity header, in its full form."""
    words = signing_input(certificate.url, passport)
    r, s = decode_dss_signature(certificate.key.sign(words.encode(), _ALGORITHM))
    return _written(f"{words}.{_base64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}", certificate.url)


def signing_input(url: str, passport: Passport) -> str:
    """The header and the payload as they are signed."""
    header = {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": url}
    payload = {
        "attest": passport.level,
        "dest": {"tn": list(passport.dest)},
        "iat": (passport.signed_at - _EPOCH) // timedelta(seconds=1),
        "orig": {"tn": passport.orig},
        "origid": passport.origid,
    }
    return f"{_base64(_encode(header).encode())}.{_base64(_encode(payload).encode())}"


def origid_of(edge: str, call_id: str) -> str:
    """What names the origin of a call to others, and tells them nothing: the same whenever the call is asked about."""
    return str(uuid5(NAMESPACE_URL, f"{edge}/{call_id}"))


def received(text: str) -> Received | None:
    """What an Identity header says; None for one that is none of SHAKEN, cannot be read, or is too long."""
    found = _SIGNED.fullmatch(text) if len(text) <= MOST_CHARACTERS else None
    if found is None or not _SHAKEN.search(found["rest"]):
        return None
    try:
        payload = json.loads(urlsafe_b64decode(found["payload"] + "=" * (-len(found["payload"]) % 4)))
    except (ValueError, RecursionError):
        return None
    passport = _passport(payload)
    return None if passport is None else Received(passport, _written(found["token"], found["url"]))


def _passport(payload: object) -> Passport | None:
    """A stranger's payload, where each member is what it has to be."""
    if not isinstance(payload, dict):
        return None
    dest, orig, level = _number_of(payload.get("dest")), _number_of(payload.get("orig")), payload.get("attest")
    iat = payload.get("iat")
    given: list[object] = dest if isinstance(dest, list) else [dest]
    numbers = tuple([number for number in given if isinstance(number, str)])
    if level not in LEVELS or not isinstance(orig, str) or len(numbers) < len(given):
        return None
    if type(iat) is not int or not 0 <= iat < 2**32:
        return None
    return Passport(level, orig, numbers, _EPOCH + timedelta(seconds=iat))


def _number_of(who: object) -> object:
    return who.get("tn") if isinstance(who, Mapping) else None


def _written(token: str, url: str) -> str:
    return f'{token};info=<{url}>;alg=ES256;ppt="shaken"'


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
