"""Claims about mail and SMS to many: a job reaches every contact alone and once, and tells what became of each."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction

from tests.actions.cast import ANN, acme, demo_account, sold_by
from tests.actions.test_customers import refused
from tests.actions.test_messages import serve
from tests.actions.test_tasks import actor_of, user
from tests.gateways.sink import Sink, mail_sink
from tollgate.actions import deliveries, mailings, tasks
from tollgate.actions.acts import Invalid, NotFound, NotPermitted, acting
from tollgate.actions.bulk import start_bulk_edit
from tollgate.actions.contacts import create_contact, update_contact
from tollgate.actions.customers import create_customer, delete_customer
from tollgate.actions.erasures import erase_contact
from tollgate.actions.mailings import (
    GONE,
    TASK_CANCELED,
    Mailing,
    choose_marketing,
    contact_of,
    send_bulk_email,
    send_bulk_sms,
)
from tollgate.actions.messages import (
    MAY_HAVE_ARRIVED,
    UNWANTED,
    cancel_message,
    queue,
    retry_message,
    unsubscribe_link,
)
from tollgate.actions.revisions import publish_revision
from tollgate.actions.tasks import cancel_task, retry_task
from tollgate.actions.users import update_user
from tollgate.store.models import Account, Audit, Contact, Message, Task, User

AT = datetime(2031, 1, 1, tzinfo=UTC)
READERS = {"carla@demo.example", "quiet@demo.example", "dan@demo.example"}


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """A real mail server."""
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "127.0.0.1")
    with mail_sink() as server:
        yield server


@pytest.fixture
def ann(account: Account) -> Iterator[User]:
    """Ann, logged in: a job is done in somebody's name."""
    found = user("ann@demo.example", "*")
    with acting(actor_of(found)):
        yield found


def many(account: Account) -> list[int]:
    """Acme with two contacts, one of whom wants no marketing; Baltic with one; Gone, which was deleted."""
    customers = [
        acme(account),
        *(create_customer(account_id=account.pk, name=name, currency="EUR") for name in ("Baltic", "Gone")),
    ]
    for customer, name in ((0, "carla"), (0, "quiet"), (1, "dan"), (2, "gone")):
        contact = create_contact(customer_id=customers[customer].pk, email=f"{name}@demo.example", first_name=name)
        if name == "quiet":
            choose_marketing(contact_id=contact.pk, marketing=False)
    delete_customer(customer_id=customers[2].pk)
    return [customer.pk for customer in customers]


def begun(mailing: Mailing) -> Task:
    return Task.objects.get(pk=mailing.task_id)


def mail(account: Account, ids: list[int], **more: Any) -> Task:
    given: dict[str, Any] = {"subject": "News for {{company.name}}", "text": "Dear {{name}}, <now>", **more}
    return begun(send_bulk_email(account_id=account.pk, customer_ids=ids, **given))


def hand_over(rows: int = 1000) -> None:
    """So many rows, as a worker does them; few are done one by one, to stop between them."""
    ticks = iter([AT] * rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mailings, "AT_A_TIME", 1 if rows < 1000 else mailings.AT_A_TIME)
        tasks.work(lambda: next(ticks, AT + timedelta(hours=1)), AT + timedelta(minutes=1))


def send(at: datetime = AT) -> None:
    """All that is due, and what its jobs make of it."""
    while deliveries.deliver_next(at):
        pass
    tasks.follow()


def got(sink: Sink) -> Counter[str]:
    """Who got how many letters."""
    return Counter(str(letter["To"]) for letter in sink.letters)


def rows(task: Task) -> dict[str, str]:
    """The state of each row by the reader's address."""
    return {row.title.rpartition(", ")[2]: row.state for row in task.rows.all()}


def figures(task: Task) -> tuple[str, int, int, int]:
    task.refresh_from_db()
    return task.state, task.done_count, task.failed_count, task.total_count


