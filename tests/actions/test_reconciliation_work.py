"""Claims about calls that a comparison finds in the lake alone: they are ours like all others, once, to the unit."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.actions.cast import bought_by
from tests.actions.test_carrier_statements import add, file_of, told
from tests.actions.test_customers import refused
from tollgate.actions.acts import Done
from tollgate.actions.carrier_statements import (
    accept_carrier_statement,
    compare_statement,
    create_carrier_statement,
    describe_carrier_files,
    wallet_of,
)
from tollgate.actions.postings import post
from tollgate.actions.reconciliation_work import compare_next
from tollgate.core.lake import day_begins
from tollgate.environment import lake_folder
from tollgate.store.lake_days import write_closed_days
from tollgate.store.lake_retention import archive_days, erase_days
from tollgate.store.models import CDR, Account, Card, CarrierLine, CarrierStatement, LakeFile

pytestmark = pytest.mark.django_db
AT = datetime.now(UTC)
OLD = AT.date() - timedelta(days=6)
NIGHT = AT + timedelta(days=2)
COST = 60_000


@pytest.fixture
def card(account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Card:
    """The card of Cirrus, and a lake."""
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    return bought_by(account)


def call(card: Card, place: int, **fields: Any) -> CDR:
    """One charged call through Cirrus, nine hours after the one before, with what the ledger posted for it."""
    at = day_begins(OLD) + timedelta(hours=1, milliseconds=137, microseconds=1) + place * timedelta(hours=9)
    given: dict[str, Any] = {
        "id": 700 + place, "account": card.account, "edge": "kam1", "edge_call_id": f"call-{place}@edge",
        "carrier": card.carrier, "state": "charged", "started_at": at, "answered_at": at,
        "ended_at": at + timedelta(minutes=1), "number": f"44207946{place:04}", "cli": "370", "cld": "44",
        "destination": 'UK, "mobile"', "duration_ms": 60_000, "billed_s": 60, "cost_micros": 0, "held_micros": 0,
        "carrier_currency": "EUR", "carrier_cost_micros": COST, "carrier_billed_s": 60, "carrier_card": card, **fields,
    }  # fmt: skip
    made = CDR.objects.create(**given)
    if made.carrier_cost_micros and made.carrier:
        book = {"book": "carrier_cost", "kind": "call", "note": "", "call_id": made.pk}
        post(wallet_of(made.carrier), amount_micros=made.carrier_cost_micros, **book)
    return made


def statement_of(card: Card, number: str = "INV-1") -> CarrierStatement:
    """An invoice of Cirrus over two days, of which the first is old, in German, by a clock an hour ahead."""
    assert card.carrier is not None
    describe_carrier_files(
        carrier_id=card.carrier.pk, time_format="day_first", decimal_comma=True, strip="00", time_tolerance_s=5,
        zone="Etc/GMT-1",
    )  # fmt: skip
    return create_carrier_statement(
        carrier_id=card.carrier.pk, number=number, from_on=f"{OLD}", until_on=f"{OLD + timedelta(days=2)}", zone="UTC",
        total_micros=900_000,
    )  # fmt: skip


def lines(statement: CarrierStatement) -> list[tuple[Any, ...]]:
    """What a comparison has found, call by call."""
    again = CarrierLine.objects.filter(statement=statement, run=statement.run)
    names = ("kind", "how", "call_id", "number", "destination", "started_at", "their_duration_ms", "our_duration_ms",
             "currency", "their_micros", "our_micros", "difference_micros", "explanation")  # fmt: skip
    return sorted(again.values_list(*names), key=str)


def compared(statement: CarrierStatement) -> CarrierStatement:
    """The same, compared again."""
    compare_statement(statement_id=statement.pk)
    while compare_next():
        pass
    statement.refresh_from_db()
    return statement


def archived(night: datetime = NIGHT) -> None:
    """Lets the first day leave the database."""
    write_closed_days(night)
    Account.objects.update(cdr_live_days=7)
    assert archive_days(night) == ([OLD], "")
    assert not CDR.objects.filter(started_at__lt=day_begins(OLD) + timedelta(days=1)).exists()


def correct(card: Card, call_id: int, micros: int) -> None:
    """What a recalculation posts for a carrier's call."""
    assert card.carrier is not None
    book = {"book": "carrier_cost", "kind": "correction", "note": "rated anew", "call_id": call_id}
    post(wallet_of(card.carrier), amount_micros=micros, **book)


