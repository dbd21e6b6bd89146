"""Claims about what goes out to bookkeeping: nothing is lost where tax is shared out and movements become lines."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.journal import PLACES, Moved, code_of, journal, wallet_place
from tollgate.core.money import minor_digits
from tollgate.core.sales import PROGRAMS, SaleLine, sales_csv, shared_out

PLACED = st.sampled_from(sorted(PLACES))


@given(
    nets=st.lists(st.integers(-(10**6), 10**9), max_size=8),
    tax=st.integers(0, 10**8),
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_the_shares_of_a_tax_are_whole_units_and_sum_to_it(nets: list[int], tax: int, currency: str) -> None:
    unit = 10 ** (6 - minor_digits(currency))
    shares = shared_out(tax * unit, [net * unit for net in nets], currency=currency)
    assert sum(shares) == (tax * unit if nets else 0)
    assert all(share % unit == 0 for share in shares)
    if nets and min(nets) >= 0 and sum(nets) > 0:
        exact = [tax * unit * net / sum(nets) for net in nets]
        assert all(abs(share - wanted) <= 1.01 * unit for share, wanted in zip(shares, exact, strict=True))


@given(
    nets=st.lists(st.integers(0, 10**9), min_size=1, max_size=8),
    tax=st.integers(0, 10**8),
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_what_takes_a_document_back_is_shared_out_as_its_mirror(nets: list[int], tax: int, currency: str) -> None:
    unit = 10 ** (6 - minor_digits(currency))
    shares = shared_out(tax * unit, [net * unit for net in nets], currency=currency)
    back = shared_out(-tax * unit, [-net * unit for net in nets], currency=currency)
    assert [-share for share in back] == shares
    halves = shared_out(3 * unit, [50 * unit, 50 * unit], currency=currency)
    assert shared_out(-3 * unit, [-50 * unit, -50 * unit], currency=currency) == [-2 * unit, -unit]
    assert halves == [2 * unit, unit]


@given(moved=st.lists(st.tuples(PLACED, PLACED, st.integers(-(10**9), 10**9).filter(bool)), max_size=20))
def test_a_journal_sums_to_zero_and_each_account_to_what_it_was_given(moved: list[tuple[str, str, int]]) -> None:
    on = date(2026, 1, 1)
    rows = [Moved(on=on, wallet=one, book=two, amount_micros=micros, currency="EUR") for one, two, micros in moved]
    lines = list(journal(rows, {"revenue": "S1"}))
    assert sum(line.debit_micros - line.credit_micros for line in lines) == 0
    assert all(
        min(line.debit_micros, line.credit_micros) == 0 < line.debit_micros + line.credit_micros for line in lines
    )
    for place, (title, stock) in PLACES.items():
        gained = sum(micros for one, _, micros in moved if one == place) - sum(m for _, two, m in moved if two == place)
        mine = [line for line in lines if line.place == title]
        assert sum(line.credit_micros - line.debit_micros for line in mine) == gained
        assert {line.code for line in mine} <= {"S1" if place == "revenue" else stock}


def test_no_text_of_a_customer_becomes_a_formula() -> None:
    on = date(2026, 1, 1)
    line = SaleLine(
        number="INV-1", customer="=1+1", email="", accounting_id="+7", reference="@x", invoice_on=on, due_on=on,
        description="Calls, EUR", net_micros=-1_500_000, tax_micros=0, tax_name="", account_code="4000", currency="JPY",
    )  # fmt: skip
    for program in PROGRAMS:
        _, row = sales_csv(program, [line])
        assert "'=1+1" in row
        assert "'@x" in row
        assert "'+7" in row
        assert '"Calls, EUR"' in row
        assert "-1.5" in row


def test_a_wallet_has_its_account_of_the_journal_with_a_code_of_its_own_or_from_stock() -> None:
    assert wallet_place("customer", of_reseller=False) == "customers"
    assert wallet_place("customer", of_reseller=True) == "resellers_customers"
    assert (wallet_place("carrier", of_reseller=False), wallet_place("account", of_reseller=False)) == (
        "carriers",
        "account",
    )
    assert (code_of("customers", {"customers": "1200"}), code_of("customers", {})) == ("1200", PLACES["customers"][1])
