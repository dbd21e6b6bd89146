"""Claims about the file of CDRs: a column for every figure, and none of what calls cost us in a customer's own."""

import pytest

from tollgate.core.call_file import FILE_COLUMNS, own_columns, texts
from tollgate.core.lake import Engine

BOUGHT = ("carrier", "gateway", "profit")


@pytest.mark.parametrize("engine", Engine)
def test_every_amount_stands_with_its_currency(engine: Engine) -> None:
    for name, column in FILE_COLUMNS.items():
        written = texts([name], engine)
        assert len(written) == len(column.headings()) == (2 if column.currency else 1), name
        assert not any("{" in text for text in written), name
    assert FILE_COLUMNS["cost"].headings() == ["Charge", "Charge currency"]
    assert texts(["cost"], engine)[1] == "NULLIF(called.currency, '')"


def test_a_customers_own_file_says_nothing_of_what_the_operator_buys() -> None:
    columns = own_columns({"charged": "Answered"})
    written = " ".join(texts(columns, Engine.postgresql, columns=columns))
    assert "WHEN 'charged' THEN 'Answered'" in written
    assert not [word for word in BOUGHT if word in written]
    assert not any(column.bought for column in columns.values())
    assert all(column.bought for name, column in FILE_COLUMNS.items() if name.startswith(BOUGHT))
