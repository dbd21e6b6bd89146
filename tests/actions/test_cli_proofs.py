"""Claims about numbers that contacts verify by a code: who may, how often, what it opens, and what is never called."""

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from tests.actions.cast import ANN, acme, demo_account, sold_by
from tollgate.actions.acts import Actor, Invalid, acting
from tollgate.actions.cli_lapses import lapse_verified_clis
from tollgate.actions.cli_proofs import (
    call_instead_of_lost_messages,
    decide_cli_proof,
    start_cli_proof,
    type_cli_code,
)
from tollgate.actions.clis import add_verified_cli
from tollgate.actions.contacts import create_contact
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.endpoints import create_sip_user
from tollgate.actions.mail_settings import create_sms_settings
from tollgate.actions.messages import body
from tollgate.actions.options import update_options
from tollgate.actions.records import now
from tollgate.actions.revisions import publish_revision
from tollgate.actions.routes import create_ingress_route
from tollgate.actions.sms_receipts import receipt_address
from tollgate.store.models import Audit, CliProof, Contact, Customer, Message, SmsSettings, VerifiedCli
from tollgate.store.secrets import unseal

pytestmark = pytest.mark.django_db
NUMBER = "442079460123"
"""Drama numbers of London are valid and ring nowhere."""
EVERYTHING = Actor("setup", frozenset({"*"}))


@pytest.fixture
def carla() -> Contact:
    """Carla of Acme, whose calls may show approved numbers only; a SIP user of Baltic makes the calls."""
    with acting(EVERYTHING):
        account = demo_account()
        own = acme(account, approved_clis_only=True, attestation="A")
        baltic = create_customer(account_id=account.pk, name="Baltic", currency="EUR")
        create_sms_settings(account_id=account.pk, provider="log")
        user = create_sip_user(customer_id=baltic.pk, username="71099", password="correct-horse-7")
        update_options(account_id=account.pk, verification_user_id=user.pk, verification_denied="4477\n4474\n4456")
        card = sold_by(account)
        rates = [
            {"prefix": "44", "price_nanos": 10**7}, {"prefix": "4420", "price_nanos": 1},
            {"prefix": "881", "price_nanos": 1}, {"prefix": "883", "price_nanos": 1},
            {"prefix": "371", "price_nanos": 500_000_000}, {"prefix": "3712", "price_nanos": 500_001_000},
            {"prefix": "372", "price_nanos": 1, "connect_fee_nanos": 10**9},
        ]  # fmt: skip
        publish_revision(card_id=card.pk, rows=rates, effective_at=datetime(2020, 1, 1, tzinfo=UTC))
        create_ingress_route(customer_id=baltic.pk, name="codes", card_id=card.pk)
        return create_contact(customer_id=own.pk, email="carla@acme.example", first_name="Carla")


def asked(carla: Contact, number: str = NUMBER, way: str = "call") -> CliProof:
    with acting(_herself(carla)):
        return start_cli_proof(customer_id=carla.customer_id, contact_id=carla.pk, number=f"+{number}", way=way)


def typed(carla: Contact, proof: CliProof, code: str) -> bool:
    with acting(_herself(carla)):
        return type_cli_code(cli_proof_id=proof.pk, code=code)


def _herself(carla: Contact) -> Actor:
    acts = frozenset({"start_cli_proof", "type_cli_code"})
    return Actor(carla.email, acts, "", "contact", carla.pk, reach=frozenset({carla.customer_id}))


def refusal(carla: Contact, **given: Any) -> str:
    with pytest.raises(Invalid) as refused:
        asked(carla, **given)
    return str(refused.value)


def test_a_code_that_is_typed_lets_calls_show_the_number_with_the_customers_attestation(carla: Contact) -> None:
    proof = asked(carla)
    assert (proof.state, len(proof.code_hash)) == ("queued", 64)
    code = unseal(proof.code_sealed)
    assert (len(code), code.isdigit()) == (6, True)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    assert not typed(carla, proof, wrong)
    assert typed(carla, proof, f"{code[:3]} {code[3:]}")
    verified = VerifiedCli.objects.get(customer=carla.customer, number=NUMBER)
    told = (verified.method, verified.attestation, verified.verified_by)
    assert told == ("call_back", "A", "carla@acme.example")
    assert not typed(carla, proof, code), "a code works once"
    assert "already" in refusal(carla)
    steps = Audit.objects.filter(table_name="cli_proof", row_id=proof.pk).order_by("id")
    assert [step.act for step in steps] == ["start_cli_proof", "type_cli_code", "type_cli_code"]
    assert code not in str([step.after for step in steps])


