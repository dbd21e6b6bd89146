"""Claims about carriers' statements: a file is compared call by call, disputed, accepted, and the books follow."""

from __future__ import annotations

import base64
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.actions.cast import EURO, bought_by
from tests.actions.test_customers import refused
from tollgate.actions.acts import Done
from tollgate.actions.carrier_disputes import (
    answer_dispute,
    delete_dispute,
    open_dispute,
    reopen_dispute,
    send_dispute,
    settle_dispute,
)
from tollgate.actions.carrier_statements import (
    accept_carrier_statement,
    add_statement_file,
    booked_micros,
    compare_statement,
    create_carrier_statement,
    delete_carrier_statement,
    describe_carrier_files,
    remove_statement_file,
    take_back_carrier_acceptance,
    wallet_of,
)
from tollgate.actions.postings import post
from tollgate.actions.reconciliation_work import TRIES_MOST, begin_comparison, compare_next
from tollgate.actions.revisions import publish_revision
from tollgate.store.models import CDR, Account, Card, CarrierFile, CarrierLine, CarrierStatement, CarrierSum, Entry

pytestmark = pytest.mark.django_db
FIRST = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
COLUMNS = {"started_at": 0, "number": 1, "duration": 2, "cost": 3, "key": 4}
HEAD = "Start;Called;Seconds;Cost;Call-ID;Destination"


@pytest.fixture
def card(account: Account) -> Card:
    """The card of Cirrus: today's price, and one of last year."""
    card = bought_by(account)
    for year, price in ((2024, 90_000_000), (2026, 60_000_000)):
        rows = [{"prefix": "44", "destination": "UK", "price_nanos": price}]
        publish_revision(card_id=card.pk, rows=rows, effective_at=datetime(year, 1, 1, tzinfo=UTC))
    return card


@pytest.fixture
def calls(account: Account, card: Card) -> list[CDR]:
    """Twelve calls of a minute, an hour apart, 0.06 each."""
    return [call(account, card, place) for place in range(12)]


def call(account: Account, card: Card, place: int) -> CDR:
    """One charged call through Cirrus."""
    at = FIRST + timedelta(hours=place)
    return CDR.objects.create(
        id=500 + place, account=account, edge="kam1", edge_call_id=f"call-{place}@edge", carrier=card.carrier,
        state="charged", started_at=at, answered_at=at, ended_at=at + timedelta(minutes=1),
        number=f"44207946{place:04}", cli="370", cld="44", destination="UK",
        duration_ms=60_000, billed_s=60, cost_micros=0, held_micros=0,
        carrier_currency="EUR", carrier_cost_micros=60_000, carrier_billed_s=60, carrier_card=card,
    )  # fmt: skip


def told(cdr: CDR, *, seconds: str = "60", cost: str = "0,06", key: bool = True) -> str:
    """The line of the carrier for a call: Berlin's clock, seven seconds ahead, decimals after a comma."""
    at = cdr.started_at + timedelta(hours=1, seconds=7)
    name = cdr.edge_call_id if key else ""
    return f"{at:%d.%m.%Y %H:%M:%S};00{cdr.number};{seconds};{cost};{name};Vereinigtes Königreich"


def file_of(*lines: str) -> str:
    """A file as the carrier sends it."""
    return base64.b64encode("\r\n".join(["Cirrus GmbH", HEAD, *lines]).encode("cp1252")).decode()


def statement_of(card: Card, number: str = "INV-1", total_micros: int = 900_000) -> CarrierStatement:
    """An invoice of Cirrus over the first week of November, in German."""
    carrier = card.carrier
    assert carrier is not None
    describe_carrier_files(
        carrier_id=carrier.pk, time_format="day_first", decimal_comma=True, strip="00", time_tolerance_s=5
    )
    return create_carrier_statement(
        carrier_id=carrier.pk, number=number, from_on="2026-11-01", until_on="2026-11-08", zone="Europe/Berlin",
        total_micros=total_micros,
    )  # fmt: skip


def add(statement: CarrierStatement, content: str, **fields: Any) -> CarrierFile:
    """Adds a file and compares."""
    given = {"columns": COLUMNS, "name": "cdrs.csv", **fields}
    made = add_statement_file(statement_id=statement.pk, content=content, **given)
    assert compare_next()
    while compare_next():
        pass
    made.refresh_from_db()
    statement.refresh_from_db()
    return made


def kinds(statement: CarrierStatement) -> Counter[str]:
    """How many lines of each kind count."""
    return Counter(CarrierLine.objects.filter(statement=statement, run=statement.run).values_list("kind", flat=True))


