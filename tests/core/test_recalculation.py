"""Claims about recalculation: whatever was posted before, the correction leads to exactly the new cost."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.invoice_document import NO_BREAK, Party
from tollgate.core.rates import Rounding, cost_micros, simple
from tollgate.core.recalculation import Side, corrections
from tollgate.core.statement import Movement, OpenDocument, Statement, running, statement_paper, words_for

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
RATE = simple(price_nanos=60_000_000, connect_fee_nanos=5_000_000, initial_s=30, increment_s=6, rounding=Rounding())


@given(
    posted=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=4),
    pays=st.booleans(),
    duration_ms=st.integers(0, 7_200_000),
    free_s=st.integers(0, 600),
)
def test_what_was_posted_and_the_correction_come_to_the_new_cost(
    posted: list[int], pays: bool, duration_ms: int, free_s: int
) -> None:
    sides = [
        Side(
            wallet_id=-place, book="revenue", currency="EUR", pays=pays, posted_micros=micros, rate=RATE, free_s=free_s
        )
        for place, micros in enumerate(posted)
    ]
    found = corrections(sides, answered_at=AT, duration_ms=duration_ms)
    assert [one.wallet_id for one in found] == sorted(side.wallet_id for side in sides)
    for one in found:
        came = posted[-one.wallet_id] + one.amount_micros
        assert (-came if pays else came) == one.cost_micros
        if not free_s:
            assert one.cost_micros == cost_micros(RATE, AT, duration_ms)
        elif duration_ms <= free_s * 1000:
            assert one.cost_micros == 0
        else:
            assert one.cost_micros == cost_micros(
                RATE, AT + timedelta(seconds=free_s), duration_ms - free_s * 1000
            ) or (duration_ms < free_s * 1000 + 1000)


@given(opening=st.integers(-(10**12), 10**12), amounts=st.lists(st.integers(-(10**9), 10**9), max_size=20))
def test_a_statement_runs_from_opening_to_closing(opening: int, amounts: list[int]) -> None:
    on = date(2026, 11, 1)
    told = Statement(
        currency="EUR", language="xx", from_on=on, until_on=date(2026, 12, 1), issuer=Party(name="Demo"),
        customer=Party(name="Acme"), opening_micros=opening,
        movements=running(opening, [Movement(on=on, kind="calls", amount_micros=one) for one in amounts]),
    )  # fmt: skip
    assert told.closing_micros == opening + sum(amounts)
    paper = statement_paper(told)
    assert (paper["title"], paper["facts"][0][1]) == ("Statement of account", "2026-11-01 – 2026-11-30")  # type: ignore[index]
    rows: list[list[str]] = paper["rows"]  # type: ignore[assignment]
    assert len(rows) == len(amounts) + 2
    decimals = {len(text.partition(".")[2]) for row in rows for text in row[2:] if text}
    assert len(decimals) == 1, "points stand below each other"
    assert [Decimal(row[3].replace(NO_BREAK, "")) * 10**6 for row in rows] == [
        opening, *(one.balance_micros for one in told.movements), told.closing_micros
    ], "and what is printed is exact"  # fmt: skip
    assert words_for(Movement(on=on, kind="calls", amount_micros=1, calls_count=3), "lt") == "Skambučiai (3)"


def test_a_statement_tells_what_is_open_and_of_a_still_wallet_what_it_held() -> None:
    on = date(2026, 11, 1)
    document = OpenDocument(
        number="2026-7", kind="invoice", invoice_on=on, due_on=None, total_micros=121_000_000, open_micros=21_000_000
    )
    told = Statement(
        currency="EUR", language="en", from_on=on, until_on=date(2026, 12, 1), issuer=Party(name="Demo"),
        customer=Party(name="Acme"), opening_micros=5, movements=(), open_documents=(document,),
    )  # fmt: skip
    assert (told.closing_micros, told.open_micros) == (5, 21_000_000)
    (row,) = statement_paper(told)["open_rows"]  # type: ignore[misc]
    assert row == ["Invoice 2026-7", "2026-11-01", "", "121.00", "21.00"]
