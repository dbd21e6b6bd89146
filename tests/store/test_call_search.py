"""Claims about CDRs by conditions: database, lake and plain reason find the same calls, and lists cross the border."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.core.test_call_search import RULES as ANY_RULE
from tests.store.lake_cast import Traffic
from tollgate.core.call_search import ALONE, FIELDS, NUMBERED, Of, Rule, Rules, lake_group
from tollgate.core.lake import EVERYTHING, Engine, Search, Span, day_begins, folded, search_statement
from tollgate.store.lake_days import write_closed_days
from tollgate.store.lake_engines import DuckLake, QuestionTooLong
from tollgate.store.models import CDR, Customer, Gateway, Tag
from tollgate.store.queries import lake
from tollgate.store.queries.call_search import CallSearch, TooLong, in_time, names_beside, names_of

pytestmark = pytest.mark.django_db
AT = datetime.now(UTC)
OLD = AT.date() - timedelta(days=5)
NEW = AT.date() - timedelta(days=1)
WORDS = (
    "",
    "4420",
    "Österreich MOBILE",
    "österreich mobile",
    "İstanbul",
    "ΣΊΣΥΦΟΣ",
    "straße",
    "STRASSE",
    "100 %",
    "a'b\\",
)
ODD: dict[str, Sequence[Any]] = {
    "cli": WORDS, "cld": WORDS[::-1], "number": WORDS[1:], "destination": WORDS[2:], "prefix": (None, "", "44", "43"),
    "edge_call_id": ("aB@x", "AB@x", "c"), "refusal": (None, None, "credit"), "sip_sent": (None, 200, 486, 402),
    "sip_received": (None, 0, 486), "q850": (16, None, 17), "released_by": (None, "caller", "tollgate"),
    "duration_ms": (0, 61_250, 1, 60_000), "cost_micros": (0, -500_000, 1_000_000, 10**15),
    "profit_micros": (None, 0, 125_000, -(10**15)), "carrier_cost_micros": (None, 5), "pdd_ms": (None, 900),
    "currency": (None, "EUR", "USD"), "source_ip": (None, "192.0.2.7", "2001:db8::1"), "state": ("charged", "failed"),
}  # fmt: skip


@pytest.fixture
def traffic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Traffic:
    """Calls of a day that is closed and of one that is not."""
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    made = Traffic()
    made.day(OLD, 60)
    made.day(NEW, 40)
    return made


def odd_calls(traffic: Traffic) -> None:
    """Calls of the closed day with everything that two engines might see in two ways."""
    like = CDR.objects.filter(started_at__lt=day_begins(OLD) + timedelta(days=1))[0]
    for number in range(48):
        for name, values in ODD.items():
            setattr(like, name, values[number % len(values)])
        like.pk, like.answered_at = 1_000 + number, None if number % 3 else like.started_at
        like.customer_id = (traffic.acme.pk, traffic.baltic.pk, None)[number % 3]
        like.save(force_insert=True)


def reason(rule: Rule, row: Mapping[str, Any], names: Callable[[str, str, Sequence[str]], Sequence[int]]) -> bool:
    """Whether a rule holds of a call, worked out without SQL: what is missing is like nothing, and is no number."""
    field = FIELDS[rule.field]
    value = {"sip": row["sip_received"] or row["sip_sent"], "margin_ppm": None}.get(field.column, row.get(field.column))
    if rule.way in ALONE:
        return (value is None or value == "") == (rule.way == "empty")
    if field.of is Of.YES:
        return (value is not None) == (rule.value == "yes")
    if field.of in (Of.NAME, Of.NOTE):
        found = names(field.named, rule.way.removesuffix("_not").replace("one_of", "is"), rule.value.split(","))
        return (value in found) != rule.way.endswith("_not")
    if field.of in (Of.TEXT, Of.CHOICE):
        return _of_text(rule, value)
    return _of_number(rule, field.of, value, row)


def _of_text(rule: Rule, value: str | None) -> bool:
    if value is None:
        return rule.way.endswith("_not")
    same: Callable[[str], str] = str if rule.field in ("call_id", "state", "refusal", "released_by") else folded
    said, asked = same(value), same(rule.value)
    if rule.way == "one_of":
        return said in [same(part.strip()) for part in rule.value.split(",")]
    held = {"is": said == asked, "has": asked in folded(said), "begins": said.startswith(asked)}
    if rule.way in ("has", "begins", "has_not", "begins_not"):
        said, asked = folded(value), folded(rule.value)
        held |= {"has": asked in said, "begins": said.startswith(asked)}
    return held[rule.way.removesuffix("_not")] != rule.way.endswith("_not")


def _of_number(rule: Rule, of: Of, value: int | None, row: Mapping[str, Any]) -> bool:
    unit = {Of.SECONDS: 1_000, Of.AMOUNT: 1_000_000, Of.PERCENT: 10_000}.get(of, 1)
    given = [int(Decimal(part) * unit) for part in rule.value.replace("..", ",").split(",")]
    if of is Of.PERCENT:
        profit, cost = row["profit_micros"], row["cost_micros"]
        value, given = (
            (None, given) if profit is None or cost <= 0 else (profit * 1_000_000, [one * cost for one in given])
        )
    if value is None:
        return rule.way == "is_not"
    return {
        "is": value == given[0], "is_not": value != given[0], "less": value < given[0], "most": value <= given[0],
        "more": value > given[0], "least": value >= given[0], "one_of": value in given,
        "between": given[0] <= value <= given[-1],
    }[rule.way]  # fmt: skip


def holds(rules: Rules, row: Mapping[str, Any], names: Any) -> bool:
    """Whether all or any of the parts hold."""
    told = [holds(part, row, names) if isinstance(part, Rules) else reason(part, row, names) for part in rules.parts]
    return any(told) if rules.any and told else all(told)


TEXTS = [name for name, field in FIELDS.items() if field.of is Of.TEXT]
TEXT_RULES = st.builds(
    Rule,
    st.sampled_from(TEXTS),
    st.sampled_from(["is", "is_not", "has", "has_not", "begins", "begins_not"]),
    st.sampled_from(
        [*(word for word in WORDS if word), "ö", "Σ", "ß", "ss", "I", "i", "eur", "aB@x", "2001:DB8", "%", "'"]
    ),
)
NUMBER_RULES = st.builds(
    Rule,
    st.sampled_from([name for name, field in FIELDS.items() if field.of in (Of.WHOLE, Of.SECONDS, Of.AMOUNT)]),
    st.sampled_from(["is", "is_not", "less", "most", "more", "least"]),
    st.sampled_from(["0", "486", "16", "-1", "1", "60", "900"]),
)
RULES = st.lists(st.one_of(TEXT_RULES, NUMBER_RULES, ANY_RULE), min_size=1, max_size=3).map(tuple)
PARTS = st.builds(Rules, RULES, st.booleans())
NESTED = st.builds(Rules, st.lists(st.one_of(PARTS, TEXT_RULES), min_size=1, max_size=3).map(tuple), st.booleans())


def test_database_lake_and_reason_find_the_same_calls_by_any_conditions(traffic: Traffic) -> None:
    odd_calls(traffic)
    traffic.acme.tags.add(Tag.objects.create(account=traffic.account, name="Acme"))
    write_closed_days(AT)
    span = Span(traffic.account.pk, day_begins(OLD), day_begins(OLD) + timedelta(days=1))
    files = lake.sides_of("call", span, AT).files
    names = names_of(traffic.account)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM lake_call WHERE started_at < %s", [day_begins(NEW)])
        titles = [column.name for column in cursor.description or ()]
        known = [dict(zip(titles, row, strict=True)) for row in cursor.fetchall()]
    kinds = {field.named for field in FIELDS.values() if field.named}
    ways = [(kind, way) for kind in kinds for way in ("is", "has", "begins")]
    known_names = {(kind, way, text): names(kind, way, [text]) for kind, way in ways for text in ("Acme",)}

    def find(kind: str, way: str, texts: Sequence[str]) -> Sequence[int]:
        return [one for text in texts for one in known_names[kind, way, text]]

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(NESTED)
    @example(Rules((Rule("margin", "most", "12.5"), Rule("profit", "empty")), any=True))
    def same(rules: Rules) -> None:
        question = Search("call", ("id",), lake_group(rules, find), limit=1_000)
        asked = search_statement(question, span, Engine.postgresql)
        with connection.cursor() as cursor:
            cursor.execute(asked.text, asked.values)
            here = {row[0] for row in cursor.fetchall()}
        there = DuckLake(threads=1).rows(search_statement(question, span, Engine.duckdb), {"lake_call": files})
        assert here == {row[0] for row in there} == {row["id"] for row in known if holds(rules, row, find)}

    same()


def test_a_list_crosses_the_border_in_one_order_with_its_count_sums_and_file(traffic: Traffic) -> None:
    def search(**more: Any) -> CallSearch:
        return CallSearch(**{
            "account": traffic.account, "group": EVERYTHING, "from_at": None, "until_at": None, "at": AT, **more
        })  # fmt: skip

    before = (search().sums(), [row.pk for row in search().rows(500)], search().count(1_000))
    write_closed_days(AT)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE cdr_{OLD:%Y%m%d}")  # what the lake answers, the database need not have
    assert (search().sums(), [row.pk for row in search().rows(500)], search().count(1_000)) == before
    assert (len(before[1]), before[2], search().count(70), search().count(40)) == (100, 100, 70, 40)
    for oldest_first in (False, True):
        order = before[1][::-1] if oldest_first else before[1]
        walked: list[CDR] = []
        place = None
        while page := search().rows(17, place, oldest_first=oldest_first):
            walked += page
            place = (page[-1].started_at, page[-1].pk)
        assert [row.pk for row in walked] == order
        assert [row.pk for row in search().stream(oldest_first=oldest_first)] == order
    assert {row.customer.name for row in walked if row.customer} == {"Acme", "Baltic"}
    assert walked[0].carrier is not None
    assert walked[0].carrier.name == "Cirrus"
    written = lake.Written(lambda _: ["called.id", "customer.name"], names_beside(traffic.account))
    lines = list(csv.reader(io.StringIO(b"".join(search().csv_blocks(written)).decode())))
    assert lines == [[str(row.pk), row.customer.name if row.customer else ""] for row in walked[::-1]]
    own = search(reach=frozenset({traffic.baltic.pk}))
    assert {row.customer_id for row in own.rows(500)} == {traffic.baltic.pk}
    assert (own.count(1_000), search(reach=frozenset()).count(1_000)) == (50, 0)
    assert sum(line.attempts for line in own.sums()) == 50
    only = search(from_at=day_begins(NEW), until_at=AT + timedelta(days=9))
    assert only.count(1_000) == len([row for row in walked if row.started_at >= day_begins(NEW)])


def test_a_record_is_named_by_its_name_or_its_number(traffic: Traffic) -> None:
    find = names_of(traffic.account, frozenset({traffic.baltic.pk}))
    assert NUMBERED.search("World #12") is not None
    assert find("customer", "has", ["A"]) == [traffic.baltic.pk], "of those that may be seen"
    assert names_of(traffic.account)("customer", "is", ["acme"]) == [traffic.acme.pk]
    west = Gateway.objects.create(carrier=traffic.carrier, name="west", host="192.0.2.1")
    assert names_of(traffic.account)("gateway", "is", [f"whatever #{west.pk}"]) == [west.pk]
    traffic.acme.name = f"Shop #{traffic.baltic.pk}"
    traffic.acme.save()
    assert names_of(traffic.account)("customer", "is", [traffic.acme.name]) == [traffic.acme.pk], "a name, no number"
    assert names_of(traffic.account)("carrier", "begins", ["CIR"]) == [traffic.carrier.pk if traffic.carrier else 0]


def test_resellers_are_named_with_everybody_below_them_in_as_few_questions_as_one(traffic: Traffic) -> None:
    acme, baltic = traffic.acme, traffic.baltic
    Customer.objects.filter(pk__in=[acme.pk, baltic.pk]).update(is_reseller=True)
    made = {"account": traffic.account, "currency": "EUR"}
    own = [
        Customer.objects.create(name=f"Corso {above.pk}", number=f"9{above.pk}", parent=above, **made)
        for above in (acme, baltic)
    ]
    find, everybody = names_of(traffic.account), sorted([acme.pk, baltic.pk, *(customer.pk for customer in own)])
    with CaptureQueriesContext(connection) as one:
        assert find("reseller", "is", [acme.name]) == sorted([acme.pk, own[0].pk])
    with CaptureQueriesContext(connection) as several:
        assert find("reseller", "is", [acme.name, baltic.name]) == everybody
    assert len(several) == len(one)
    assert find("reseller", "is", [own[0].name]) == []


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_lake_answers_and_one_that_was_goes_on_when_it_took_too_long() -> None:
    with in_time():
        assert not connection.in_atomic_block, "however long a question may take, the database waits for nobody"
    with transaction.atomic(), connection.cursor() as cursor:
        with pytest.raises(TooLong), in_time():
            cursor.execute("SELECT set_config('statement_timeout', '10', true), pg_sleep(0); SELECT pg_sleep(9)")
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_who_asks_too_long_is_told_so_by_both_sides(traffic: Traffic) -> None:
    with pytest.raises(TooLong, match="shorter period"), in_time(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', '10', true), pg_sleep(0); SELECT pg_sleep(9)")
    many = Search("call", ("id",))
    write_closed_days(AT)
    span = Span(traffic.account.pk, day_begins(OLD), AT)
    statement = search_statement(many, span, Engine.duckdb)
    statement.text = "SELECT sum(a.range * b.range) FROM range(1000000000) AS a, range(1000000000) AS b"
    statement.values = {}
    with pytest.raises(QuestionTooLong):
        DuckLake(threads=1).rows(statement, {"lake_call": lake.sides_of("call", span, AT).files}, limit_s=1)
