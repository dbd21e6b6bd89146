"""Acts on certificates that calls are signed with (STIR/SHAKEN). Keys are sealed and never shown.

What a certificate has to be is in core.stir_certificates, which calls it signs in core.calls_attest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypedDict, Unpack

from tollgate.actions import checks, records
from tollgate.actions.acts import act, refuse, warn
from tollgate.core import stir_certificates
from tollgate.core.stir_certificates import CertificateInvalid, Facts
from tollgate.store.models import Account, StirCertificate
from tollgate.store.secrets import CannotUnseal, seal, unseal

MOST_PEM: Final = 20_000
ADDRESS: Final = (
    "Give the https address at which everybody finds the certificate, such as https://cert.example.com/1.pem."
)


class StirCertificateFields(TypedDict, total=False):
    """What may be set on a certificate beside itself."""

    is_default: bool
    enabled: bool


class StirCertificateChanges(StirCertificateFields, total=False):
    """What may be changed on a certificate. An empty key keeps the one that is there."""

    name: str
    chain: str
    key: str
    url: str


CHECKS: Final[Mapping[str, checks.Check]] = {
    "name": checks.text(100, required=True),
    "chain": checks.text(MOST_PEM, required=True),
    "key": checks.text(MOST_PEM),
    "url": checks.matching(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?/[!#-:=?-~]*", ADDRESS),
    "is_default": checks.yes_no,
    "enabled": checks.yes_no,
}


@act
def create_stir_certificate(
    *, account_id: int, name: str, chain: str, key: str, url: str, **fields: Unpack[StirCertificateFields]
) -> StirCertificate:
    """Takes in a certificate, ours before those of its issuers, with its private key and its public address."""
    given: dict[str, Any] = {**fields, "name": name, "chain": chain, "key": key, "url": url}
    values = checks.cleaned(CHECKS, given)
    account = records.find(Account, account_id)
    read = _read(account, values["chain"], values["key"])
    sealed = {"key_sealed": seal(values.pop("key"))}
    _give_way(account, values)
    return records.create(StirCertificate, {**values, **read, **sealed, "account_id": account.pk})


@act
def update_stir_certificate(
    *, stir_certificate_id: int, version: int | None = None, **changes: Unpack[StirCertificateChanges]
) -> StirCertificate:
    """Changes a certificate, such as for the one that follows it. The next call obeys it."""
    values = checks.cleaned(CHECKS, changes)
    certificate = records.locked(StirCertificate, stir_certificate_id, version)
    key, chain = values.pop("key", ""), values.get("chain", certificate.chain)
    if key or chain != certificate.chain:
        values |= _read(certificate.account, chain, key or _kept(certificate))
    if key:
        values["key_sealed"] = seal(key)
    if not certificate.is_default:
        _give_way(certificate.account, values)
    return records.change(certificate, values)


@act
def delete_stir_certificate(*, stir_certificate_id: int, version: int | None = None) -> None:
    """Removes a certificate that no CLI rule names."""
    certificate = records.locked(StirCertificate, stir_certificate_id, version)
    if certificate.cli_rules.exists():
        raise refuse("stir_certificate_id", "CLI rules sign with it: choose another one there, or disable it.")
    certificate.delete()


def mismatched(account: Account, ocn: str) -> list[str]:
    """The names of certificates in use that are for others than the provider with this OCN."""
    found = StirCertificate.objects.filter(account=account, enabled=True).exclude(codes="").order_by("name")
    return [one.name for one in found if ocn and ocn not in one.codes.split()]


def _read(account: Account, chain: str, key: str) -> dict[str, Any]:
    """The columns that the certificate itself says. Raises Invalid for one that cannot sign."""
    try:
        facts = stir_certificates.facts(chain, key, records.now())
        stir_certificates.check_code(facts, account.ocn)
    except CertificateInvalid as problem:
        raise refuse(problem.field, problem.sentence) from None
    for sentence in stir_certificates.missing(facts, account.ocn):
        warn(sentence)
    return _columns(facts)


def _columns(facts: Facts) -> dict[str, Any]:
    return {
        "subject": facts.subject,
        "issuer": facts.issuer,
        "codes": " ".join(facts.codes),
        "starts_at": facts.starts_at,
        "expires_at": facts.expires_at,
    }


def _kept(certificate: StirCertificate) -> str:
    """The key that is there; one that was sealed with another data key has to be given anew."""
    try:
        return unseal(certificate.key_sealed)
    except CannotUnseal as problem:
        raise refuse("key", str(problem)) from None


def _give_way(account: Account, values: Mapping[str, Any]) -> None:
    """Only one of an account is its default."""
    if values.get("is_default"):
        for other in StirCertificate.objects.select_for_update().filter(account=account, is_default=True):
            records.change(other, {"is_default": False})