def test_a_mailing_is_a_job_that_reaches_every_contact_alone(account: Account, ann: User, sink: Sink) -> None:
    serve(account, sink)
    done = send_bulk_email(
        account_id=account.pk, customer_ids=many(account), subject="For {{company.name}}", text="Dear {{name}}, <now>"
    )
    assert (done.queued_count, done.unwanted_count, done.without_address_count) == (3, 0, 0)
    task = begun(done)
    assert (task.kind, task.act, task.title) == ("send", "send_bulk_email", "Mail to 3 contacts: For {{company.name}}")
    assert (task.author, Message.objects.count()) == (ann.email, 0), "nothing is made while somebody waits"
    hand_over()
    assert figures(task) == ("active", 0, 0, 3), "a mail that waits for its server is not done"
    tasks.follow()
    assert figures(task) == ("active", 0, 0, 3)
    deliveries.deliver_next(AT)
    tasks.follow()
    assert figures(task) == ("active", 1, 0, 3)
    send()
    assert figures(task) == ("completed", 3, 0, 3)
    assert task.ended_at is not None
    assert {len(found) for _, found in sink.envelopes} == {1}
    assert got(sink) == dict.fromkeys(READERS, 1)
    letters = {str(letter["To"]): letter for letter in sink.letters}
    assert letters["dan@demo.example"]["Subject"] == "For Baltic"
    assert "carla" not in letters["dan@demo.example"].as_string()
    assert letters["dan@demo.example"]["List-Unsubscribe"] is None
    message = Message.objects.get(recipient="dan@demo.example")
    assert "Dear dan, &lt;now&gt;" in message.html
    assert message.created_by == ann.email
    assert Audit.objects.filter(verb="SEND", actor=ann.email).count() == 1


def test_marketing_goes_only_to_who_wants_it_and_can_be_ended_without_a_login(
    account: Account, ann: User, sink: Sink
) -> None:
    serve(account, sink)
    ids = many(account)
    offer: dict[str, Any] = {"account_id": account.pk, "customer_ids": ids, "subject": "Offer", "text": "Cheap"}
    first = send_bulk_email(**offer, marketing=True)
    assert (first.queued_count, first.unwanted_count) == (2, 1)
    hand_over()
    dan = Contact.objects.get(email="dan@demo.example")
    link = unsubscribe_link(dan, None)
    send()
    letter = next(letter for letter in sink.letters if str(letter["To"]) == dan.email)
    assert letter["List-Unsubscribe"] == f"<{link}>"
    assert link in Message.objects.get(contact=dan).text
    token = link.rstrip("/").rpartition("/")[2]
    assert contact_of(token) == dan
    for wrong in (f"{dan.pk + 1}:{token.partition(':')[2]}", "x", ""):
        with pytest.raises(NotFound):
            contact_of(wrong)
    waiting, unreached = (begun(send_bulk_email(**offer, marketing=True)) for _ in range(2))
    tasks.work(lambda: AT, AT + timedelta(minutes=1), task_id=waiting.pk)
    choose_marketing(contact_id=dan.pk, marketing=False)
    hand_over()
    send()
    assert got(sink) == {"carla@demo.example": 3, "dan@demo.example": 1}
    canceled = Message.objects.get(state="canceled")
    assert (canceled.contact, canceled.error) == (dan, UNWANTED)
    assert refused("message_id", retry_message, message_id=canceled.pk) == UNWANTED
    for task in (waiting, unreached):
        assert figures(task) == ("completed", 1, 1, 2)
        assert task.rows.get(state="failed").errors == [["", UNWANTED]]
    assert send_bulk_email(**offer, marketing=True).queued_count == 1
    assert queue(account_id=account.pk, template="password_changed", values={}, contact=dan) is not None


def test_a_marketing_sms_has_the_same_way_out_and_another_has_none(account: Account, ann: User) -> None:
    many(account)
    dan = Contact.objects.get(email="dan@demo.example")
    update_contact(contact_id=dan.pk, mobile="+37061234567")
    sms: dict[str, Any] = {"account_id": account.pk, "customer_ids": [dan.customer_id], "text": "Hi {{name}}"}
    for marketing in (True, False):
        send_bulk_sms(**sms, marketing=marketing)
        hand_over()
    link = unsubscribe_link(dan, None)
    said = Message.objects.filter(kind="sms").order_by("pk").values_list("text", "html")
    assert list(said) == [(f"Hi dan\nNo more: {link}", ""), ("Hi dan", "")]
    choose_marketing(contact_id=contact_of(link.rstrip("/").rpartition("/")[2]).pk, marketing=False)
    assert send_bulk_sms(**sms, marketing=True).unwanted_count == 1


def test_a_mailing_says_what_is_wrong_with_it(account: Account, ann: User) -> None:
    ids = many(account)
    good: dict[str, Any] = {"account_id": account.pk, "customer_ids": ids, "subject": "S", "text": "T"}
    for field, value in (
        ("text", "{{nobody}}"),
        ("subject", ""),
        ("html", "{{#if}}"),
        ("customer_ids", []),
        ("card_ids", [99]),
    ):
        refused(field, send_bulk_email, **{**good, field: value})
    nobody = send_bulk_sms(account_id=account.pk, customer_ids=ids, text="T")
    assert (nobody.queued_count, nobody.without_address_count, nobody.task_id) == (0, 3, None)
    with acting(ANN), pytest.raises(Invalid, match="Only a user"):
        send_bulk_email(**good)
    with acting(actor_of(user("eve@demo.example", "send_bulk_sms"))), pytest.raises(NotPermitted):
        send_bulk_email(**good)
    assert not Task.objects.exists()


