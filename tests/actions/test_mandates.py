"""Claims about what mandates may still collect: told alike to acts, lists and programs."""

from __future__ import annotations

from datetime import date

import pytest

from tests.actions.bank import Move, collecting, today, with_mandate
from tests.actions.test_bank_credits import owing
from tests.actions.test_debits import DUE, run_of
from tollgate.actions.bank_runs import cancel_bank_run, return_bank_line, send_bank_run
from tollgate.actions.mandates import end_mandate, standing
from tollgate.store.models import Account, Mandate
from tollgate.store.queries.mandates import with_standing

__all__ = ["today"]
pytestmark = pytest.mark.django_db


def told(on: date) -> dict[str, tuple[str, date, bool]]:
    """What lists tell of each mandate on a day."""
    found = with_standing(Mandate.objects.all(), on)
    return {row.holder: (row.standing, row.expires_on, row.collected) for row in found}


def test_a_mandate_is_active_until_its_last_collection_or_36_months_without_one(account: Account, today: Move) -> None:
    collecting(account)
    baltic, first = with_mandate(account, "Baltic")
    nordic, once = with_mandate(account, "Nordic", one_off=True)
    _, ended = with_mandate(account, "Wester")
    assert told(DUE)["Baltic UAB"] == ("active", date(2029, 11, 1), False)
    run = run_of(account, owing(baltic, 10), owing(nordic, 10))
    assert told(DUE) == {
        "Baltic UAB": ("active", date(2029, 12, 4), True),
        "Nordic UAB": ("used up", date(2029, 12, 4), True),
        "Wester UAB": ("active", date(2029, 11, 1), False),
    }
    end_mandate(mandate_id=ended.pk)
    late = told(date(2029, 12, 4))
    assert [late[f"{name} UAB"][0] for name in ("Baltic", "Nordic", "Wester")] == ["expired", "used up", "ended"]
    assert told(date(2029, 12, 3))["Baltic UAB"][0] == "active"
    for mandate in (first, once, ended):
        known = standing(mandate, date(2029, 12, 4))
        assert (known.state, known.expires_on, known.collected) == late[mandate.holder]
    send_bank_run(bank_run_id=run.pk)
    return_bank_line(bank_line_id=run.lines.get(mandate=once).pk, reason_code="FF01")
    assert told(DUE)["Nordic UAB"] == ("active", date(2029, 12, 4), False), "what was refused was not the last"


def test_what_was_never_sent_is_no_collection_and_a_month_may_be_shorter(account: Account, today: Move) -> None:
    today(date(2028, 2, 29))
    baltic, mandate = with_mandate(collecting(account), "Baltic")
    Mandate.objects.filter(pk=mandate.pk).update(signed_on=date(2028, 2, 29))
    assert told(DUE)["Baltic UAB"] == ("active", date(2031, 2, 28), False)
    cancel_bank_run(bank_run_id=run_of(account, owing(baltic, 10), on=date(2028, 3, 14)).pk)
    assert told(DUE)["Baltic UAB"] == ("active", date(2031, 2, 28), False)
