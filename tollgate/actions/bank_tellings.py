"""What statements told of payments, so that money which two of them tell of is entered once.

A bank tells of one credit in its statement of the day (camt.053) and in its notice (camt.054), with ids of its own that
may differ. Ids that both have in common decide; without them the end-to-end id, the amount and the day do, for one
telling of each kind of file; what stays doubtful is asked (`bank_credits`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any, Final

from django.db.models import Sum

from tollgate.actions.acts import refuse
from tollgate.store.models import Account, BankTelling, Customer, Payment

FIELDS: Final = ("statement_kind", "own_account", "entry_ref", "part_ref", "end_to_end_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one row of a statement says of its money; `batch_micros` is what the entry came to that it is of."""

    amount_micros: int
    external_id: str
    kind: str
    own_account: str
    entry_ref: str
    part_ref: str
    end_to_end_id: str
    booked_on: date | None
    batch_micros: int | None

    @property
    def whole(self) -> bool:
        """Whether it is a batch that is told as one."""
        return self.batch_micros == self.amount_micros

    @property
    def keys(self) -> frozenset[str]:
        """The bank's ids that mean just this money."""
        return _keys(self.entry_ref, self.part_ref, part=self.batch_micros is not None and not self.whole)


def told_of(values: Mapping[str, Any]) -> Told:
    """What the checked values of a row say."""
    at = values["received_at"]
    kind, own, entry, part, end_to_end = (values[name] for name in FIELDS)
    return Told(
        amount_micros=values["amount_micros"],
        external_id=values["external_id"],
        kind=kind,
        own_account=own,
        entry_ref=entry,
        part_ref=part,
        end_to_end_id=end_to_end,
        booked_on=None if at is None else at.astimezone(UTC).date(),
        batch_micros=values["batch_micros"],
    )


def same_money(account: Account, told: Told) -> Payment | None:
    """The payment that another statement has told of as this money. Raises Invalid for a batch entered in part."""
    for one in _of_the_day(account, told):
        if _is_batch_of(one, told):
            return _in_batch(account, one, told)
        alike = one.payment.amount_micros == told.amount_micros
        if alike and one.external_id == told.external_id and one.kind == told.kind:
            return one.payment
        if alike and told.keys & _keys_of(one) and not _differ(one.part_ref, told.part_ref):
            return one.payment
        if alike and _other_kind(one, told) and _same_words(one, told) and not _contradicts(one, told):
            return one.payment
    return None


def maybe_same(customer: Customer, told: Told) -> list[Payment]:
    """The payments of a customer that another kind of file has told of, and that may be this money."""
    found = [
        one.payment
        for one in _of_the_day(customer.account, told)
        if one.payment.customer_id == customer.pk
        and one.payment.amount_micros == told.amount_micros
        and _other_kind(one, told)
        and not _differ(one.end_to_end_id, told.end_to_end_id)
    ]
    return list(dict.fromkeys(found))


def is_another(payment_id: int, told: Told) -> bool:
    """Whether the same kind of file has told of this payment as another entry: then this one is other money."""
    tellings = BankTelling.objects.filter(payment_id=payment_id, kind=told.kind).exclude(kind="")
    return tellings.exists() and not tellings.filter(external_id=told.external_id).exists()


def keep_telling(payment: Payment, told: Told) -> None:
    """Keeps that a statement has told of a payment; once."""
    if told.booked_on is not None:
        BankTelling.objects.get_or_create(
            account_id=payment.account_id,
            payment=payment,
            external_id=told.external_id,
            kind=told.kind,
            own_account=told.own_account,
            entry_ref=told.entry_ref,
            part_ref=told.part_ref,
            end_to_end_id=told.end_to_end_id,
            booked_on=told.booked_on,
            batch_micros=told.batch_micros,
            whole=told.whole,
        )


def _of_the_day(account: Account, told: Told) -> list[BankTelling]:
    if told.booked_on is None:
        return []
    rows = BankTelling.objects.filter(account=account, booked_on=told.booked_on).exclude(payment__status="canceled")
    rows = rows.filter(own_account__in={told.own_account, ""}) if told.own_account else rows
    return list(rows.select_related("payment").order_by("pk"))


def _other_kind(one: BankTelling, told: Told) -> bool:
    """Whether it was told by another kind of file, and not by one of this kind yet: each tells of a credit once."""
    if not one.kind or not told.kind or one.kind == told.kind:
        return False
    return not BankTelling.objects.filter(payment_id=one.payment_id, kind=told.kind).exists()


def _same_words(one: BankTelling, told: Told) -> bool:
    return bool(told.end_to_end_id) and one.end_to_end_id == told.end_to_end_id


def _contradicts(one: BankTelling, told: Told) -> bool:
    """Whether both give an id of the same thing, and these differ."""
    return _differ(one.entry_ref, told.entry_ref) or _differ(one.part_ref, told.part_ref)


def _differ(first: str, second: str) -> bool:
    return bool(first and second) and first != second


def _keys(entry_ref: str, part_ref: str, *, part: bool) -> frozenset[str]:
    return frozenset({part_ref} if part else {entry_ref, part_ref}) - {""}


def _keys_of(one: BankTelling) -> frozenset[str]:
    return _keys(one.entry_ref, one.part_ref, part=one.batch_micros is not None and not one.whole)


def _is_batch_of(one: BankTelling, told: Told) -> bool:
    """Whether one of the two is a batch as one and the other a part of it, by the entry's id."""
    if not told.entry_ref or one.entry_ref != told.entry_ref or told.batch_micros is None:
        return False
    return one.batch_micros == told.batch_micros and one.whole != told.whole


def _in_batch(account: Account, one: BankTelling, told: Told) -> Payment:
    """The payment of a batch that was entered as one, or the first of its parts where all of them are entered."""
    if one.whole:
        return one.payment
    parts = BankTelling.objects.filter(
        account=account, booked_on=told.booked_on, entry_ref=told.entry_ref, batch_micros=told.batch_micros, whole=False
    )
    entered = Payment.objects.filter(pk__in=parts.values("payment_id")).exclude(status="canceled")
    if entered.aggregate(micros=Sum("amount_micros"))["micros"] != told.amount_micros:
        raise refuse("batch_micros", "Parts of this batch are entered already: enter the others by the same file.")
    return one.payment