@pytest.mark.parametrize("status", ["penalty", "inactive", "pending"])
def test_no_code_goes_out_at_the_operators_cost_for_whom_is_not_served(carla: Contact, status: str) -> None:
    kept = asked(carla, way="sms")
    Customer.objects.filter(pk=carla.customer_id).update(status=status)
    assert "suspended" in refusal(carla, number="442079460124")
    Message.objects.filter(pk=kept.message_id).update(state="failed")
    assert call_instead_of_lost_messages(now()) == 0, "a lost SMS is not called instead either"
    Customer.objects.filter(pk=carla.customer_id).update(status=status, status_until=now())
    if status != "pending":
        assert asked(carla, "442079460124").state == "queued", "its time is over"


def test_five_wrong_codes_or_ten_minutes_end_it(carla: Contact) -> None:
    proof = asked(carla)
    code = unseal(proof.code_sealed)
    assert [typed(carla, proof, "x") for _ in range(5)] == [False] * 5
    assert not typed(carla, proof, code)
    proof = asked(carla)
    CliProof.objects.filter(pk=proof.pk).update(expires_at=now())
    assert not typed(carla, proof, unseal(proof.code_sealed))
    assert not VerifiedCli.objects.filter(number=NUMBER).exists()


def test_a_number_is_called_three_times_a_day_and_a_customer_has_ten_codes(carla: Contact) -> None:
    for _ in range(3):
        asked(carla)
    assert CliProof.objects.filter(state="queued").count() == 1, "the newest code alone works"
    assert "to this number today" in refusal(carla)
    for last in range(7):
        asked(carla, f"4420794601{last}0")
    assert "10 codes today" in refusal(carla, number="442079460199")
    CliProof.objects.update(created_at=now() - timedelta(days=1))
    asked(carla)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("447400123456", "ask your provider"),  # a denied prefix
        ("4407400123456", "ask your provider"),  # the same behind a zero that nobody dials
        ("449098790879", "ask your provider"),  # premium
        ("448431234567", "ask your provider"),  # shared cost
        ("445612345678", "ask your provider"),  # VoIP is ordinary, but this one's prefix is denied
        ("447012345678", "ask your provider"),  # a personal number
        ("881612345678", "ask your provider"),  # a satellite
        ("883510000000094", "ask your provider"),  # no country
        ("37061234567", "ask your provider"),  # no price
        ("37121234567", "ask your provider"),  # a thousandth of a cent too much
        ("3726123456", "ask your provider"),  # a connect fee
        ("442", "no number that can be called"),
        ("99999999999", "no number that can be called"),
    ],
)
def test_what_costs_or_harms_is_never_called(carla: Contact, number: str, words: str) -> None:
    assert words in refusal(carla, number=number)
    assert not CliProof.objects.exists()


def test_a_zero_behind_the_country_makes_no_other_number(carla: Contact) -> None:
    for written in (NUMBER, f"440{NUMBER[2:]}", NUMBER):
        assert asked(carla, written).number == NUMBER
    assert "to this number today" in refusal(carla, number=f"440{NUMBER[2:]}")
    assert asked(carla, "37167012345").number == "37167012345", "at the highest price that is allowed"


def test_an_account_has_so_many_calls_and_sms_a_day_and_a_call_after_a_lost_sms_is_one(carla: Contact) -> None:
    account = carla.customer.account
    for limit in (2, 3):
        with acting(EVERYTHING):
            update_options(account_id=account.pk, verification_daily_count=limit)
        CliProof.objects.all().delete()
        Message.objects.all().delete()
        asked(carla, "442079460124")
        sms = asked(carla, way="sms")
        Message.objects.filter(pk=sms.message_id).update(state="failed")
        assert call_instead_of_lost_messages(now()) == limit - 2
        sms.refresh_from_db()
        assert (sms.way, sms.state) == (("sms", "failed") if limit == 2 else ("call", "queued"))
        assert "No more codes are sent today" in refusal(carla, number="442079460125", way="sms")


