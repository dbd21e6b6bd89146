"""Claims about tasks: each row is its form's act, done once, in its author's name, and one bad row stops no other."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from threading import Thread
from typing import Any

import openpyxl
import pytest
from django.db import OperationalError, connection, transaction

from tests.actions.cast import ANN, acme, demo_account
from tollgate.actions import bulk, tasks, uploads
from tollgate.actions.acts import Actor, Invalid, NotFound, NotPermitted, acting
from tollgate.actions.bulk import start_bulk_delete, start_bulk_edit
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.tags import create_tag
from tollgate.actions.task_words import error_lines, harmless
from tollgate.actions.tasks import cancel_task, forget_old, retry_task, undo_task
from tollgate.actions.uploads import read_file, repeat_upload, start_upload
from tollgate.actions.users import create_user, create_user_group, update_user
from tollgate.core.upload_fields import NOUNS
from tollgate.core.uploads import CellInvalid, guess
from tollgate.store.models import Account, Audit, CliRule, Contact, Customer, Endpoint, Task, User, VerifiedCli

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
FILE = """My customers
Name;Currency;Debit limit;CPS;Tags;Expires
Delta;EUR;25.50;2.5;Gold;2027-01-31
Acme;EUR;;;;
Echo;XXX;;;;
Foxtrot;EUR;1e3;;;
Golf;EUR;;;Silver;
Delta;EUR;;;;
"""


def clock(rows: int) -> Callable[[], datetime]:
    """A clock that lets so many rows be done before a minute is over."""
    ticks = iter([AT] * rows)
    return lambda: next(ticks, AT + timedelta(hours=1))


def work(rows: int = 1000, task: Task | None = None) -> int:
    return tasks.work(clock(rows), AT + timedelta(minutes=1), task_id=task and task.pk)


def actor_of(user: User, *, reach: frozenset[int] | None = None, reseller_id: int | None = None) -> Actor:
    given = user.rights()
    assert given is not None
    return Actor(
        user.email, given[0], "spring cleaning", "user", user.pk, areas=given[1], reach=reach, reseller_id=reseller_id
    )


@pytest.fixture
def account(db: None) -> Account:
    with acting(ANN):
        account = demo_account()
        acme(account)
        create_tag(account_id=account.pk, name="Gold")
    return account


def user(email: str, *acts: str, reseller_id: int | None = None) -> User:
    with acting(ANN):
        group = create_user_group(name=email, acts=list(acts), areas=["*"])
        return create_user(
            name=email[:3],
            email=email,
            password="correct horse battery",
            group_ids=[group.pk],
            reseller_id=reseller_id,
        )


@pytest.fixture
def ann(account: Account) -> User:
    return user("ann@demo.example", "*")


def begin(who: User, noun: str, content: bytes, *, dry: bool = False, **mapping: int) -> Task:
    read = read_file(content, noun)
    with acting(actor_of(who)):
        return start_upload(
            account_id=Account.objects.get().pk,
            noun=noun,
            headers=list(read.headers),
            rows=[list(line.cells) for line in read.lines],
            lines=[line.number for line in read.lines],
            mapping=guess(read.headers, NOUNS[noun].fields) | mapping,
            dry=dry,
        )


def errors_of(task: Task) -> dict[int, list[list[str]]]:
    return dict(task.rows.filter(state="failed").values_list("number", "errors"))


def names() -> set[str]:
    return set(Customer.objects.filter(deleted_at=None).values_list("name", flat=True))


def test_good_rows_go_in_and_bad_ones_are_named_by_line_and_field(ann: User) -> None:
    dry = begin(ann, "customer", FILE.encode(), dry=True)
    work()
    dry.refresh_from_db()
    assert (dry.state, dry.done_count, dry.failed_count) == ("completed", 1, 5)
    assert names() == {"Acme"}  # a dry run keeps nothing
    with acting(actor_of(ann)):
        kept = repeat_upload(task_id=dry.pk)
        with pytest.raises(Invalid, match="already"):
            repeat_upload(task_id=dry.pk)
    work()
    kept.refresh_from_db()
    assert (kept.state, kept.done_count, kept.total_count) == ("completed", 1, 1)
    whole = begin(ann, "customer", FILE.replace("Delta;EUR;25", "Dora;EUR;25").encode("utf-8-sig"))
    work()
    found = {line: [name for name, _ in errors] for line, errors in errors_of(whole).items()}
    assert found == {
        4: ["name"],  # exists
        5: ["currency"],
        6: ["debit_limit_micros"],  # scientific notation
        7: ["tag_ids"],  # there is no tag Silver
        8: ["name"],  # the dry run's Delta is kept by now
    }
    dora = Customer.objects.get(name="Dora")
    assert (dora.debit_limit_micros, dora.cps_milli, dora.currency) == (25_500_000, 2500, "EUR")
    assert [tag.name for tag in dora.tags.all()] == ["Gold"]
    assert dora.expires_at == datetime(2027, 1, 31, tzinfo=UTC)
    audit = Audit.objects.get(table_name="customer", row_id=dora.pk, verb="INSERT")
    assert (audit.act, audit.actor, audit.reason) == ("create_customer", ann.email, "spring cleaning")
    lines = list(csv.reader("".join(error_lines(whole)).splitlines()))
    assert lines[0] == ["Name", "Currency", "Debit limit", "CPS", "Tags", "Expires", "Line", "What is wrong"]
    shown = ["-5.00", "-5", "-5-2", "=5", "+37061234567"]
    assert [harmless(text) for text in shown] == ["-5.00", "-5", "'-5-2", "'=5", "'+37061234567"]
    secret = begin(ann, "customer", b"Name;Currency;Password\nHotel;EUR;hunter2\n")
    assert secret.rows.get().cells == ["Hotel", "EUR", ""], "what is no field is not kept"
    assert lines[1][0] == "Acme"
    assert "Another customer has this name" in lines[1][-1]
    assert len(lines) == 6


def test_a_workbook_too_large_to_unpack_or_to_read_is_refused_before_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bomb, long = BytesIO(), BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * (uploads.UNPACKED_MOST // 100))
    monkeypatch.setattr(uploads, "UNPACKED_MOST", uploads.UNPACKED_MOST // 200)
    with pytest.raises(CellInvalid, match="send it as CSV"):
        read_file(bomb.getvalue(), "customer")
    book = openpyxl.Workbook()
    assert book.active is not None
    for number in range(40):
        book.active.append(["Name", number])
    book.save(long)
    monkeypatch.setattr(uploads, "MOST_ROWS", 10)
    with pytest.raises(CellInvalid, match="more than 10 rows"):
        read_file(long.getvalue(), "customer")


def test_a_sheet_of_sip_users_contacts_and_clis_is_read_like_a_file_and_passwords_are_forgotten(ann: User) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ["Customer", "Username", "Password", "Channels"],
        ["acme", 7001, "a long password", 3],
        ["Nobody", "x2", "a long password", None],
        ["Acme", "x3", "short", None],
    ):
        sheet.append(row)
    content = BytesIO()
    book.save(content)
    task = begin(ann, "sip_user", content.getvalue())
    assert "a long password" not in str(list(task.rows.values_list("cells", flat=True)))
    work()
    endpoint = Endpoint.objects.get(kind="sip_user")
    assert (endpoint.username, endpoint.channels, endpoint.customer.name) == ("7001", 3, "Acme")
    assert {line: [name for name, _ in errors] for line, errors in errors_of(task).items()} == {
        3: ["customer_id"],
        4: ["password"],
    }
    assert task.rows.get(number=2).cells == ["acme", "7001", "", "3"]
    assert "a long password" not in "".join(error_lines(task))
    begin(ann, "contact", b"company,email,first name\nAcme,carla@acme.example,=Carla\nAcme,none,Carl\n")
    begin(ann, "verified_cli", b"company,cli\nAcme,+37061234567\nAcme,3.7061E+10\n")
    begin(ann, "cli_rule", b"company;cli;cli becomes;forced\nAcme;^9(.*)$;44$1;\n;37052000000;;yes\nAcme;^(9;;\n")
    work()
    rules = CliRule.objects.order_by("id").values_list("customer__name", "cli", "rewrite_cli", "forced")
    assert list(rules) == [("Acme", "^9(.*)$", "44$1", False), (None, "37052000000", "", True)]
    assert "not closed" in errors_of(Task.objects.get(noun="cli_rule"))[4][0][1]
    assert [one.email for one in Contact.objects.all()] == ["carla@acme.example"]
    assert [one.number for one in VerifiedCli.objects.all()] == ["37061234567"]
    task = Task.objects.get(noun="verified_cli")
    assert "scientific" in errors_of(task)[3][0][1]


def test_a_file_of_addresses_makes_endpoints_that_the_same_checks_have_passed(ann: User) -> None:
    rows = (
        "Company;IP address;Tech prefix;CPS;Direction;Extensions;Sends calls",
        "Acme;192.0.2.0/28;77;2.5;;;",
        "Acme;192.0.2.9;;;;2000-2009, 2020;no",
        "Acme;192.0.2.0/28;77;;;;",
        "Acme;nowhere;;;;;",
        "Acme;192.0.2.10;7;;;2030;no",
    )
    task = begin(ann, "ip_endpoint", "\n".join(rows).encode())
    work()
    made = Endpoint.objects.filter(kind="ip").order_by("id")
    assert [(str(one.network), one.tech_prefix, one.cps_milli, one.sends_calls, one.extensions) for one in made] == [
        ("192.0.2.0/28", "77", 2500, True, ""), ("192.0.2.9/32", "", 0, False, "2000-2009, 2020"),
    ]  # fmt: skip
    wrong = {line: [name for name, _ in errors] for line, errors in errors_of(task).items()}
    assert wrong == {4: ["network"], 5: ["network"], 6: ["tech_prefix"]}


def many(account: Account, count: int) -> list[int]:
    with acting(ANN):
        made = [create_customer(account_id=account.pk, name=f"C{n:02}", currency="EUR") for n in range(count)]
    return [customer.pk for customer in made]


def test_a_bulk_edit_is_the_forms_act_for_each_and_a_deletion_can_be_undone(account: Account, ann: User) -> None:
    ids = many(account, 4)
    with acting(actor_of(ann)):
        changes: dict[str, Any] = {"channels": 7, "expires_at": datetime(2027, 1, 1, tzinfo=UTC)}
        edit = start_bulk_edit(account_id=account.pk, noun="customer", record_ids=[*ids, 999_999], changes=changes)
        for bad in ({"name": "All the same"}, {"channels": -1}, {"nothing": 1}, {}):
            with pytest.raises(Invalid):
                start_bulk_edit(account_id=account.pk, noun="customer", record_ids=ids, changes=bad)
    work()
    assert set(Customer.objects.filter(pk__in=ids).values_list("channels", flat=True)) == {7}
    assert errors_of(edit) == {5: [["", "There is no customer 999999."]]}
    audited = Audit.objects.filter(table_name="customer", verb="UPDATE", row_id__in=ids, actor=ann.email)
    assert sorted(audited.values_list("row_id", flat=True)) == ids
    with acting(actor_of(ann)):
        gone = start_bulk_delete(account_id=account.pk, noun="customer", record_ids=ids[:3])
    work()
    assert names() == {"Acme", "C03"}
    with acting(actor_of(ann)):
        back = undo_task(task_id=gone.pk)
        with pytest.raises(Invalid, match="undone"):
            undo_task(task_id=gone.pk)
    work()
    assert names() == {"Acme", "C00", "C01", "C02", "C03"}
    back.refresh_from_db()
    assert (back.kind, back.state, back.done_count) == ("restore", "completed", 3)
    with acting(actor_of(ann)):
        late = start_bulk_delete(account_id=account.pk, noun="customer", record_ids=ids[:1])
    work()
    Task.objects.filter(pk=late.pk).update(ended_at=AT - timedelta(days=400))
    with acting(actor_of(ann)), pytest.raises(Invalid, match="not any more"):
        undo_task(task_id=late.pk)
    assert forget_old(AT) == 1


def test_an_undone_deletion_brings_a_reseller_back_before_its_customers(account: Account, ann: User) -> None:
    with acting(actor_of(ann)):
        zeta = create_customer(account_id=account.pk, name="Zeta", currency="EUR", is_reseller=True)
        alpha = create_customer(account_id=account.pk, name="Alpha", currency="EUR", parent_id=zeta.pk)
        gone = start_bulk_delete(account_id=account.pk, noun="customer", record_ids=[alpha.pk, zeta.pk])
    work()
    assert names() == {"Acme"}
    with acting(actor_of(ann)):
        back = undo_task(task_id=gone.pk)
    work()
    assert (names(), errors_of(back)) == ({"Acme", "Alpha", "Zeta"}, {})


def test_a_task_stops_between_rows_goes_on_where_it_was_and_ends_with_its_authors_rights(
    account: Account, ann: User
) -> None:
    ids = many(account, 4)
    other = user("eve@demo.example", "update_customer", "start_bulk_edit", "cancel_task", "retry_task")
    with acting(actor_of(other)):
        task = start_bulk_edit(account_id=account.pk, noun="customer", record_ids=ids, changes={"channels": 3})
        with pytest.raises(NotPermitted):
            start_bulk_delete(account_id=account.pk, noun="customer", record_ids=ids)
    assert work(2) == 2
    task.refresh_from_db()
    assert (task.state, task.done_count) == ("active", 2)
    with acting(actor_of(ann)):
        cancel_task(task_id=task.pk)
    assert work() == 0
    assert Customer.objects.filter(channels=3).count() == 2
    with acting(actor_of(other)):
        retry_task(task_id=task.pk)
    work(1)
    with acting(ANN):
        update_user(user_id=other.pk, is_active=False)
    work()
    task.refresh_from_db()
    assert (task.state, task.done_count, task.attempt_count) == ("failed", 3, 2)
    assert task.result == "eve@demo.example may no longer do anything here."


def test_a_row_that_the_database_cannot_do_is_tried_again_and_a_fault_spoils_its_row_only(
    account: Account, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = many(account, 3)
    with acting(actor_of(ann)):
        task = start_bulk_edit(account_id=account.pk, noun="customer", record_ids=ids, changes={"channels": 3})
    calls: list[int] = []

    def failing(name: str, arguments: dict[str, Any]) -> object:
        calls.append(arguments["customer_id"])
        if arguments["customer_id"] == ids[0] and calls.count(ids[0]) < 3:
            raise OperationalError("deadlock detected")
        if arguments["customer_id"] == ids[1]:
            raise ZeroDivisionError
        if arguments["customer_id"] == ids[2]:
            raise OperationalError("deadlock detected")
        return update_customer(**arguments)

    monkeypatch.setattr(bulk, "call_act", failing)
    work()
    assert calls == ids, "what was refused waits, and the others go on"
    later = (AT + timedelta(minutes=10 * n) for n in range(1, 100))
    tasks.work(lambda: next(later), AT + timedelta(hours=10))
    task.refresh_from_db()
    assert calls == ids + [ids[0]] * 2 + [ids[2]] * (tasks.ATTEMPTS_MOST - 1)
    assert (task.state, task.done_count, task.failed_count) == ("completed", 1, 2)
    assert "ZeroDivisionError" in errors_of(task)[2][0][1]


def test_users_of_a_reseller_bring_and_touch_only_what_is_theirs(account: Account, ann: User) -> None:
    with acting(ANN):
        baltic = create_customer(account_id=account.pk, name="Baltic", currency="EUR", is_reseller=True)
    rita = user("rita@baltic.example", "*", reseller_id=baltic.pk)
    hers = actor_of(rita, reach=frozenset(), reseller_id=baltic.pk)
    acme_id = Customer.objects.get(name="Acme").pk
    with acting(hers):
        start_upload(
            account_id=account.pk,
            noun="customer",
            headers=["Name", "Currency"],
            rows=[["Corso", "EUR"]],
            mapping={"name": 0, "currency": 1},
        )
        contact = start_upload(
            account_id=account.pk,
            noun="contact",
            headers=["a", "b", "c"],
            rows=[["Acme", "spy@baltic.example", "Spy"]],
            mapping={"customer_id": 0, "email": 1, "first_name": 2},
        )
        edit = start_bulk_edit(account_id=account.pk, noun="customer", record_ids=[acme_id], changes={"channels": 1})
    work()
    assert Customer.objects.get(name="Corso").parent_id == baltic.pk
    assert errors_of(contact)[1][0][0] == "customer_id"
    assert errors_of(edit)[1] == [["", f"There is no customer {acme_id}."]]
    with acting(actor_of(ann)):
        mine = start_bulk_delete(account_id=account.pk, noun="customer", record_ids=[acme_id])
    with acting(hers), pytest.raises(NotFound):
        cancel_task(task_id=mine.pk)


def by_another_worker() -> int:
    """What a worker with a connection of its own does."""
    done: list[int] = []

    def run() -> None:
        done.append(work())
        connection.close()

    thread = Thread(target=run)
    thread.start()
    thread.join()
    return done[0]


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_in_a_row_leaves_it_to_another_and_two_never_do_the_same_row() -> None:
    with acting(ANN):
        account = demo_account()
    ids, ann = many(account, 3), user("ann@demo.example", "*")
    with acting(actor_of(ann)):
        task = start_bulk_edit(account_id=account.pk, noun="customer", record_ids=ids, changes={"channels": 3})
    with transaction.atomic():  # a killed one never commits
        assert tasks._one_row(tasks.Shift(), AT)
        transaction.set_rollback(True)
    assert task.rows.filter(state="done").count() == 0
    with transaction.atomic():
        Task.objects.select_for_update(no_key=True).get(pk=task.pk)
        assert by_another_worker() == 0  # somebody else has it in hand
    work()
    task.refresh_from_db()
    assert (task.state, task.done_count) == ("completed", 3)
    assert Audit.objects.filter(verb="UPDATE", table_name="customer").count() == 3
