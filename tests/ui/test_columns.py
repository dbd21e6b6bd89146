"""Columns: one declaration, exact texts, nothing unescaped."""

import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.template import Context, Template

from tollgate.ui.columns import Column, Kind, plain, read
from tollgate.ui.words import spoken


def test_an_amount_is_shown_exactly_and_with_its_code() -> None:
    column = Column("cost", "Amount", value="micros", kind=Kind.MONEY, currency="customer.currency")
    cell = column.cell(SimpleNamespace(micros=3_000, customer={"currency": "EUR"}))
    assert 'data-value="0.003"' in cell
    assert 'data-unit="EUR"' in cell
    assert '<span class="unit">EUR</span>' in cell


def test_amounts_of_a_page_have_their_points_below_each_other_and_stay_as_they_are() -> None:
    column = Column("n", "Amount", kind=Kind.MONEY, unit="EUR")
    rows = [{"n": 2_500_000}, {"n": 15_000}, {"n": -24_300}, {"n": None}]
    cells = [column.aligned(rows).cell(row) for row in rows]
    assert [cell.partition(">")[2].removesuffix("</td>") for cell in cells] == ["2.5000", "0.0150", "-0.0243", ""]
    assert 'data-value="2.50"' in cells[0]
    assert ">2.50<" in column.aligned(rows[:1]).cell(rows[0])


def test_amounts_of_a_plain_table_have_their_points_below_each_other() -> None:
    page = Template(
        '{% load ui %}{% even %}<i>1.5</i>{% for micros in amounts %}{{ micros|money:"EUR" }}{% endfor %}{% endeven %}'
        '{{ amounts.0|money:"EUR" }}'
    )
    text = page.render(Context({"amounts": [2_500_000, None, -24_300, 10**15]}))
    told = ("1.5", "2.5000", "-0.0243", "1000000000.0000", "2.50")
    assert tuple(re.findall(r"-?\d+\.\d+", text)) == told, "and nothing else within, or beside it, changes"


def test_a_price_has_no_fewer_decimals_than_its_currency() -> None:
    column = Column("n", "Retail", kind=Kind.PRICE, currency="code")
    for code, shown in (("EUR", "9.00"), ("JPY", "9"), ("KWD", "9.000")):
        row = {"n": 9_000_000_000, "code": code}
        assert f'data-value="9" data-unit="{code}">{shown} <' in column.aligned([row]).cell(row)
    bare = Column("n", "Rate", kind=Kind.PRICE, unit="EUR")
    assert ">9<" in bare.aligned([{"n": 9_000_000_000}]).cell({"n": 9_000_000_000})


def test_limits_stand_at_the_right_where_some_are_words() -> None:
    column = Column("n", "Channels", value=lambda row: row or "no limit", right=True, minor=True)
    assert column.classes == "num phone-hide"
    assert 'class="num phone-hide">no limit<' in column.cell(0)


def test_an_amount_without_a_currency_cannot_be_declared() -> None:
    with pytest.raises(AssertionError, match="needs its currency"):
        Column("cost", "Amount", kind=Kind.MONEY)


def test_only_money_below_zero_is_red() -> None:
    money = Column("n", "Profit", kind=Kind.MONEY, unit="EUR")
    count = Column("n", "Change", kind=Kind.COUNT)
    assert "below-zero" in money.cell({"n": -1})
    assert "below-zero" not in money.cell({"n": 0})
    assert "below-zero" not in count.cell({"n": -1})


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.LINK, Kind.BADGE])
def test_what_a_user_typed_is_escaped(kind: Kind) -> None:
    column = Column("name", "Name", kind=kind, link=lambda row: f"/?q={row['name']}")
    cell = column.cell({"name": '<script>"'})
    assert "<script>" not in cell
    assert "&lt;script&gt;" in cell


def test_an_instant_is_shown_in_utc() -> None:
    vilnius = timezone(timedelta(hours=2))
    assert plain(Kind.INSTANT, datetime(2026, 11, 21, 1, 0, 0, tzinfo=vilnius)) == "2026-11-20 23:00:00"


def test_a_missing_step_of_a_path_is_an_empty_cell() -> None:
    assert read(SimpleNamespace(parent=None), "parent.name") is None
    assert plain(Kind.TEXT, None) == ""


def test_prices_and_ratios_have_no_sum() -> None:
    adding = {kind for kind in Kind if Column("x", "X", kind=kind, unit="EUR").adds}
    assert adding == {Kind.MONEY, Kind.COUNT, Kind.DURATION}


def test_a_menu_leads_where_its_words_say() -> None:
    column = Column("menu", "", value=lambda row: [("Change <it>", f"/{row}/?a=1&b=2")], kind=Kind.MENU)
    assert '<a class="dropdown-item" href="/7/?a=1&amp;b=2">Change &lt;it&gt;</a>' in column.cell(7)


def test_numbers_are_shown_as_the_reader_writes_them_and_copied_added_and_exported_with_a_point() -> None:
    cost = Column("n", "Amount", kind=Kind.MONEY, unit="EUR")
    share = Column("p", "ASR", kind=Kind.NUMBER, unit="%")
    limit = Column("c", "CPS", says=True, right=True)
    row = {"n": 12_500_000, "p": Decimal("37.5"), "c": "2.5"}
    with spoken(lambda: ("en", 0), lambda _: {}, country=lambda: "DE"):
        assert 'data-value="12.50">12,50<' in cost.cell(row)
        assert 'data-value="37.5">37,5<' in share.cell(row)
        assert ">2,5<" in limit.cell(row)
        page = Template('{% load ui %}{% even %}{{ 2500000|money:"EUR" }}{{ 24300|money:"EUR" }}{% endeven %}')
        assert re.findall(r"\d+,\d+", page.render(Context())) == ["2,5000", "0,0243"]
        assert Template("{{ 1234.5|figure }}|{{ none|figure }}").render(Context({"none": None})) == "1234,5|"
        assert [plain(Kind.MONEY, row["n"]), plain(Kind.NUMBER, row["p"])] == ["12.50", "37.5"]
    assert ">12.50<" in cost.cell(row)