def test_differences_are_found_disputed_accepted_and_booked(done: Done, calls: list[CDR], card: Card) -> None:
    statement = statement_of(card)
    lines = [
        *(told(cdr, key=place % 2 == 0) for place, cdr in enumerate(calls[:6])),
        told(calls[6], seconds="95", cost="0,095"),
        told(calls[7], cost="0,09"),
        told(calls[8], cost="0,5"),
        told(calls[9]),
        told(calls[9]),
        told(calls[10]).replace(calls[10].number, "390612345").replace("call-10@edge", "strange"),
        "not a moment;0044;60;0,06;x;UK",
    ]
    file = add(statement, file_of(*lines))
    found = kinds(statement)
    assert found == {"equal": 7, "duration": 1, "rate": 2, "doubled": 1, "theirs": 1, "ours": 2}
    assert (file.rows_count, file.errors_count, file.errors[0][:2]) == (13, 1, [15, "started_at"])
    figures = statement.figures
    assert (figures["offset_ms"], figures["by_key"], figures["by_number"]) == (7_000, 7, 3)
    assert figures["their_micros"] == 7 * 60_000 + 95_000 + 90_000 + 500_000 + 60_000 + 60_000
    why = CarrierLine.objects.filter(kind="rate").order_by("their_micros").values_list("explanation", flat=True)
    assert why[0].startswith("Prefix 44 of Cirrus A-Z r1 gives their price")
    assert why[1] == "No rate of their cards gives this price: 0.5 a minute"
    sums = CarrierSum.objects.get(statement=statement, run=statement.run, kind="duration")
    assert (sums.our_duration_s, sums.their_duration_s, sums.difference_micros) == (60, 95, 35_000)

    rated = open_dispute(statement_id=statement.pk, title="Old prices", kinds=["rate"])
    strange = open_dispute(statement_id=statement.pk, title="Not ours", kinds=["theirs", "doubled"], note="Who called?")
    assert (rated.claimed_micros, strange.claimed_micros) == (470_000, 120_000)
    refused("line_ids", open_dispute, statement_id=statement.pk, title="Again", kinds=["rate"])
    assert "in dispute" in refused("statement_id", compare_statement, statement_id=statement.pk)
    send_dispute(dispute_id=rated.pk)
    assert "answer first" in refused("dispute_id", settle_dispute, dispute_id=rated.pk)
    answer_dispute(dispute_id=rated.pk, state="partly", agreed_micros=400_000)
    answer_dispute(dispute_id=strange.pk, state="rejected")
    settle_dispute(dispute_id=rated.pk)
    statement = accept_carrier_statement(statement_id=statement.pk)
    settle_dispute(dispute_id=strange.pk)
    assert statement.accepted_micros == 900_000 - 590_000
    billed_micros = 10 * 60_000
    assert billed_micros + booked_micros(statement) == 900_000 - 400_000, (
        "what is owed is the total less what they gave"
    )
    wallet = wallet_of(statement.carrier)
    assert wallet.balance_micros == booked_micros(statement)
    assert set(Entry.objects.filter(wallet=wallet).values_list("kind", "book")) == {("adjustment", "carrier_cost")}
    refused("dispute_id", delete_dispute, dispute_id=strange.pk)

    reopen_dispute(dispute_id=strange.pk, reason="they think again")
    answer_dispute(dispute_id=strange.pk, state="accepted")
    settle_dispute(dispute_id=strange.pk)
    assert billed_micros + booked_micros(statement) == 900_000 - 400_000 - 120_000
    take_back_carrier_acceptance(statement_id=statement.pk, reason="a wrong total")
    reopen_dispute(dispute_id=rated.pk, reason="all anew")
    wallet.refresh_from_db()
    assert wallet.balance_micros == booked_micros(statement) == 0
    assert CDR.objects.filter(carrier_cost_micros=60_000).count() == 12, "no CDR has changed"


