"""Acts on SEPA mandates: that a customer lets us collect from its bank account, entered from what it has signed.

The IBAN is sealed and told masked. What a mandate may still collect is found from its lines (`standing`, by
`store.queries.mandates`). To keep another property, see `MandateFields`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date
from typing import Final, TypedDict, Unpack

from tollgate.actions import checks, records
from tollgate.actions.acts import act, refuse
from tollgate.actions.charges import day
from tollgate.actions.in_service import check_in_service
from tollgate.core import sepa
from tollgate.store.models import Account, Customer, Mandate
from tollgate.store.queries.mandates import with_standing
from tollgate.store.secrets import seal

SCHEMES: Final = ("CORE", "B2B")
OWED: Final = ("invoice", "debit_note")
"""The documents that are collected."""


class MandateFields(TypedDict, total=False):
    """What may be said of a mandate, and changed; an empty reference is drawn."""

    scheme: str
    one_off: bool
    final: bool
    bic: str
    notice_days: int
    collects: bool
    note: str


def proved(rule: Callable[[str], str], *, required: bool = True) -> checks.Check:
    """Text that a rule of SEPA takes, in its normal form; nothing where it is not required."""
    trimmed = checks.text(100, required=required)

    def check(value: object) -> str:
        text = trimmed(value)
        if not text:
            return ""
        try:
            return rule(text)
        except ValueError as problem:
            raise checks.Unfit(str(problem)) from None

    return check


def id_text(value: object) -> str:
    """An id that every bank takes; empty is none."""
    text: str = checks.text(sepa.ID_MOST)(value)
    if text and not sepa.is_id(text):
        raise checks.Unfit("Use letters without accents, digits and /-?:().,'+ and space, at most 35.")
    return text


IBAN: Final = proved(sepa.account_number)
BIC: Final = proved(sepa.bank_code, required=False)
CHECKS: Final[Mapping[str, checks.Check]] = {
    "reference": id_text,
    "scheme": checks.one_of(SCHEMES),
    "one_off": checks.yes_no,
    "final": checks.yes_no,
    "signed_on": day,
    "holder": checks.text(sepa.NAME_MOST, required=True),
    "iban": IBAN,
    "bic": BIC,
    "notice_days": checks.whole(1, sepa.NOTICE_DAYS),
    "collects": checks.yes_no,
    "note": checks.text(1000),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What a mandate may still collect: `state` is active, used up, expired or ended."""

    state: str
    collected: bool
    """Whether a collection before was not refused."""
    last_on: date | None
    expires_on: date


@act
def create_mandate(
    *,
    customer_id: int,
    signed_on: date | str,
    holder: str,
    iban: str,
    reference: str = "",
    **fields: Unpack[MandateFields],
) -> Mandate:
    """Enters a mandate that a customer has signed. One that is used up or expired makes place for it."""
    given = {"signed_on": signed_on, "holder": holder, "iban": iban, "reference": reference, **fields}
    values = checks.cleaned(CHECKS, given)
    customer = records.locked(Customer, customer_id)
    today = records.now().astimezone(UTC).date()
    check_in_service(customer)
    if customer.currency != sepa.CURRENCY:
        raise refuse("customer_id", f"SEPA moves euro: {customer} is billed in {customer.currency}.")
    if values["signed_on"] > today:
        raise refuse("signed_on", "It is signed today or was before.")
    _make_place(customer, today)
    number = values.pop("iban")
    sealed = {"iban_sealed": seal(number), "iban_shown": sepa.masked(number)}
    values["reference"] = values["reference"] or _drawn(customer)
    return records.create(Mandate, {"account_id": customer.account_id, "customer_id": customer.pk, **values, **sealed})


@act
def update_mandate(*, mandate_id: int, version: int | None = None, **changes: Unpack[MandateFields]) -> Mandate:
    """Changes how a mandate is used. Another account, holder or signature is a mandate of its own."""
    values = checks.cleaned(CHECKS, changes)
    found = records.locked(Mandate, mandate_id, version)
    if found.status == "ended":
        raise refuse("mandate_id", "This mandate has ended: enter another.")
    check_in_service(found.customer, "mandate_id")
    fixed = {name for name in ("scheme", "one_off") if name in values and values[name] != getattr(found, name)}
    if fixed and found.lines.exists():
        raise refuse(min(fixed), "It has collected already: end it and enter another.")
    return records.change(found, values)


@act
def end_mandate(*, mandate_id: int, version: int | None = None) -> Mandate:
    """Ends a mandate: nothing more is collected by it. What the bank has already goes on."""
    found = records.locked(Mandate, mandate_id, version)
    return found if found.status == "ended" else _ended(found, records.now().astimezone(UTC).date())


def standings(mandates: Iterable[Mandate], today: date) -> dict[int, Standing]:
    """What mandates may still collect on a day, by their ids."""
    known = Mandate.objects.filter(pk__in=[mandate.pk for mandate in mandates])
    return {
        row.pk: Standing(row.standing, row.collected, row.last_on, row.expires_on)
        for row in with_standing(known, today)
    }


def standing(mandate: Mandate, today: date) -> Standing:
    """What a mandate may still collect on a day."""
    return standings([mandate], today)[mandate.pk]


def mandate_of(customer: Customer, today: date) -> Mandate | None:
    """The mandate by which the invoices of a customer are collected; None where none is."""
    found = Mandate.objects.filter(customer=customer, status="active", collects=True).first()
    return found if found is not None and standing(found, today).state == "active" else None


def announcement(account: Account, customer: Customer, on: date, due_on: date) -> dict[str, str] | None:
    """What an invoice of a day says of its collection; None where it is not collected."""
    if customer.currency != sepa.CURRENCY or not account.sepa_creditor_id:
        return None
    mandate = mandate_of(customer, on)
    if mandate is None:
        return None
    return {
        "on": sepa.announced(on, due_on, notice_days=mandate.notice_days).isoformat(),
        "mandate": mandate.reference,
        "creditor_id": account.sepa_creditor_id,
        "account": mandate.iban_shown,
    }


def _make_place(customer: Customer, today: date) -> None:
    """Ends the mandate of before where nothing more can be collected by it. Raises Invalid where something can."""
    for found in Mandate.objects.filter(customer=customer, status="active"):
        if standing(found, today).state == "active":
            raise refuse("customer_id", f"Mandate {found} is active: end it first.")
        _ended(found, today)


def _ended(mandate: Mandate, today: date) -> Mandate:
    return records.change(mandate, {"status": "ended", "ended_on": today})


def _drawn(customer: Customer) -> str:
    """A reference that no mandate of the account has: the customer's number and a count."""
    begin = f"{sepa.latin(customer.number, 25).replace(' ', '')}-"
    taken = set(
        Mandate.objects.filter(account_id=customer.account_id, reference__startswith=begin).values_list(
            "reference", flat=True
        )
    )
    return next(f"{begin}{place}" for place in range(1, len(taken) + 2) if f"{begin}{place}" not in taken)
