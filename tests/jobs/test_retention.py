"""Claims about how long recordings are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.actions.cast import ANN, acme, demo_account
from tollgate.actions.acts import acting
from tollgate.actions.retention import place_legal_hold, release_legal_hold
from tollgate.jobs import retention, timetable
from tollgate.store.models import CDR, Account, Audit, Customer

AT = datetime.now(UTC)


def recorded(folder: Path, customer: Customer, call_id: int, *, days_ago: int) -> Path:
    ended_at = AT - timedelta(days=days_ago)
    CDR.objects.create(
        id=call_id, account=customer.account, edge="kam1", edge_call_id=str(call_id), customer=customer,
        state="charged", started_at=AT, ended_at=ended_at, cli="", cld="", number="", destination="", duration_ms=0,
        billed_s=0, cost_micros=0, held_micros=0,
    )  # fmt: skip
    file = folder / f"{call_id}.wav"
    file.touch()
    return file


@pytest.mark.django_db
def test_a_recording_is_kept_for_the_customer_s_days_else_for_the_account_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    folder = tmp_path / "recordings"
    folder.mkdir()
    with acting(ANN):
        customer = acme(demo_account())
    old, young = (recorded(folder, customer, call_id, days_ago=days) for call_id, days in ((1, 10), (2, 9)))
    strange = folder / "notes.wav"
    strange.touch()

    def night() -> list[bool]:
        timetable.old_recordings(timestamp=int(AT.timestamp()) + 1)
        return [old.exists(), young.exists(), strange.exists()]

    assert night() == [True, True, True]
    Account.objects.update(recording_retention_days=10)
    assert night() == [False, True, True]
    (line,) = Audit.objects.filter(verb="RECORDING_DELETED")
    assert (line.table_name, line.row_id, line.actor) == ("cdr", 1, "timetable")
    Customer.objects.update(recording_retention_days=30)
    old.touch()
    assert night() == [True, True, True]
    Customer.objects.update(recording_retention_days=9)
    with acting(ANN):
        place_legal_hold(customer_id=customer.pk, reason="a court asks")
    assert night() == [True, True, True]
    found = list(retention._recorded(folder))
    assert found == [], "whoever is held is not looked at"
    meant = retention.Kept(1, customer.account_id, customer.pk, AT - timedelta(days=10), 9)
    with monkeypatch.context() as meanwhile:  # the hold was placed when the night had begun
        meanwhile.setattr(retention, "_recorded", lambda _: [meant])
        assert night() == [True, True, True]
    with acting(ANN):
        release_legal_hold(customer_id=customer.pk, reason="the court is done")
    assert night() == [False, False, True]
