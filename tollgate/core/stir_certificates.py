"""What a certificate has to be that calls are signed with (RFC 8226): read from PEM and held against its key.

Each thing that is wrong names the field that has it. To ask for one more, add a function to `_OF_OWN`; what is only
missing, and carriers may mind, is a sentence of `missing`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

TN_AUTH_LIST: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.26")
"""The extension that says for whom a certificate signs: service provider codes, numbers (RFC 8226 section 9)."""
MOST_CERTIFICATES: Final = 6
Kind = TypeVar("Kind", bound=x509.ExtensionType)
_UNREADABLE: Final = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension)
_SEQUENCE: Final = 0x30
_CODE: Final = 0xA0
_IA5: Final = 0x16


class CertificateInvalid(ValueError):
    """It cannot sign calls: in which field, and why."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Facts:
    """What a certificate says of itself. `codes` are the service provider codes that it is for."""

    subject: str
    issuer: str
    codes: tuple[str, ...]
    starts_at: datetime
    expires_at: datetime


def facts(chain: str, key: str, at: datetime) -> Facts:
    """What our own certificate says, the first of the chain, once it is fit to sign with this key from `at` on.

    Raises CertificateInvalid.
    """
    certificates = _read_chain(chain)
    own = certificates[0]
    for check in _OF_OWN:
        check(own, at)
    _check_order(certificates)
    if read_key(key).public_key() != own.public_key():
        raise CertificateInvalid("key", "This key is not the certificate's.")
    return Facts(
        own.subject.rfc4514_string(),
        own.issuer.rfc4514_string(),
        _codes(own),
        own.not_valid_before_utc,
        own.not_valid_after_utc,
    )


def read_key(text: str) -> EllipticCurvePrivateKey:
    """A private key for ES256 from PEM, without a password. Raises CertificateInvalid."""
    try:
        key = load_pem_private_key(text.encode(), None)
    except TypeError:
        raise CertificateInvalid("key", "The key has a password: give it without.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateInvalid("key", "Give a private key in PEM: it begins with -----BEGIN.") from None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise CertificateInvalid("key", "Calls are signed with ES256: give an EC key of the curve P-256.")
    return key


def check_code(found: Facts, ocn: str) -> None:
    """That a certificate for some provider is for the one with this OCN. Raises CertificateInvalid."""
    if ocn and found.codes and ocn not in found.codes:
        codes = " and ".join(found.codes)
        raise CertificateInvalid("chain", f"The certificate is for {codes}, but the account's OCN is {ocn}.")


def missing(found: Facts, ocn: str) -> list[str]:
    """What could not be compared, one sentence each."""
    if not found.codes:
        return ["The certificate names no service provider code (TNAuthList): carriers in the US want one."]
    if not ocn:
        return [f"The account has no OCN, so nobody compared it with {' and '.join(found.codes)} of the certificate."]
    return []


def _read_chain(text: str) -> Sequence[x509.Certificate]:
    try:
        found = x509.load_pem_x509_certificates(text.encode())
        for one in found:  # what is read of it later is read now
            one.public_key(), one.extensions, one.subject, one.issuer
    except _UNREADABLE:
        raise CertificateInvalid(
            "chain", "Give certificates in PEM: each begins with -----BEGIN CERTIFICATE."
        ) from None
    if len(found) > MOST_CERTIFICATES:
        raise CertificateInvalid("chain", f"Give at most {MOST_CERTIFICATES} certificates.")
    return found


def _check_order(certificates: Sequence[x509.Certificate]) -> None:
    """Each was issued by the next one."""
    for place, (one, issuer) in enumerate(pairwise(certificates), start=1):
        try:
            one.verify_directly_issued_by(issuer)
        except (*_UNREADABLE, InvalidSignature):
            sentence = (
                f"Certificate {place} was not issued by certificate {place + 1}: give your own first, then its issuer."
            )
            raise CertificateInvalid("chain", sentence) from None


def _is_for_es256(own: x509.Certificate, _at: datetime) -> None:
    key = own.public_key()
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise CertificateInvalid(
            "chain", "Calls are signed with ES256: the certificate's key has to be of the curve P-256."
        )


def _is_no_authority(own: x509.Certificate, _at: datetime) -> None:
    found = _extension(own, x509.BasicConstraints)
    if found is not None and found.ca:
        raise CertificateInvalid("chain", "The first certificate is that of an authority: give your own first.")


def _may_sign(own: x509.Certificate, _at: datetime) -> None:
    found = _extension(own, x509.KeyUsage)
    if found is not None and not found.digital_signature:
        raise CertificateInvalid("chain", "The certificate is not for signatures (key usage).")


def _has_not_expired(own: x509.Certificate, at: datetime) -> None:
    if at >= own.not_valid_after_utc:
        raise CertificateInvalid("chain", f"The certificate expired on {own.not_valid_after_utc:%Y-%m-%d}.")


def _names_codes(own: x509.Certificate, _at: datetime) -> None:
    _codes(own)


_OF_OWN: Final[tuple[Callable[[x509.Certificate, datetime], None], ...]] = (
    _is_for_es256, _is_no_authority, _may_sign, _has_not_expired, _names_codes,
)  # fmt: skip


def _extension(own: x509.Certificate, kind: type[Kind]) -> Kind | None:
    try:
        return own.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _codes(own: x509.Certificate) -> tuple[str, ...]:
    """The service provider codes of its TNAuthList; numbers and ranges of them are passed over."""
    try:
        value = own.extensions.get_extension_for_oid(TN_AUTH_LIST).value
    except x509.ExtensionNotFound:
        return ()
    assert isinstance(value, x509.UnrecognizedExtension)
    try:
        return _read_codes(value.value)
    except (ValueError, IndexError):
        raise CertificateInvalid("chain", "The certificate's list of codes (TNAuthList) cannot be read.") from None


def _read_codes(der: bytes) -> tuple[str, ...]:
    """The codes of a TNAuthorizationList: a sequence whose entries are tagged, [0] an IA5String in its own tag."""
    tag, entries, rest = _taken(der)
    if tag != _SEQUENCE or rest:
        raise ValueError("no sequence")
    codes = []
    while entries:
        tag, entry, entries = _taken(entries)
        if tag == _CODE:
            inner, code, rest = _taken(entry)
            text = code.decode("ascii")
            if inner != _IA5 or rest or not text.isprintable() or len(text.split()) != 1:
                raise ValueError("no code")
            codes.append(text)
    return tuple(codes)


def _taken(der: bytes) -> tuple[int, bytes, bytes]:
    """The tag and the content of the first value, and what is behind it (X.690 section 8.1)."""
    length, start = der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    if start + length > len(der):
        raise ValueError("it ends too early")
    return der[0], der[start : start + length], der[start + length :]
