"""Claims about the lake: what it answers is what the database would, day by day, to the last unit."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from tests.store.lake_cast import Traffic, repriced
from tollgate.actions.reports import file_of
from tollgate.core.breakout import Question
from tollgate.core.lake import TABLES, Breakout, Condition, Group, Row, Search, Span, day_begins
from tollgate.core.rates import Rate as PriceRate
from tollgate.core.rates import rate_to_json, simple
from tollgate.environment import lake_folder
from tollgate.store.lake_days import delete_replaced, differences, write_closed_days
from tollgate.store.lake_engines import DuckLake
from tollgate.store.lake_retention import archive_days, erase_days
from tollgate.store.models import (
    Account,
    ArchivedCall,
    Card,
    Customer,
    Invoice,
    LakeFile,
    LegalHold,
    Rate,
    Revision,
    SavedReport,
)
from tollgate.store.queries import lake
from tollgate.store.queries.breakout import OnlyInLake
from tollgate.store.queries.breakout import breakout as by_dimensions
from tollgate.store.queries.lake_rating import Rerated, rerate
from tollgate.store.sql import load

pytestmark = pytest.mark.django_db

AT = datetime.now(UTC)
TODAY = AT.date()
DAYS = [TODAY - timedelta(days=back) for back in (6, 5, 4, 1)]
MEASURES = ("attempts", "connected", "duration_ms", "billed_s", "cost_micros", "carrier_cost_micros", "profit_micros")
TALKED = Group((Condition("answered_us", "empty", 0),))
CHOSEN = Group(
    (
        Condition("cld", "starts", "0044"),
        Group((Condition("sip_sent", "in", (200, 402)), Condition("refusal", "contains", "cred")), any=True),
        Condition("customer_id", "ne", 0),
    )
)
BREAKOUTS = [
    Breakout("call", MEASURES),
    Breakout("call", MEASURES, ("customer_id", "destination"), TALKED),
    Breakout("call", ("attempts", "cost_micros"), ("hour_us", "state"), CHOSEN),
    Breakout("call", ("attempts",), ("refusal", "q850")),
    Breakout("entry", ("entries", "amount_micros"), ("owner_kind", "owner_id", "kind", "day_us")),
]
BY_NUMBER = Question(dimensions=("number",), from_at=day_begins(DAYS[0]) + timedelta(hours=11), until_at=AT)
QUESTIONS: list[dict[str, Any]] = [
    {},
    {"dimensions": ("cli", "month", "week", "day", "hour", "customer", "carrier", "route")},
    {"dimensions": ("number", "country", "prefix", "tech_prefix", "reseller", "account_manager")},
    {"filters": {"number": "37", "customer": "ACM", "carrier": "c", "destination": "TO 3", "prefix": "370"}},
    {"reach": frozenset({1, 2})},
    {
        "dimensions": ("country", "customer"),
        "from_at": day_begins(DAYS[0]) + timedelta(hours=11, minutes=1),
        "until_at": day_begins(DAYS[0]) + timedelta(hours=11, minutes=58),
    },
    {"reach": frozenset()},
]
SEARCHES = [
    Search("call", tuple(TABLES["call"]), limit=400),
    Search("call", ("id", "cld", "cost_micros"), CHOSEN, limit=7),
    Search("entry", tuple(TABLES["entry"]), limit=90),
]


@pytest.fixture
def traffic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Traffic:
    """Calls of four days, three of them closed."""
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    made = Traffic()
    for day in DAYS:
        made.day(day, 103)
    return made


def span_of(traffic: Traffic) -> Span:
    """From the middle of the first day until now."""
    return Span(traffic.account.pk, day_begins(DAYS[0]) + timedelta(hours=11, minutes=7), AT)


def answers(traffic: Traffic) -> list[list[Row]]:
    """Every question's answer."""
    span = span_of(traffic)
    found = [lake.breakout(question, span, AT) for question in BREAKOUTS]
    found += [lake.search(question, span, AT) for question in SEARCHES]
    return found


