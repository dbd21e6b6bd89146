"""Claims about what migrations make of what was there."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest
from django.db import connection

from tests.actions.bank import Move, collecting, today, with_mandate
from tests.actions.cast import EURO, demo_account
from tests.actions.test_customers import refused
from tests.actions.test_payouts import file_of
from tollgate.actions.acts import ACTS, Actor, acting
from tollgate.actions.bank_runs import cancel_bank_run
from tollgate.actions.bulk import DELETES
from tollgate.actions.payments import create_payment
from tollgate.actions.payouts import pay_out_credit
from tollgate.actions.tasks import restoring
from tollgate.actions.users import create_user_group
from tollgate.store.models import DelayedSave

pytestmark = pytest.mark.django_db
LOSSES: Any = import_module("tollgate.store.migrations.0045_loss_warnings")
PAYOUTS: Any = import_module("tollgate.store.migrations.0052_payouts_in_transit")
DELETED: Any = import_module("tollgate.store.migrations.0072_deleted_records")
__all__ = ["today"]


def test_a_tick_that_was_put_off_goes_on_as_its_word_and_back_as_a_tick() -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        account = demo_account()
    saves = [
        DelayedSave.objects.create(
            account=account, act="update_customer", table_name="customer", row_id=1, title="Acme", author_id=1,
            author="Ann", due_at=datetime(2026, 12, 1, tzinfo=UTC), arguments=arguments, before={}, after=arguments,
        )
        for arguments in ({"loss_making_calls": True, "name": "Acme"}, {"loss_making_calls": False}, {"name": "A"})
    ]  # fmt: skip
    for statement, told in ((LOSSES.PUT_OFF, ["allow", "refuse", None]), (LOSSES.PUT_BACK, [True, False, None])):
        with connection.cursor() as cursor:
            for column in ("arguments", "before", "after"):
                cursor.execute(statement.format(column))
        for save in saves:
            save.refresh_from_db()
        assert [save.arguments.get("loss_making_calls") for save in saves] == told
        assert [save.after for save in saves] == [save.arguments for save in saves]
        assert saves[0].arguments["name"] == "Acme"


def test_a_file_for_the_bank_of_before_may_have_been_fetched(today: Move) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        account = collecting(demo_account())
        baltic, _ = with_mandate(account, "Baltic")
        create_payment(customer_id=baltic.pk, amount_micros=50 * EURO)
        run = file_of(account, pay_out_credit(customer_id=baltic.pk, amount_micros=30 * EURO))
        assert run.fetched_at is None
        with connection.cursor() as cursor:
            cursor.execute(PAYOUTS.MAY_BE_FETCHED)
        run.refresh_from_db()
        assert run.fetched_at == run.created_at
        refused("never_sent", cancel_bank_run, bank_run_id=run.pk)


def test_who_might_delete_a_record_may_restore_it_and_nobody_else() -> None:
    deleting = {one.act: restoring(one.act) for one in DELETES.values() if restoring(one.act) in ACTS}
    del deleting["delete_customer"]
    with acting(Actor("setup", frozenset({"*"}))):
        given = [[*deleting, "restore_alias", "delete_card"], ["update_contact"], ["*"], []]
        groups = [create_user_group(name=f"G{n}", acts=acts) for n, acts in enumerate(given)]
        for _ in range(2):
            with connection.cursor() as cursor:
                cursor.execute(DELETED.RESTORES)
    for group in groups:
        group.refresh_from_db()
    assert sorted(groups[0].acts) == sorted({*deleting, *deleting.values(), "delete_card"})
    assert [group.acts for group in groups[1:]] == given[1:]
