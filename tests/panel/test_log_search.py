"""Claims about the search of the logs: by what a person would type there, and by nothing that is not for the reader."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from tests.panel.cast import EURO, Cast, with_rita
from tests.panel.conftest import logged_in
from tollgate.actions.acts import Actor, acting
from tollgate.actions.bulk import start_bulk_edit
from tollgate.actions.customers import update_customer
from tollgate.actions.delays import delay_save
from tollgate.actions.messages import queue
from tollgate.store.models import Audit, Customer, DelayedSave, Message, Task
from tollgate.store.queries import finding, log_finding
from tollgate.store.queries.finding import ids_with

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(params=[finding.FEW, -1], ids=["by the index", "one by one"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What few rows have is found by the index; what very many have is looked for row by row."""
    monkeypatch.setattr(finding, "FEW", request.param)


def found(client: Client, page: str, text: str) -> set[int]:
    """The ids of the rows that a search of a log finds."""
    answer = client.get(page, {"q": text})
    assert answer.status_code == 200, (page, text)
    return {row.pk for row in answer.context["grid"].rows}


@pytest.mark.usefixtures("either_way")
def test_changes_are_found_by_who_from_where_what_why_whose_and_the_values(cast: Cast, ann: Client) -> None:
    actor = Actor("nils@demo.example", frozenset({"*"}), "asked by phone", "user", cast.ann.pk, "192.0.2.77")
    with acting(actor):
        update_customer(customer_id=cast.acme.pk, debit_limit_micros=-25 * EURO, reference="PO-4711")
    change = Audit.objects.filter(actor=actor.name, table_name="customer").latest("id").pk
    record = f"customer {cast.acme.pk}"
    of_acme = f"/customers/{cast.acme.pk}/audit/"
    for text in ("nils@", "NILS@demo", "192.0.2.77", "by phone", "update cust", record, "po-4711", "25000000"):
        assert change in found(ann, "/audit/", text), text
        assert change in found(ann, of_acme, text), text
    assert change in found(ann, "/audit/", "acme"), "what is done to Acme"
    assert change not in found(ann, of_acme, "acme"), "there all is Acme's"
    others = set(Audit.objects.exclude(actor=actor.name).values_list("pk", flat=True))
    assert not found(ann, "/audit/", "by phone") & others
    assert not found(ann, "/audit/", "debit_limit"), "the names of fields are no values"
    assert not found(ann, "/audit/", "PO%4711")


@pytest.mark.usefixtures("either_way")
def test_no_secret_is_found_in_the_log_of_changes_or_of_messages(cast: Cast, ann: Client) -> None:
    link = {"link": "https://demo.example/secret-token", "hours": "24"}
    hidden = queue(account_id=cast.account.pk, template="set_password", values=link, contact=cast.contact, secret=True)
    assert hidden is not None
    for page in ("/audit/", "/messages/"):
        for text in ("secret-token", cast.sip_user.ha1):
            assert not found(ann, page, text), (page, text)


@pytest.mark.usefixtures("either_way")
def test_messages_are_found_by_address_subject_customer_and_state(cast: Cast, ann: Client) -> None:
    Message.objects.all().delete()
    mail = {"account": cast.account, "created_at": datetime.now(UTC)}
    one = Message.objects.create(recipient="carla@acme.example", subject="Invoice 17", customer=cast.acme, **mail).pk
    failed = Message.objects.create(recipient="dan@baltic.example", subject="Balance low", state="failed", **mail).pk
    for text, ids in {
        "CARLA@": {one},
        "invoice 17": {one},
        "acme": {one},
        "baltic": {failed},
        "failed": {failed},
        "queu": {one},
        "nobody": set[int](),
    }.items():
        assert found(ann, "/messages/", text) == ids, text
    for sort in ("recipient", "state", "-sent_at"):
        assert len(ann.get("/messages/", {"sort": sort}).context["grid"].rows) == 2, sort


@pytest.mark.usefixtures("either_way")
def test_jobs_are_found_by_title_type_author_and_why_they_failed(cast: Cast, ann: Client, bob: Client) -> None:
    ticked = {"account_id": cast.account.pk, "record_ids": [cast.acme.pk], "changes": {"channels": 3}}
    with acting(Actor("ann@demo.example", frozenset({"*"}), "a tidy-up", "user", cast.ann.pk)):
        job = start_bulk_edit(noun="customer", **ticked)
    Task.objects.filter(pk=job.pk).update(result="The server said 550.")
    for text in (job.title[:6], "edit", "ann@demo", "said 550", "tidy"):
        assert job.pk in found(ann, "/tasks/", text), text
    assert job.pk not in found(ann, "/tasks/", "recalc")
    for sort in ("kind", "author", "-started_at", "ended_at", "created_at"):
        assert job.pk in {row.pk for row in ann.get("/tasks/", {"sort": sort}).context["grid"].rows}, sort


