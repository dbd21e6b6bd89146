"""Claims about what is deleted and comes back: as it was, by its own id, once, in its time, and never a person who was
erased."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from threading import Thread
from typing import Any

import pytest
from django.db import connection, models
from django.db.models import QuerySet

from tests.actions.cast import ANN, acme, bought_by, demo_account, sold_by
from tests.actions.test_customers import refused
from tests.actions.test_tasks import actor_of, by_another_worker, errors_of, user, work
from tollgate.actions import custom_pages, records
from tollgate.actions.access_numbers import create_access_number
from tollgate.actions.acts import ACTS, Actor, NotFound, NotPermitted, acting
from tollgate.actions.alert_watch import watch
from tollgate.actions.alerts import create_alert, delete_alert, restore_alert
from tollgate.actions.aliases import create_alias
from tollgate.actions.bulk import DELETES, start_bulk_delete
from tollgate.actions.cards import delete_card
from tollgate.actions.carriers import create_gateway
from tollgate.actions.cli_rules import create_cli_rule
from tollgate.actions.clis import add_verified_cli
from tollgate.actions.conferences import create_conference_room
from tollgate.actions.contacts import (
    create_contact,
    delete_contact,
    delete_contacts,
    restore_contact,
    update_contact,
    verify_contact_email,
)
from tollgate.actions.custom_pages import create_custom_page
from tollgate.actions.customers import create_customer, delete_customer, restore_customer
from tollgate.actions.deleted_records import KEPT, WITHIN, forget_old
from tollgate.actions.departments import create_department, delete_department
from tollgate.actions.dids import create_did
from tollgate.actions.endpoints import (
    create_ip_endpoint,
    create_sip_user,
    delete_endpoint,
    restore_endpoint,
    update_endpoint,
)
from tollgate.actions.erasures import erase_contact
from tollgate.actions.localizations import create_localization
from tollgate.actions.number_blocks import assign_number_block, delete_number_block
from tollgate.actions.options import update_options
from tollgate.actions.reports import create_report
from tollgate.actions.retention import place_legal_hold, release_legal_hold
from tollgate.actions.routes import create_ingress_route, delete_ingress_route, restore_ingress_route
from tollgate.actions.tags import create_tag, delete_tag
from tollgate.actions.tasks import restoring, undo_task
from tollgate.actions.taxes import create_tax
from tollgate.actions.users import create_user_group, update_user_group
from tollgate.actions.webhooks import create_webhook
from tollgate.core import aliases, cli_rules
from tollgate.store.models import (
    Account,
    Alert,
    AlertEvent,
    ApiToken,
    Audit,
    Card,
    Contact,
    ContactSession,
    Customer,
    DeletedRecord,
    Endpoint,
    Extension,
    Gateway,
    IngressRoute,
    RouteOption,
    SavedReport,
    SignInLink,
    SignInProvider,
    Task,
    User,
    UserGroup,
)

pytestmark = pytest.mark.django_db
LOGIN = {"username": "2005", "password": "a long secret"}
NOUNS = sorted(noun for noun, deletion in DELETES.items() if restoring(deletion.act) in ACTS and noun != "customer")


@dataclass(frozen=True)
class Scene:
    """Acme, with what may be deleted of it and around it."""

    account: Account
    acme: Customer
    card: Card
    carrier_card: Card
    ann: User

    def make(self, noun: str) -> Any:
        """A record of a noun that nothing uses, with every field that its act takes set to something of its own."""
        of, owner = {"account_id": self.account.pk}, {"customer_id": self.acme.pk}
        carrier_id = self.carrier_card.carrier_id
        make: Mapping[str, Callable[[], Any]] = {
            "access_number": lambda: create_access_number(**of, number="37052000010", name="Riga"),
            "alert": lambda: create_alert(
                **of, **owner, title="Low", area="balance", operator="<", threshold_micros=1, recipients=["a@b.example"]
            ),
            "alias": lambda: create_alias(**of, **owner, current="800", new="442079460001", notes="old"),
            "cli": lambda: add_verified_cli(**owner, number="+37061234567"),
            "cli_rule": lambda: create_cli_rule(**of, **owner, cli="37052000000", forced=True, weight=7),
            "conference_room": lambda: create_conference_room(
                **owner, name="Daily", extension=2004, host="192.0.2.9", channels=3
            ),
            "contact": lambda: create_contact(
                **owner, email="carla@acme.example", first_name="Carla", password=LOGIN["password"]
            ),
            "custom_page": lambda: create_custom_page(**of, name="Prices", content="# Prices"),
            "did": lambda: create_did(**of, number="37052000001", carrier_id=carrier_id, private_note="spare"),
            "endpoint": lambda: create_sip_user(**owner, **LOGIN, channels=2, name="Desk"),
            "gateway": lambda: create_gateway(carrier_id=carrier_id, name="Main", host="192.0.2.40", weight=7),
            "ingress_route": lambda: create_ingress_route(
                **owner, name="World", card_id=self.card.pk, options=[{"card_id": self.carrier_card.pk, "weight": 7}]
            ),
            "localization": lambda: create_localization(**of, name="Spain", originate_cld="00/*"),
            "number_block": lambda: assign_number_block(**owner),
            "report": lambda: create_report(**of, name="Mine", dimensions=["customer"]),
            "tag": lambda: create_tag(**of, name="Gold", color="red"),
            "tax": lambda: create_tax(**of, name="VAT", rate_ppm=210_000),
            "webhook": lambda: create_webhook(**of, title="Books", url="https://books.example/hook"),
        }
        return make[noun]()

    def delete(self, noun: str, *ids: int) -> Task:
        """A job of Ann that deletes them, done."""
        with acting(actor_of(self.ann)):
            gone = start_bulk_delete(account_id=self.account.pk, noun=noun, record_ids=ids)
        work()
        gone.refresh_from_db()
        assert errors_of(gone) == {}
        return gone

    def undo(self, gone: Task) -> dict[int, list[list[str]]]:
        """What went wrong when Ann undid it."""
        with acting(actor_of(self.ann)):
            back = undo_task(task_id=gone.pk)
        work()
        return errors_of(back)


@pytest.fixture
def scene(account: Account) -> Scene:
    update_options(account_id=account.pk, block_start=2000, block_size=10)
    customer = acme(account, channels=10)
    return Scene(account, customer, sold_by(account), bought_by(account), user("ann@demo.example", "*"))


def whole(record: models.Model) -> str:
    """The row as the database has it, secrets and all."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT to_jsonb(t)::text FROM {record._meta.db_table} AS t WHERE id = %s", [record.pk])
        (text,) = cursor.fetchone()
    return str(text)