def test_customer_cards_go_along_with_the_prices_in_force(account: Account, ann: User, sink: Sink) -> None:
    serve(account, sink)
    ids, card = many(account), sold_by(account)
    prices = [{"prefix": "44", "destination": "UK", "price_nanos": 60_000_000, "initial_s": 60, "increment_s": 1}]
    publish_revision(card_id=card.pk, rows=prices, effective_at=datetime(2020, 1, 1, tzinfo=UTC))
    mail(account, ids[1:2], card_ids=[card.pk])
    hand_over()
    send()
    (attached,) = sink.letters[0].iter_attachments()
    assert attached.get_filename() == "Acme A-Z.csv"
    lines = list(csv.reader(io.StringIO(attached.get_content())))
    assert lines[0][2] == "Price (EUR/min)"
    assert lines[1] == ["44", "UK", "0.06", "0", "60", "1", "0", "0", "no", ""]


def test_a_mailing_has_an_end_for_all_and_for_each(
    account: Account, ann: User, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(account, sink)
    ids = many(account)
    monkeypatch.setattr(mailings, "SIGNS_MOST", 3000)
    given: dict[str, Any] = {"account_id": account.pk, "customer_ids": ids, "subject": "S", "html": "H"}
    for words in ("T" * 1000, "{{account.name}}" * 80):
        assert "write less" in refused("customer_ids", send_bulk_email, **given, text=words)
    assert not Task.objects.exists()
    Contact.objects.filter(email="dan@demo.example").update(first_name="D" * 100)
    task = mail(account, ids, subject="S", html="H", text=f"{'T' * 900}{{{{name}}}}")
    hand_over()
    send()
    assert figures(task) == ("completed", 2, 1, 3)
    assert "too long" in task.rows.get(state="failed").errors[0][1]
    assert got(sink) == {"carla@demo.example": 1, "quiet@demo.example": 1}


def test_what_failed_is_tried_again_from_its_job_and_what_was_sent_is_not(
    account: Account, ann: User, sink: Sink
) -> None:
    serve(account, sink)
    task = mail(account, many(account))
    hand_over()
    deliveries.deliver_next(AT)
    sink.refuse["RCPT"] = "550 no such user"
    send()
    assert figures(task) == ("completed", 1, 2, 3)
    (words,) = {row.errors[0][1] for row in task.rows.filter(state="failed")}
    assert "no such user" in words
    sink.refuse["RCPT"] = "451 later"
    retry_task(task_id=task.pk)
    hand_over()
    send()
    assert figures(task) == ("active", 1, 0, 3)
    assert {row.errors[0][1] for row in task.rows.filter(state="sending")} != {words}, "what is wrong is told meanwhile"
    sink.refuse.clear()
    Contact.objects.filter(email="dan@demo.example").update(email="dan@baltic.example")
    cancel_task(task_id=task.pk)
    retry_task(task_id=task.pk)
    hand_over()
    send()
    assert figures(task) == ("completed", 3, 0, 3)
    assert got(sink) == dict.fromkeys((READERS - {"dan@demo.example"}) | {"dan@baltic.example"}, 1)
    assert Message.objects.count() == 3, "a retry takes the same message, with the address of now"
    refused("task_id", retry_task, task_id=task.pk)


def test_a_message_sent_again_from_the_log_is_done_in_its_job(account: Account, ann: User, sink: Sink) -> None:
    serve(account, sink)
    task = mail(account, many(account))
    hand_over()
    stopped, refused_one = Message.objects.order_by("pk")[:2]
    cancel_message(message_id=stopped.pk)
    Message.objects.filter(pk=refused_one.pk).update(state="failed", error="550 no such user")
    send()
    assert figures(task) == ("completed", 1, 2, 3)
    assert {row.errors[0][1] for row in task.rows.filter(state="failed")} == {mailings.CANCELED, "550 no such user"}
    for message in (stopped, refused_one):
        retry_message(message_id=message.pk)
    send()
    assert figures(task) == ("completed", 3, 0, 3)
    assert got(sink) == dict.fromkeys(READERS, 1)


def test_cancel_stops_what_no_server_was_asked_to_take_and_the_rest_may_follow(
    account: Account, ann: User, sink: Sink
) -> None:
    serve(account, sink)
    task = mail(account, many(account))
    hand_over(2)
    deliveries.deliver_next(AT)
    cancel_task(task_id=task.pk)
    send()
    assert figures(task) == ("canceled", 1, 0, 3)
    assert sorted(rows(task).values()) == ["done", "waiting", "waiting"]
    assert Message.objects.get(state="canceled").error == TASK_CANCELED
    hand_over()
    send()
    assert got(sink).total() == 1
    retry_task(task_id=task.pk)
    hand_over()
    send()
    assert figures(task) == ("completed", 3, 0, 3)
    assert got(sink) == dict.fromkeys(READERS, 1)


def test_a_link_that_somebody_waits_for_goes_before_a_mailing(account: Account, ann: User, sink: Sink) -> None:
    serve(account, sink)
    mail(account, many(account))
    hand_over()
    dan = Contact.objects.get(email="dan@demo.example")
    link = queue(account_id=account.pk, template="password_changed", values={}, contact=dan)
    assert deliveries.deliver_next(AT) == link
    send()
    assert got(sink) == {**dict.fromkeys(READERS, 1), "dan@demo.example": 2}


def test_a_worker_that_dies_sends_nobody_the_same_twice(account: Account, ann: User, sink: Sink) -> None:
    serve(account, sink)
    task = mail(account, many(account))
    with transaction.atomic():  # a worker killed in a row never commits
        assert tasks._one_row(tasks.Shift(), AT)
        transaction.set_rollback(True)
    assert not Message.objects.exists()
    hand_over()
    dying = Message.objects.order_by("next_at", "pk")[0]
    deliveries._claim(dying, AT)
    deliveries._send_mail(dying, AT)  # the server has it, and its worker is killed before it writes so
    send()
    assert figures(task) == ("active", 2, 0, 3)
    later = AT + timedelta(minutes=deliveries.LEASE_MIN)
    send(later)
    assert figures(task) == ("completed", 2, 1, 3)
    assert task.rows.get(state="failed").errors == [["", MAY_HAVE_ARRIVED]]
    retry_task(task_id=task.pk)
    hand_over()
    send(later)
    assert figures(task) == ("completed", 2, 1, 3)
    assert got(sink) == dict.fromkeys(READERS, 1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.create(account=account, recipient="carla@demo.example", task_row=dying.task_row)
    retry_message(message_id=dying.pk)  # a person knows better
    send(later)
    assert figures(task) == ("completed", 3, 0, 3)
    assert got(sink)[dying.recipient] == 2


@pytest.mark.django_db(transaction=True)
def test_four_workers_at_once_write_to_each_contact_once(sink: Sink) -> None:
    with acting(ANN):
        account = demo_account()
        serve(account, sink)
        customer = acme(account)
        for number in range(12):
            create_contact(customer_id=customer.pk, email=f"reader{number}@acme.example", first_name=f"R{number}")
    with acting(actor_of(user("ann@demo.example", "*"))):
        task = mail(account, [customer.pk])
    together = Barrier(4)

    def work() -> None:
        together.wait()
        for _ in range(100):
            hand_over()
            send()
            if not Task.objects.filter(state__in=tasks.OPEN).exists():
                break
        connections.close_all()

    workers = [Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert figures(task) == ("completed", 12, 0, 12)
    assert got(sink) == {f"reader{number}@acme.example": 1 for number in range(12)}


def test_who_may_mail_no_more_or_is_erased_is_left_out(account: Account, ann: User, sink: Sink) -> None:
    serve(account, sink)
    ids = many(account)
    task = mail(account, ids)
    hand_over(1)
    carla = Contact.objects.get(email="carla@demo.example")
    erase_contact(contact_id=carla.pk, reason="she asked")
    erase_contact(contact_id=Contact.objects.get(email="quiet@demo.example").pk, reason="so did he")
    hand_over()
    send()
    assert figures(task) == ("completed", 1, 2, 3)
    failed = task.rows.filter(state="failed").order_by("number")
    assert [row.title for row in failed] == ["", ""]
    assert failed[0].errors == [["", GONE]]
    assert failed[1].errors == [["", mailings.NOBODY]]
    eve = user("eve@demo.example", "send_bulk_email")
    with acting(actor_of(eve)):
        hers = mail(account, ids)
    with acting(ANN):
        update_user(user_id=eve.pk, is_active=False)
    hand_over()
    send()
    assert figures(hers) == ("failed", 0, 0, 1)
    assert got(sink) == {"dan@demo.example": 1}


@pytest.mark.parametrize("handed_over", [2, 3])
def test_what_waits_for_a_server_goes_out_no_more_once_its_author_may_not_mail(
    account: Account, ann: User, sink: Sink, handed_over: int
) -> None:
    serve(account, sink)
    ids, eve = many(account), user("eve@demo.example", "send_bulk_email")
    with acting(actor_of(eve)):
        task = mail(account, ids)
    hand_over(handed_over)
    deliveries.deliver_next(AT)
    with acting(ANN):
        update_user(user_id=eve.pk, is_active=False)
    hand_over()
    tasks.follow()
    send()
    assert figures(task) == ("failed", 1, 0, 3)
    assert got(sink).total() == 1
    assert sorted(rows(task).values()) == ["done", "waiting", "waiting"]
    with acting(ANN):
        update_user(user_id=eve.pk, is_active=True)
    retry_task(task_id=task.pk)
    hand_over()
    send()
    assert figures(task) == ("completed", 3, 0, 3)
    assert got(sink) == dict.fromkeys(READERS, 1), "who got it before does not get it again"


def test_rows_are_written_in_batches_and_only_so_far_ahead_of_the_server(
    account: Account, ann: User, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(account, sink)
    customer = acme(account)
    for number in range(7):
        create_contact(customer_id=customer.pk, email=f"c{number}@demo.example", first_name="C")
    monkeypatch.setattr(mailings, "AT_A_TIME", 2)
    monkeypatch.setattr(mailings, "AHEAD", 5)
    task = mail(account, [customer.pk])
    hand_over()
    assert Message.objects.filter(state="queued").count() == 5
    assert Counter(rows(task).values()) == {"sending": 5, "waiting": 2}
    deliveries.deliver_next(AT)
    hand_over()
    assert Message.objects.filter(state="queued").count() == 5
    cancel_task(task_id=task.pk)
    assert Counter(rows(task).values()) == {"sending": 1, "waiting": 6}
    send()
    retry_task(task_id=task.pk)
    while figures(task)[0] != "completed":
        hand_over()
        send()
    assert figures(task) == ("completed", 7, 0, 7)
    assert got(sink) == {f"c{number}@demo.example": 1 for number in range(7)}


def test_what_does_not_get_through_at_once_holds_nobody_up(
    account: Account, ann: User, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(account, sink)
    monkeypatch.setattr(mailings, "AHEAD", 1)
    task = mail(account, many(account))
    sink.refuse["RCPT"] = "451 later"
    for _ in range(3):
        hand_over()
        send()
    assert Counter(rows(task).values()) == {"sending": 3}
    assert Message.objects.filter(tries_count=1).count() == 3


def test_one_reader_whose_words_cannot_be_filled_does_not_keep_the_others_waiting(
    account: Account, ann: User, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(account, sink)
    ids = many(account)
    wrong = "“Carla Rossi” is no number"
    assert wrong in refused(
        "text", send_bulk_email, account_id=account.pk, customer_ids=ids, subject="S", text="{{math name '+' 1}}"
    )
    task = mail(account, ids)
    real, broken = mailings._message, Contact.objects.get(email="dan@demo.example")

    def fails(task: Task, row: Any, reader: Any, *more: Any) -> Message:
        if reader.contact == broken:
            raise ZeroDivisionError
        return real(task, row, reader, *more)

    monkeypatch.setattr(mailings, "_message", fails)
    hand_over()
    send()
    assert figures(task) == ("completed", 2, 1, 3)
    assert "fault of the program" in task.rows.get(state="failed").errors[0][1]
    assert got(sink) == {"carla@demo.example": 1, "quiet@demo.example": 1}


def test_a_mailing_has_a_limit_of_contacts_and_of_customers(
    account: Account, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = many(account)
    given: dict[str, Any] = {"account_id": account.pk, "subject": "S", "text": "T"}
    assert "ids of customers" in refused("customer_ids", send_bulk_email, **given, customer_ids=["1}"])
    monkeypatch.setattr(mailings, "MOST", 2)
    assert "more than 2 contacts" in refused("customer_ids", send_bulk_email, **given, customer_ids=ids)
    monkeypatch.setattr(tasks, "MOST_ROWS", 2)
    assert "at most 2 customers" in refused("customer_ids", send_bulk_email, **given, customer_ids=ids)
    assert not Task.objects.exists()


def test_a_mailing_and_another_job_take_turns_however_many_contacts_it_has(account: Account, ann: User) -> None:
    mailing = mail(account, many(account))
    edited = list(account.customers.filter(deleted_at=None).values_list("pk", flat=True))
    other = start_bulk_edit(account_id=account.pk, noun="customer", record_ids=edited, changes={"channels": 3})
    hand_over(4)
    assert figures(other) == ("completed", 2, 0, 2)
    assert sorted(rows(mailing).values()) == ["sending", "sending", "waiting"]