def test_a_lost_sms_is_called_at_a_known_price_that_is_low_enough_only(carla: Contact) -> None:
    for number in ("37061234567", "37121234567"):
        proof = asked(carla, number, way="sms")
        Message.objects.filter(pk=proof.message_id).update(state="failed")
        assert call_instead_of_lost_messages(now()) == 0
        proof.refresh_from_db()
        assert (proof.way, proof.state, proof.words) == ("sms", "failed", "The SMS did not arrive.")


def test_no_number_is_called_that_the_non_cli_card_of_who_calls_makes_too_dear(carla: Contact) -> None:
    with acting(EVERYTHING):
        baltic = Customer.objects.get(name="Baltic")
        dear = sold_by(baltic.account, "Dear")
        rows = [{"prefix": "44", "price_nanos": 500_001_000}]
        publish_revision(card_id=dear.pk, rows=rows, effective_at=datetime(2020, 1, 1, tzinfo=UTC))
        update_customer(customer_id=baltic.pk, non_cli_card_id=dear.pk)
        assert asked(carla).number == NUMBER, "no pool asks for the card"
        update_customer(customer_id=baltic.pk, cli_pool="non_cli_unless_did")
    assert "ask your provider" in refusal(carla, number="442079460124")


@pytest.mark.django_db(transaction=True)
def test_codes_asked_for_at_the_same_moment_are_no_more_than_those_of_a_day(carla: Contact) -> None:
    with acting(EVERYTHING):
        others = [
            create_customer(
                account_id=carla.customer.account_id, name=f"Other {turn}", currency="EUR", approved_clis_only=True
            )
            for turn in range(5)
        ]
        contacts = [create_contact(customer_id=one.pk, email=f"c{one.pk}@x.example", first_name="C") for one in others]
    start, refused = Barrier(6), list[str]()

    def ask(contact: Contact) -> None:
        try:
            start.wait()
            asked(contact)
        except Invalid as problem:
            refused.append(str(problem))
        finally:
            connection.close()

    threads = [Thread(target=ask, args=[contact]) for contact in (carla, *contacts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert CliProof.objects.filter(number=NUMBER).count() == 3
    assert ["to this number today" in words for words in refused] == [True] * 3


def test_nothing_is_verified_where_any_number_may_be_shown_or_nobody_can_call(carla: Contact) -> None:
    with acting(EVERYTHING):
        update_options(account_id=carla.customer.account_id, verification_user_id=None)
    assert "Nobody can be called here" in refusal(carla)
    with acting(EVERYTHING):
        update_customer(customer_id=carla.customer_id, approved_clis_only=False)
    assert "any number" in refusal(carla)


def test_an_sms_brings_the_code_and_a_lost_one_becomes_a_call(carla: Contact) -> None:
    proof = asked(carla, way="sms")
    message = Message.objects.get(pk=proof.message_id)
    assert (message.recipient, message.kind, message.secret) == (f"+{NUMBER}", "sms", True)
    code = body(message).text[:6]
    assert code not in message.text
    assert call_instead_of_lost_messages(now()) == 0
    Message.objects.filter(pk=message.pk).update(state="failed")
    assert call_instead_of_lost_messages(now()) == 1
    proof.refresh_from_db()
    assert (proof.way, proof.state) == ("call", "queued")
    assert unseal(proof.code_sealed) != ""
    assert typed(carla, asked(carla, "442079460124", way="sms"), body(Message.objects.latest("id")).text[:6])
    assert VerifiedCli.objects.get(number="442079460124").method == "sms"


@pytest.mark.parametrize("approved", [True, False])
def test_with_approval_a_user_decides(carla: Contact, approved: bool) -> None:
    with acting(EVERYTHING):
        update_options(account_id=carla.customer.account_id, verification_approval=True)
    proof = asked(carla)
    assert typed(carla, proof, unseal(proof.code_sealed))
    assert not VerifiedCli.objects.filter(number=NUMBER).exists()
    with acting(ANN):
        decide_cli_proof(cli_proof_id=proof.pk, approved=approved)
        with pytest.raises(Invalid, match="Nothing waits"):
            decide_cli_proof(cli_proof_id=proof.pk, approved=approved)
    assert VerifiedCli.objects.filter(number=NUMBER).exists() is approved


@pytest.mark.parametrize("pool", ["disabled", "refuse_unless_cli"])
def test_a_proved_number_is_proved_again_or_lapses_and_never_within_a_week_of_its_notice(
    carla: Contact, pool: str
) -> None:
    Customer.objects.filter(pk=carla.customer_id).update(cli_pool=pool, approved_clis_only=pool == "disabled")

    def days_ago(days: int, **columns: int) -> None:
        at = now()
        moments = {name: at - timedelta(days=given) for name, given in columns.items()}
        VerifiedCli.objects.filter(number=NUMBER).update(verified_at=at - timedelta(days=days), **moments)

    def lapsed() -> int:
        with acting(Actor("timetable", frozenset({"lapse_verified_clis"}))):
            return lapse_verified_clis()

    def notices() -> int:
        return Message.objects.filter(template="cli_lapsing").count()

    proof = asked(carla)
    assert typed(carla, proof, unseal(proof.code_sealed))
    with acting(EVERYTHING):
        add_verified_cli(customer_id=carla.customer_id, number="+442079460999")
    VerifiedCli.objects.update(verified_at=now() - timedelta(days=5000))
    assert (lapsed(), notices()) == (0, 0), "where no days are set, nothing lapses"
    with acting(EVERYTHING):
        update_options(account_id=carla.customer.account_id, verification_valid_days=90)
    assert [lapsed(), lapsed(), notices()] == [0, 0, 1], "told once, and not taken off at once"
    days_ago(89, reminded_at=1)
    proof = asked(carla)
    assert typed(carla, proof, unseal(proof.code_sealed))
    renewed = VerifiedCli.objects.get(number=NUMBER)
    assert renewed.reminded_at is None
    assert now() - renewed.verified_at < timedelta(minutes=5)
    assert "already" in refusal(carla)
    days_ago(82)
    assert (lapsed(), notices()) == (0, 1)
    days_ago(84)
    assert (lapsed(), notices()) == (0, 2)
    text = body(Message.objects.latest("id")).text
    assert f"+{NUMBER}" in text
    assert "442079460999" not in text
    for days, kept in ((0, None), (90, now())):  # switched off and on again: it is told anew before anything is taken
        with acting(EVERYTHING):
            update_options(account_id=carla.customer.account_id, verification_valid_days=days)
            Customer.objects.filter(pk=carla.customer_id).update(notification_opt_outs=["cli.lapsing"])
        days_ago(91, **({"reminded_at": 8} if days == 0 else {}))
        assert lapsed() == 0
        reminded_at = VerifiedCli.objects.get(number=NUMBER).reminded_at
        assert (reminded_at is None) == (kept is None)
    assert notices() == 3, "told to who opted out too: silence would take the number"
    days_ago(91, reminded_at=6)
    assert lapsed() == 0
    days_ago(91, reminded_at=8)
    assert (lapsed(), lapsed()) == (1, 0)
    assert list(VerifiedCli.objects.values_list("number", flat=True)) == ["442079460999"], "an operator's stays"


def test_what_the_provider_tells_of_an_sms_is_kept_and_one_that_did_not_arrive_becomes_a_call(carla: Contact) -> None:
    settings = SmsSettings.objects.get()
    SmsSettings.objects.update(provider="http", url="https://sms.example/send")
    proof = asked(carla, way="sms")
    Message.objects.filter(pk=proof.message_id).update(state="sent", provider_id="abc")
    address = f"/{receipt_address(settings).partition('//')[2].partition('/')[2]}"
    client = Client()
    assert client.post("/sms/receipts/none/", {"id": "abc"}).status_code == 404
    assert client.post(address, "[", content_type="application/json").status_code == 400
    assert client.post(address, {"MessageSid": "xyz", "MessageStatus": "delivered"}).status_code == 404
    told = {"id": "abc", "status": "sent"}
    assert client.post(address, told, content_type="application/json").status_code == 200
    assert call_instead_of_lost_messages(now()) == 0
    assert client.post(address, {"reference": proof.message_id, "MessageStatus": "undelivered"}).status_code == 200
    assert Message.objects.get(pk=proof.message_id).delivery == "undelivered"
    assert call_instead_of_lost_messages(now()) == 1
    client.post(address, {"MessageSid": "abc", "MessageStatus": "delivered"})
    client.post(address, {"MessageSid": "abc", "MessageStatus": "failed"})
    assert Message.objects.get(pk=proof.message_id).delivery == "delivered"
