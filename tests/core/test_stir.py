"""Claims about Identity headers: the standards' vectors, what is signed verifies, what a stranger sends is read."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from tests.stir_authority import URL, Issued, authority, issued, pem, verified
from tollgate.core import stir
from tollgate.core.stir import Attestation, Certificate, Passport, received, signed, signing_input
from tollgate.core.stir_certificates import read_key

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ISSUED = issued()
SHAKEN = Passport("A", "12155551212", ("12125551213",), datetime.fromtimestamp(1443208345, UTC), "123e4567-e89b-12d3")
"""The example of RFC 8588 section 6, with a shorter origid."""


def certificate(made: Issued = ISSUED, **fields: Any) -> Certificate:
    known = {"id": 1, "name": "Own", "url": URL, "starts_at": AT - timedelta(1), "expires_at": AT + timedelta(1)}
    return Certificate(**{**known, "key": read_key(made.key), **fields})


def token(payload: object, *, tail: str = ';info=<https://a.example/b>;alg=ES256;ppt="shaken"') -> str:
    """A header as a stranger might send it, its signature nobody's."""
    text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return f"eyJhIjoxfQ.{base64.urlsafe_b64encode(text).rstrip(b'=').decode()}.c2ln{tail}"


CLAIMS = {"attest": "B", "dest": {"tn": ["442079460001"]}, "iat": 1763726400, "orig": {"tn": "442071838750"}}


def test_header_and_payload_stand_in_canonical_form() -> None:
    header, payload = (
        base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()
        for part in signing_input("https://cert.example.org/passport.cer", SHAKEN).split(".")
    )
    assert header == '{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://cert.example.org/passport.cer"}'
    assert payload == (
        '{"attest":"A","dest":{"tn":["12125551213"]},"iat":1443208345,"orig":{"tn":"12155551212"},'
        '"origid":"123e4567-e89b-12d3"}'
    )


def test_a_signature_is_that_of_rfc_6979_as_32_bytes_each() -> None:
    """Its example for P-256 and SHA-256 (A.2.5) signs the word "sample"; the same key and way sign ours."""
    private = int("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721", 16)
    key = ec.derive_private_key(private, ec.SECP256R1())
    r, s = stir.decode_dss_signature(key.sign(b"sample", stir._ALGORITHM))
    assert f"{r:064X}" == "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
    assert f"{s:064X}" == "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
    own = certificate()
    assert signed(own, SHAKEN) == signed(own, SHAKEN)


def test_json_is_encoded_as_in_the_example_of_rfc_8225() -> None:
    """Its appendix A: members in the order of their names, base64url without padding."""
    example = (
        {"typ": "passport", "alg": "ES256", "x5u": "https://cert.example.org/passport.cer"},
        {"orig": {"tn": "12155551212"}, "iat": 1471375418, "dest": {"uri": ["sip:alice@example.com"]}},
    )
    assert [stir._base64(stir._encode(part).encode()) for part in example] == [
        "eyJhbGciOiJFUzI1NiIsInR5cCI6InBhc3Nwb3J0IiwieDV1IjoiaHR0cHM6Ly9jZXJ0LmV4YW1wbGUub3JnL3Bhc3Nwb3J0LmNlciJ9",
        "eyJkZXN0Ijp7InVyaSI6WyJzaXA6YWxpY2VAZXhhbXBsZS5jb20iXX0sImlhdCI6MTQ3MTM3NTQxOCwib3JpZyI6eyJ0biI6IjEyMTU1NTUxMjEyIn19",
    ]


numbers = st.text("0123456789", min_size=1, max_size=15)


@given(
    st.sampled_from(stir.LEVELS),
    numbers,
    numbers,
    st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.text(max_size=40),
)
def test_what_is_signed_verifies_and_says_what_was_meant(
    level: str, orig: str, dest: str, at: datetime, call_id: str
) -> None:
    origid = stir.origid_of("kam1", call_id)
    header = Attestation(level, orig, dest, origid, certificate()).header(at)
    assert verified(header, ISSUED.own, at=at) == {
        "attest": level,
        "dest": {"tn": [dest]},
        "iat": int(at.timestamp()),
        "orig": {"tn": orig},
        "origid": origid,
    }
    again = received(header)
    assert again is not None
    assert again.header == header
    assert (again.passport.level, again.passport.orig, again.passport.dest) == (level, orig, (dest,))
    assert at - again.passport.signed_at < timedelta(seconds=1)


