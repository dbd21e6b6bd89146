"""Claims about days at the edge of the lake: what comes to a day that has left, and a day that bore no document."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import connection, connections

from tests.store.lake_cast import ENTRIES, Traffic
from tollgate.core.breakout import Question
from tollgate.core.lake import Breakout, Condition, Group, Span, day_begins
from tollgate.store import lake_files
from tollgate.store.lake_days import differences, write_closed_days
from tollgate.store.lake_retention import archive_days
from tollgate.store.models import CDR, Account, ArchivedCall, Customer, LakeFile
from tollgate.store.queries import lake
from tollgate.store.queries.breakout import breakout

pytestmark = pytest.mark.django_db

AT = datetime.now(UTC)
DAY = AT.date() - timedelta(days=5)
NIGHT = AT + timedelta(days=2)
QUESTION = Breakout("call", ("attempts", "cost_micros"))
LATE = """
INSERT INTO cdr (id, account_id, edge, edge_call_id, customer_id, carrier_id, state, started_at, answered_at, ended_at,
                 number, prefix, destination, duration_ms, billed_s, currency, cost_micros, carrier_cost_micros)
VALUES (%s, %s, 'kam1', 'by hand', %s, %s, 'charged', %s, %s, %s, '4498', '44', 'To 44', 60000, 60, 'EUR', 15000, 7500)
"""


@pytest.fixture
def traffic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Traffic:
    """A closed day and today."""
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    made = Traffic()
    made.day(DAY, 103)
    made.day(AT.date(), 3)
    Account.objects.filter(pk=made.account.pk).update(cdr_live_days=2)
    return made


def told(traffic: Traffic) -> dict[str, tuple[int, int]]:
    """Attempts and cost of the day, by currency."""
    found = lake.breakout(QUESTION, Span(traffic.account.pk, day_begins(DAY), day_begins(DAY) + timedelta(days=1)), AT)
    return {str(row[0]): (int(str(row[1])), int(str(row[2]))) for row in found if row[0]}


def by_number(traffic: Traffic) -> int:
    """Attempts of the day, added up over the numbers."""
    end = day_begins(DAY) + timedelta(days=1)
    question = Question(dimensions=("number",), from_at=day_begins(DAY), until_at=end)
    return sum(group.totals.attempts for group in breakout(traffic.account, question, AT).groups)


def test_a_call_that_comes_to_a_day_that_has_left_is_added_to_its_file(traffic: Traffic) -> None:
    write_closed_days(AT)
    before = told(traffic)
    assert archive_days(AT) == ([DAY], "")
    assert by_number(traffic) == 103
    begin = day_begins(DAY) + timedelta(hours=5)
    with connection.cursor() as cursor:
        assert traffic.carrier is not None
        who = [9000, traffic.account.pk, traffic.acme.pk, traffic.carrier.pk]
        cursor.execute(LATE, [*who, begin, begin, begin + timedelta(minutes=1)])
        cursor.execute(ENTRIES, {"begin": day_begins(DAY)})
    assert [words for words in differences(NIGHT) if "call/" in words], "a difference is told"
    assert by_number(traffic) == 104, "the lake's calls and the late one, which no file has yet"
    traffic.correct(9000, 17)
    assert by_number(traffic) == 104, "what is corrected the database still has"
    traffic.correct(9000, -17)
    calls, cost = before["EUR"]
    for _ in range(2):
        written = {(file.kind, file.version) for file in write_closed_days(NIGHT)}
        assert told(traffic) == {**before, "EUR": (calls + 1, cost + 15000)}
        assert by_number(traffic) == 104, "nor is it told twice"
    assert written == set(), "once"
    assert differences(NIGHT) == []
    file = LakeFile.objects.get(kind="call", day_on=DAY, replaced_at=None)
    assert (file.version, file.rows_count) == (2, 104)
    assert ArchivedCall.objects.count() == 77
    assert CDR.objects.filter(started_at__lt=day_begins(DAY) + timedelta(days=1)).count() == 1


def test_a_day_leaves_whose_calls_came_to_nothing_and_bear_no_document(traffic: Traffic) -> None:
    Customer.objects.filter(pk=traffic.acme.pk).update(invoice_schedule="monthly")
    own = CDR.objects.filter(customer_id=traffic.acme.pk, started_at__lt=AT - timedelta(days=3), cost_micros__gt=0)
    *calls, last = own.values_list("pk", "cost_micros")
    for call in calls:
        traffic.correct(*call)
    write_closed_days(AT)
    assert "on no issued document" in archive_days(AT)[1]
    traffic.correct(*last)
    write_closed_days(AT)
    assert archive_days(AT) == ([DAY], "")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("committed", [True, False])
def test_a_correction_that_is_posted_while_its_day_is_written_comes_into_the_next_version(
    committed: bool, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    into_place = lake_files.into_place
    with psycopg.connect(**connections["default"].get_connection_params() | {"cursor_factory": None}) as other:

        def meanwhile(aside: Path, target: Path, sha256: str) -> None:
            if "entry/" in str(target) and committed:
                traffic.correct(3, 17)
            into_place(aside, target, sha256)

        if not committed:  # posted before the file is begun, seen by others after it is written
            other.execute(
                "INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, call_id)"
                " SELECT account_id, clock_timestamp(), id, 'adjustments', 'adjustment', 17, 'EUR', 3 FROM wallet"
                " WHERE kind = 'customer' AND owner_id = %s", [traffic.acme.pk],
            )  # fmt: skip
        with monkeypatch.context() as patched:
            patched.setattr(lake_files, "into_place", meanwhile)
            write_closed_days(AT)
        other.commit()
    question = Breakout("entry", ("amount_micros",), ("kind",), Group((Condition("kind", "eq", "adjustment"),)))
    span = Span(traffic.account.pk, day_begins(DAY), day_begins(DAY) + timedelta(days=1))
    assert lake.breakout(question, span, NIGHT) == [("adjustment", "EUR", 17)], "it is told at once"
    month = AT + timedelta(days=30)  # when the days are over on which every file is compared
    written = [file for file in write_closed_days(month) if file.day_on == DAY]
    assert [(file.kind, file.version) for file in written] == [("entry", 2)]
    assert lake.sides_of("entry", span, month).live_days == ()
    assert lake.breakout(question, span, month) == [("adjustment", "EUR", 17)]


def test_a_file_that_has_the_correction_already_is_compared_once(traffic: Traffic) -> None:
    traffic.correct(3, 17)
    write_closed_days(AT)
    LakeFile.objects.filter(kind="entry").update(written_at=day_begins(DAY))
    span = Span(traffic.account.pk, day_begins(DAY), day_begins(DAY) + timedelta(days=1))
    month = AT + timedelta(days=30)
    assert lake.sides_of("entry", span, month).lake_files == (), "the correction may not be in it"
    assert [file for file in write_closed_days(month) if file.day_on == DAY] == []
    assert len(lake.sides_of("entry", span, month).lake_files) == 1
