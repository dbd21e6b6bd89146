"""Claims about prices: dry run, publication whole or not at all, frozen after, fast for big cards."""

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import openpyxl
import pytest

from tests.actions.cast import sold_by
from tests.actions.test_customers import refused
from tollgate.actions.acts import Done, Invalid
from tollgate.actions.cards import delete_card
from tollgate.actions.revisions import (
    create_draft,
    delete_draft,
    publish_draft,
    publish_revision,
    read_card_file,
)
from tollgate.core.card_files import CardRow
from tollgate.store.models import Account, Rate, Revision

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ROWS = [CardRow("44", "United Kingdom", price_nanos=15_000_000), CardRow("447", "UK mobile", price_nanos=30_000_000)]
PEAK = {
    "windows": [
        {"steps": [{"at_s": 0, "price_nanos": 20_000_000}], "weekdays": [1, 2, 3, 4, 5], "from_s": 28_800},
        {"steps": [{"at_s": 0, "price_nanos": 10_000_000}]},
    ]
}


def workbook(*rows: Sequence[object]) -> bytes:
    """An XLSX file of one sheet."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_a_published_revision_holds_all_its_rates(account: Account) -> None:
    card = sold_by(account)
    revision = publish_revision(card_id=card.pk, rows=ROWS, effective_at=NOON, note="autumn")
    assert (revision.number, revision.rate_count, revision.effective_at, revision.note) == (1, 2, NOON, "autumn")
    assert revision.published_at is not None
    assert list(Rate.objects.order_by("prefix").values_list("prefix", "price_nanos", "increment_s", "tariff")) == [
        ("44", 15_000_000, 1, None),
        ("447", 30_000_000, 1, None),
    ]
    assert "stays" in refused("card_id", delete_card, card_id=card.pk)


def test_without_a_moment_prices_hold_from_now_on(account: Account) -> None:
    revision = publish_revision(card_id=sold_by(account).pk, rows=ROWS)
    assert revision.published_at == revision.effective_at


def test_rows_may_come_as_json_with_a_full_tariff(account: Account) -> None:
    publish_revision(
        card_id=sold_by(account).pk,
        rows=[{"prefix": "370", "tariff": PEAK}, {"prefix": "371", "blocked": True}],
        effective_at="2027-01-01T00:00:00Z",
    )
    assert Rate.objects.get(prefix="370").tariff == PEAK
    assert Rate.objects.get(prefix="371").blocked


def test_every_bad_row_is_named_and_nothing_is_saved(account: Account) -> None:
    rows: list[Mapping[str, object]] = [
        {"prefix": "44", "price_nanos": 1},
        {"prefix": "44", "price_nanos": 1},
        {"prefix": "4x", "price_nanos": -1},
        {"price_nanos": 1},
        {"prefix": "46"},
        {"prefix": "47", "tariff": {"windows": []}},
    ]
    with pytest.raises(Invalid) as caught:
        publish_revision(card_id=sold_by(account).pk, rows=rows)
    assert list(caught.value.errors) == [
        "rows[1].prefix",
        "rows[2].prefix",
        "rows[2].price_nanos",
        "rows[3].prefix",
        "rows[4].price_nanos",
        "rows[5].tariff",
    ]
    assert "row 0" in caught.value.errors["rows[1].prefix"][0]
    assert not Revision.objects.exists()


def test_a_file_of_errors_names_a_hundred(account: Account) -> None:
    with pytest.raises(Invalid) as caught:
        publish_revision(card_id=sold_by(account).pk, rows=[{"prefix": "x", "price_nanos": 1}] * 500)
    assert len(caught.value.errors) == 100


def test_a_draft_rates_nothing_until_it_is_published(account: Account) -> None:
    card = sold_by(account)
    draft = create_draft(card_id=card.pk, rows=ROWS)
    assert draft.published_at is None
    published = publish_draft(revision_id=draft.pk, effective_at=NOON)
    assert published.effective_at == NOON
    refused("revision_id", publish_draft, revision_id=draft.pk)
    refused("revision_id", delete_draft, revision_id=draft.pk)
    spare = create_draft(card_id=card.pk, rows=ROWS)
    assert spare.number == 2
    delete_draft(revision_id=spare.pk)
    assert Rate.objects.count() == 2


def test_a_revision_without_prices_is_not_published(account: Account) -> None:
    assert "add rates" in refused("rows", publish_revision, card_id=sold_by(account).pk, rows=[])
    assert not Revision.objects.exists()


def test_prices_that_a_later_revision_replaces_are_published_with_a_warning(account: Account, done: Done) -> None:
    card = sold_by(account)
    publish_revision(card_id=card.pk, rows=ROWS, effective_at=NOON + timedelta(days=30))
    publish_revision(card_id=card.pk, rows=ROWS, effective_at=NOON)
    assert done.warnings == ["Revision 1 replaces these prices from 2026-12-02 12:00 UTC on."]


def test_fifty_thousand_rates_are_published_at_once(account: Account) -> None:
    rows = [CardRow(str(number), "Somewhere", price_nanos=number) for number in range(100_000, 150_000)]
    revision = publish_revision(card_id=sold_by(account).pk, rows=rows)
    assert revision.rate_count == Rate.objects.count() == 50_000


def test_a_workbook_is_read_like_a_csv_file() -> None:
    rows: list[list[object]] = [
        ["Our rates"],
        ["Code", "Destination", "Rate", "Increment"],
        [44, "UK", 0.1, "60/6"],
        ["4420", None, 0.0155, "1/1"],
    ]
    parsed = read_card_file(workbook(*rows))
    assert parsed.errors == ()
    assert parsed.rows == (
        CardRow("44", "UK", price_nanos=100_000_000, initial_s=60, increment_s=6),
        CardRow("4420", "", price_nanos=15_500_000),
    )


def test_a_prefix_that_a_sheet_made_a_fraction_is_an_error() -> None:
    parsed = read_card_file(workbook(["Code", "Rate"], [44.5, 0.1], [True, 0.1]))
    assert [(error.line, error.column) for error in parsed.errors] == [(2, "Code"), (3, "Code")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_files_of_every_usual_encoding_are_read(encoding: str) -> None:
    parsed = read_card_file("prefix;destination;rate\n225;Côte d’Ivoire;0,31\n".encode(encoding))
    assert parsed.rows == (CardRow("225", "Côte d’Ivoire", price_nanos=310_000_000),)


def test_what_is_no_file_of_rates_says_so() -> None:
    assert "workbook" in read_card_file(b"PK\x03\x04 and nothing else").errors[0].message
    assert read_card_file("").errors[0].message == "The file is empty."
    assert read_card_file("prefix,rate\n44,0.1", mapping={"prefix": 0, "price": 1}).rows[0].price_nanos == 100_000_000
