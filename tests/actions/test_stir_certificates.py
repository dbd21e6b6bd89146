"""Claims about the acts on certificates that calls are signed with: what is taken in, sealed, told, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.actions.cast import ANN, acme
from tests.stir_authority import URL, Issued, issued
from tollgate.actions import delay_values
from tollgate.actions.accounts import update_account
from tollgate.actions.acts import Actor, Done, Invalid, NotPermitted, OutOfDate, acting
from tollgate.actions.cli_rules import create_cli_rule, delete_cli_rule, update_cli_rule
from tollgate.actions.clis import add_verified_cli
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.stir_certificates import (
    create_stir_certificate,
    delete_stir_certificate,
    update_stir_certificate,
)
from tollgate.core.stir_certificates import read_key
from tollgate.store.models import Account, Audit, CliRule, Customer, StirCertificate
from tollgate.store.secrets import unseal

OWN, OTHER = issued(), issued()
FOREIGN = issued("123A", key=read_key(OWN.key))


def made(account: Account, given: Issued = OWN, **fields: Any) -> StirCertificate:
    known = {"name": "Own", "chain": given.chain, "key": given.key, "url": URL}
    return create_stir_certificate(account_id=account.pk, **{**known, **fields})


def refused(act: Callable[[], object]) -> dict[str, list[str]]:
    """What is wrong, by field."""
    with pytest.raises(Invalid) as refusal:
        act()
    return dict(refusal.value.errors)


def test_a_certificate_says_for_whom_it_is_and_its_key_is_told_to_nobody(account: Account) -> None:
    certificate = made(account)
    assert (certificate.subject, certificate.issuer, certificate.codes) == ("CN=SHAKEN 709J", "CN=Test STI-CA", "709J")
    assert certificate.starts_at < certificate.expires_at
    assert unseal(certificate.key_sealed) == OWN.key.strip()
    assert "PRIVATE" not in certificate.key_sealed
    changed = update_stir_certificate(stir_certificate_id=certificate.pk, version=1, name="Renamed", key="")
    assert (changed.name, unseal(changed.key_sealed)) == ("Renamed", OWN.key.strip())
    rows = Audit.objects.filter(table_name="stir_certificate")
    assert rows.count() == 2
    for audit in rows:
        told = str((audit.before, audit.after))
        assert certificate.key_sealed not in told
        assert "PRIVATE" not in told
    with pytest.raises(OutOfDate) as stale:
        update_stir_certificate(stir_certificate_id=certificate.pk, version=1)
    assert "key_sealed" not in stale.value.current
    assert "PRIVATE" not in str(delay_values.kept({"key": OWN.key}))


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"name": ""}, "name", "required"),
        ({"chain": "x"}, "chain", "in PEM"),
        ({"chain": OTHER.own}, "key", "not the certificate's"),
        ({"key": ""}, "key", "Give a private key"),
        ({"key": OWN.own}, "key", "Give a private key"),
        ({"chain": issued(until=timedelta(days=-1)).own}, "chain", "expired on"),
        ({"chain": FOREIGN.own}, "chain", "is for 123A, but the account's OCN is 709J"),
        ({"url": "http://cert.example.org/a.pem"}, "url", "https address"),
        ({"url": "https://cert.example.org"}, "url", "https address"),
        ({"url": "https://cert.example.org/a b"}, "url", "https address"),
        ({"url": "https://cert.example.org/<a>"}, "url", "https address"),
        ({"url": f"https://cert.example.org/{'a' * 200}"}, "url", "at most 200"),
    ],
)
def test_what_cannot_sign_is_refused_by_its_field(
    account: Account, fields: dict[str, Any], field: str, words: str
) -> None:
    account = update_account(account_id=account.pk, ocn="709J")
    assert words in " ".join(refused(lambda: made(account, **fields))[field])
    assert not StirCertificate.objects.exists()


def test_what_is_missing_is_said_and_a_later_ocn_is_compared_too(account: Account, done: Done) -> None:
    made(account)
    assert any("has no OCN" in words for words in done.warnings)
    made(account, issued(""), name="Unnamed")
    assert any("names no service provider code" in words for words in done.warnings)
    done.warnings.clear()
    update_account(account_id=account.pk, ocn="709J")
    assert done.warnings == []
    update_account(account_id=account.pk, ocn="123A")
    assert done.warnings == ["The certificate Own, which calls are signed with, is not for this OCN."]


def test_the_next_certificate_takes_its_place_with_its_own_key(account: Account) -> None:
    certificate = made(account)

    def change(**fields: Any) -> StirCertificate:
        return update_stir_certificate(stir_certificate_id=certificate.pk, **fields)

    assert "not the certificate's" in refused(lambda: change(chain=OTHER.own))["key"][0]
    assert "not the certificate's" in refused(lambda: change(key=OTHER.key))["key"][0]
    renewed = change(chain=OTHER.chain, key=OTHER.key)
    assert unseal(renewed.key_sealed) == OTHER.key.strip()
    StirCertificate.objects.update(key_sealed="sealed elsewhere")
    assert "another key" in refused(lambda: change(chain=OWN.chain))["key"][0]
    assert change(name="Moved").name == "Moved"
    assert change(chain=OWN.chain, key=OWN.key).codes == "709J"


def test_one_is_the_default(account: Account) -> None:
    first, second = made(account, is_default=True), made(account, name="Next")
    assert (first.is_default, second.is_default) == (True, False)
    update_stir_certificate(stir_certificate_id=second.pk, is_default=True)
    assert list(StirCertificate.objects.filter(is_default=True)) == [second]
    third = made(account, name="Third", is_default=True)
    assert list(StirCertificate.objects.filter(is_default=True)) == [third]
    assert "has this name" in refused(lambda: made(account))["name"][0]


def test_one_that_rules_name_stays(account: Account) -> None:
    certificate = made(account)
    rule = create_cli_rule(account_id=account.pk, cli="^44", attestation="A", certificate_id=certificate.pk)
    told = refused(lambda: delete_stir_certificate(stir_certificate_id=certificate.pk))
    assert "sign with it" in told["stir_certificate_id"][0]
    delete_cli_rule(cli_rule_id=rule.pk)
    delete_stir_certificate(stir_certificate_id=certificate.pk)
    assert not StirCertificate.objects.exists()


def test_a_rule_names_a_certificate_of_the_account_and_what_it_says(account: Account) -> None:
    certificate = made(account)
    for fields, field, words in (
        ({"certificate_id": certificate.pk}, "attestation", "what the certificate says"),
        ({"certificate_id": certificate.pk + 1, "attestation": "A"}, "certificate_id", "no such certificate"),
    ):
        told = refused(lambda fields=fields: create_cli_rule(account_id=account.pk, cli="^44", **fields))  # type: ignore[misc]
        assert words in told[field][0]
    rule = create_cli_rule(
        account_id=account.pk, cli="^44", attestation="B", certificate_id=certificate.pk, signature_required=True,
        signature_replaced=True,
    )  # fmt: skip
    assert (rule.certificate, rule.signature_required, rule.signature_replaced) == (certificate, True, True)
    cleared = update_cli_rule(cli_rule_id=rule.pk, certificate_id=None, signature_required=False)
    assert (cleared.certificate, cleared.signature_required, cleared.attestation) == (None, False, "B")


@pytest.fixture
def rita(account: Account) -> Callable[[Customer], Actor]:
    """Whoever works for a reseller with this customer."""
    return lambda customer: Actor("rita", frozenset({"*"}), reach=frozenset({customer.pk}), reseller_id=customer.pk)


def test_a_resellers_user_says_nothing_of_what_the_operator_signs(
    account: Account, rita: Callable[[Customer], Actor]
) -> None:
    own = acme(account, is_reseller=True)
    certificate = made(account)
    signing = create_cli_rule(account_id=account.pk, customer_id=own.pk, cli="^44", attestation="A")
    of = {"account_id": account.pk, "customer_id": own.pk}
    with acting(rita(own)):
        for fields in (
            {"attestation": "A"},
            {"certificate_id": certificate.pk},
            {"signature_required": True},
            {"signature_replaced": True},
        ):
            told = refused(lambda fields=fields: create_cli_rule(**of, cli="^1[0-9]", **fields))  # type: ignore[misc]
            assert "Only the operator" in told[next(iter(fields))][0]
        plain = create_cli_rule(**of, cli="^1[0-9]")
        assert (
            "Only the operator"
            in refused(lambda: update_cli_rule(cli_rule_id=plain.pk, attestation="A"))["attestation"][0]
        )
        assert update_cli_rule(cli_rule_id=plain.pk, cli="^2[0-9]").attestation == ""
        assert (
            "signs calls by this rule" in refused(lambda: update_cli_rule(cli_rule_id=signing.pk, cli=".*"))["cli"][0]
        )
        assert "signs calls by this rule" in refused(lambda: delete_cli_rule(cli_rule_id=signing.pk))["cli"][0]
        needed = CliRule.objects.create(**of, cli="^3[0-9]", signature_required=True)
        assert "signs calls by this rule" in refused(lambda: update_cli_rule(cli_rule_id=needed.pk, cli="^4"))["cli"][0]
        delete_cli_rule(cli_rule_id=plain.pk)
        with pytest.raises(NotPermitted):
            made(account, name="Hers")
        with pytest.raises(NotPermitted):
            update_stir_certificate(stir_certificate_id=certificate.pk, name="Hers")
        with pytest.raises(NotPermitted):
            delete_stir_certificate(stir_certificate_id=certificate.pk)


def test_what_a_resellers_user_adds_without_a_proof_is_attested_by_the_least(
    account: Account, rita: Callable[[Customer], Actor]
) -> None:
    own = acme(account, is_reseller=True, attestation="A")
    with acting(rita(own)):
        assert add_verified_cli(customer_id=own.pk, number="+37061234567").attestation == "C"
        told = refused(lambda: add_verified_cli(customer_id=own.pk, number="+37061234568", attestation="A"))
        assert "Only the operator" in told["attestation"][0]
        assert (
            "Only the operator"
            in refused(lambda: update_customer(customer_id=own.pk, attestation="B"))["attestation"][0]
        )
        assert update_customer(customer_id=own.pk, attestation="A", channels=2).channels == 2
        below = {"account_id": account.pk, "name": "Corso", "currency": "EUR", "parent_id": own.pk}
        assert "Only the operator" in refused(lambda: create_customer(**below, attestation="A"))["attestation"][0]
        assert create_customer(**below).attestation == "C"
    with acting(ANN):
        assert update_customer(customer_id=own.pk, attestation="B").attestation == "B"