def test_a_file_is_taken_once_and_what_is_taken_off_leaves_nothing(done: Done, calls: list[CDR], card: Card) -> None:
    statement = statement_of(card, total_micros=12 * 60_000)
    content = file_of(*map(told, calls))
    file = add(statement, content)
    first = statement.run
    assert kinds(statement) == {"equal": 12}
    given = {"statement_id": statement.pk, "name": "again.csv"}
    assert "INV-1 already" in refused("content", add_statement_file, content=content, columns=COLUMNS, **given)
    refused("kind", add_statement_file, content=file_of(), columns={"cost": 3}, kind="totals", **given)
    refused("columns", add_statement_file, content=file_of("x"), columns={"number": 1, "cost": 99}, **given)
    CarrierLine.objects.create(
        statement=statement, run=9, kind="ours", how="", started_at=FIRST, number="1", destination="", currency="EUR",
        explanation="",
    )  # fmt: skip
    compare_statement(statement_id=statement.pk)
    assert compare_next()
    statement.refresh_from_db()
    assert statement.run > first
    assert CarrierLine.objects.filter(statement=statement).count() == 12, "what a dead worker left is gone"

    later = statement_of(card, "INV-2", 3 * EURO)
    assert any("INV-1" in words for words in done.warnings)
    add(later, file_of(*map(told, calls[:2])))
    twice = CarrierLine.objects.filter(statement=later, run=later.run, kind="doubled")
    assert set(twice.values_list("explanation", flat=True)) == {"Billed by statement INV-1 already"}
    assert kinds(later) == {"doubled": 2}, "ours that another statement billed are not missing here"
    assert later.figures["billed_micros"] == 0
    delete_carrier_statement(statement_id=later.pk)

    remove_statement_file(file_id=file.pk)
    totals = base64.b64encode(b"Destination,Day,Calls,Minutes,Amount\nuk,02.11.2026,12,12,0.72\nItaly,,1,1,0.5\n")
    describe_carrier_files(carrier_id=statement.carrier_id, decimal_comma=False, duration_unit="minutes")
    columns = {"destination": 0, "day": 1, "calls": 2, "duration": 3, "cost": 4}
    add(statement, totals.decode(), columns=columns, kind="totals", name="totals.csv")
    rows = CarrierSum.objects.filter(statement=statement, run=statement.run).order_by("difference_micros")
    assert [(row.destination, row.their_calls, row.our_calls, row.difference_micros) for row in rows] == [
        ("UK", 12, 12, 0),
        ("Italy", 1, 0, 500_000),
    ]
    assert rows[0].their_duration_s == rows[0].our_duration_s == 720
    assert not compare_next(), "nothing waits"


def test_no_call_is_taken_on_twice_whatever_statements_share_its_days(done: Done, calls: list[CDR], card: Card) -> None:
    whole = statement_of(card, "INV-A", 730_000)
    extra = statement_of(card, "INV-B", 50_000)
    assert any("cannot be accepted beside it, but as a fee" in words for words in done.warnings)
    while compare_next():
        pass
    wallet = wallet_of(whole.carrier)
    for statement in (whole, extra):
        assert "files of calls" in refused("statement_id", accept_carrier_statement, statement_id=statement.pk)
    accept_carrier_statement(statement_id=extra.pk, fee=True)
    call(calls[0].account, card, 12)  # rated after the comparison
    accept_carrier_statement(statement_id=whole.pk)
    wallet.refresh_from_db()
    assert 13 * 60_000 + wallet.balance_micros == 730_000 + 50_000, "the calls of today, once, and the fee on top"
    take_back_carrier_acceptance(statement_id=whole.pk, reason="a file comes")
    take_back_carrier_acceptance(statement_id=extra.pk, reason="a file comes")
    while compare_next():
        pass

    add(extra, file_of(*map(told, calls)))
    assert kinds(extra) == {"equal": 12, "ours": 1}
    add(whole, file_of(*map(told, calls), ""))
    extra.refresh_from_db()
    assert (kinds(whole)["doubled"], kinds(extra)["doubled"]) == (0, 12), "the later one is compared anew"
    post(wallet, "carrier_cost", "adjustment", amount_micros=1_000, note="rated anew", key="anew", call_id=calls[3].pk)
    assert "compare again" in refused("statement_id", accept_carrier_statement, statement_id=whole.pk)
    remove_statement_file(file_id=whole.files.get().pk)
    assert compare_next()
    compare_statement(statement_id=extra.pk)
    assert compare_next()
    add(whole, file_of(*map(told, calls[:2]), "#"))
    compare_statement(statement_id=extra.pk)
    while compare_next():
        pass
    accept_carrier_statement(statement_id=extra.pk)
    whole.refresh_from_db()
    assert whole.state == "waiting", "the accepted one comes first now"
    for tries in range(TRIES_MOST + 1):
        whole.refresh_from_db()
        begun = begin_comparison(statement_id=whole.pk, version=whole.version)
        assert (begun is None) == (tries == TRIES_MOST), "a worker that is killed begins three times"
    whole.refresh_from_db()
    assert (whole.state, "memory" in whole.problem) == ("failed", True)
