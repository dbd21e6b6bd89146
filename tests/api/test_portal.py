"""Claims about the tokens of contacts: their own customer, what the portal shows them, for as long as it does."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from tests.api.caller import Api, fields_of
from tests.gateways.payments.desk import desk
from tests.kept_cast import kept
from tests.panel.conftest import logged_in
from tests.portal.cast import PortalCast, gather, visiting
from tests.portal.test_calls import OLD, archived, old_call
from tollgate.actions.acts import Actor, NotFound, acting
from tollgate.actions.cards import create_card
from tollgate.actions.charges import charge_customer
from tollgate.actions.contact_tokens import create_contact_token
from tollgate.actions.dids import create_did
from tollgate.actions.messages import body
from tollgate.actions.payment_gateways import update_payment_gateway
from tollgate.actions.portal_passwords import set_contact_password
from tollgate.api.noun_rows import all_fields
from tollgate.api.portal import ACTS, NOUNS
from tollgate.store.models import (
    Account,
    ApiToken,
    AutoTopUp,
    Contact,
    Customer,
    Endpoint,
    Message,
    Payment,
    PaymentGateway,
)

pytestmark = pytest.mark.django_db
SINCE = {"since": "2020-01-01T00:00:00Z"}
OF_ACME = ("Acme", "acme", "Carla", "198.51.100.7", "37061234567", "442079460001")


@pytest.fixture
def people(db: None, settings: Any) -> PortalCast:
    """Carla of Acme and Dan of Baltic, whose passwords are hashed quickly."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return kept(gather)


def token_of(contact: Contact, *scopes: str, **more: str) -> Api:
    """A token that the contact makes in the portal."""
    page = visiting(contact).post("/portal/tokens/new/", {"name": "books", "scopes": list(scopes) or ["*"], **more})
    text = page.content.decode()
    assert page.status_code == 200, text
    secret = text.partition('<code class="text-break">')[2].partition("<")[0]
    return Api(ApiToken.objects.latest("id"), secret)


def stored_card(people: PortalCast) -> AutoTopUp:
    """A card that Acme has stored."""
    gateway, acme = PaymentGateway.objects.get(), people.panel.acme
    return AutoTopUp.objects.create(
        account=people.panel.account, customer=acme, gateway=gateway, method_sealed="x", method_label="Visa 4242"
    )


def test_a_token_tells_what_the_portal_does_and_of_nobody_else(people: PortalCast) -> None:
    with acting(Actor("ann", frozenset({"*"}))):
        charge_customer(customer_id=people.panel.acme.pk, description="Router", unit_price_nanos=5 * 10**9)
        made: Any = {"account_id": people.panel.account.pk, "kind": "customer", "name": "In", "currency": "EUR"}
        card = create_card(**made, direction="origination")
        number: Any = {"number": "+442079460001", "customer_id": people.panel.acme.pk, "private_note": "private"}
        create_did(account_id=people.panel.account.pk, **number, card_id=card.pk, carrier_id=people.panel.cirrus.pk)
    stored_card(people)
    carla, dan = token_of(people.carla), token_of(people.dan)
    assert carla.token.scopes == ["*"]
    assert carla.token.secret_hash not in carla.secret
    for name, shown in NOUNS.items():
        query = SINCE if shown.noun.ranged else {}
        mine, others = carla.get(f"portal/{name}", query), dan.get(f"portal/{name}", query)
        assert mine.status_code == others.status_code == 200, (name, mine.content)
        rows = mine.json()["data"]
        assert rows, name
        assert set(rows[0]) == set(all_fields(shown.noun))
        assert carla.get(f"portal/{name}/{rows[0]['id']}").json() == rows[0]
        assert dan.get(f"portal/{name}/{rows[0]['id']}").status_code == 404, name
        text = others.content.decode()
        assert not [words for words in OF_ACME if words in text], name
        for hidden in ("carrier", "profit", "private", "Cirrus", "ha1", "password", "secret"):
            assert hidden not in mine.content.decode(), (name, hidden)
    assert fields_of(carla.get("portal/calls")) == {("since", "required")}
    assert carla.get("portal/balance").json()["balance_micros"] == 25_000_000
    assert carla.get("portal/invoices", {"standing": "overdue"}).json()["data"] == []


