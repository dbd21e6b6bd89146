"""The grid: paging by key shows every row once, addresses carry the state, bad input is named."""

from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from hypothesis import given, settings
from hypothesis import strategies as st

from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import COUNT_MOST, Filter, FilterKind, Grid, Page, respond
from tollgate.ui.keys import read_key, write_key
from tollgate.ui.memory import Choice
from tollgate.ui.sources import Key, ListSource

GRID = Grid(
    name="calls",
    columns=(
        Column("name", "Customer", sort="name"),
        Column("seconds", "Duration", kind=Kind.DURATION, unit="s", sort="seconds"),
        Column("id", "Number", hidden=True),
    ),
    sort="name",
    filters=(
        Filter("state", "State", "state", choices=(("charged", "Charged"),)),
        Filter("since", "From", "since", FilterKind.INSTANT),
        Filter("seconds", "Duration", "seconds", FilterKind.WHOLE),
    ),
    page_size=3,
)
Rows = list[dict[str, object]]
ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3) | st.none()), max_size=14).map(
    lambda pairs: [{"id": i, "name": name, "seconds": seconds} for i, (name, seconds) in enumerate(pairs)]
)


def source(rows: Rows) -> ListSource:
    return ListSource(items=rows, search=lambda row: str(row["name"]))


def page(rows: Rows, query: str = "") -> Page:
    return GRID.page(dict(parse_qsl(query.removeprefix("?"))), source(rows))


def ids(shown: Page) -> list[object]:
    return [row["id"] for row in shown.rows]


@settings(max_examples=100)
@given(ROWS, st.sampled_from(["name", "-name", "seconds", "-seconds"]))
def test_walking_forth_shows_every_row_once_and_walking_back_the_same_pages(rows: Rows, sort: str) -> None:
    forth = [page(rows, f"sort={sort}")]
    while url := forth[-1].following_url():
        forth.append(page(rows, url))
    seen = [number for shown in forth for number in ids(shown)]
    assert sorted(seen, key=str) == sorted((row["id"] for row in rows), key=str)
    back = [forth[-1]]
    while url := back[-1].previous_url():
        back.append(page(rows, url))
    assert [ids(shown) for shown in reversed(back)] == [ids(shown) for shown in forth]
    for shown in (*forth, *back):
        assert ids(page(rows, shown.refresh_url())) == ids(shown), "Refresh shows the page that is looked at"


def test_a_filter_that_asks_whether_something_is_there_gives_yes_or_no() -> None:
    """Other values would be an error of the database's lookup."""
    asked = Filter("of", "Of", "customer__isnull", choices=(("True", "All"), ("False", "One")))
    assert [asked.read(choice) for choice, _ in asked.choices] == [True, False]


KEYS = st.one_of(
    *(st.integers(), st.text(), st.none(), st.booleans(), st.decimals(allow_nan=False), st.uuids()),
    *(st.dates(), st.times(), st.floats(allow_nan=False), st.datetimes(timezones=st.just(UTC))),
)


@given(KEYS, st.integers() | st.text())
def test_a_key_survives_the_address(value: object, row_id: object) -> None:
    assert read_key(write_key(Key(value, row_id), "name"), "name") == Key(value, row_id)


def test_a_key_of_a_kind_that_is_not_known_starts_at_the_beginning() -> None:
    assert read_key(write_key(Key({1}, 7), "name"), "name") is None
    assert read_key(write_key(Key(1, b"7"), "name"), "name") is None


def test_a_key_made_up_or_of_another_sort_starts_at_the_beginning() -> None:
    rows: Rows = [{"id": 1, "name": "a", "seconds": 1}]
    for word in ("nonsense", write_key(Key(7, 7), "seconds"), write_key(Key("z", 1), "name")[:-1]):
        assert ids(page(rows, f"after={word}")) == [1]
        assert ids(page(rows, f"before={word}")) == [1]


def test_a_nul_in_the_address_is_dropped() -> None:
    assert page([], "q=a%00b").view.query.search == "ab"


def test_the_count_ends_at_ten_thousand() -> None:
    rows: Rows = [{"id": i, "name": "a", "seconds": i} for i in range(COUNT_MOST + 5)]
    assert page(rows).count_text() == "3 of 10,000+"
    assert page(rows[:COUNT_MOST]).count_text() == "3 of 10,000"
    assert page(rows[:2]).count_text() == "2"


def test_the_address_chooses_and_orders_columns_and_wins_over_the_saved_choice() -> None:
    rows: Rows = [{"id": 1, "name": "a", "seconds": 1}]
    saved = Choice(columns=("seconds",), sort="-seconds")
    shown = GRID.page({}, source(rows), saved)
    assert [column.name for column in shown.view.columns] == ["seconds"]
    assert shown.view.sort == "-seconds"
    shown = GRID.page({"columns": "id,name,nonsense", "sort": "name"}, source(rows), saved)
    assert [column.name for column in shown.view.columns] == ["id", "name"]
    assert shown.view.sort == "name"


def test_a_file_of_a_filter_that_cannot_be_is_refused_with_its_reason() -> None:
    for export in ("csv", "xlsx"):
        answer = respond(RequestFactory().get("/", {"f.seconds": "many", "export": export}), GRID, source([]))
        assert answer.status_code == 422
        assert "Duration: write a whole number." in answer.content.decode()  # type: ignore[attr-defined]  # a page


def test_a_sort_that_no_column_offers_is_ignored() -> None:
    assert page([], "sort=customer__password").view.sort == "name"


def test_search_and_filters_are_carried_by_the_links() -> None:
    rows: Rows = [{"id": i, "name": "a", "seconds": 5} for i in range(5)]
    url = page(rows, "q=a&f.seconds=5&columns=name").following_url()
    assert {"q": "a", "f.seconds": "5", "columns": "name"}.items() <= dict(parse_qsl(url[1:])).items()


@pytest.mark.parametrize(
    ("query", "words"),
    [("f.state=evil", "State"), ("f.since=yesterday", "From"), ("f.seconds=1.5", "Duration")],
)
def test_a_filter_that_cannot_be_read_is_named(query: str, words: str) -> None:
    shown = page([{"id": 1, "name": "a", "seconds": 1}], query)
    assert len(shown.view.errors) == 1
    assert shown.view.errors[0].startswith(f"{words}:")


def test_an_instant_without_zone_is_utc() -> None:
    assert GRID.filters[1].read("2026-11-20 08:00") == datetime(2026, 11, 20, 8, tzinfo=UTC)


def test_a_decimal_key_stays_exact() -> None:
    key = Key(Decimal("0.1000000000000000000000000001"), 1)
    assert read_key(write_key(key, "name"), "name") == key


def test_a_filter_s_list_has_its_choice_or_else_the_usual_one_selected() -> None:
    kinds = Filter("kind", "Kind", "kind", choices=(("a<b", "Less & more"), ("c", "See")), usual="c")
    listed = Template("{% load ui %}{% options found.choices value|default:found.usual %}")
    shown = listed.render(Context({"found": kinds, "value": "a<b"}))
    assert shown == '<option value="a&lt;b" selected>Less &amp; more</option><option value="c">See</option>'
    assert '<option value="c" selected>' in listed.render(Context({"found": kinds, "value": ""}))