def test_database_and_lake_answer_as_one_whatever_is_asked(traffic: Traffic, tmp_path: Path) -> None:
    before = answers(traffic)
    assert all(before)
    written = write_closed_days(AT)
    assert sorted((file.kind, file.day_on) for file in written) == sorted(
        (kind, day) for kind in ("call", "entry") for day in DAYS[:3]
    )
    sides = lake.sides_of("call", span_of(traffic), AT)
    assert (len(sides.files), sides.live_days[0], sides.live_days[-1]) == (3, DAYS[2] + timedelta(days=1), TODAY)
    with connection.cursor() as cursor:
        for day in DAYS[:2]:
            cursor.execute(f"DROP TABLE cdr_{day:%Y%m%d}")  # what the lake answers, the database need not have
    assert answers(traffic)[:4] == before[:4]
    assert answers(traffic)[5:7] == before[5:7]
    columns = ("id", "edge_call_id", "refusal", "cost_micros", "detail")
    target = tmp_path / "calls.csv"
    lake.export(Search("call", columns), span_of(traffic), AT, target)
    with target.open(encoding="utf-8", newline="") as file:
        exported = list(csv.reader(file))
    whole = lake.search(Search("call", columns, limit=1000), span_of(traffic), AT)
    shown = [["" if cell is None else str(cell) for cell in row] for row in whole]
    assert (exported[0], sorted(exported[1:])) == (list(columns), sorted(shown))
    assert len(whole) == sum(int(str(row[2])) for row in before[0])  # attempts, after the two currencies


def test_pages_of_a_search_follow_each_other(traffic: Traffic) -> None:
    write_closed_days(AT)
    whole = lake.search(Search("call", ("started_us", "id"), limit=500), span_of(traffic), AT)
    paged: list[Row] = []
    before: tuple[int, int] | None = None
    while page := lake.search(Search("call", ("started_us", "id"), limit=60, before=before), span_of(traffic), AT):
        paged += page
        before = (int(str(page[-1][0])), int(str(page[-1][1])))
    assert paged == whole


def test_a_correction_is_seen_at_once_and_written_as_the_next_version_that_night(traffic: Traffic) -> None:
    write_closed_days(AT)
    question = Breakout("entry", ("amount_micros",), ("kind",), Group((Condition("owner_kind", "eq", "customer"),)))
    traffic.correct(3, 17)
    later = AT + timedelta(days=1)
    span = Span(traffic.account.pk, day_begins(DAYS[0]), AT)
    assert ("adjustment", "EUR", 17) in lake.breakout(question, span, AT)
    (again,) = write_closed_days(later)
    assert (again.kind, again.day_on, again.version) == ("entry", DAYS[0], 2)
    assert LakeFile.objects.filter(kind="entry", day_on=DAYS[0], replaced_at=None).get() == again
    assert [len(lake.sides_of(table, span, later).files) for table in ("call", "entry")] == [3, 3]
    assert ("adjustment", "EUR", 17) in lake.breakout(question, span, later)
    assert write_closed_days(later) == []