def test_another_certificate_or_another_word_does_not_verify() -> None:
    header = signed(certificate(), Passport("A", "1", ("2",), AT, "x"))
    with pytest.raises(InvalidSignature):
        verified(header, issued().own, at=AT)
    forged = signed(certificate(), Passport("A", "1", ("3",), AT, "x")).split(".")
    with pytest.raises(InvalidSignature):
        verified(".".join([*header.split(".")[:2], *forged[2:]]), ISSUED.own, at=AT)
    assert x509.load_pem_x509_certificate(ISSUED.issuer.encode()) == authority()[1]
    assert pem(authority()[1]) == ISSUED.issuer


def test_the_origin_is_the_same_whenever_a_call_is_asked_about_and_another_for_another_call() -> None:
    assert stir.origid_of("kam1", "call-1") == stir.origid_of("kam1", "call-1")
    assert len({stir.origid_of(edge, call) for edge in ("kam1", "kam2") for call in ("1", "2")}) == 4


def test_a_certificate_holds_from_its_first_moment_to_its_last() -> None:
    own = certificate()
    moments = (own.starts_at - timedelta(microseconds=1), own.starts_at, AT, own.expires_at)
    assert [own.holds(at) for at in moments] == [False, True, True, False]


def test_a_key_is_told_nowhere() -> None:
    assert "key" not in repr(certificate())


@pytest.mark.parametrize(
    "tail",
    [
        ';info=<https://a.example/b>;alg=ES256;ppt="shaken"',
        ";info=<https://a.example/b>;alg=ES256;ppt=shaken",
        " ; info = <https://a.example/b>\r\n ;ppt=shaken ;alg=ES256",
    ],
)
def test_a_header_that_came_is_written_anew(tail: str) -> None:
    came = received(token(CLAIMS, tail=tail))
    assert came is not None
    assert came.header == token(CLAIMS)
    assert came.passport == Passport("B", "442071838750", ("442079460001",), datetime.fromtimestamp(1763726400, UTC))


def test_one_number_called_may_stand_alone() -> None:
    came = received(token({**CLAIMS, "dest": {"tn": "442079460001"}}))
    assert came is not None
    assert came.passport.dest == ("442079460001",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b.c",
        token(CLAIMS, tail=""),
        token(CLAIMS, tail=";info=<https://a.example/b>;alg=ES256"),
        token(CLAIMS, tail=";info=<https://a.example/b>;alg=ES256;ppt=div"),
        token(CLAIMS, tail=";info=<http://a.example/b>;ppt=shaken"),
        token(CLAIMS) + ", " + token(CLAIMS),
        token(CLAIMS, tail=";info=<https://a.example/b\r\nX: y>;ppt=shaken"),
        token(CLAIMS, tail=f";info=<https://a.example/{'b' * 3000}>;ppt=shaken"),
        token(b"\xff"),
        token(b"["),
        token(b"[" * 900),
        token([]),
        token({}),
        token({**CLAIMS, "attest": "D"}),
        token({**CLAIMS, "attest": ["A"]}),
        token({**CLAIMS, "iat": "1763726400"}),
        token({**CLAIMS, "iat": True}),
        token({**CLAIMS, "iat": -1}),
        token({**CLAIMS, "iat": 1e300}),
        token({**CLAIMS, "orig": {"uri": "sip:a@b"}}),
        token({**CLAIMS, "orig": "442071838750"}),
        token({**CLAIMS, "dest": {"tn": [1]}}),
        token({**CLAIMS, "dest": {"uri": ["sip:a@b"]}}),
    ],
)
def test_what_cannot_be_read_is_none(text: str) -> None:
    assert received(text) is None


@given(st.text(max_size=300))
def test_whatever_a_stranger_sends_is_read_or_not(text: str) -> None:
    for sent in (text, token(text.encode("utf-8", "replace")), token(CLAIMS, tail=text)):
        came = received(sent)
        assert came is None or (came.header.isprintable() and came.header.isascii())
