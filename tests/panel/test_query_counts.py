"""Claims about how much each page of the panel asks of the database, and that no choice grows with the customers."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse

from tests.budgets import agreed, asked, drawn
from tests.panel.cast import CHARGED_ID, PASSWORD, Cast
from tests.panel.conftest import logged_in
from tests.panel.test_access import addresses
from tests.panel.test_cards import FILE, uploaded
from tests.panel.test_lists import copy
from tollgate import environment
from tollgate.actions import bank_confirmations, bank_files, call_files
from tollgate.actions.account_identity import update_account_email
from tollgate.actions.acts import Actor, acting
from tollgate.actions.agreements import publish_agreement
from tollgate.actions.bulk import start_bulk_edit
from tollgate.actions.delays import delay_save
from tollgate.actions.messages import body
from tollgate.actions.packages import create_account_package
from tollgate.store.models import BankRun, Message, Task, User

pytestmark = pytest.mark.django_db
COUNTS = Path(__file__).parent / "query_counts.json"
CROWD = 130
"""More than a list shows, and than anybody looks through."""


def test_every_page_keeps_its_number_of_queries_and_offers_no_crowd(cast: Cast, ann: Client) -> None:
    """After a change that needs more queries, delete the file: the next run writes it anew, for review."""
    crowd(cast)
    waiting(cast)
    ann.get("/")  # what is read once per process is read
    found: dict[str, int] = {}
    left = set()
    for name, address, view in addresses(cast):
        answer, page, count = asked(ann, address)
        offered = len(re.findall(r"<(?:option|label|span class=.form-check-label.)[^>]*>[^<]*crowd-", page))
        assert offered < CROWD / 2, f"{name} offers {offered} of {CROWD}: let them be typed"
        if answer.status_code == 200:
            found[name] = count
        elif drawn(view, answer):
            left.add(name)
    with opened(cast, ann) as pages:
        for name, (client, address) in pages.items():
            answer, _, found[name] = asked(client, address)
            assert answer.status_code == 200, (name, answer.status_code)
    closed = sorted(left - found.keys())
    assert not closed, f"say in `opened` how one comes to these pages: {closed}"
    assert agreed(COUNTS, found)


def crowd(cast: Cast) -> None:
    """Many customers, resellers all, each with a contact, a SIP user and a route; and as many cards to sell by."""
    new = {"name": "'crowd-' || n", "number": "(70000000 + n)::text", "accounting_id": "NULL", "is_reseller": "true"}
    like = {
        "customer": (cast.acme, new),
        "card": (cast.customer_card, {"name": "'crowd-' || n"}),
        "contact": (cast.contact, {"email": "'crowd-' || n || '@crowd.example'", "last_name": "'crowd-' || n"}),
        "endpoint": (cast.sip_user, {"username": "'crowd-' || n", "name": "'crowd-' || n"}),
        "ingress_route": (cast.route, {"name": "'crowd-' || n"}),
    }
    with connection.cursor() as cursor:
        for table, (row, changes) in like.items():
            if table not in ("customer", "card"):
                changes["customer_id"] = "(SELECT id FROM customer WHERE name = 'crowd-' || n)"
            copy(cursor, table, changes, f"generate_series(1, {CROWD}) n", like=row.pk)


def waiting(cast: Cast) -> None:
    """A job, a delayed save, a package of the account and its agreement."""
    with acting(Actor(cast.ann.email, frozenset({"*"}), "asked", "user", cast.ann.pk)):
        account_id = cast.account.pk
        start_bulk_edit(account_id=account_id, noun="customer", record_ids=[cast.acme.pk], changes={"channels": 3})
        later = {"customer_id": cast.acme.pk, "channels": 3}
        delay_save(act="update_customer", arguments=later, due_at=datetime.now(UTC) + timedelta(days=1))
        create_account_package(account_id=account_id, name="Support")
        publish_agreement(account_id=account_id, title="Terms", text="Be kind.")


@contextmanager
def opened(cast: Cast, ann: Client) -> Iterator[dict[str, tuple[Client, str]]]:
    """Pages that an address alone does not open: by name who opens them, and where."""
    file = SimpleUploadedFile("customers.csv", b"Client;Ccy\nDelta;EUR\n")
    bill = SimpleUploadedFile("cdrs.csv", b"Call-ID,Start time,Called number,Billsec,Amount\nx,2026-01-01,882,6,1\n")
    statement = cast.cirrus.statements.get().pk
    bulk = f"?id={cast.acme.pk}&field=channels"
    fresh = logged_in(cast.ann)
    fresh.post("/account/reauthenticate/", {"password": PASSWORD})
    recording = environment.data_folder() / "recordings" / f"{CHARGED_ID}.wav"
    recording.parent.mkdir(exist_ok=True)
    recording.write_bytes(b"RIFF")
    task = Task.objects.create(
        account=cast.account, kind=call_files.KIND, noun="call", act="write_call_file_part", title="CDRs",
        arguments={"bought": False, "reach": None}, state="completed", ended_at=datetime.now(UTC), total_count=1,
        author_id=cast.ann.pk, author=cast.ann.email,
    )  # fmt: skip
    run = ann.post("/packages/run/", {"on": "2026-01-01", "simulate": "on"})["Location"]
    begun = Task.objects.create(
        account=cast.account, kind=bank_files.KIND, noun="bank_run", act="make_debit_run", title="File",
        arguments={"ids": []}, author_id=cast.ann.pk, author=cast.ann.email,
    )  # fmt: skip
    file_id = BankRun.objects.get().pk
    Task.objects.create(
        account=cast.account, kind=bank_confirmations.KIND, noun="bank_line", act="confirm_bank_run", title="Moved",
        arguments={"bank_run_id": file_id}, author_id=cast.ann.pk, author=cast.ann.email,
    )  # fmt: skip
    part = call_files.folder_of(task) / "000001.csv.gz"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(b"x")
    try:
        yield {
            "cdrs": (ann, "/cdrs/?f.from=2026-01-01T00:00"),
            "upload_check": (ann, ann.post("/uploads/customer/", {"file": file})["Location"]),
            "card_check": (ann, uploaded(ann, cast, FILE)),
            "carrier_file_check": (
                ann, ann.post(f"/reconciliation/{statement}/file/", {"file": bill, "kind": "calls"})["Location"],
            ),
            "customer_portal": (ann, f"/customers/{cast.baltic.pk}/portal/"),
            "bulk_edit": (ann, f"/bulk/customer/edit/{bulk}"),
            "bulk_delete": (ann, f"/bulk/customer/delete/{bulk}"),
            "call_recording": (ann, f"/calls/{CHARGED_ID}/recording/"),
            "bank_run": (ann, f"/bank-files/{file_id}/"),
            "bank_run_confirm_now": (ann, f"/bank-files/{file_id}/confirm/now/"),
            "bank_run_job": (ann, f"/bank-files/jobs/{begun.pk}/"),
            "bank_run_job_now": (ann, f"/bank-files/jobs/{begun.pk}/now/"),
            "package_run_job": (ann, run),
            "package_run_now": (ann, f"{run}now/"),
            "task_file": (ann, f"/tasks/{task.pk}/file/"),
            "recovery_codes": (fresh, "/me/recovery-codes/"),
            **by_links(cast, ann),
        }  # fmt: skip
    finally:
        recording.unlink()
        part.unlink()


def by_links(cast: Cast, ann: Client) -> dict[str, tuple[Client, str]]:
    """Pages that a link in a mail opens, for who is not logged in."""
    User.objects.filter(pk=cast.ann.pk).update(email_verified_at=datetime.now(UTC))
    Client().post(reverse("panel:forgot"), {"email": cast.ann.email})
    ann.post(reverse("panel:user_email", args=[cast.bob.pk]))
    with acting(Actor("setup", frozenset({"*"}))):
        update_account_email(account_id=cast.account.pk, email="new@demo.example")
    links = {}
    for name in ("set_password", "confirm_login_email", "confirm_email"):
        part = f"/{name.replace('_', '-')}/"
        text = next(text for mail in Message.objects.order_by("-id") if part in (text := body(mail).text))
        links[name] = (Client(), part + text.partition(part)[2].partition("/")[0] + "/")
    return links
