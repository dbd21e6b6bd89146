"""Claims about notices: each has its message in stock."""

from tollgate.core.notices import NOTICES
from tollgate.core.templates_stock import STOCK


def test_every_notice_has_its_message_in_stock() -> None:
    assert {notice.template for notice in NOTICES.values()} <= STOCK.keys()
    assert len({notice.title for notice in NOTICES.values()}) == len(NOTICES)