@pytest.mark.usefixtures("either_way")
def test_delayed_saves_are_found_by_record_field_author_and_value_and_ones_own_alone(cast: Cast, ann: Client) -> None:
    with acting(Actor("ann@demo.example", frozenset({"*"}), "for the fair", "user", cast.ann.pk)):
        one = delay_save(
            act="update_customer",
            arguments={"customer_id": cast.acme.pk, "reference": "FAIR-2027"},
            due_at=datetime.now(UTC) + DAY,
        ).pk
    for text in ("acme", "reference", "ann@demo", "fair-2027", "the fair"):
        assert found(ann, "/delays/", text) == {one}, text
    assert not found(ann, "/delays/", "baltic")
    for sort in ("author", "state", "created_at", "-finished_at"):
        assert [row.pk for row in ann.get("/delays/", {"sort": sort}).context["grid"].rows] == [one], sort
    rita = logged_in(with_rita(cast)[0])
    assert not found(rita, "/delays/", "acme")


@pytest.mark.usefixtures("either_way")
def test_a_resellers_user_finds_nothing_by_who_of_the_operator_did_it(cast: Cast, ann: Client) -> None:
    user, corso = with_rita(cast)[0], Customer.objects.get(name="Corso")
    rita = logged_in(user)
    with acting(Actor("nils@demo.example", frozenset({"*"}), "asked", "user", cast.ann.pk, "192.0.2.99")):
        update_customer(customer_id=corso.pk, reference="PO-88")
        delay_save(
            act="update_customer", arguments={"customer_id": corso.pk, "channels": 7}, due_at=datetime.now(UTC) + DAY
        )
    theirs = Audit.objects.filter(actor="nils@demo.example", table_name="customer", row_id=corso.pk).latest("id").pk
    for text in ("nils", "192.0.2.99"):
        assert theirs in found(ann, "/audit/", text), text
        assert not found(rita, "/audit/", text), text
        assert not found(rita, f"/customers/{corso.pk}/audit/", text), text
        assert not found(rita, "/delays/", text), text
    for text in ("po-88", "corso", "update cust"):
        assert theirs in found(rita, "/audit/", text), text
    assert not found(rita, "/audit/", "acme")
    with acting(Actor(user.email, frozenset({"*"}), "mine", "user", user.pk, "203.0.113.5")):
        update_customer(customer_id=corso.pk, reference="PO-89")
    own = Audit.objects.filter(actor=user.email, table_name="customer").latest("id").pk
    for text in (user.email, "203.0.113.5"):
        assert own in found(rita, "/audit/", text), text


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("most", [log_finding.VALUES_MOST, 1], ids=["few people", "many people"])
def test_changes_are_filtered_by_who_made_them_however_many_people_there_are(
    cast: Cast, ann: Client, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    for name in ("nils@demo.example", "Olga@demo.example", "nils@demo.example as carla@acme.example"):
        with acting(Actor(name, frozenset({"*"}), "for nils", "user", cast.ann.pk)):
            update_customer(customer_id=cast.acme.pk, reference=f"PO-{name}"[:30])
    monkeypatch.setattr(log_finding, "VALUES_MOST", most)
    reads: list[str] = []
    real = log_finding._values
    monkeypatch.setattr(log_finding, "_values", lambda table, column: reads.append(column) or real(table, column))
    for query, names in {
        "f.actor=NILS@": {"nils@demo.example", "nils@demo.example as carla@acme.example"},
        "f.actor=ol": {"Olga@demo.example"},
        "f.actor=carla@acme": {"nils@demo.example as carla@acme.example"},
        "c.actor=begins:olga": {"Olga@demo.example"},
    }.items():
        reads.clear()
        rows = [row for row in ann.get(f"/audit/?{query}").context["grid"].rows if row.reason == "for nils"]
        assert {row.actor for row in rows} == names, query
        assert reads == ["actor"], "once for the rows and their count"


def test_what_few_rows_of_a_resellers_customers_have_is_found_by_the_index_though_very_many_others_have_it(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    rita, corso = logged_in(with_rita(cast)[0]), Customer.objects.get(name="Corso")
    with acting(Actor("setup", frozenset({"*"}), "crowded")):
        update_customer(customer_id=corso.pk, channels=7)
        for number in range(8):
            update_customer(customer_id=cast.acme.pk, channels=10 + number)
    own = set(Audit.objects.filter(customer_id=corso.pk, reason="crowded").values_list("pk", flat=True))
    monkeypatch.setattr(finding, "FEW", 6)
    monkeypatch.setattr(finding, "_estimated", lambda held, text: 0)
    assert ids_with("audit", "crowded") is None, "of all that are very many"
    monkeypatch.setattr(log_finding, "one_by_one", lambda table, text: pytest.fail("compared row by row"))
    assert found(rita, "/audit/", "crowded") == own != set()


def test_what_is_compared_row_by_row_is_counted_no_further_than_a_page(
    cast: Cast, ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert DelayedSave.objects.count() == 0
    Message.objects.all().delete()
    for number in range(120):
        Message.objects.create(account=cast.account, recipient=f"n{number}@crowd.example", subject="News")
    grid = ann.get("/messages/", {"q": "crowd"}).context["grid"]
    assert (len(grid.rows), grid.count_text()) == (100, "100 of 120")
    monkeypatch.setattr(finding, "FEW", -1)
    grid = ann.get("/messages/", {"q": "crowd"}).context["grid"]
    assert (len(grid.rows), grid.count_text()) == (100, "100 of 100+")
    following = ann.get("/messages/" + grid.following_url()).context["grid"]
    assert len(following.rows) == 20, "the rest is walked to"