def there(record: models.Model) -> bool:
    found: QuerySet[Any] = QuerySet(type(record))
    return found.filter(pk=record.pk).exists()


@pytest.mark.parametrize("noun", NOUNS)
def test_what_a_job_deletes_is_gone_and_its_undo_brings_it_back_as_it_was(scene: Scene, noun: str) -> None:
    record = scene.make(noun)
    before = whole(record)
    gone = scene.delete(noun, record.pk)
    assert not there(record)
    assert scene.undo(gone) == {}
    assert whole(record) == before
    told = Audit.objects.filter(table_name=record._meta.db_table, row_id=record.pk).order_by("id")
    assert [(row.verb, row.actor) for row in told][-2:] == [("DELETE", scene.ann.email), ("INSERT", scene.ann.email)]
    assert told.last().act == restoring(DELETES[noun].act)  # type: ignore[union-attr]
    assert not DeletedRecord.objects.exists()


def test_a_contact_comes_back_with_its_password_what_was_verified_and_its_provider_but_nobody_is_let_in(
    scene: Scene,
) -> None:
    carla = scene.make("contact")
    verify_contact_email(contact_id=carla.pk, reason="saw the passport")
    Contact.objects.filter(pk=carla.pk).update(totp_secret="sealed", recovery_hashes=["x"], password_must_change=False)
    provider = SignInProvider.objects.create(
        account=scene.account, title="Okta", serves="contacts", issuer="i", client_id="c"
    )
    SignInLink.objects.create(provider=provider, subject="00u1", contact=carla)
    ContactSession.objects.create(contact=carla, key_hash="k", ip="192.0.2.1")
    before, link = whole(carla), whole(SignInLink.objects.get())
    delete_contact(contact_id=carla.pk)
    assert (SignInLink.objects.count(), ContactSession.objects.count()) == (0, 0)
    assert restore_contact(contact_id=carla.pk) == carla
    assert whole(carla) == before
    assert [whole(one) for one in SignInLink.objects.all()] == [link]
    assert not ContactSession.objects.exists(), "a login that was over stays over"


