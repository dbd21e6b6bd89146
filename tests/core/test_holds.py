"""Claims about holds: the strongest reason is seen, its latest end counts, and a person's decision is recognized."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.holds import ACTIVE, STRENGTH, Hold, Status, is_ours, seen

AT = datetime(2031, 5, 1, tzinfo=UTC)
HOLDS = st.builds(
    Hold,
    status=st.sampled_from(STRENGTH),
    reason=st.sampled_from(["invoice", "alert"]),
    until_at=st.none() | st.integers(-5, 5).map(lambda minutes: AT + timedelta(minutes=minutes)),
)


@given(holds=st.lists(HOLDS, max_size=4))
def test_what_is_seen_is_the_strongest_reason_with_the_latest_end(holds: list[Hold]) -> None:
    status = seen(holds)
    if not holds:
        assert status == ACTIVE
        return
    assert STRENGTH.index(status.status) == max(STRENGTH.index(hold.status) for hold in holds)
    ends = [hold.until_at for hold in holds if hold.status == status.status]
    assert (status.until_at is None) == (None in ends)
    assert all(status.until_at is None or (end is not None and end <= status.until_at) for end in ends)
    assert is_ours(status, holds, AT)


@given(holds=st.lists(HOLDS, min_size=1, max_size=4))
def test_another_status_is_a_persons_unless_the_end_has_just_passed(holds: list[Hold]) -> None:
    by_hand = Status(status="penalty", reason="Fraud")
    assert not is_ours(by_hand, holds, AT)
    end = seen(holds).until_at
    assert is_ours(ACTIVE, holds, AT) == (end is not None and end <= AT)