@pytest.fixture
def calls(card: Card) -> list[CDR]:
    """Three calls of the old day, three of the day after it; besides, what no comparison is about."""
    other = bought_by(card.account, "Other").carrier
    with connection.cursor() as cursor:
        cursor.execute("SELECT cdr_make_partition(%s)", [OLD])
    found = [call(card, place) for place in range(6)]
    call(card, 0, id=801, edge_call_id="lost", state="failed", answered_at=None, carrier_cost_micros=None)
    call(card, 0, id=802, edge_call_id="foreign", carrier=other)
    return found


def test_a_day_that_only_the_lake_has_is_compared_as_it_was_before(done: Done, card: Card, calls: list[CDR]) -> None:
    statement = statement_of(card)
    wrong = told(calls[1], cost="0,09"), told(calls[2], seconds="95", cost="0,095", key=False)
    correct(card, calls[0].pk, -500)
    add(statement, file_of(told(calls[0]), *wrong, told(calls[3]), told(calls[3]), told(calls[4])))
    before, figures = lines(statement), statement.figures
    assert [line[0] for line in before] == ["doubled", "duration", "equal", "equal", "ours", "rate", "rate"]
    archived()
    assert compared(statement).run > 1
    assert lines(statement) == before
    assert statement.figures == figures
    assert (figures["our_calls"], figures["our_micros"], figures["erased_count"]) == (6, 6 * COST - 500, 0)

    correct(card, calls[1].pk, 30_000)
    assert "compare again" in refused("statement_id", accept_carrier_statement, statement_id=statement.pk)
    compared(statement)
    assert [line[0] for line in lines(statement)].count("rate") == 1, "corrections of archived calls count"
    late = call(card, 1, id=900, edge_call_id="late@edge", number="447700900123")
    for _ in range(2):  # in the database alone, then in both
        compared(statement)
        assert [line[2] for line in lines(statement) if line[0] == "ours"] == [calls[5].pk, late.pk]
        write_closed_days(NIGHT)
    assert LakeFile.objects.get(kind="call", day_on=OLD, replaced_at=None).rows_count == 6
    accept_carrier_statement(statement_id=statement.pk)


def test_an_entry_that_came_while_an_archived_call_was_compared_is_news(
    done: Done, card: Card, calls: list[CDR]
) -> None:
    statement = statement_of(card)
    archived()
    add(statement, file_of(*map(told, calls)))
    correct(card, calls[0].pk, 7)
    CarrierStatement.objects.filter(pk=statement.pk).update(compared_at=datetime.now(UTC) + timedelta(hours=1))
    assert "compare again" in refused("statement_id", accept_carrier_statement, statement_id=statement.pk)
    compared(statement)
    accept_carrier_statement(statement_id=statement.pk)


def test_what_the_lake_has_no_more_is_counted_and_a_lake_that_is_not_there_is_told(
    done: Done, card: Card, calls: list[CDR]
) -> None:
    statement = statement_of(card)
    while compare_next():
        pass
    archived()
    folder = lake_folder()
    shutil.move(folder, folder.with_name("elsewhere"))
    words = f"Calls of {OLD} (UTC) are only in the lake, and its file is not there: is it mounted?"
    assert refused("statement_id", accept_carrier_statement, statement_id=statement.pk) == words
    compared(statement)
    assert (statement.state, statement.problem) == ("failed", words)
    shutil.move(folder.with_name("elsewhere"), folder)
    assert (compared(statement).state, statement.figures["our_calls"]) == ("compared", 6)
    Account.objects.update(cdr_archive_days=1)
    assert erase_days(NIGHT)
    compared(statement)
    assert (statement.figures["our_calls"], statement.figures["erased_count"]) == (3, 3)