@pytest.mark.parametrize("several", [False, True])
def test_the_api_tokens_of_a_deleted_contact_stay_over(scene: Scene, *, several: bool) -> None:
    carla = scene.make("contact")
    token = ApiToken.objects.create(contact_id=carla.pk, name="Books", shown="tg_1", secret_hash="h", scopes=["*"])
    if several:
        delete_contacts(contact_ids=[carla.pk])
    else:
        delete_contact(contact_id=carla.pk)
    restore_contact(contact_id=carla.pk)
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_a_contact_whose_department_is_gone_comes_back_in_general(scene: Scene) -> None:
    desk = create_department(account_id=scene.account.pk, name="Night desk")
    carla, emil = (
        create_contact(customer_id=scene.acme.pk, email=f"{name}@acme.example", first_name=name, kind=desk.key)
        for name in ("carla", "emil")
    )
    for one in (carla, emil):
        delete_contact(contact_id=one.pk)
    assert restore_contact(contact_id=emil.pk).kind == desk.key
    delete_contact(contact_id=emil.pk)
    delete_department(department_id=desk.pk)
    assert restore_contact(contact_id=carla.pk).kind == "general"


def test_an_endpoint_comes_back_with_its_extension_and_as_what_the_account_calls_from(scene: Scene) -> None:
    desk = scene.make("endpoint")
    Account.objects.filter(pk=scene.account.pk).update(circuit_user=desk)
    delete_endpoint(endpoint_id=desk.pk)
    scene.account.refresh_from_db()
    assert (scene.account.circuit_user, Extension.objects.count()) == (None, 0)
    restore_endpoint(endpoint_id=desk.pk)
    scene.account.refresh_from_db()
    assert scene.account.circuit_user == desk
    assert [(one.first, one.endpoint) for one in Extension.objects.all()] == [(2005, desk)]


def test_what_was_chosen_meanwhile_stays(scene: Scene) -> None:
    desk, other = scene.make("endpoint"), create_sip_user(customer_id=scene.acme.pk, **LOGIN | {"username": "hall"})
    Account.objects.filter(pk=scene.account.pk).update(circuit_user=desk)
    delete_endpoint(endpoint_id=desk.pk)
    Account.objects.filter(pk=scene.account.pk).update(circuit_user=other)
    restore_endpoint(endpoint_id=desk.pk)
    scene.account.refresh_from_db()
    assert scene.account.circuit_user == other


def test_what_has_its_place_by_now_is_told_and_the_others_come_back(scene: Scene) -> None:
    owner = {"customer_id": scene.acme.pk}
    taken, other = create_ip_endpoint(**owner, network="192.0.2.7"), create_ip_endpoint(**owner, network="192.0.2.8")
    user_2005 = scene.make("endpoint")
    gone = scene.delete("endpoint", taken.pk, other.pk, user_2005.pk)
    create_ip_endpoint(**owner, network="192.0.2.7")
    create_sip_user(**owner, **LOGIN)
    wrong = scene.undo(gone)
    assert {errors[0][0] for errors in wrong.values()} == {"network", "username"}
    assert ["username", "Duplicate User Detected"] in [errors[0] for errors in wrong.values()]
    assert [there(one) for one in (taken, other, user_2005)] == [False, True, False]
    scene.make("contact")
    delete_contact(contact_id=Contact.objects.get().pk)
    carla = DeletedRecord.objects.get(table_name="contact").record_id
    scene.make("contact")
    assert "logs in with this email" in refused("email", restore_contact, contact_id=carla)


def test_channels_that_others_have_by_now_are_told(scene: Scene) -> None:
    desk = scene.make("endpoint")
    delete_endpoint(endpoint_id=desk.pk)
    create_sip_user(customer_id=scene.acme.pk, **LOGIN | {"username": "hall"}, channels=9)
    assert "capacity" in refused("channels", restore_endpoint, endpoint_id=desk.pk)


def test_an_address_that_a_carrier_has_by_now_is_not_called_again(scene: Scene) -> None:
    called = create_ip_endpoint(customer_id=scene.acme.pk, network="192.0.2.40", extensions="2001-2003")
    delete_endpoint(endpoint_id=called.pk)
    scene.make("gateway")
    assert "gateway is there" in refused("network", restore_endpoint, endpoint_id=called.pk)
    Gateway.objects.all().delete()
    restore_endpoint(endpoint_id=called.pk)
    assert [(one.first, one.last) for one in Extension.objects.all()] == [(2001, 2003)]