def test_a_late_record_makes_a_new_version_and_a_spoiled_file_is_found(traffic: Traffic, tmp_path: Path) -> None:
    write_closed_days(AT)
    assert differences(AT) == []
    traffic.day(DAYS[1], 2)
    assert len(differences(AT)) == 2
    assert {(file.day_on, file.version) for file in write_closed_days(AT)} == {(DAYS[1], 2)}
    assert differences(AT) == []
    file = LakeFile.objects.get(kind="call", day_on=DAYS[2])
    path = tmp_path / "lake" / file.path
    note = path.with_name(f"{path.name}.sha256").read_text()
    assert note == f"{file.sha256}  {path.name}\n"
    spoiled = bytearray(path.read_bytes())
    spoiled[len(spoiled) // 2] ^= 1
    path.write_bytes(spoiled)
    assert differences(AT) == [f"{file.path} is not what was written: its hash differs"]
    path.unlink()
    assert differences(AT) == [f"{file.path} is missing"]


def test_calls_rated_again_cost_what_they_did_until_a_price_or_the_card_changes(traffic: Traffic) -> None:
    write_closed_days(AT)
    span = span_of(traffic)
    question = Breakout("call", ("attempts", "cost_micros"), ("customer_id",), TALKED)
    charged = [(row[0], row[1], row[2], row[3]) for row in lake.breakout(question, span, AT)]
    again = rerate(span, AT)
    assert sorted((one.customer_id, one.currency, one.calls, one.charged_micros) for one in again) == charged
    assert {(one.different, one.unrated, one.difference_micros) for one in again} == {(0, 0, 0)}
    rates = Rate.objects.filter(revision=traffic.revision)
    rates.filter(prefix="447").update(price_nanos=30_000_000)
    dear = simple(price_nanos=30_000_000).windows[0]
    nights = replace(dear, from_s=0, until_s=3600 * 7)
    rates.filter(prefix="4930").update(tariff=rate_to_json(PriceRate((dear, nights))))  # what only the rules can price
    doubled = Breakout("call", ("attempts", "cost_micros"), (), _talked_to("447", "4930"))
    ((_, calls, cost), *_) = [row for row in lake.breakout(doubled, span, AT) if row[0] == "EUR"]
    (acme,) = [one for one in rerate(span, AT) if one.currency == "EUR"]
    assert acme.different == calls
    assert 0 <= int(str(cost)) - acme.difference_micros <= 100 * acme.different  # each is rounded up by itself
    same_as_recalculation(traffic, span, rerate(span, AT))
    rates.filter(prefix__in=("44", "4477")).update(price_nanos=16_000_001, increment_s=7)
    rates.filter(prefix="370").update(tariff=rate_to_json(PriceRate((dear, nights))))
    same_as_recalculation(traffic, span, rerate(span, AT))  # of those with free minutes too, by engine and by rules
    rates.filter(prefix__in=("1", "370")).delete()
    (acme,) = [one for one in rerate(span, AT) if one.currency == "EUR"]
    assert acme.unrated > 0
    assert acme.calls + acme.unrated == sum(int(str(row[2])) for row in charged if row[1] == "EUR")
    other = Card.objects.create(account=traffic.account, kind="customer", name="Free", currency="EUR")
    revision = Revision.objects.create(card=other, number=1, effective_at=day_begins(DAYS[0]))
    Rate.objects.create(revision=revision, prefix="")
    Revision.objects.filter(pk=revision.pk).update(published_at=AT)
    assert [(one.currency, one.cost_micros) for one in rerate(span, AT, card=other)] == [("EUR", 0), ("USD", 0)]


@pytest.mark.parametrize("closed", [True, False])
def test_a_card_rates_calls_of_its_direction_alone(traffic: Traffic, closed: bool) -> None:
    span = span_of(traffic)
    out = sum(one.calls for one in rerate(span, AT))
    traffic.day(TODAY - timedelta(days=3 if closed else 0), 100, incoming=True)
    if closed:
        write_closed_days(AT)
    both = sum(one.calls for one in rerate(span, AT))
    assert both > out > 0
    rated = {}
    for direction in ("termination", "origination"):
        card = Card.objects.create(
            account=traffic.account, kind="customer", name=direction, currency="EUR", direction=direction
        )
        revision = Revision.objects.create(card=card, number=1, effective_at=day_begins(DAYS[0]))
        Rate.objects.create(revision=revision, prefix="")
        Revision.objects.filter(pk=revision.pk).update(published_at=AT)
        rated[direction] = sum(one.calls + one.unrated for one in rerate(span, AT, card=card))
    assert rated == {"termination": out, "origination": both - out}


def same_as_recalculation(traffic: Traffic, span: Span, again: Sequence[Rerated]) -> None:
    """That calls rated at once cost what a recalculation makes of each, those with free minutes among them."""
    with transaction.atomic():
        Revision.objects.filter(pk=traffic.revision.pk).update(published_at=AT)
        known = repriced(traffic, span)
        transaction.set_rollback(True)
    assert {(one.customer_id, one.currency): one.cost_micros for one in again} == known


def _talked_to(*prefixes: str) -> Group:
    """Calls that talked to these prefixes of the card, not to longer ones."""
    return Group((Condition("answered_us", "empty", 0), Condition("prefix", "in", prefixes)))


RETENTION = {"cdr_live_days": 7, "cdr_archive_days": 30}


def test_a_day_leaves_the_database_when_it_is_billed_and_the_lake_when_its_days_are_over(
    traffic: Traffic, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    quiet = TODAY - timedelta(days=7)
    with connection.cursor() as cursor:
        cursor.execute("SELECT cdr_make_partition(%s)", [quiet])
    Account.objects.create(name="Other", currency="EUR")  # keeps calls for ever, but none began on the quiet day
    before = answers(traffic)
    by_number = [by_dimensions(traffic.account, replace(BY_NUMBER, **more), AT) for more in QUESTIONS]
    write_closed_days(AT)
    night = AT + timedelta(days=2)
    assert archive_days(night) == ([], "")
    Account.objects.filter(pk=traffic.account.pk).update(**RETENTION)
    Customer.objects.filter(pk=traffic.baltic.pk).update(invoice_schedule="monthly")
    unbilled = f"{DAYS[0]} stays in the database: calls of 1 customers are on no issued document"
    assert archive_days(AT) == ([], ""), "not even the quiet day"
    assert archive_days(night) == ([quiet], f"{unbilled} (customer {traffic.baltic.pk})")
    daily = {"invoice_schedule": "none", "billing_type": "prepaid", "daily_receipts": True}
    Customer.objects.filter(pk=traffic.baltic.pk).update(**daily)
    assert archive_days(night) == ([], f"{unbilled} (customer {traffic.baltic.pk})"), "a receipt of each day is due"
    Customer.objects.filter(pk=traffic.baltic.pk).update(invoice_schedule="monthly", daily_receipts=False)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # no record is ever changed
        cursor.execute("UPDATE cdr SET state = 'unresolved' WHERE id = 1")
        assert "the true end of 1 unresolved calls" in archive_days(night)[1]
        assert "unresolved" not in archive_days(night + timedelta(days=40))[1]
        cursor.execute("UPDATE cdr SET state = 'charged' WHERE id = 1")
        cursor.execute("SET LOCAL session_replication_role = origin")
    Invoice.objects.create(
        account=traffic.account, customer=traffic.baltic, state="issued", number="1", currency="USD",
        usage_from_at=day_begins(DAYS[0]), usage_until_at=day_begins(DAYS[1]),
    )  # fmt: skip
    spoiled = tmp_path / "lake" / LakeFile.objects.get(kind="entry", day_on=DAYS[0]).path
    whole = spoiled.read_bytes()
    spoiled.write_bytes(whole[:-1])
    assert archive_days(night)[1].endswith("its hash differs")
    spoiled.write_bytes(whole)
    assert archive_days(night) == ([DAYS[0]], "")
    assert answers(traffic) == before
    assert [by_dimensions(traffic.account, replace(BY_NUMBER, **more), AT) for more in QUESTIONS] == by_number
    report = SavedReport(account=traffic.account, name="Numbers", dimensions=["number"], period="last_7_days")
    assert file_of(report, AT)[2].decode().count("\n") > 100
    assert ArchivedCall.objects.count() == 77
    traffic.correct(3, 17)  # an archived call is corrected, and its day written anew from what is left of it
    with pytest.raises(OnlyInLake, match=f"Calls of {DAYS[0]} \\(UTC\\) were corrected"):
        by_dimensions(traffic.account, BY_NUMBER, AT)
    odd = replace(BY_NUMBER, dimensions=("customer",), until_at=BY_NUMBER.from_at + timedelta(minutes=59))
    assert by_dimensions(traffic.account, odd, AT).groups, "its corrections have left the numbers alone behind"
    (again,) = write_closed_days(AT)
    assert (again.kind, again.version, again.rows_count) == ("entry", 2, 2 * 77 + 1)
    with connection.cursor() as cursor:
        cursor.execute(load("ledger_laws")["an_entry_has_its_record"])
        assert cursor.fetchall() == []
    LegalHold.objects.create(customer=traffic.acme, reason="a court asks", placed_by="Ann")
    late = day_begins(DAYS[0]) + timedelta(days=31)
    assert erase_days(late - timedelta(days=1)) == []
    path = tmp_path / "lake" / LakeFile.objects.get(kind="call", day_on=DAYS[0]).path
    whole = path.read_bytes()
    path.write_bytes(b"spoiled")
    assert {file.kind for file in erase_days(late)} == {"entry"}, "one that cannot be read stops no other"
    path.write_bytes(whole)
    info = connection.connection.info
    with psycopg.connect(info.dsn, password=info.password) as backup:
        backup.execute(load("lake")["keep_files"])
        assert erase_days(late) == [], "what a backup has in its dump it packs, too"
        assert "ALARM lake: nothing is erased though days are over" in caplog.text
        backup.execute("SELECT pg_advisory_unlock_all()")  # a server notices only later that who held it is gone
    assert {file.kind for file in erase_days(late)} == {"call"}
    question = Breakout("call", ("attempts",), ("customer_id",))
    span = Span(traffic.account.pk, day_begins(DAYS[0]), day_begins(DAYS[1]))
    assert lake.breakout(question, span, late) == [(traffic.acme.pk, 52)]
    assert erase_days(late) == []
    LegalHold.objects.update(released_at=late)
    next((tmp_path / "lake" / "call").rglob(f"day={DAYS[0]}/*.parquet")).unlink()
    assert {file.kind for file in erase_days(late)} == {"call", "entry"}, "a file that is not there counts as erased"
    delete_replaced(late)
    assert lake.breakout(question, span, late) == []
    assert list((tmp_path / "lake").rglob(f"day={DAYS[0]}/*")) == []


def test_an_empty_text_stays_apart_from_nothing(traffic: Traffic) -> None:
    write_closed_days(AT)
    statement = lake.search_statement(
        Search("entry", ("note",), limit=1), Span(traffic.account.pk, day_begins(DAYS[0]), AT), DuckLake().engine
    )
    file = LakeFile.objects.get(kind="entry", day_on=date.fromisoformat(str(DAYS[0])))
    rows = DuckLake().rows(statement, {"lake_entry": [lake_folder() / file.path]})
    assert rows[0][0] == ""
