"""Claims about number blocks: each belongs to one customer, none overlap, extensions stay within them."""

import threading
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from tests.actions.cast import ANN, acme
from tests.actions.test_customers import PASSWORD, refused
from tollgate.actions.acts import Invalid, acting
from tollgate.actions.customers import create_customer
from tollgate.actions.endpoints import create_sip_user, delete_endpoint
from tollgate.actions.number_blocks import (
    NumberRangeExhausted,
    NumberRangeNotConfigured,
    assign_number_block,
    delete_number_block,
)
from tollgate.store.models import Account, Audit, Customer, NumberBlock
from tollgate.store.queries.number_blocks import free_numbers, numbers, with_use


def baltic(account: Account) -> Customer:
    """A second customer."""
    return create_customer(account_id=account.pk, name="Baltic", currency="EUR")


def options(account: Account, start: int | None, size: int | None) -> None:
    """What the options page sets."""
    Account.objects.filter(pk=account.pk).update(block_start=start, block_size=size)


def block_of(customer: Customer) -> tuple[int, int]:
    """A new block."""
    block = assign_number_block(customer_id=customer.pk)
    return block.first, block.last


def sip_user(customer: Customer, name: str) -> Any:
    """A new SIP user."""
    return create_sip_user(customer_id=customer.pk, username=name, password=PASSWORD)


def test_the_next_block_is_the_lowest_gap_of_the_size_that_options_say(account: Account) -> None:
    ours, theirs = acme(account), baltic(account)
    options(account, 1000, 1000)
    assert [block_of(ours), block_of(theirs), block_of(ours)] == [(1000, 1999), (2000, 2999), (3000, 3999)]
    delete_number_block(number_block_id=NumberBlock.objects.get(first=2000).pk)
    assert block_of(ours) == (2000, 2999)
    options(account, 500, 300)
    assert [block_of(theirs), block_of(theirs)] == [(500, 799), (4100, 4399)], "800-1099 would meet a block"
    assert Audit.objects.filter(table_name="number_block", act="assign_number_block", customer_id=ours.pk).count() == 3


def test_a_block_is_not_laid_over_the_extension_of_another(account: Account) -> None:
    ours, theirs = acme(account), baltic(account)
    sip_user(theirs, "1000")
    sip_user(ours, "2005")
    options(account, 1000, 1000)
    assert block_of(ours) == (2000, 2999)
    assert block_of(theirs) == (1000, 1999)


def test_without_options_there_are_no_blocks_and_the_error_names_them(account: Account) -> None:
    ours = acme(account)
    for start, size in ((None, None), (1000, None), (None, 1000)):
        options(account, start, size)
        with pytest.raises(NumberRangeNotConfigured, match="in Options first") as refusal:
            assign_number_block(customer_id=ours.pk)
        assert refusal.value.code == "number_range_not_configured"
    options(account, 999_999_999_000, 1000)
    assert block_of(ours) == (999_999_999_000, 999_999_999_999)
    with pytest.raises(NumberRangeExhausted, match="Internal number range start"):
        assign_number_block(customer_id=ours.pk)


def test_extensions_come_from_the_own_blocks_and_never_from_those_of_others(account: Account) -> None:
    ours, theirs = acme(account), baltic(account)
    sip_user(theirs, "desk")
    options(account, 1000, 10)
    block_of(ours)
    for outside in ("1010", "999", "01000", "desk2", "9" * 20):
        assert "1000-1009" in refused(
            "username", create_sip_user, customer_id=ours.pk, username=outside, password=PASSWORD
        )
    assert sip_user(ours, "1000").username == "1000"
    for taken in ("1000", "1001", "01001"):
        said = refused("username", create_sip_user, customer_id=theirs.pk, username=taken, password=PASSWORD)
        assert "Acme" not in said
    assert sip_user(theirs, "1010").username == "1010"
    duplicate = refused("username", create_sip_user, customer_id=ours.pk, username="1000", password=PASSWORD)
    assert duplicate == "Duplicate User Detected"


def test_a_block_stays_as_long_as_a_number_of_it_is_used(account: Account) -> None:
    ours = acme(account)
    options(account, 1000, 10)
    block = assign_number_block(customer_id=ours.pk)
    user = sip_user(ours, "1003")
    assert "1003" in refused("number_block_id", delete_number_block, number_block_id=block.pk)
    delete_endpoint(endpoint_id=user.pk)
    delete_number_block(number_block_id=block.pk)
    assert not NumberBlock.objects.exists()


def test_used_and_free_numbers_are_told(account: Account) -> None:
    ours = acme(account)
    options(account, 1000, 5)
    blocks = [assign_number_block(customer_id=ours.pk), assign_number_block(customer_id=ours.pk)]
    for name in ("1000", "1002"):
        sip_user(ours, name)
    assert [(n.number, n.used) for n in numbers(blocks[0], around=0, count=3)] == [
        (1000, True),
        (1001, False),
        (1002, True),
    ]
    assert free_numbers(blocks, 5) == (1001, 1003, 1004, 1005, 1006)
    assert [block.used_count for block in with_use(NumberBlock.objects.order_by("first"))] == [2, 0]


def test_the_database_itself_refuses_blocks_that_overlap(account: Account) -> None:
    ours = acme(account)
    NumberBlock.objects.create(account=account, customer=ours, first=1000, last=1999)
    with pytest.raises(IntegrityError, match="number_block_apart"), transaction.atomic():
        NumberBlock.objects.create(account=account, customer=ours, first=1999, last=2500)


@pytest.mark.django_db(transaction=True)
def test_fifty_blocks_asked_for_at_once_are_fifty_disjoint_blocks() -> None:
    with acting(ANN):
        from tests.actions.cast import demo_account

        account = demo_account()
        customers = [
            create_customer(account_id=account.pk, name=f"Customer {number}", currency="EUR").pk for number in range(10)
        ]
    options(account, 1000, 100)
    start, problems = threading.Barrier(50), list[BaseException]()

    def allocate(customer_id: int) -> None:
        try:
            start.wait()
            with acting(ANN):
                assign_number_block(customer_id=customer_id)
        except (Invalid, IntegrityError) as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=allocate, args=[customer_id]) for customer_id in customers * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    firsts = NumberBlock.objects.order_by("first").values_list("first", "last")
    assert list(firsts) == [(first, first + 99) for first in range(1000, 6000, 100)]
