"""Claims about how much room recordings take: what is in the folder counts for its customer, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

import pytest

from tests.actions.cast import ANN, acme, demo_account
from tollgate.actions.acts import acting
from tollgate.actions.customers import create_customer
from tollgate.jobs import timetable
from tollgate.jobs.recording_space import count_recordings
from tollgate.store.models import CDR, Account, Customer, Recording, RecordingSpace

pytestmark = pytest.mark.django_db
AT = datetime.now(UTC)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where recordings are kept."""
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    found = tmp_path / "recordings"
    found.mkdir()
    return found


@pytest.fixture
def customers() -> tuple[Customer, Customer]:
    """Acme and Baltic."""
    with acting(ANN):
        account = demo_account()
        return acme(account), create_customer(account_id=account.pk, name="Baltic", currency="EUR")


def called(customer: Customer, call_id: int, *, days_ago: int = 0) -> None:
    CDR.objects.create(
        id=call_id, account=customer.account, edge="kam1", edge_call_id=str(call_id), customer=customer,
        state="charged", started_at=AT, ended_at=AT - timedelta(days=days_ago), cli="", cld="", number="",
        destination="", duration_ms=0, billed_s=0, cost_micros=0, held_micros=0,
    )  # fmt: skip


def recorded(folder: Path, call_id: int, size: int) -> Path:
    file = folder / f"{call_id}.wav"
    file.write_bytes(b"\0" * size)
    return file


def space() -> dict[str, tuple[int, int]]:
    """Files and bytes by customer, and that they are the sum of the files."""
    found = {row.customer.name: (row.files_count, row.size_bytes) for row in RecordingSpace.objects.all()}
    for name, (files_count, size_bytes) in found.items():
        sizes = list(Recording.objects.filter(customer__name=name).values_list("size_bytes", flat=True))
        assert (files_count, size_bytes) == (len(sizes), sum(sizes))
    return found


def test_files_count_once_for_the_customer_of_their_call(folder: Path, customers: tuple[Customer, Customer]) -> None:
    acme, baltic = customers
    for call_id, size, customer in ((1, 100, acme), (2, 20, acme), (3, 7, baltic)):
        called(customer, call_id)
        recorded(folder, call_id, size)
    recorded(folder, 4, 1000)
    (folder / "notes.wav").touch()
    (folder / "5.part").touch()
    assert count_recordings(folder) == (3, 0)
    assert count_recordings(folder) == (0, 0)
    assert space() == {"Acme": (2, 120), "Baltic": (1, 7)}
    called(baltic, 4)  # the call was not over yet
    (folder / "1.wav").unlink()
    timetable.space_of_recordings(timestamp=0)
    assert space() == {"Acme": (1, 20), "Baltic": (2, 1007)}


def test_what_retention_deletes_takes_no_room(folder: Path, customers: tuple[Customer, Customer]) -> None:
    for call_id, days in ((1, 10), (2, 0)):
        called(customers[0], call_id, days_ago=days)
        recorded(folder, call_id, 50)
    count_recordings(folder)
    Account.objects.update(recording_retention_days=9)
    timetable.old_recordings(timestamp=int(AT.timestamp()) + 1)
    assert space() == {"Acme": (1, 50)}
    assert count_recordings(folder) == (0, 0)


def test_a_machine_without_the_files_forgets_none_of_another(
    folder: Path, customers: tuple[Customer, Customer], tmp_path: Path
) -> None:
    called(customers[0], 1)
    called(customers[1], 2)
    recorded(folder, 1, 50)
    count_recordings(folder)
    other = tmp_path / "other"
    assert count_recordings(other) == (0, 0)
    other.mkdir()
    recorded(other, 2, 7)
    assert count_recordings(other) == (1, 0)
    assert count_recordings(folder) == (0, 0)
    assert space() == {"Acme": (1, 50), "Baltic": (1, 7)}
    copytree(folder, tmp_path / "restored")  # as a backup brings it back, mark and all
    (tmp_path / "restored" / "1.wav").unlink()
    assert count_recordings(tmp_path / "restored") == (0, 1)
    assert space() == {"Acme": (0, 0), "Baltic": (1, 7)}
