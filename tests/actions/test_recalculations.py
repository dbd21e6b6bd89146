"""Claims about recalculations: no CDR changes, both sides come to the new price, and all of it can be undone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.actions.cast import ANN
from tests.actions.test_customers import refused
from tests.actions.test_tasks import actor_of
from tests.panel.cast import CHARGED_ID, Cast, assemble
from tollgate.actions import tasks
from tollgate.actions.acts import NotFound, acting
from tollgate.actions.recalculation_preview import preview
from tollgate.actions.recalculations import (
    recalculate_call,
    start_recalculation,
    take_back_call,
    take_back_recalculation,
    wanted_recalculation,
)
from tollgate.actions.revisions import publish_revision
from tollgate.actions.task_searches import done_of_found
from tollgate.actions.tasks import cancel_task, retry_task
from tollgate.store.models import CDR, Audit, Entry, Recalculation, Wallet
from tollgate.store.queries.cards import price, revision_at
from tollgate.store.sql import load

pytestmark = pytest.mark.django_db
DEARER = [{"prefix": "44", "price_nanos": 120_000_000, "initial_s": 60, "increment_s": 60}]
CHEAPER = [{"prefix": "44", "price_nanos": 6_000_000}]


@pytest.fixture
def cast(db: None) -> Cast:
    """The panel's cast; its charged call has moved what its CDR says, at prices of long ago."""
    cast = assemble()
    cdr = CDR.objects.get(pk=CHARGED_ID)
    with acting(ANN):
        rows = [{"prefix": "44", "price_nanos": 12_000_000}]
        publish_revision(card_id=cast.carrier_card.pk, rows=rows, effective_at=datetime(2020, 1, 1, tzinfo=UTC))
    owners = (("customer", cast.acme.pk, "revenue", -cdr.cost_micros),
              ("carrier", cast.cirrus.pk, "carrier_cost", cdr.carrier_cost_micros))  # fmt: skip
    detail, wallets = cdr.detail, {}
    with connection.cursor() as cursor:
        for kind, owner_id, book, micros in owners:
            wallet = wallets[kind] = Wallet.objects.get(kind=kind, owner_id=owner_id)
            cursor.execute(
                "INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, call_id)"
                " VALUES (%s, now(), %s, %s, 'call', %s, 'EUR', %s)",
                [cast.account.pk, wallet.pk, book, micros, cdr.pk],
            )
            cursor.execute("UPDATE wallet SET balance_micros = balance_micros + %s WHERE id = %s", [micros, wallet.pk])
        for leg, kind, card in (
            (detail["legs"][0], "customer", cast.customer_card),
            (detail["routes"][detail["route"]], "carrier", cast.carrier_card),
            (detail["carrier"], "carrier", cast.carrier_card),
        ):
            leg |= {"wallet": wallets[kind].pk, "card": card.pk}
        cursor.execute("SET LOCAL session_replication_role = replica")  # the cast's call names wallets of another world
        cursor.execute("UPDATE cdr SET detail = %s WHERE id = %s", [json.dumps(detail), cdr.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")
    return cast


def ran() -> None:
    """Does what tasks have to do."""
    tasks.work(lambda: datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


def calls_found(begun: Recalculation) -> list[int]:
    """The calls that the task of a recalculation has found, once it is over."""
    ran()
    assert begun.task is not None
    begun.task.refresh_from_db()
    assert begun.task.state == "completed"
    return list(begun.task.rows.exclude(record_id=None).values_list("record_id", flat=True))


def broken_books() -> list[str]:
    """The laws of money that do not hold (the cast's summaries were never rolled up)."""
    broken = []
    with connection.cursor() as cursor:
        for name, statement in load("ledger_laws").items():
            cursor.execute(statement)
            if cursor.fetchall():
                broken.append(name)
    return broken


def charges(cdr: CDR) -> tuple[int, int]:
    """What the customer has paid for a call and the carrier was given, by the ledger."""
    sums = {"customer": 0, "carrier": 0}
    for entry in Entry.objects.filter(call_id=cdr.pk).exclude(wallet__kind="bundle").select_related("wallet"):
        sums[entry.wallet.kind] += entry.amount_micros
    return -sums["customer"], sums["carrier"]


def test_calls_come_to_the_price_in_force_and_back_again(cast: Cast) -> None:
    before = broken_books()
    cdr = CDR.objects.get(pk=CHARGED_ID)
    kept = CDR.objects.filter(pk=cdr.pk).values().get()
    was = charges(cdr)
    span = {
        "account_id": cast.account.pk,
        "from_at": cdr.started_at - timedelta(hours=1),
        "until_at": cdr.started_at + timedelta(hours=1),
        "reason": "the card was wrong",
    }
    ann = actor_of(cast.ann)
    with acting(ann):
        none = {"customer_id": None, "carrier_id": None, "released_by": ()}
        same = preview(wanted_recalculation(kind="rerate", least_s=None, new_s=None, **none, **span))
        assert (same.calls_count, same.different_count, same.left_count) == (1, 0, 0), "nothing has changed yet"
        for card, rows in ((cast.customer_card, DEARER), (cast.carrier_card, CHEAPER)):
            publish_revision(card_id=card.pk, rows=rows, effective_at=cdr.started_at - timedelta(days=1))
        wanted = wanted_recalculation(kind="rerate", least_s=None, new_s=None, **none, **span)
        seen = preview(wanted)
        assert (seen.calls_count, seen.different_count) == (1, 1)
        assert charges(cdr) == was, "a preview moves nothing"
        done = start_recalculation(kind="rerate", **span)
        assert charges(cdr) == was, "the task has not begun"
        with CaptureQueriesContext(connection) as asked:
            ran()
        locks = [one["sql"] for one in asked if "FOR UPDATE" in one["sql"] and 'FROM "wallet"' in one["sql"]]
        assert locks
        assert all('ORDER BY "wallet"."depth" DESC, "wallet"."id" ASC' in sql for sql in locks), (
            "as charging locks them"
        )
        now = charges(cdr)
        expected = []
        for card in (cast.customer_card, cast.carrier_card):
            revision = revision_at(card, cdr.started_at)
            assert revision is not None
            found = price(card, revision, cdr.number, at=cdr.answered_at, duration_ms=cdr.duration_ms)
            assert found is not None
            expected.append(found.explained.cost_micros)
        assert now == tuple(expected) == tuple(total.cost_micros for total in seen.sums)
        assert now != was
        assert recalculate_call(call_id=cdr.pk, recalculation_id=done.pk) == 0, "a second time nothing is left"
        for other in ({"customer_id": cast.baltic.pk}, {"released_by": ["callee"]}):
            assert calls_found(start_recalculation(kind="rerate", **span, **other)) == []  # type: ignore[arg-type]
        assert CDR.objects.filter(pk=cdr.pk).values().get() == kept
        entries = Entry.objects.filter(ref=f"recalculation:{done.pk}")
        assert {(entry.kind, entry.call_id) for entry in entries} == {("correction", cdr.pk)}
        assert all("the card was wrong (ann@demo.example)" in entry.note for entry in entries)
        publish_revision(card_id=cast.customer_card.pk, rows=CHEAPER, effective_at=cdr.started_at - timedelta(hours=1))
        second = start_recalculation(kind="rerate", **span)
        ran()
        assert charges(cdr) != now
        first = {"recalculation_id": done.pk}
        early = take_back_recalculation(**first, reason="too early")
        refused("recalculation_id", take_back_recalculation, **first, reason="a button pressed twice")
        ran()
        early.refresh_from_db()
        assert (early.taken_back_at, early.task and early.task.state) == (None, "failed")
        assert early.task is not None
        assert f"take back recalculation {second.pk} first" in early.task.result
        Recalculation.objects.filter(pk=done.pk).update(
            taken_back_at=cdr.started_at
        )  # one that began before the second
        refused("recalculation_id", take_back_call, **first, call_id=cdr.pk)
        Recalculation.objects.filter(pk=done.pk).update(taken_back_at=None)
        take_back_recalculation(recalculation_id=second.pk, reason="wrong as well")
        ran()
        assert charges(cdr) == now
        take_back_recalculation(recalculation_id=done.pk, reason="it was right")
        refused("recalculation_id", take_back_recalculation, recalculation_id=done.pk, reason="again")
        ran()
        assert charges(cdr) == was
        refused("recalculation_id", recalculate_call, call_id=cdr.pk, recalculation_id=done.pk)
    assert broken_books() == before
    for wallet in Wallet.objects.filter(kind__in=("customer", "carrier")):
        assert wallet.balance_micros == sum(wallet.entries.values_list("amount_micros", flat=True))


def test_long_calls_are_charged_as_short_ones(cast: Cast) -> None:
    cdr = CDR.objects.get(pk=CHARGED_ID)
    span = {
        "account_id": cast.account.pk,
        "kind": "adjust_duration",
        "from_at": cdr.started_at,
        "until_at": cdr.started_at + timedelta(seconds=1),
        "reason": "the media had timed out",
    }
    with acting(actor_of(cast.ann)):
        refused("new_s", start_recalculation, **span, least_s=60)
        assert calls_found(start_recalculation(**span, least_s=68, new_s=10)) == []  # type: ignore[arg-type]
        refused("until_at", start_recalculation, **{**span, "until_at": cdr.started_at}, least_s=1, new_s=1)
        done = start_recalculation(**span, least_s=67, new_s=60, released_by=["caller"], carrier_id=cast.cirrus.pk)
        ran()
        found = [
            price(card, revision_at(card, cdr.started_at), cdr.number, at=cdr.answered_at, duration_ms=60_000)  # type: ignore[arg-type]
            for card in (cast.customer_card, cast.carrier_card)
        ]
        assert charges(cdr) == tuple(one.explained.cost_micros for one in found if one)
        with pytest.raises(NotFound):
            recalculate_call(call_id=cdr.pk + 10_000, recalculation_id=done.pk)
    assert Recalculation.objects.get(pk=done.pk).task is not None


def test_who_begins_one_waits_for_no_search_of_calls_and_a_killed_search_leaves_nothing(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    cdr = CDR.objects.get(pk=CHARGED_ID)
    wanted: dict[str, Any] = {
        "account_id": cast.account.pk, "kind": "rerate", "reason": "the card was wrong",
        "from_at": cdr.started_at - timedelta(hours=1), "until_at": cdr.started_at + timedelta(hours=1),
    }  # fmt: skip
    with acting(actor_of(cast.ann)), CaptureQueriesContext(connection) as asked:
        begun = start_recalculation(**wanted)
        assert start_recalculation(**wanted) == begun, "a button pressed twice"
    assert not [one for one in asked if 'FROM "cdr"' in one["sql"]]
    assert begun.task is not None
    assert (begun.task.reason, done_of_found(begun.task)) == ("the card was wrong", None)
    with transaction.atomic():  # a killed one never commits
        assert tasks._one_row(tasks.Shift(), datetime.now(UTC))
        assert begun.task.rows.count() == 2
        transaction.set_rollback(True)
    assert begun.task.rows.count() == 1
    monkeypatch.setattr(tasks, "MOST_ROWS", 0)
    ran()
    begun.task.refresh_from_db()
    assert (begun.task.state, done_of_found(begun.task)) == ("failed", (0, 0))
    assert "choose fewer" in begun.task.result
    monkeypatch.undo()
    with acting(actor_of(cast.ann)):
        cancel_task(task_id=retry_task(task_id=begun.task.pk).pk)
        retry_task(task_id=begun.task.pk)
    assert calls_found(begun) == [cdr.pk]
    assert done_of_found(begun.task) == (1, 1)
    with acting(actor_of(cast.ann)), CaptureQueriesContext(connection) as asked:
        back = take_back_recalculation(recalculation_id=begun.pk, reason="it was right")
    assert not [one for one in asked if 'FROM "entry"' in one["sql"]]
    assert back.taken_back_at is None, "until its calls are found"
    ran()
    back.refresh_from_db()
    assert (back.taken_back_at is not None, back.taken_back_by) == (True, cast.ann.email)
    told = Audit.objects.filter(table_name="recalculation", row_id=back.pk, act="take_back_recalculation").latest("id")
    assert (told.actor, told.reason) == (cast.ann.email, "it was right")
