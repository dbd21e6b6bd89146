"""An authority of our own for tests of STIR/SHAKEN: it issues certificates, and verifies as who gets a call does.

`issued()` gives a certificate with its key in PEM; what is asked of it otherwise is said by its arguments. `verified`
reads an Identity header by the standards alone (RFC 8224 and 8225), without the code that made it.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import NameOID

TN_AUTH_LIST: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.26")
URL: Final = "https://cert.example.org/shaken.pem"
HEADER: Final = re.compile(r'([\w-]+)\.([\w-]+)\.([\w-]+);info=<([^>]+)>;alg=ES256;ppt="shaken"', re.ASCII)
PKCS8: Final = serialization.PrivateFormat.PKCS8
CLEAR: Final = serialization.NoEncryption()
Key = Any


@dataclass(frozen=True)
class Issued:
    """A certificate, the certificate that issued it, and its key, all in PEM."""

    own: str
    issuer: str
    key: str

    @property
    def chain(self) -> str:
        return self.own + self.issuer


@cache
def authority() -> tuple[Key, x509.Certificate]:
    """The key and the certificate of the authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key, _made("Test STI-CA", key.public_key(), None, key, ca=True, extensions=())


def issued(
    code: str = "709J",
    *,
    key: Key = None,
    ca: bool = False,
    until: timedelta = timedelta(days=365),
    entries: bytes | None = None,
    usage: x509.KeyUsage | None = None,
) -> Issued:
    """A certificate for a provider; `entries` is its list of codes as it stands there, empty code: none."""
    own_key = key or ec.generate_private_key(ec.SECP256R1())
    issuer_key, issuer = authority()
    extensions: list[x509.ExtensionType] = [] if usage is None else [usage]
    listed = entries if entries is not None else listing(code) if code else None
    if listed is not None:
        extensions.append(x509.UnrecognizedExtension(TN_AUTH_LIST, listed))
    own = _made(
        f"SHAKEN {code}", own_key.public_key(), issuer, issuer_key, ca=ca, extensions=tuple(extensions), until=until
    )
    return Issued(pem(own), pem(issuer), key_pem(own_key))


def listing(*codes: str) -> bytes:
    """A TNAuthorizationList of service provider codes (RFC 8226 section 9)."""
    entries = b"".join(_tagged(0xA0, _tagged(0x16, code.encode())) for code in codes)
    return _tagged(0x30, entries)


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key: Key, password: str = "") -> str:
    cipher = serialization.BestAvailableEncryption(password.encode()) if password else CLEAR
    return str(key.private_bytes(serialization.Encoding.PEM, PKCS8, cipher).decode())


def verified(header: str, own: str, *, at: datetime) -> dict[str, Any]:
    """The claims of an Identity header that is signed by the certificate, fresh and canonical; else it fails."""
    found = HEADER.fullmatch(header)
    assert found, header
    protected, payload, signature, url = found.groups()
    key = x509.load_pem_x509_certificate(own.encode()).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    raw = _decoded(signature)
    assert len(raw) == 64
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    key.verify(encode_dss_signature(r, s), f"{protected}.{payload}".encode(), ec.ECDSA(hashes.SHA256()))
    assert _canonical(protected) == {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": url}
    claims = _canonical(payload)
    assert abs(at.timestamp() - claims["iat"]) <= 60
    assert "=" not in header.partition(";")[0]
    return claims


def _canonical(part: str) -> dict[str, Any]:
    """The JSON of a part, which has to stand as RFC 8225 section 9 wants it."""
    text = _decoded(part).decode()
    data: dict[str, Any] = json.loads(text)
    assert text == json.dumps(data, separators=(",", ":"), sort_keys=True)
    return data


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _tagged(tag: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes([tag, len(content)]) + content


def _made(
    name: str,
    public_key: Key,
    issuer: x509.Certificate | None,
    issuer_key: Key,
    *,
    ca: bool,
    extensions: tuple[x509.ExtensionType, ...],
    until: timedelta = timedelta(days=3650),
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + until)
        .add_extension(x509.BasicConstraints(ca, None), True)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, False)
    return builder.sign(issuer_key, hashes.SHA256())
