"""Claims about certificates that calls are signed with: each thing that is wrong is told at the field that has it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from tests.stir_authority import issued, key_pem, listing
from tollgate.core import stir_certificates
from tollgate.core.stir_certificates import CertificateInvalid, Facts, check_code, facts, missing, read_key

NOW = datetime.now(UTC)
GOOD = issued()
P384 = ec.generate_private_key(ec.SECP384R1())
RSA = rsa.generate_private_key(65537, 2048)
ENCIPHERS = x509.KeyUsage(
    digital_signature=False, content_commitment=False, key_encipherment=True, data_encipherment=False,
    key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
)  # fmt: skip


def test_a_good_certificate_says_for_whom_it_is_and_how_long() -> None:
    found = facts(GOOD.chain, GOOD.key, NOW)
    assert (found.subject, found.issuer, found.codes) == ("CN=SHAKEN 709J", "CN=Test STI-CA", ("709J",))
    assert found.starts_at < NOW < found.expires_at
    assert facts(GOOD.own, GOOD.key, NOW) == found, "alone, where its issuers are found elsewhere"


@pytest.mark.parametrize(
    ("chain", "key", "field", "words"),
    [
        ("", GOOD.key, "chain", "in PEM"),
        ("hello", GOOD.key, "chain", "in PEM"),
        (GOOD.own.replace("M", "N"), GOOD.key, "chain", "in PEM"),
        (GOOD.own * 7, GOOD.key, "chain", "at most 6"),
        (GOOD.issuer + GOOD.own, GOOD.key, "chain", "that of an authority"),
        (GOOD.own + issued().own, GOOD.key, "chain", "Certificate 1 was not issued by certificate 2"),
        (GOOD.own, "", "key", "Give a private key in PEM"),
        (GOOD.own, GOOD.own, "key", "Give a private key in PEM"),
        (GOOD.own, key_pem(P384), "key", "P-256"),
        (GOOD.own, key_pem(RSA), "key", "P-256"),
        (GOOD.own, key_pem(ec.generate_private_key(ec.SECP256R1()), "secret"), "key", "has a password"),
        (GOOD.own, issued().key, "key", "not the certificate's"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(chain: str, key: str, field: str, words: str) -> None:
    with pytest.raises(CertificateInvalid, match=words) as refused:
        facts(chain, key, NOW)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"key": P384}, "P-256"),
        ({"key": RSA}, "P-256"),
        ({"until": timedelta(days=-1)}, "expired on"),
        ({"usage": ENCIPHERS}, "not for signatures"),
        ({"entries": b"\x02\x01\x05"}, "cannot be read"),
        ({"entries": b"\x30\x04\xa0\x02\x02\x00"}, "cannot be read"),
        ({"entries": b"\x30\x7f"}, "cannot be read"),
        ({"entries": b"\x30"}, "cannot be read"),
        ({"entries": listing("709J") + b"\x05\x00"}, "cannot be read"),
        ({"entries": listing("70\x009")}, "cannot be read"),
        ({"entries": listing("709J 123A")}, "cannot be read"),
    ],
)
def test_a_certificate_that_cannot_sign_calls_is_refused(fields: dict[str, Any], words: str) -> None:
    made = issued(**fields)
    with pytest.raises(CertificateInvalid, match=words) as refused:
        facts(made.own, made.key, NOW)
    assert refused.value.field == "chain"


def test_one_that_is_not_valid_yet_is_taken_in_beforehand() -> None:
    assert facts(GOOD.own, GOOD.key, NOW - timedelta(days=60)).starts_at > NOW - timedelta(days=60)


def test_one_without_a_list_of_codes_is_for_nobody_by_name() -> None:
    made = issued("")
    assert facts(made.own, made.key, NOW).codes == ()


def test_numbers_in_the_list_of_codes_are_passed_over() -> None:
    one_number = b"\xa2\x05\x16\x03123"
    entries = b"\x30" + bytes([len(listing("709J", "123A")) - 2 + len(one_number)]) + one_number
    made = issued(entries=entries + listing("709J", "123A")[2:])
    assert facts(made.own, made.key, NOW).codes == ("709J", "123A")


def test_a_long_list_is_read_by_its_long_length() -> None:
    codes = tuple(f"{n:04d}" for n in range(40))
    inner = b"".join(listing(code)[2:] for code in codes)
    made = issued(entries=b"\x30\x82" + len(inner).to_bytes(2, "big") + inner)
    assert facts(made.own, made.key, NOW).codes == codes


def told(*codes: str) -> Facts:
    return Facts("", "", codes, NOW, NOW)


def test_a_code_has_to_be_the_ocn_where_both_are_known() -> None:
    for codes, ocn in ((("709J",), "709J"), (("123A", "709J"), "709J"), ((), "709J"), (("709J",), "")):
        check_code(told(*codes), ocn)
    with pytest.raises(CertificateInvalid, match="for 123A and 456B, but the account's OCN is 709J") as refused:
        check_code(told("123A", "456B"), "709J")
    assert refused.value.field == "chain"


def test_what_is_missing_is_said() -> None:
    assert missing(told("709J"), "709J") == []
    assert "names no service provider code" in missing(told(), "709J")[0]
    assert "has no OCN" in missing(told("709J"), "")[0]


@given(st.binary(max_size=60))
def test_any_list_of_codes_is_read_or_refused(der: bytes) -> None:
    try:
        codes = stir_certificates._read_codes(der)
    except (ValueError, IndexError):
        return
    assert all(code.isascii() and code.isprintable() and len(code.split()) == 1 for code in codes)


def test_a_key_is_read_from_both_forms_of_pem() -> None:
    key = ec.derive_private_key(7, ec.SECP256R1())
    assert read_key(key_pem(key)).public_key() == key.public_key()
