"""Notices as services have really sent them: the files of recorded/, whose README tells where each comes from.

    notice = recorded("paypal-capture-refunded")    its headers, and its body byte for byte

A file is the headers, an empty line, and the body to its last byte. To add one: the file, and its row in the README.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.gateways.payments.desk import Desk

FOLDER: Final = Path(__file__).parent / "recorded"
SIMULATOR: Final = "WEBHOOK_ID"
"""The webhook id in signatures of PayPal's simulator, whatever the id of the webhook that it calls."""
RAZORPAY_KEY: Final = "123456"
"""Of the webhook of the payment at Razorpay, published beside it."""
CERTIFICATES: Final = "/v1/notifications/certs/"
PAYPAL: Final = "https://api.paypal.com"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came, word for word; header names are in small letters."""

    headers: Mapping[str, str]
    body: bytes

    def with_byte(self, place: int) -> bytes:
        """The body with one bit of that byte changed."""
        changed = bytearray(self.body)
        changed[place] ^= 1
        return bytes(changed)


def recorded(name: str) -> Recorded:
    """One of the files."""
    body, headers = (FOLDER / f"{name}.http").read_bytes(), {}
    while True:
        line, _, body = body.partition(b"\n")
        if not line:
            return Recorded(headers, body)
        title, _, value = line.decode("ascii").partition(": ")
        headers[title] = value


def certified(notice: Recorded, house: Desk) -> dict[str, str]:
    """The headers of a PayPal webhook; its certificate is fetched from the stand-in, an address that is not signed."""
    for found in FOLDER.glob("*.pem"):
        house.answers[f"GET {CERTIFICATES}{found.stem}"] = (200, found.read_bytes())
    return {name: value.replace(PAYPAL, house.url) for name, value in notice.headers.items()}