def test_a_block_and_an_extension_that_others_have_by_now_are_told(scene: Scene) -> None:
    block = scene.make("number_block")
    delete_number_block(number_block_id=block.pk)
    baltic = create_customer(account_id=scene.account.pk, name="Baltic", currency="EUR")
    assert assign_number_block(customer_id=baltic.pk).first == block.first
    words = refused("number_block_id", ACTS["restore_number_block"], number_block_id=block.pk)
    assert "Another has numbers of this block" in words


def test_a_route_whose_card_is_gone_by_now_is_told_of(scene: Scene) -> None:
    for field, card, words in (
        ("card", scene.card, "Its card is gone by now"),
        ("carrier", scene.carrier_card, "A card of its route options is gone by now"),
    ):
        route = scene.make("ingress_route")
        delete_ingress_route(ingress_route_id=route.pk)
        delete_card(card_id=card.pk)
        assert words in refused("ingress_route_id", restore_ingress_route, ingress_route_id=route.pk), field
        DeletedRecord.objects.all().delete()
        if field == "card":
            object.__setattr__(scene, "card", sold_by(scene.account, "Anew"))
    assert (IngressRoute.objects.count(), RouteOption.objects.count()) == (0, 0)


def test_a_tag_comes_back_with_what_watched_it(scene: Scene) -> None:
    tag = scene.make("tag")
    watch: dict[str, Any] = {"title": "Low", "area": "balance", "operator": "<", "threshold_micros": 1}
    alert = create_alert(account_id=scene.account.pk, tag_id=tag.pk, recipients=["a@b.example"], **watch)
    delete_tag(tag_id=tag.pk)
    assert not Alert.objects.exists()
    ACTS["restore_tag"](tag_id=tag.pk)
    assert list(Alert.objects.values_list("pk", "tag_id")) == [(alert.pk, tag.pk)]


def test_a_restored_alert_is_armed_anew_and_holds_nobody_for_what_was_changed_meanwhile(scene: Scene) -> None:
    alert = create_alert(
        account_id=scene.account.pk, customer_id=scene.acme.pk, title="Edits", area="change",
        recipients=["a@b.example"], penalty_s=300,
    )  # fmt: skip
    desk = scene.make("endpoint")
    assert watch(records.now()) == 0, "the first look remembers where it stands"
    update_endpoint(endpoint_id=desk.pk, name="Hall")
    later = records.now() + timedelta(minutes=1)
    assert watch(later) == 1
    scene.acme.refresh_from_db()
    held = scene.acme.status
    assert held == "penalty"
    delete_alert(alert_id=alert.pk)
    update_endpoint(endpoint_id=desk.pk, name="Attic")
    restore_alert(alert_id=alert.pk)
    assert (alert.states.count(), AlertEvent.objects.count()) == (0, 0), "its history stays gone"
    assert (watch(later), watch(later)) == (0, 0)
    update_endpoint(endpoint_id=desk.pk, name="Cellar")
    assert watch(later) == 1, "what is changed from now on is told"


@pytest.mark.parametrize(
    ("noun", "book", "most", "field"),
    [
        ("alias", aliases, "MOST_ALIASES", "current"),
        ("cli_rule", cli_rules, "MOST_RULES", "cli"),
        ("custom_page", custom_pages, "MOST_PAGES", "custom_page_id"),
    ],
)
def test_no_more_come_back_than_there_may_be(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, noun: str, book: object, most: str, field: str
) -> None:
    monkeypatch.setattr(book, most, 1)
    first = scene.make(noun)
    ACTS[f"delete_{noun}"](**{f"{noun}_id": first.pk})
    second = scene.make(noun)
    assert "There are 1 " in refused(field, ACTS[f"restore_{noun}"], **{f"{noun}_id": first.pk})
    assert (there(first), there(second)) == (False, True)
    ACTS[f"delete_{noun}"](**{f"{noun}_id": second.pk})
    ACTS[f"restore_{noun}"](**{f"{noun}_id": first.pk})
    assert there(first)