def test_calls_that_only_the_lake_has_are_told_as_before_and_to_their_customer_alone(
    people: PortalCast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    with connection.cursor() as cursor:
        cursor.execute("SELECT cdr_make_partition(%s)", [OLD])
    one, two = old_call(1, cli="370"), old_call(2, state="failed")
    carla, dan = token_of(people.carla), token_of(people.dan)
    queries: tuple[dict[str, str], ...] = ({}, {"limit": "1"}, {"state": "failed"}, {"fields": "cli,id"})
    before = [carla.get("portal/calls", SINCE | query).json()["data"] for query in queries]
    single = carla.get(f"portal/calls/{one}").json()
    assert {one, two} <= {row["id"] for row in before[0]}
    archived()
    assert [carla.get("portal/calls", SINCE | query).json()["data"] for query in queries] == before
    assert carla.get(f"portal/calls/{one}").json() == single
    assert dan.get("portal/calls", SINCE).json()["data"] == []
    assert dan.get(f"portal/calls/{one}").status_code == 404
    cursor_of = carla.get("portal/calls", {**SINCE, "limit": "3"}).json()["next"]
    rest = carla.get("portal/calls", {**SINCE, "cursor": cursor_of}).json()["data"]
    assert [row["id"] for row in rest] == [row["id"] for row in before[0]][3:]
    assert fields_of(carla.get("portal/calls", {**SINCE, "where": '["all"]'})) == {("where", "unknown")}


def test_each_token_opens_its_own_half_of_the_api(people: PortalCast) -> None:
    carla, ann = token_of(people.carla), Api.of(people.panel.ann)
    for api, address in ((carla, "customers"), (carla, "cdrs"), (ann, "portal/balance"), (ann, "portal/calls")):
        assert api.get(address).status_code == 403, address
    assert carla.act("top_up", customer_id=people.panel.acme.pk, amount_micros=5).status_code == 403
    for refused in ("update_customer", "change_own_password", "create_contact_token", "create_payment"):
        assert carla.post(f"portal/acts/{refused}", "{}").status_code == 404, refused
    assert Client().get("/api/v1/portal/balance").status_code == 401
    assert carla.get("portal/contacts?limit=1&limit=2").status_code == 422, "said twice"


def test_sections_whitelist_status_and_revocation_count_at_once(people: PortalCast) -> None:
    calls, whole = token_of(people.carla, "calls"), token_of(people.carla, days="30")
    assert calls.token.expires_at is None
    assert whole.token.expires_at is not None
    assert calls.get("portal/calls", SINCE).status_code == 200
    assert calls.get("portal/invoices").status_code == 403
    assert calls.post("portal/acts/redeem_voucher", '{"code": "x"}').status_code == 403
    Customer.objects.filter(pk=people.panel.acme.pk).update(portal_hide=["invoices"])
    assert whole.get("portal/invoices").status_code == 403, "what the portal hides, its tokens hide"
    Contact.objects.filter(pk=people.carla.pk).update(allowed_networks=["192.0.2.0/24"])
    assert whole.get("portal/balance").status_code == 403, "from the contact's own addresses alone"
    Contact.objects.filter(pk=people.carla.pk).update(allowed_networks=[])
    assert whole.get("portal/balance").status_code == 200
    ann = logged_in(people.panel.ann)
    page = ann.get(f"/contacts/{people.carla.pk}/sessions/").content.decode()
    assert calls.token.shown in page
    assert calls.secret not in page
    ann.post(f"/contacts/{people.dan.pk}/tokens/{calls.token.pk}/revoke/")
    assert calls.get("portal/calls", SINCE).status_code == 200, "not by the page of another contact"
    ann.post(f"/contacts/{people.carla.pk}/tokens/{calls.token.pk}/revoke/")
    assert calls.get("portal/calls", SINCE).status_code == 401
    assert visiting(people.dan).post(f"/portal/tokens/{whole.token.pk}/revoke/").status_code == 404
    assert visiting(people.carla).post(f"/portal/tokens/{whole.token.pk}/revoke/").status_code == 302
    assert whole.get("portal/balance").status_code == 401
    carla, last = token_of(people.carla), token_of(people.dan)
    with acting(Actor("ann", frozenset({"*"}))):
        set_contact_password(contact_id=people.carla.pk, password="another horse battery")
    assert [api.get("portal/balance").status_code for api in (carla, last)] == [401, 200], "a new password ends them"
    Contact.objects.filter(pk=people.dan.pk).update(login_enabled=False)
    assert last.get("portal/balance").status_code == 403


def test_acts_take_what_a_page_would_and_reach_the_own_customer_alone(people: PortalCast) -> None:
    Customer.objects.update(ip_management=True)
    carla, dan = token_of(people.carla), token_of(people.dan)

    def act(api: Api, act_name: str, /, **given: Any) -> Any:
        return api.post(f"portal/acts/{act_name}", json.dumps(given), {"Idempotency-Key": f"{act_name}-{given}"})

    made = act(carla, "create_own_ip_endpoint", network="203.0.113.50", name="books")
    assert (made.status_code, set(made.json()["result"])) == (201, {"id", "version"})
    assert act(carla, "create_own_ip_endpoint", network="203.0.113.50", name="books").json() == made.json()
    assert Endpoint.objects.get(name="books").customer_id == people.panel.acme.pk
    endpoint_id = made.json()["result"]["id"]
    assert act(dan, "update_own_ip_endpoint", endpoint_id=endpoint_id, name="mine").status_code == 404
    assert act(dan, "update_contact", contact_id=people.carla.pk, first_name="Eve").status_code == 404
    other = act(carla, "update_contact", contact_id=people.carla.pk, allowed_networks=[], email="x@x.example")
    assert fields_of(other) == {("allowed_networks", "unknown"), ("email", "unknown")}
    assert act(carla, "create_contact", customer_id=people.panel.baltic.pk, email="e@a.example").status_code == 422
    added = act(carla, "create_contact", first_name="Eve", email="eve@acme.example")
    assert added.status_code == 201, added.content
    assert Contact.objects.get(email="eve@acme.example").customer_id == people.panel.acme.pk
    section = token_of(people.carla, "contacts")
    assert act(section, "update_contact", contact_id=people.carla.pk, first_name="Carla").status_code == 200
    Contact.objects.filter(pk=people.carla.pk).update(private_notes="Pays late")
    stale = act(section, "update_contact", contact_id=people.carla.pk, first_name="C.", version=1)
    assert (stale.status_code, stale.json()["current"]["first_name"]) == (409, "Carla")
    assert stale.json()["current"].keys() <= {"version", *ACTS["update_contact"].takes}, "nor notes that are not theirs"
    assert act(section, "create_contact", first_name="Max", email="max@acme.example").status_code == 403, "needs *"
    assert act(carla, "delete_own_endpoint", endpoint_id=endpoint_id).status_code == 200
    assert set(ACTS) == {
        *("create_contact", "update_contact", "create_own_ip_endpoint", "update_own_ip_endpoint"),
        *("delete_own_endpoint", "redeem_voucher", "start_cli_proof", "type_cli_code"),
        *("start_checkout", "tell_bank_transfer", "update_auto_top_up", "delete_auto_top_up"),
        "cancel_bank_transfer",
    }


def test_a_program_of_the_contact_pays_as_the_portal_does(people: PortalCast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "127.0.0.0/8")
    monkeypatch.setenv("TOLLGATE_PUBLIC_URL", "https://portal.example")
    Account.objects.update(payment_details="IBAN LT12")
    narrow, dan = token_of(people.carla, "payments"), token_of(people.dan)

    def act(api: Api, act_name: str, headers: dict[str, str] | None = None, /, **given: Any) -> Any:
        return api.post(f"portal/acts/{act_name}", json.dumps(given), headers)

    told = {way["name"]: way for way in narrow.get("portal/ways-to-pay").json()["data"]}
    assert {name: way["details"] for name, way in told.items()} == {"bank_transfer": "IBAN LT12", "stripe": ""}
    order = {"gateway": "stripe", "amount_micros": 20_000_000, "currency": "EUR"}
    with desk() as house:
        house.answers["POST /v1/checkout/sessions"] = (200, {"id": "cs_1", "url": "https://checkout.stripe.com/1"})
        with acting(Actor("setup", frozenset({"*"}))):
            keys = {"secret_key": "sk", "webhook_secret": "wh"}
            settings = {"api_url": house.url}
            gateway_id = PaymentGateway.objects.get().pk
            update_payment_gateway(payment_gateway_id=gateway_id, settings=settings, secrets=keys)
        made = act(narrow, "start_checkout", {"Idempotency-Key": "one"}, **order)
        assert made.status_code == 200, made.content
        again = act(narrow, "start_checkout", {"Idempotency-Key": "one"}, **order)
        assert len(house.asked) == 1, "the gateway is asked once"
        assert b"portal.example%2Fportal%2Fpayments%2F" in house.asked[0][2]
        house.answers["POST /v1/checkout/sessions"] = (400, {"error": {"message": "No"}})
        for _ in range(2):
            assert {
                field for field, _ in fields_of(act(narrow, "start_checkout", {"Idempotency-Key": "2"}, **order))
            } == {"gateway"}
        assert len(house.asked) == 2, "nor after it has refused"
    result = made.json()["result"]
    assert (result["url"], result["amount_micros"]) == ("https://checkout.stripe.com/1", 20_000_000)
    assert again.json() == made.json()
    assert narrow.get(f"portal/payments/{result['id']}").json()["status"] == "pending"
    assert dan.get(f"portal/payments/{result['id']}").status_code == 404
    assert Payment.objects.filter(status="pending").count() == 1
    assert act(narrow, "start_checkout", **{**order, "customer_id": people.panel.baltic.pk}).status_code == 422
    sent = act(narrow, "tell_bank_transfer", amount_micros=5_000_000, payer="Acme Ltd")
    announced = Payment.objects.get(pk=sent.json()["result"]["id"])
    assert announced.customer_id == people.panel.acme.pk
    assert act(dan, "cancel_bank_transfer", payment_id=announced.pk).status_code == 404
    assert act(narrow, "cancel_bank_transfer", payment_id=result["id"]).status_code == 422, "no transfer"
    assert act(narrow, "cancel_bank_transfer", payment_id=announced.pk).status_code == 200
    assert narrow.get(f"portal/payments/{announced.pk}").json()["status"] == "canceled"
    card = stored_card(people)
    change = {"auto_top_up_id": card.pk, "amount_micros": 9_000_000, "daily_cap_micros": 9_000_000}
    assert act(narrow, "update_auto_top_up", **change).status_code == 403, "what spends needs every section"
    assert act(dan, "update_auto_top_up", **change).status_code == 404
    carla = token_of(people.carla)
    assert act(carla, "update_auto_top_up", **change).status_code == 200
    assert carla.get(f"portal/auto-top-ups/{card.pk}").json()["amount_micros"] == 9_000_000
    assert act(dan, "delete_auto_top_up", auto_top_up_id=card.pk).status_code == 404
    assert act(carla, "delete_auto_top_up", auto_top_up_id=card.pk).status_code == 200
    assert carla.get("portal/auto-top-ups").json()["data"] == []


def test_a_number_is_verified_by_a_program_of_the_contact(people: PortalCast) -> None:
    Customer.objects.update(approved_clis_only=True)
    carla, dan, other = token_of(people.carla), token_of(people.dan), token_of(people.carla, "contacts")
    given = {"number": "+442079460123", "way": "sms"}

    def act(api: Api, act_name: str, /, **given: object) -> Any:
        return api.post(f"portal/acts/{act_name}", json.dumps(given))

    assert act(other, "start_cli_proof", **given).status_code == 403, "it needs the section clis"
    assert act(carla, "start_cli_proof", **given, contact_id=people.dan.pk).status_code == 422
    made = act(carla, "start_cli_proof", **given)
    assert made.status_code == 200, made.content
    proof_id = made.json()["result"]["id"]
    assert carla.get(f"portal/cli-proofs/{proof_id}").json()["state"] == "told"
    assert dan.get(f"portal/cli-proofs/{proof_id}").status_code == 404
    code = body(Message.objects.latest("id")).text[:6]
    assert act(dan, "type_cli_code", cli_proof_id=proof_id, code=code).status_code == 404
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    answers = [act(carla, "type_cli_code", cli_proof_id=proof_id, code=one).json()["result"] for one in (wrong, code)]
    assert answers == [False, True]
    assert "442079460123" in carla.get("portal/verified-clis").content.decode()


def test_a_user_who_looks_in_makes_no_tokens(people: PortalCast) -> None:
    ann, looking = logged_in(people.panel.ann), Client()
    page = f"/contacts/{people.carla.pk}/portal/"
    looking.get(ann.post(page)["Location"].removeprefix("http://testserver"))
    assert looking.get("/portal/tokens/new/").status_code == 403
    assert looking.post("/portal/tokens/new/", {"name": "x", "scopes": ["*"]}).status_code == 403
    with acting(Actor("ann", frozenset({"*"}), kind="user", id=people.panel.ann.pk)), pytest.raises(NotFound):
        create_contact_token(contact_id=people.carla.pk, name="x", scopes=["*"])
    assert not ApiToken.objects.filter(contact_id=people.carla.pk).exists()
