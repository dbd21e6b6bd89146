"""Acts on verified CLIs: the callers' numbers that a customer may show."""

from __future__ import annotations

from collections.abc import Mapping

from tollgate.actions import acts, checks, records
from tollgate.actions.acts import act, refuse
from tollgate.actions.deleted_records import deleted, remove
from tollgate.actions.in_service import check_in_service
from tollgate.core import digits
from tollgate.store.models import Customer, VerifiedCli


def _number(value: object) -> str:
    """The digits of an international number, as calls are compared with it."""
    try:
        number = digits.normalize(value if isinstance(value, str) else "")
    except digits.NumberInvalid:
        number = ""
    if not 3 <= len(number) <= 20:
        raise checks.Unfit("Give the number in international form, such as +37061234567.")
    return number


CHECKS: Mapping[str, checks.Check] = {
    "number": _number,
    "attestation": checks.optional(checks.one_of(("A", "B", "C"))),
}


@act
def add_verified_cli(*, customer_id: int, number: str, attestation: str | None = None) -> VerifiedCli:
    """Lets a customer show this number. Its attestation is the customer's default unless one is given.

    What the operator signs is not a reseller's users' to say: a number that they add without a proof is attested by C.
    """
    values = checks.cleaned(CHECKS, {"number": number, "attestation": attestation})
    customer = records.locked(Customer, customer_id)
    check_in_service(customer)
    if VerifiedCli.objects.filter(customer=customer, number=values["number"]).exists():
        raise refuse("number", "The customer may show this number already.")
    if acts.current.get().reach is not None:
        if values["attestation"]:
            raise refuse("attestation", "Only the operator says what is signed: leave it out.")
        values["attestation"] = "C"
    values["attestation"] = values["attestation"] or customer.attestation
    kept = {"customer_id": customer.pk, "method": "operator", "verified_by": acts.current.get().name}
    return records.create(VerifiedCli, {**values, **kept})


@act
def remove_verified_cli(*, cli_id: int) -> None:
    """Takes a number from a customer: with approved CLIs only, the next call that shows it is refused.
    For a week `restore_verified_cli` undoes it."""
    cli = records.locked(VerifiedCli, cli_id)
    remove(cli, account_id=cli.customer.account_id)


@act
def restore_verified_cli(*, cli_id: int) -> VerifiedCli:
    """Gives a number back to its customer that was removed, verified as it was."""
    return deleted(VerifiedCli, cli_id, "cli_id").restore()
