"""Claims about money that two statements tell of: it is entered once, and what came twice is entered twice."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.actions.bank import entry, part, told
from tests.actions.bills import balance
from tests.actions.cast import EURO
from tests.actions.test_invoice_runs import postpaid
from tollgate.actions.acts import Invalid
from tollgate.store.models import Account, Payment

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 20)


def credit(number: str, euros: int = 10, *, entry_ref: str = "", part_ref: str = "", end_to_end: str = "E-1") -> str:
    """The entry of one payment of a customer."""
    detail = part(end_to_end, reference=part_ref, told=number)
    return entry(f"{euros}.00", DAY, detail, reference=entry_ref)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"entry_ref": "B1"}, {"entry_ref": "B1", "part_ref": "T1"}),
        ({"entry_ref": "B1", "part_ref": "T1"}, {"part_ref": "T1"}),
        ({"entry_ref": "B1"}, {"part_ref": "B1"}),
        ({"entry_ref": "B1"}, {"part_ref": "T1"}),
        ({}, {"part_ref": "T1"}),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_statement_and_a_notice_of_one_credit_enter_it_once(
    account: Account, first: dict[str, str], second: dict[str, str], turned: bool
) -> None:
    number = str(postpaid(account, "Baltic").number)
    pair = [(credit(number, **first), False), (credit(number, **second), True)]  # type: ignore[arg-type]
    for text, notice in [*(reversed(pair) if turned else pair), *pair]:
        told(account, text, notice=notice)
    assert Payment.objects.count() == 1


def test_two_credits_that_look_alike_are_two_in_each_kind_of_file(account: Account) -> None:
    baltic = postpaid(account, "Baltic")
    for notice in (False, True):
        marks = ("T1", "T2") if notice else ("", "")
        pair = [
            credit(str(baltic.number), entry_ref="" if notice else f"B{place}", part_ref=mark)
            for place, mark in enumerate(marks, 1)
        ]
        told(account, *pair, notice=notice)
    assert (Payment.objects.count(), balance(baltic)) == (2, 20 * EURO)


def test_ids_that_contradict_are_asked_and_other_end_to_end_ids_are_other_money(account: Account) -> None:
    baltic = postpaid(account, "Baltic")
    number = str(baltic.number)
    told(account, credit(number, entry_ref="B1"))
    with pytest.raises(Invalid) as caught:
        told(account, credit(number, entry_ref="N1"), notice=True)
    assert list(caught.value.errors) == ["entered_as"]
    told(account, credit(number, entry_ref="N1", end_to_end="E-2"), notice=True)
    assert balance(baltic) == 20 * EURO


def test_a_batch_that_one_file_parts_and_another_does_not_is_entered_once(account: Account) -> None:
    baltic = postpaid(account, "Baltic")
    number = str(baltic.number)
    parts = [
        part("E-1", amount="10.00", reference="T1", told=number),
        part("E-2", amount="20.00", reference="T2", told=number),
    ]
    parted = entry("30.00", DAY, *parts, reference="B1")
    whole = entry("30.00", DAY, part("E-1", told=number), part("E-2", told=number), reference="B1")
    told(account, parted, notice=True)
    told(account, whole)
    assert (Payment.objects.count(), balance(baltic)) == (2, 30 * EURO)
    other = entry("30.00", DAY, part("E-1", told=number), part("E-2", told=number), reference="B2")
    told(account, other)
    told(account, parted.replace(">B1<", ">B2<").replace(">T", ">U"), notice=True)
    assert (Payment.objects.count(), balance(baltic)) == (3, 60 * EURO)


def test_a_batch_of_which_a_part_could_not_be_entered_is_left_to_a_person(account: Account) -> None:
    number = str(postpaid(account, "Baltic").number)
    parts = [part("E-1", amount="10.00", reference="T1", told=number), part("E-2", amount="20.00", reference="T2")]
    with pytest.raises(Invalid, match="names no invoice"):
        told(account, entry("30.00", DAY, *parts, reference="B1"), notice=True)
    with pytest.raises(Invalid, match="Parts of this batch"):
        told(account, entry("30.00", DAY, part("E-1", told=number), part("E-2"), reference="B1"))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    paid=st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["E-1", "E-2"])), min_size=1, max_size=4),
    order=st.permutations([False, True, False, True]),
)
def test_each_credit_of_a_day_is_entered_once_however_often_statement_and_notice_come(
    account: Account, paid: list[tuple[int, str]], order: list[bool]
) -> None:
    with transaction.atomic():
        baltic = postpaid(account, "Baltic")
        for notice in order:
            for place, (euros, end_to_end) in enumerate(paid):
                refs = {"part_ref": f"T{place}"} if notice else {"entry_ref": f"B{place}"}
                told(account, credit(str(baltic.number), euros, end_to_end=end_to_end, **refs), notice=notice)
        assert balance(baltic) == sum(euros for euros, _ in paid) * EURO
        transaction.set_rollback(True)
