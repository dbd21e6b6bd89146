"""Claims about files that belong to records: the bytes that the panel gives, to who may read all that is in them."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.api.caller import Api, fields_of
from tests.panel.cast import CHARGED_ID, PASSWORD, REFUSED_ID, Cast, with_rita
from tests.panel.conftest import logged_in
from tollgate.actions.acts import Actor, acting
from tollgate.actions.tasks import work
from tollgate.actions.users import create_user, create_user_group
from tollgate.store.models import CarrierFile, Task, TaskRow, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the installation keeps its files."""
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    return tmp_path


def user_of(*areas: str) -> User:
    """A user who reads these areas and does everything."""
    with acting(Actor("setup", frozenset({"*"}))):
        group = create_user_group(name=" ".join(areas), acts=["*"], areas=list(areas))
        return create_user(name="Tess", email="tess@demo.example", password=PASSWORD, group_ids=[group.pk])


def test_a_program_begins_a_file_of_calls_and_fetches_it_when_it_is_made(cast: Cast, ann: Api) -> None:
    at = datetime.now(UTC)
    period = {"from_at": (at - timedelta(days=1)).isoformat(), "until_at": (at + timedelta(hours=1)).isoformat()}
    begun = ann.act("start_call_file", account_id=cast.account.pk, columns=["cld", "cost", "profit"], **period)
    assert begun.status_code == 202
    address = f"{begun['Location'].removeprefix('/api/v1/')}/file"
    assert ann.get(address).status_code == 404, "it is not made yet"
    task = Task.objects.latest("pk")
    work(lambda: datetime.now(UTC), datetime.now(UTC) + timedelta(minutes=1), task_id=task.pk)
    sent = ann.get(address)
    content = b"".join(sent)
    assert (sent.status_code, sent["Content-Type"], sent["Content-Length"]) == (
        200, "application/gzip", str(len(content)),
    )  # fmt: skip
    assert content == b"".join(logged_in(cast.ann).get(f"/tasks/{task.pk}/file/"))
    assert len(gzip.decompress(content).decode().splitlines()) > 1
    clerk = Api.of(user_of("calls", "tasks"))
    assert clerk.get(f"tasks/{task.pk}").status_code == 200
    assert clerk.get(address).status_code == 404, "it tells what calls cost us"
    assert Api.of(with_rita(cast)[0]).get(address).status_code == 404, "a job of the operator's"


def test_the_rows_of_a_job_that_failed_are_a_file_to_be_mended(cast: Cast, ann: Api) -> None:
    task = Task.objects.create(
        account=cast.account, kind="upload", noun="tag", author_id=cast.ann.pk, headers=["Name"], state="completed"
    )
    TaskRow.objects.create(task=task, number=2, state="failed", cells=["Gold"], errors=[["name", "Taken."]])
    lines = b"".join(ann.get(f"tasks/{task.pk}/errors")).decode().splitlines()
    assert lines == ["Name,Line,What is wrong", "Gold,2,Name: Taken."]


def test_a_recording_is_for_who_may_read_the_details_of_calls(cast: Cast, ann: Api, folder: Path) -> None:
    address = f"cdrs/{CHARGED_ID}/recording"
    assert ann.get(address).status_code == 404
    (folder / "recordings").mkdir()
    (folder / "recordings" / f"{CHARGED_ID}.wav").write_bytes(b"RIFF sound")
    sent = ann.get(address)
    assert (sent["Content-Type"], b"".join(sent)) == ("audio/wav", b"RIFF sound")
    assert ann.get(f"cdrs/{REFUSED_ID}/recording").status_code == 404
    (folder / "recordings" / f"{10**12}.wav").write_bytes(b"of nobody")
    assert ann.get(f"cdrs/{10**12}/recording").status_code == 404, "of no call of the account"
    assert Api.of(user_of("calls")).get(address).status_code == 403
    assert Api.of(with_rita(cast)[0]).get(address).status_code == 403


def test_a_carriers_file_is_sent_as_it_came(cast: Cast, ann: Api) -> None:
    file = CarrierFile.objects.get()
    CarrierFile.objects.update(name='a"b\r\nc é.csv', bytes_count=13)
    sent = ann.get(f"carrier-files/{file.pk}/file")
    assert b"".join(sent) == b"Start,Called"[:13]
    assert "\n" not in sent["Content-Disposition"]


def test_what_is_no_file_is_refused_in_words(cast: Cast, ann: Api) -> None:
    for address in ("tasks/1/sound", "customers/1/file", "nothing/1/file", f"tasks/{10**9}/file"):
        assert ann.get(address).status_code == 404, address
    assert fields_of(ann.get(f"cdrs/{CHARGED_ID}/recording", {"fields": "id"})) == {("fields", "unknown")}
    assert ann.post(f"cdrs/{CHARGED_ID}/recording", "{}").status_code == 405