def test_a_restored_report_is_mailed_from_its_next_morning_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    report = create_report(
        account_id=scene.account.pk, name="Mine", dimensions=["customer"], frequency="daily", recipients=["a@b.example"]
    )
    assert report.next_at is not None
    ACTS["delete_report"](report_id=report.pk)
    at = report.next_at + timedelta(days=5, hours=1)
    monkeypatch.setattr(records, "now", lambda: at)
    DeletedRecord.objects.update(deleted_at=at)
    ACTS["restore_report"](report_id=report.pk)
    assert SavedReport.objects.get().next_at == report.next_at + timedelta(days=6)


def test_nothing_comes_back_to_a_customer_that_was_deleted_itself(scene: Scene) -> None:
    desk = scene.make("endpoint")
    gone = scene.delete("endpoint", desk.pk)
    delete_customer(customer_id=scene.acme.pk)
    assert scene.undo(gone) == {1: [["endpoint_id", "The customer is deleted: restore it first."]]}
    restore_customer(customer_id=scene.acme.pk)
    assert restore_endpoint(endpoint_id=desk.pk) == desk


def test_it_comes_back_once(scene: Scene) -> None:
    carla = scene.make("contact")
    gone = scene.delete("contact", carla.pk)
    restore_contact(contact_id=carla.pk)
    assert scene.undo(gone) == {1: [["contact_id", "It is not deleted, or was restored already."]]}
    assert Contact.objects.count() == 1
    delete_contact(contact_id=carla.pk)
    restore_contact(contact_id=carla.pk)
    with pytest.raises(NotFound):
        restore_contact(contact_id=carla.pk + 1)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_restore_it_at_once_one_does() -> None:
    with acting(ANN):
        customer = acme(demo_account())
        carla = create_contact(customer_id=customer.pk, email="carla@acme.example", first_name="Carla")
        delete_contact(contact_id=carla.pk)
    outcomes: list[str] = []

    def restore() -> None:
        try:
            with acting(ANN):
                restore_contact(contact_id=carla.pk)
            outcomes.append("restored")
        except Exception as problem:  # noqa: BLE001 - whatever it is, it is told
            outcomes.append(type(problem).__name__)
        connection.close()

    both = [Thread(target=restore) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(outcomes) == ["Invalid", "restored"]
    assert Contact.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_undo_a_job_together_and_each_record_once() -> None:
    with acting(ANN):
        customer = acme(demo_account())
        made = [create_contact(customer_id=customer.pk, email=f"c{n}@acme.example", first_name="C") for n in range(6)]
    ann = user("ann@demo.example", "*")
    with acting(actor_of(ann)):
        gone = start_bulk_delete(account_id=customer.account_id, noun="contact", record_ids=[one.pk for one in made])
    work()
    with acting(actor_of(ann)):
        back = undo_task(task_id=gone.pk)
    work(2)
    by_another_worker()
    back.refresh_from_db()
    assert (back.done_count, back.failed_count, Contact.objects.count()) == (6, 0, 6)


def test_the_days_of_an_undo_end_and_nothing_is_kept_after_them(scene: Scene) -> None:
    carla = scene.make("contact")
    gone = scene.delete("contact", carla.pk)
    deleted_at = DeletedRecord.objects.get().deleted_at
    place_legal_hold(customer_id=scene.acme.pk, reason="a lawsuit")
    assert forget_old(deleted_at + 2 * KEPT) == 0, "nothing of who is under a legal hold is deleted"
    release_legal_hold(customer_id=scene.acme.pk, reason="it is over")
    assert (forget_old(deleted_at + KEPT - timedelta(seconds=1)), forget_old(deleted_at + KEPT)) == (0, 1)
    assert scene.undo(gone) == {1: [["", f"There is no contact {carla.pk}."]]}
    desk = scene.make("endpoint")
    gone = scene.delete("endpoint", desk.pk)
    DeletedRecord.objects.update(deleted_at=deleted_at - KEPT - timedelta(seconds=1))
    with pytest.raises(NotFound):
        restore_endpoint(endpoint_id=desk.pk)
    Task.objects.filter(pk=gone.pk).update(ended_at=deleted_at - WITHIN - timedelta(minutes=1))
    with acting(actor_of(scene.ann)):
        assert "not any more" in refused("task_id", undo_task, task_id=gone.pk)


def test_what_is_kept_tells_no_secret_and_neither_does_the_log(scene: Scene) -> None:
    carla, desk = scene.make("contact"), scene.make("endpoint")
    secrets = [Contact.objects.get().password, Endpoint.objects.get().ha1, "carla@acme.example"]
    for noun, record in (("contact", carla), ("endpoint", desk)):
        scene.undo(scene.delete(noun, record.pk))
        scene.delete(noun, record.pk)
    kept = json.dumps(list(DeletedRecord.objects.values_list("sealed", flat=True)))
    assert kept.count("gAAAA") == 2
    assert not [one for one in secrets if one in kept]
    log = json.dumps(list(Audit.objects.values_list("before", "after")))
    assert not [one for one in secrets[:2] if one in log]


def test_the_right_is_asked_again_when_it_is_undone(scene: Scene) -> None:
    eve = user("eve@demo.example", "delete_contact", "restore_contact", "start_bulk_delete", "undo_task")
    carla = scene.make("contact")
    with acting(actor_of(eve)):
        gone = start_bulk_delete(account_id=scene.account.pk, noun="contact", record_ids=[carla.pk])
    work()
    update_user_group(group_id=UserGroup.objects.get(name=eve.email).pk, acts=["undo_task"])
    with acting(actor_of(User.objects.get(pk=eve.pk))):
        with pytest.raises(NotPermitted):
            undo_task(task_id=gone.pk)
        with pytest.raises(NotPermitted):
            restore_contact(contact_id=carla.pk)
    assert not there(carla)


def test_users_of_a_reseller_restore_what_their_own_house_deleted_and_nothing_else(scene: Scene) -> None:
    baltic = create_customer(account_id=scene.account.pk, name="Baltic", currency="EUR", is_reseller=True)
    corso = create_customer(account_id=scene.account.pk, name="Corso", currency="EUR", parent_id=baltic.pk)
    rita = user("rita@baltic.example", "*", reseller_id=baltic.pk)
    hers = actor_of(rita, reach=frozenset({corso.pk}), reseller_id=baltic.pk)
    of = {"first_name": "Dan"}
    own, ours = (create_contact(customer_id=corso.pk, email=f"{one}@corso.example", **of) for one in ("dan", "eve"))
    foreign = scene.make("contact")
    delete_contact(contact_id=ours.pk)
    delete_contact(contact_id=foreign.pk)
    with acting(hers):
        delete_contact(contact_id=own.pk)
        for one in (ours, foreign):
            with pytest.raises(NotFound):
                restore_contact(contact_id=one.pk)
        assert restore_contact(contact_id=own.pk) == own
    assert [there(one) for one in (own, ours, foreign)] == [True, False, False]


def test_what_users_delete_through_the_portal_is_what_their_own_house_deleted(scene: Scene) -> None:
    baltic = create_customer(account_id=scene.account.pk, name="Baltic", currency="EUR", is_reseller=True)
    corso = create_customer(account_id=scene.account.pk, name="Corso", currency="EUR", parent_id=baltic.pk)
    rita = user("rita@baltic.example", "*", reseller_id=baltic.pk)
    found = []
    for one in (scene.ann, rita):
        as_contact = Actor(
            f"{one.email} as dan@corso.example", frozenset({"*"}), "seen through the portal", "user", one.pk,
            reach=frozenset({corso.pk}),
        )  # fmt: skip
        dan = create_contact(customer_id=corso.pk, email=f"{one.name}@corso.example", first_name="Dan")
        with acting(as_contact):
            delete_contact(contact_id=dan.pk)
        found.append(dan)
    told = DeletedRecord.objects.order_by("pk").values_list("operated", "reseller_id")
    assert list(told) == [(True, None), (False, baltic.pk)]
    with acting(actor_of(rita, reach=frozenset({corso.pk}), reseller_id=baltic.pk)):
        with pytest.raises(NotFound):
            restore_contact(contact_id=found[0].pk)
        assert restore_contact(contact_id=found[1].pk) == found[1]


def test_who_might_delete_several_contacts_may_restore_each(scene: Scene) -> None:
    migration: Any = import_module("tollgate.store.migrations.0072_deleted_records")
    given = (["delete_contacts"], ["delete_contact", "delete_contacts"], ["delete_contacts", "restore_contact"])
    groups = [create_user_group(name=f"G{n}", acts=acts) for n, acts in enumerate(given)]
    with connection.cursor() as cursor:
        cursor.execute(migration.RESTORES)
    for group, acts in zip(groups, given, strict=True):
        group.refresh_from_db()
        assert sorted(group.acts) == sorted({*acts, "restore_contact"})
        assert len(group.acts) == len(set(group.acts))


def test_what_a_resellers_user_restores_is_recorded_as_the_operator_has_chosen_by_now(scene: Scene) -> None:
    baltic = create_customer(account_id=scene.account.pk, name="Baltic", currency="EUR", is_reseller=True)
    corso = create_customer(account_id=scene.account.pk, name="Corso", currency="EUR", parent_id=baltic.pk)
    card = ACTS["create_card"](
        account_id=scene.account.pk, kind="customer", name="Resold", currency="EUR", reseller_id=baltic.pk
    )
    rita = user("rita@baltic.example", "*", reseller_id=baltic.pk)
    hers = actor_of(rita, reach=frozenset({corso.pk}), reseller_id=baltic.pk)
    with acting(hers):
        route = create_ingress_route(customer_id=corso.pk, name="World", card_id=card.pk)  # type: ignore[attr-defined]
        delete_ingress_route(ingress_route_id=route.pk)
    create_ingress_route(customer_id=corso.pk, name="All", card_id=card.pk, recording="on")  # type: ignore[attr-defined]
    with acting(hers):
        assert restore_ingress_route(ingress_route_id=route.pk).recording == "on"


def test_an_erased_contact_never_comes_back_whichever_way_it_went(scene: Scene) -> None:
    carla = scene.make("contact")
    gone = scene.delete("contact", carla.pk)
    again = scene.make("contact")  # the same person, entered anew
    erase_contact(contact_id=again.pk, reason="asked in writing")
    assert not DeletedRecord.objects.exists(), "nobody is kept who is known by this address"
    assert scene.undo(gone) == {1: [["", f"There is no contact {carla.pk}."]]}
    assert not Contact.objects.exists()


def test_a_deleted_contact_is_erased_like_another(scene: Scene) -> None:
    carla = scene.make("contact")
    update_contact(contact_id=carla.pk, private_notes="likes tea")
    emil = create_contact(customer_id=scene.acme.pk, email="emil@acme.example", first_name="Emil")
    for one in (carla, emil):
        delete_contact(contact_id=one.pk)
    erase_contact(contact_id=carla.pk, reason="asked in writing")
    log = json.dumps(list(Audit.objects.filter(table_name="contact", row_id=carla.pk).values_list("before", "after")))
    assert "likes tea" not in log
    assert "Carla" not in log
    with pytest.raises(NotFound):
        restore_contact(contact_id=carla.pk)
    assert restore_contact(contact_id=emil.pk) == emil


@pytest.mark.parametrize("came_back", [True, False])
def test_who_is_restored_or_deleted_while_an_erasure_waits_is_erased(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, *, came_back: bool
) -> None:
    carla, locked = scene.make("contact"), records.locked
    if came_back:
        delete_contact(contact_id=carla.pk)

    def waited(model: Any, row_id: int, *version: int) -> Any:
        if model is Customer:  # another had the lock until now
            monkeypatch.setattr(records, "locked", locked)
            (restore_contact if came_back else delete_contact)(contact_id=carla.pk)
        return locked(model, row_id, *version)

    monkeypatch.setattr(records, "locked", waited)
    erase_contact(contact_id=carla.pk, reason="asked in writing")
    assert (Contact.objects.count(), DeletedRecord.objects.count()) == (0, 0)


def test_what_was_sealed_with_another_key_is_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = scene.make("endpoint")
    delete_endpoint(endpoint_id=desk.pk)
    monkeypatch.setenv("TOLLGATE_DATA_KEY", "another")
    assert "another data key" in refused("endpoint_id", restore_endpoint, endpoint_id=desk.pk)


def test_a_column_that_is_new_since_is_filled_with_what_it_is_by_default(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tollgate.actions import deleted_rows
    from tollgate.store.secrets import seal, unseal

    desk = scene.make("endpoint")
    delete_endpoint(endpoint_id=desk.pk)
    kept = DeletedRecord.objects.get()
    (part,), references = deleted_rows.unpacked(unseal(kept.sealed))
    older = {name: value for name, value in part.values().items() if name not in ("rewrites", "delivery_port")}
    older["gone_since"] = 1
    kept.sealed = seal(deleted_rows.packed([deleted_rows.Part(Endpoint, json.dumps(older))], references))
    kept.save()
    restore_endpoint(endpoint_id=desk.pk)
    assert Endpoint.objects.values_list("rewrites", "delivery_port").get() == ([], 5060)
